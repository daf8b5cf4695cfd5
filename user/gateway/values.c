/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/values.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int values__new(const char *const *ids, size_t count, struct values **out)
{
	struct values *values = calloc(1, sizeof(*values));

	if (!values)
		return -ENOMEM;
	values->kernels = calloc(count + 1, sizeof(*values->kernels));
	if (!values->kernels) {
		free(values);
		return -ENOMEM;
	}
	values->count = count;
	values->ids = ids;
	*out = values;
	return 0;
}

void values__free(struct values *values)
{
	if (!values)
		return;
	free(values->kernels);
	free(values);
}

static int compare_id(const void *key, const void *member)
{
	return strcmp(key, *(const char *const *)member);
}

struct kernel_values *values__find(struct values *values, const char *id)
{
	const char *const *found =
		bsearch(id, values->ids, values->count, sizeof(values->ids[0]), compare_id);

	return found ? &values->kernels[found - values->ids] : NULL;
}

static int is_sane(double number)
{
	return isfinite(number) && number >= 0;
}

void kernel_values_current(struct kernel_values *kernel, enum metric metric, double number,
			   unsigned rank, uint32_t window_ms)
{
	struct value *value = &kernel->values[metric];

	kernel->known = 1;
	if (value->current_state == VALUE_NUMBER && value->current_rank <= rank)
		return;
	if (!is_sane(number)) {
		if (value->current_state == VALUE_ABSENT)
			value->current_state = VALUE_UNKNOWN;
		return;
	}
	value->current = number;
	value->current_state = VALUE_NUMBER;
	value->current_rank = (uint16_t)rank;
	value->window_ms = window_ms;
}

void kernel_values_capacity(struct kernel_values *kernel, enum metric metric, double number,
			    unsigned rank)
{
	struct value *value = &kernel->values[metric];

	kernel->known = 1;
	if (!is_sane(number) ||
	    (value->capacity_state == VALUE_NUMBER && value->capacity_rank <= rank))
		return;
	value->capacity = number;
	value->capacity_state = VALUE_NUMBER;
	value->capacity_rank = (uint16_t)rank;
}

void kernel_values_stat(struct kernel_values *kernel, enum metric metric, enum value_stat stat,
			double number, unsigned rank)
{
	struct stat_value *value = &kernel->values[metric].stats[stat];

	kernel->known = 1;
	if (is_sane(number) && (!value->known || value->rank > rank))
		*value = (struct stat_value){ number, (uint16_t)rank, 1 };
}

static void complete(struct kernel_values *kernel, enum metric metric, uint32_t never_zero)
{
	struct value *value = &kernel->values[metric];
	uint32_t bit = METRIC_BIT(metric);

	if (value->current_state != VALUE_ABSENT || !((kernel->own | kernel->applies) & bit))
		return;
	if ((kernel->own | never_zero) & bit) {
		value->current_state = VALUE_UNKNOWN;
		return;
	}
	value->current = 0;
	value->current_state = VALUE_NUMBER;
}

void values__complete(struct values *values, uint32_t never_zero)
{
	for (size_t i = 0; i < values->count; i++)
		for (unsigned metric = 0; metric < METRIC_COUNT; metric++)
			complete(&values->kernels[i], (enum metric)metric, never_zero);
}
