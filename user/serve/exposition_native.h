/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_EXPOSITION_NATIVE_H
#define TAPMETER_SERVE_EXPOSITION_NATIVE_H
/* How our buckets are numbered in Prometheus' native histograms: see exposition_protobuf.c. */
#include "serve/exposition_format.h"

#define NATIVE_SCHEMA 2
#define NATIVE_FIRST_INDEX (CLASSIC_FIRST * INNER_PER_CLASSIC) /* of the lowest bound */
/* Bucket 4 << 10 ends at the largest finite number; the next one is that of +Inf. */
#define NATIVE_INFINITE_INDEX ((1024 << NATIVE_SCHEMA) + 1)

#endif
