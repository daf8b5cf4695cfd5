/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_LIVESTAT_NUMBER_H
#define TAPMETER_SERVE_LIVESTAT_NUMBER_H
/*
 * The numbers of live-stat: decimals that are never negative, so that what is written is what was
 * computed, to the last digit. Pure functions.
 */
#include <stdint.h>
#include "util/strbuf.h"

enum livestat_kind {
	LIVESTAT_ABSENT, /* there is no such thing */
	LIVESTAT_NULL, /* it is not known (yet), or without limit */
	LIVESTAT_WHOLE,
	LIVESTAT_REAL, /* may have decimals, and shows a point even if it has none */
};

/* All zeroes is an absent one. */
struct livestat_number {
	enum livestat_kind kind;
	uint32_t billionths;
	uint64_t whole;
};

#define LIVESTAT_IS_NULL              \
	(struct livestat_number)      \
	{                             \
		.kind = LIVESTAT_NULL \
	}

struct livestat_number livestat_whole(uint64_t value);
/* value / per_unit; per_unit is a power of ten up to 10^9. */
struct livestat_number livestat_scaled(uint64_t value, uint32_t per_unit);
/* delta / ns * times, rounded to millionths; times at most 10^9. UINT64_MAX if it is more. */
struct livestat_number livestat_ratio(uint64_t delta, uint32_t times, uint64_t ns);
/* Rounded to millionths; `value` is not negative. */
struct livestat_number livestat_real(double value);
double livestat_double(struct livestat_number n);
/* The greater one; one that is no number is less than any. */
struct livestat_number livestat_max(struct livestat_number a, struct livestat_number b);
int livestat_is_number(struct livestat_number n);

/* As a JSON number or null. */
void livestat_add_json(struct strbuf *out, struct livestat_number n);
/* All its decimals, without zeroes at the end; "0" for what is no number. */
void livestat_add_decimal(struct strbuf *out, struct livestat_number n);
/* The same rounded to thousandths, halves to even, as Python's Decimal does. */
void livestat_add_rounded(struct strbuf *out, struct livestat_number n);
/*
 * What part of the capacity it is, in hundredths of a percent, halves to even; no number is 0. The
 * capacity must be a number and not 0.
 */
uint64_t livestat_percent(struct livestat_number n, struct livestat_number capacity);

#endif
