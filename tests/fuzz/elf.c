/* SPDX-License-Identifier: Apache-2.0 */
/* ELF files of tapped processes: symbols, relocations, notes, and code through them. */
#include "fuzz.h"
#include "tap/code.h"
#include "tap/elf.h"
#include "tap/place.h"

#define LOOKED_AT 16 /* functions; more take long and show nothing new */

static const char *const names[] = {
	"zmq_msg_send", "zmq_msg_recv", "zmq_errno", "main", "__errno_location", "f",
	"call",		"lookupKey",
};
#define NAMES (sizeof(names) / sizeof(names[0]))

static void look_at(struct elf_file *elf, const struct elf_symbol *symbol)
{
	struct placement placement;
	char text[96];
	uint64_t slot;
	int32_t offset;

	place_probe(elf, symbol, &placement);
	/* wherever the probe is put, it is in the function */
	fuzz_expect(placement.offset == symbol->offset + placement.skipped);
	fuzz_expect(!symbol->size || placement.skipped < symbol->size);
	code_instruction_text(elf, symbol->value, text, sizeof(text));
	code_local_offset(elf, symbol, "zmq_errno", 0, &offset);
	elf_file__stub_slot(elf, symbol->value, &slot);
	elf_file__names_address(elf, symbol->value, symbol->value + 16);
}

static int on_function(void *arg, const char *name, const struct elf_symbol *symbol)
{
	size_t *left = arg;

	fuzz_expect(strlen(name) < 256);
	if (!*left)
		return 1;
	--*left;
	(void)symbol;
	return 0;
}

static void look_at_all(struct elf_file *elf)
{
	struct elf_symbol symbols[NAMES];
	size_t left = LOOKED_AT;
	uint64_t address;
	int64_t tpoff;
	char bytes[64];

	elf_file__is_static(elf);
	elf_file__build_id(elf);
	if (elf_file__functions(elf, names, NAMES, symbols) > 0)
		for (size_t i = 0; i < NAMES; i++)
			if (symbols[i].offset)
				look_at(elf, &symbols[i]);
	elf_file__symbols(elf, names, NAMES, symbols);
	for (size_t i = 0; i < NAMES; i++)
		if (symbols[i].value)
			elf_file__read(elf, symbols[i].value, bytes, sizeof(bytes));
	elf_file__each_function(elf, on_function, &left);
	elf_file__got_slot(elf, "__errno_location", &address);
	code_errno_offset(elf, &tpoff);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = fuzz_file(data, size);
	struct elf_file *elf;
	char err[256];

	if (!elf_file__new(fd, &elf, err, sizeof(err))) {
		look_at_all(elf);
		elf_file__free(elf);
	} else {
		fuzz_expect(memchr(err, 0, sizeof(err)) != NULL);
	}
	close(fd);
	return 0;
}
