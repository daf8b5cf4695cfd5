/* SPDX-License-Identifier: Apache-2.0 */
/* A socket's memory, in which its tag and endpoint are looked for. The process can hold anything there. */
#include <errno.h>
#include "fuzz.h"
#include "tap/object.h"
#include "tap/profile.h"
#include <tapmeter/abi.h>

#define ADDRESS 0x10000u

struct memory {
	const uint8_t *data;
	size_t size;
};

static long read_memory(void *arg, uint64_t address, void *buf, size_t size)
{
	const struct memory *memory = arg;
	uint64_t at = address - ADDRESS;

	if (at >= memory->size)
		return -EFAULT;
	if (size > memory->size - at)
		size = memory->size - at;
	memcpy(buf, memory->data + at, size);
	return (long)size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const prefixes[] = { "tcp://", "ipc://", "inproc://", "pgm://" };
	struct memory memory = { data, size };
	struct object_scan scan = {
		.address = ADDRESS,
		.head = data,
		.size = size < TM_OBJECT_HEAD ? size : TM_OBJECT_HEAD,
		.tag = 0xbaddecaf,
		.prefix_count = 4,
		.prefixes = prefixes,
		.read = read_memory,
		.arg = &memory,
	};
	struct object_layout layout;
	char text[OBJECT_TEXT_SIZE];

	for (int tagged = 1; tagged >= 0; tagged--) {
		scan.tag = tagged ? 0xbaddecaf : 0;
		if (object_layout_find(&scan, &layout))
			continue;
		fuzz_expect(layout.text_offset < scan.size && layout.tag_offset < scan.size);
		object_text_read(&scan, &layout, text);
		fuzz_expect(memchr(text, 0, sizeof(text)) != NULL);
	}
	return 0;
}
