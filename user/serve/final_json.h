/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_FINAL_JSON_H
#define TAPMETER_SERVE_FINAL_JSON_H
/* A snapshot as mlcommons/endpoints keeps the last one, in final_snapshot.json. A function of its arguments. */
#include <stddef.h>
#include <stdint.h>
#include "util/strbuf.h"

struct final_snapshot {
	uint64_t counter;
	uint64_t timestamp_ns; /* CLOCK_MONOTONIC */
	const char *state;
	uint64_t pending;
	const void *page; /* Prometheus' protobuf format */
	size_t len;
};

/* 0, -ENOMEM, -E2BIG (out->max), -EPROTO: the page was not understood. */
int final_json_write(const struct final_snapshot *snapshot, struct strbuf *out);

#endif
