/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_FAMILY_READER_H
#define TAPMETER_SERVE_FAMILY_READER_H
/*
 * Reads a page in Prometheus' protobuf format, one family at a time, so that memory is that of one family. One thread.
 */
#include <stddef.h>
#include <stdint.h>
#include "metrics.pb-c.h"

struct family_reader {
	const uint8_t *data;
	size_t len;
	size_t at; /* of the next family */
};

/* `data` is borrowed, and has to stay until the last family has been freed. */
void family_reader_init(struct family_reader *reader, const void *data, size_t len);
/* 1: *out is the next family, to be freed with family_free(); 0: there is none; -EPROTO, -ENOMEM. */
int family_reader_next(struct family_reader *reader, Prometheus__MetricFamily **out);
/* Accepts NULL. */
void family_free(Prometheus__MetricFamily *family);

/*
 * The counts of a native histogram's buckets as tapmeter/abi.h numbers them, not cumulative: what exposition.h makes of
 * TM_HIST_BUCKETS of them. -EPROTO: it is no histogram of ours with a native form.
 */
int family_native_buckets(const Prometheus__Histogram *histogram, uint64_t *buckets);

#endif
