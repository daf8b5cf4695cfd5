/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_SELF_H
#define TAPMETER_UTIL_SELF_H
/*
 * What our own process uses, for the process_* metrics. The files in /proc are opened once, at
 * start: taking a sample opens nothing.
 */
#include <stdint.h>

struct self_sample {
	uint64_t cpu_ns; /* user + system, all threads */
	uint64_t resident_bytes;
	uint64_t virtual_bytes;
	uint64_t open_fds;
	uint64_t max_fds; /* soft limit */
	uint64_t start_real_ns; /* CLOCK_REALTIME at which the process started */
};

struct self;

/* Opens the files. -errno of the file that could not be opened or understood, -ENOMEM. */
int self__new(struct self **out);
void self__free(struct self *self);
/* One thread at a time. -errno; *out is then untouched. */
int self__sample(struct self *self, struct self_sample *out);

#endif
