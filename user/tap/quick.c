/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/quick.h"
#include <stdint.h>
#include <string.h>

/* Whole structs are compared: what a value may one day also be is not taken for something simpler. */
static int same_value(const struct tm_value *a, const struct tm_value *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static int is_absent(const struct tm_value *value)
{
	return value->base == TM_BASE_NONE;
}

/* As value_narrow() in bpf/value.bpf.h. */
static uint64_t width_mask(uint8_t bits)
{
	return bits == 8 || bits == 16 || bits == 32 ? (1ull << bits) - 1 : UINT64_MAX;
}

/* Whether the value is `argument & mask`. */
static int is_masked_arg(const struct tm_value *value, uint64_t *mask)
{
	uint64_t width = width_mask(value->bits);
	struct tm_value simple = {
		.base = TM_BASE_ARG,
		.arg = value->arg,
		.bits = value->bits,
		.is_signed = value->is_signed,
		.mask = value->mask,
	};

	if (value->arg >= 6 || !same_value(value, &simple))
		return 0;
	/* the sign's copies above `bits` matter unless they are masked out */
	if (value->is_signed && value->mask & ~width)
		return 0;
	*mask = value->mask & width;
	return 1;
}

/* Whether the value is the return register as an int, compared with 0 so. */
static int is_return(const struct tm_value *value, uint8_t compare)
{
	struct tm_value simple = {
		.base = TM_BASE_RETURN,
		.is_signed = 1,
		.bits = 32,
		.compare = compare,
		.mask = UINT64_MAX,
	};

	return same_value(value, &simple);
}

static uint8_t object_form(const struct tm_value *value)
{
	uint64_t mask;

	if (is_absent(value))
		return TM_QUICK_ZERO;
	return is_masked_arg(value, &mask) && mask == UINT64_MAX ? TM_QUICK_ARG : TM_QUICK_NONE;
}

static uint8_t bytes_form(const struct tm_value *value)
{
	if (is_absent(value))
		return TM_QUICK_ZERO;
	return is_return(value, TM_CMP_NONE) ? TM_QUICK_RETURN : TM_QUICK_NONE;
}

static uint8_t failed_form(const struct tm_value failed[2])
{
	if (!is_absent(&failed[1]))
		return TM_QUICK_NONE;
	if (is_absent(&failed[0]))
		return TM_QUICK_ZERO;
	return is_return(&failed[0], TM_CMP_LT) ? TM_QUICK_RETURN : TM_QUICK_NONE;
}

static uint8_t more_form(const struct tm_spec *spec, uint64_t *mask)
{
	if (!spec->has_more)
		return TM_QUICK_ZERO;
	return spec->more_known && is_masked_arg(&spec->more, mask) ? TM_QUICK_ARG : TM_QUICK_NONE;
}

void spec_quicken(struct tm_spec *spec)
{
	struct tm_quick *quick = &spec->quick;

	memset(quick, 0, sizeof(*quick));
	quick->object = object_form(&spec->object);
	quick->object_arg = spec->object.arg;
	quick->bytes = bytes_form(&spec->bytes);
	quick->failed = failed_form(spec->failed);
	quick->more = more_form(spec, (uint64_t *)&quick->more_mask);
	quick->more_arg = spec->more.arg;
	quick->rpc = spec->payload.kind ? spec->rpc : 0;
	quick->waits = spec->waits;
}
