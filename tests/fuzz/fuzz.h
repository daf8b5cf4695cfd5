/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TESTS_FUZZ_H
#define TAPMETER_TESTS_FUZZ_H
/* What the targets share. Each is one file: libFuzzer calls LLVMFuzzerTestOneInput() with bytes that may be anything. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run as a finding: something holds that must not. */
static inline void fuzz_expect(int holds)
{
	if (!holds)
		abort();
}

/* A copy with a NUL behind it and nothing else, so that a read beyond is found. The caller frees it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	fuzz_expect(text != NULL);
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	return text;
}

/* A file with these bytes; the caller closes it. */
static inline int fuzz_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	fuzz_expect(fd >= 0 && write(fd, data, size) == (ssize_t)size && !lseek(fd, 0, SEEK_SET));
	return fd;
}

#endif
