/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/ownfile.h"
#include <errno.h>
#include <fcntl.h>
#include <link.h>

struct wanted {
	uintptr_t address;
	uint64_t offset;
};

static int find_offset(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct wanted *wanted = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type == PT_LOAD && wanted->address >= start &&
		    wanted->address < start + segment->p_filesz) {
			wanted->offset = wanted->address - start + segment->p_offset;
			return 1;
		}
	}
	return -1; /* the executable comes first: nothing else is of interest */
}

int own_file_open(const void *function, uint64_t *offset)
{
	struct wanted wanted = { .address = (uintptr_t)function };
	int fd;

	if (dl_iterate_phdr(find_offset, &wanted) != 1)
		return -ENOENT;
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*offset = wanted.offset;
	return fd;
}
