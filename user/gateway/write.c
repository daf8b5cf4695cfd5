/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/write.h"
#include <stdio.h>
#include <stdlib.h>

#define NS_PER_S 1000000000u
#define NS_PER_MS 1000000u

void write_seconds(struct strbuf *out, uint64_t ns)
{
	strbuf_add_seconds(out, ns);
	if (ns % NS_PER_S == 0)
		strbuf_add(out, ".0", 2);
}

/* The shortest text that means the number; null if there is none. */
static void add_number(struct strbuf *out, double number, unsigned state)
{
	char text[32];

	if (state != VALUE_NUMBER) {
		strbuf_addstr(out, "null");
		return;
	}
	snprintf(text, sizeof(text), "%.15g", number);
	if (strtod(text, NULL) != number)
		snprintf(text, sizeof(text), "%.17g", number);
	strbuf_addstr(out, text);
}

static void add_capacity(struct strbuf *out, const struct metric_info *info,
			 const struct value *value)
{
	if (!info->has_capacity)
		return;
	strbuf_addstr(out, ",\"capacity\":");
	if (info->capacity > 0 && value->capacity_state != VALUE_NUMBER)
		add_number(out, info->capacity, VALUE_NUMBER);
	else
		add_number(out, value->capacity, value->capacity_state);
}

static void add_group(struct strbuf *out, const struct kernel_values *kernel, uint32_t wanted,
		      enum metric_group group)
{
	const char *glue = "\"";

	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		const struct metric_info *info = &metric_infos[i];
		const struct value *value = &kernel->values[i];

		if (info->group != group || !(wanted & METRIC_BIT(i)) ||
		    value->current_state == VALUE_ABSENT)
			continue;
		strbuf_addstr(out, glue);
		strbuf_addstr(out, info->name);
		strbuf_addstr(out, "\":{\"current\":");
		add_number(out, value->current, value->current_state);
		add_capacity(out, info, value);
		strbuf_addch(out, '}');
		glue = ",\"";
	}
}

static void add_kernel(struct strbuf *out, const struct kernel_values *kernel, uint32_t wanted)
{
	static const char *const heads[METRIC_GROUPS] = {
		[METRIC_GAUGE] = "{\"gauge\":{",
		[METRIC_DIFF] = "},\"diff\":{",
		[METRIC_RATE] = "},\"rate\":{",
	};

	for (unsigned group = 0; group < METRIC_GROUPS; group++) {
		strbuf_addstr(out, heads[group]);
		add_group(out, kernel, wanted, (enum metric_group)group);
	}
	strbuf_addstr(out, "}}");
}

/* The widest window that a value of the answer was computed over. */
static uint64_t widest_ns(const struct values *values)
{
	uint32_t widest_ms = 0;

	for (size_t i = 0; i < values->count; i++)
		for (unsigned metric = 0; metric < METRIC_COUNT; metric++)
			if (values->kernels[i].values[metric].window_ms > widest_ms)
				widest_ms = values->kernels[i].values[metric].window_ms;
	return (uint64_t)widest_ms * NS_PER_MS;
}

void write_native(const struct values *values, uint32_t wanted, uint64_t real_ns,
		  const struct warnings *warnings, struct strbuf *out)
{
	strbuf_addstr(out, "{\"sampled_at\":");
	write_seconds(out, real_ns);
	strbuf_addstr(out, ",\"by_kernel\":{");
	for (size_t i = 0; i < values->count; i++) {
		if (i)
			strbuf_addch(out, ',');
		strbuf_add_json(out, values->ids[i]);
		strbuf_addch(out, ':');
		if (values->kernels[i].known)
			add_kernel(out, &values->kernels[i], wanted);
		else
			strbuf_addstr(out, "null");
	}
	strbuf_addstr(out, "},\"window_seconds\":");
	write_seconds(out, widest_ns(values));
	warnings_write(warnings, out);
	strbuf_addstr(out, "}\n");
}
