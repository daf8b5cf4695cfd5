/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/family_reader.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <tapmeter/abi.h>
#include "serve/exposition_native.h"

void family_reader_init(struct family_reader *reader, const void *data, size_t len)
{
	*reader = (struct family_reader){ .data = data, .len = len };
}

/* The length before a family. */
static int read_varint(struct family_reader *reader, uint64_t *out)
{
	*out = 0;
	for (unsigned shift = 0; shift < 35; shift += 7) {
		uint8_t byte;

		if (reader->at == reader->len)
			return -EPROTO;
		byte = reader->data[reader->at++];
		*out |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return 0;
	}
	return -EPROTO;
}

/* protobuf-c does not say why it has unpacked nothing. */
static void *allocate(void *missed, size_t size)
{
	void *memory = malloc(size);

	if (!memory)
		*(int *)missed = 1;
	return memory;
}

static void release(void *missed, void *memory)
{
	(void)missed;
	free(memory);
}

int family_reader_next(struct family_reader *reader, Prometheus__MetricFamily **out)
{
	int missed = 0;
	ProtobufCAllocator allocator = { allocate, release, &missed };
	Prometheus__MetricFamily *family;
	uint64_t len;

	if (reader->at == reader->len)
		return 0;
	if (read_varint(reader, &len) || len > reader->len - reader->at)
		return -EPROTO;
	family = prometheus__metric_family__unpack(&allocator, len, reader->data + reader->at);
	if (!family)
		return missed ? -ENOMEM : -EPROTO;
	reader->at += len;
	*out = family;
	return 1;
}

void family_free(Prometheus__MetricFamily *family)
{
	if (family)
		prometheus__metric_family__free_unpacked(family, NULL);
}

static int put_bucket(uint64_t *buckets, int64_t index, uint64_t count)
{
	int64_t i = index == NATIVE_INFINITE_INDEX ? TM_HIST_BOUNDS :
						     index - (int64_t)NATIVE_FIRST_INDEX;

	/* empty ones between two others may be there, but none beyond ours */
	if (i < 1 || i > TM_HIST_BOUNDS)
		return -EPROTO;
	buckets[i] = count;
	return 0;
}

int family_native_buckets(const Prometheus__Histogram *histogram, uint64_t *buckets)
{
	int64_t index = 0, count = 0;
	size_t next = 0;

	if (!histogram->has_schema || histogram->schema != NATIVE_SCHEMA)
		return -EPROTO;
	memset(buckets, 0, TM_HIST_BUCKETS * sizeof(*buckets));
	buckets[0] = histogram->zero_count;
	for (size_t i = 0; i < histogram->n_positive_span; i++) {
		const Prometheus__BucketSpan *span = histogram->positive_span[i];

		index += span->offset;
		for (uint32_t j = 0; j < span->length; j++, index++) {
			if (next == histogram->n_positive_delta ||
			    __builtin_add_overflow(count, histogram->positive_delta[next++],
						   &count) ||
			    count < 0 || put_bucket(buckets, index, (uint64_t)count))
				return -EPROTO;
		}
	}
	return 0;
}
