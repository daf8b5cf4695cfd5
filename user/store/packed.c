/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For each kind: the first bucket that is not zero, how many follow, and their counts as little-endian base 128
 * numbers.
 */
#include "store/packed.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PACKED_MAX (HIST_KINDS * (2 + 10 * TM_HIST_BUCKETS))
_Static_assert(TM_HIST_BUCKETS <= UINT8_MAX, "a bucket's number must fit into a byte");

static size_t pack_number(uint8_t *to, uint64_t number)
{
	size_t len = 0;

	for (; number >= 0x80; number >>= 7)
		to[len++] = (uint8_t)(number | 0x80);
	to[len++] = (uint8_t)number;
	return len;
}

static const uint8_t *unpack_number(const uint8_t *from, uint64_t *number)
{
	unsigned shift = 0;

	*number = 0;
	do {
		*number |= (uint64_t)(*from & 0x7f) << shift;
		shift += 7;
	} while (*from++ & 0x80);
	return from;
}

void packed_fill(struct packed *out, const struct hist_view hists[HIST_KINDS])
{
	uint8_t bytes[PACKED_MAX];
	size_t len = 0, total = 0;

	for (int kind = 0; kind < HIST_KINDS; kind++) {
		total += hists[kind].count;
		bytes[len++] = (uint8_t)hists[kind].first;
		bytes[len++] = (uint8_t)hists[kind].count;
		for (size_t i = 0; i < hists[kind].count; i++)
			len += pack_number(bytes + len, hists[kind].buckets[i]);
	}
	packed_free(out);
	if (!total)
		return;
	out->bytes = malloc(len);
	out->missing = !out->bytes;
	if (out->bytes)
		memcpy(out->bytes, bytes, len);
}

void packed_free(struct packed *packed)
{
	free(packed->bytes);
	*packed = (struct packed){ 0 };
}

int packed_read(const struct packed *packed, struct kernel_hists *out)
{
	const uint8_t *from = packed->bytes;

	memset(out, 0, sizeof(*out));
	if (packed->missing)
		return -ENOENT;
	for (int kind = 0; from && kind < HIST_KINDS; kind++) {
		size_t first = *from++, count = *from++;

		for (size_t i = 0; i < count; i++)
			from = unpack_number(from, &out->buckets[kind][first + i]);
	}
	return 0;
}
