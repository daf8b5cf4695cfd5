/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/livestat_write.h"

static void write_value(struct strbuf *out, const char *name, const struct livestat_value *value)
{
	strbuf_addch(out, '"');
	strbuf_addstr(out, name);
	strbuf_addstr(out, "\":{\"current\":");
	livestat_add_json(out, value->current);
	if (value->capacity.kind != LIVESTAT_ABSENT) {
		strbuf_addstr(out, ",\"capacity\":");
		livestat_add_json(out, value->capacity);
	}
	strbuf_addch(out, '}');
}

static void write_group(struct strbuf *out, enum livestat_group group,
			const struct livestat_value values[LIVESTAT_METRICS])
{
	int first = 1;

	for (size_t i = 0; i < LIVESTAT_METRICS; i++) {
		if (livestat_metrics[i].group != group || values[i].current.kind == LIVESTAT_ABSENT)
			continue;
		if (!first)
			strbuf_addch(out, ',');
		first = 0;
		write_value(out, livestat_metrics[i].name, &values[i]);
	}
}

void livestat_write_native(struct strbuf *out, const struct livestat_value values[LIVESTAT_METRICS])
{
	static const char *const heads[LIVESTAT_GROUPS] = {
		[LIVESTAT_GAUGE] = "{\"gauge\":{",
		[LIVESTAT_DIFF] = "},\"diff\":{",
		[LIVESTAT_RATE] = "},\"rate\":{",
	};

	for (enum livestat_group group = 0; group < LIVESTAT_GROUPS; group++) {
		strbuf_addstr(out, heads[group]);
		write_group(out, group, values);
	}
	strbuf_addstr(out, "}}");
}
