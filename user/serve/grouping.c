/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/grouping.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void grouping_free(struct grouping *g)
{
	strbuf_free(&g->text);
	free(g->entries);
	*g = (struct grouping){ 0 };
}

void grouping_label(struct grouping *g, const char *name, const char *value)
{
	if (!*value)
		return;
	if (g->text.len > g->used)
		strbuf_addch(&g->text, ',');
	strbuf_addstr(&g->text, name);
	strbuf_add(&g->text, "=\"", 2);
	strbuf_add_label(&g->text, value);
	strbuf_addch(&g->text, '"');
}

int grouping_add(struct grouping *g, const void *item)
{
	if (g->count == g->room) {
		size_t room = g->room ? g->room * 2 : 64;
		struct grouping_entry *entries = reallocarray(g->entries, room, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		g->entries = entries;
		g->room = room;
	}
	g->entries[g->count++] = (struct grouping_entry){
		.start = g->used,
		.len = g->text.len - g->used,
		.item = item,
	};
	g->used = g->text.len;
	return 0;
}

static int compare(const void *left, const void *right, void *arg)
{
	const struct grouping_entry *a = left, *b = right;
	const char *text = arg;
	size_t len = a->len < b->len ? a->len : b->len;
	int order = len ? memcmp(text + a->start, text + b->start, len) : 0;

	if (order)
		return order;
	return (a->len > b->len) - (a->len < b->len);
}

int grouping_finish(struct grouping *g)
{
	int sorted = 1;

	if (g->text.err)
		return g->text.err;
	for (size_t i = 1; i < g->count && sorted; i++)
		sorted = compare(&g->entries[i - 1], &g->entries[i], g->text.data) <= 0;
	if (!sorted)
		qsort_r(g->entries, g->count, sizeof(g->entries[0]), compare, g->text.data);
	return 0;
}

size_t grouping_end(const struct grouping *g, size_t first)
{
	size_t end = first + 1;

	while (end < g->count && !compare(&g->entries[first], &g->entries[end], g->text.data))
		end++;
	return end;
}
