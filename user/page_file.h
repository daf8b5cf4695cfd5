/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_PAGE_FILE_H
#define TAPMETER_PAGE_FILE_H
/* A page of /metrics in Prometheus' protobuf format, in memory that can be handed to another process. Any thread. */
#include <stdint.h>
#include "serve/families.h"

/*
 * *fd becomes a sealed memfd with *size bytes, the caller's; `in` NULL: an empty one. -EFBIG: more than `max` bytes; -errno.
 */
int page_file_new(const struct families_input *in, uint64_t max, int *fd, uint64_t *size);

#endif
