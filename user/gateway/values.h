/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_GATEWAY_VALUES_H
#define TAPMETER_GATEWAY_VALUES_H
/*
 * The answer in the making: a table of kernels and metrics, filled from many engines' answers in
 * whatever order. One thread.
 */
#include <stddef.h>
#include <stdint.h>
#include "gateway/metrics.h"

enum value_state {
	VALUE_ABSENT, /* does not apply to the kernel */
	VALUE_UNKNOWN, /* applies, but there is no number (yet) */
	VALUE_NUMBER,
};

enum value_stat { STAT_MAX, STAT_AVG, STAT_RATE, STAT_COUNT };

/* A number, if there is one, and the rank of what it came from. */
struct stat_value {
	double number;
	uint16_t rank;
	uint8_t known;
};

struct value {
	double current, capacity;
	struct stat_value stats[STAT_COUNT];
	uint8_t current_state, capacity_state; /* enum value_state */
	uint16_t current_rank, capacity_rank; /* of what they came from */
	uint32_t window_ms; /* that `current` was computed over; 0 = none */
};

struct kernel_values {
	int known;
	uint32_t own, applies; /* what presence said, see source.h */
	struct value values[METRIC_COUNT];
};

struct values {
	size_t count;
	const char *const *ids; /* sorted, each once; borrowed */
	struct kernel_values *kernels; /* one for each id */
};

/* Of all ids, nothing is known. -ENOMEM. */
int values__new(const char *const *ids, size_t count, struct values **out);
/* Accepts NULL. */
void values__free(struct values *values);
/* NULL if that id was not asked for. */
struct kernel_values *values__find(struct values *values, const char *id);

/*
 * Sets a number unless there is one of a lower or the same rank: so the first engine wins, and an exact window over
 * a wider one. What no such value can be (not finite, negative) is none.
 */
void kernel_values_current(struct kernel_values *kernel, enum metric metric, double number,
			   unsigned rank, uint32_t window_ms);
/* The same; a capacity that is not finite is none: unlimited. */
void kernel_values_capacity(struct kernel_values *kernel, enum metric metric, double number,
			    unsigned rank);
/* The same, of the metric's statistics. */
void kernel_values_stat(struct kernel_values *kernel, enum metric metric, enum value_stat stat,
			double number, unsigned rank);
/*
 * When all answers are in: metrics that apply and have no number are unknown, or 0 if nothing was
 * ever counted. Not 0 are those in `never_zero`.
 */
void values__complete(struct values *values, uint32_t never_zero);

#endif
