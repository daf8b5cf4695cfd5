/* SPDX-License-Identifier: Apache-2.0 */
#include "store/gauges.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "store/arena.h"
#include "util/gauge_spec.h"

struct source {
	char *name, *help;
	gauge_read_fn read;
	void *arg;
	struct source *next;
};

struct gauges {
	struct source *first;
	uint64_t failed;
};

struct gauge_list {
	struct arena arena;
	struct gauge_sample *samples;
	size_t count, capacity;
};

int gauges__new(struct gauges **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

static void source_free(struct source *source)
{
	free(source->name);
	free(source->help);
	free(source);
}

void gauges__free(struct gauges *gauges)
{
	if (!gauges)
		return;
	while (gauges->first) {
		struct source *next = gauges->first->next;

		source_free(gauges->first);
		gauges->first = next;
	}
	free(gauges);
}

int register_gauge(struct gauges *gauges, const char *name, const char *help, gauge_read_fn read,
		   void *arg)
{
	struct source **place = &gauges->first, *source;

	if (!gauge_name_valid(name))
		return -EINVAL;
	source = calloc(1, sizeof(*source));
	if (!source)
		return -ENOMEM;
	source->name = strdup(name);
	source->help = strdup(help);
	source->read = read;
	source->arg = arg;
	if (!source->name || !source->help) {
		source_free(source);
		return -ENOMEM;
	}
	/* in the order of names, and of registration where they are equal */
	while (*place && strcmp((*place)->name, name) <= 0)
		place = &(*place)->next;
	source->next = *place;
	*place = source;
	return 0;
}

void unregister_gauge(struct gauges *gauges, const char *name, void *arg)
{
	for (struct source **place = &gauges->first; *place; place = &(*place)->next) {
		struct source *source = *place;

		if (source->arg != arg || strcmp(source->name, name) != 0)
			continue;
		*place = source->next;
		source_free(source);
		return;
	}
}

static int compare_labels(const void *a, const void *b)
{
	return strcmp(((const struct gauge_label *)a)->name, ((const struct gauge_label *)b)->name);
}

int gauge_add(struct gauge_list *list, const struct gauge_label *labels, size_t count, double value)
{
	struct gauge_label *own = arena_array(&list->arena, count + 1, sizeof(*own));
	struct gauge_sample *samples;
	size_t kept = 0;

	samples = array_grow(list->samples, list->count, &list->capacity, sizeof(*samples));
	if (samples)
		list->samples = samples;
	if (!samples || !own)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (!labels[i].value[0])
			continue;
		own[kept].name = arena_string(&list->arena, labels[i].name);
		own[kept].value = arena_string(&list->arena, labels[i].value);
		if (!own[kept].name || !own[kept].value)
			return -ENOMEM;
		kept++;
	}
	if (kept)
		qsort(own, kept, sizeof(*own), compare_labels);
	for (size_t i = 1; i < kept; i++)
		if (!compare_labels(&own[i - 1], &own[i]))
			return -EINVAL;
	samples[list->count++] = (struct gauge_sample){ kept, own, value };
	return 0;
}

static int compare_samples(const void *a, const void *b)
{
	const struct gauge_sample *x = a, *y = b;
	size_t count = x->label_count < y->label_count ? x->label_count : y->label_count;

	for (size_t i = 0; i < count; i++) {
		int order = strcmp(x->labels[i].name, y->labels[i].name);

		if (!order)
			order = strcmp(x->labels[i].value, y->labels[i].value);
		if (order)
			return order;
	}
	return (x->label_count > y->label_count) - (x->label_count < y->label_count);
}

/* Samples with the same labels become one. */
static void add_up(struct gauge_list *list)
{
	size_t kept = 0;

	if (!list->count)
		return;
	qsort(list->samples, list->count, sizeof(*list->samples), compare_samples);
	for (size_t i = 1; i < list->count; i++) {
		if (compare_samples(&list->samples[kept], &list->samples[i]))
			list->samples[++kept] = list->samples[i];
		else
			list->samples[kept].value += list->samples[i].value;
	}
	list->count = kept + 1;
}

/* Asks the sources of one name, of which `source` is the first; *next is the first of another. */
static int read_family(struct gauges *gauges, const struct source *source,
		       struct snapshot_builder *builder, const struct source **next)
{
	struct gauge_list list = { 0 };
	struct gauge_family family = { .name = source->name, .help = source->help };
	int failed = 0, err = 0;

	for (*next = source; *next && !strcmp((*next)->name, source->name); *next = (*next)->next) {
		if (!(*next)->read((*next)->arg, &list))
			continue;
		gauges->failed++;
		failed = 1; /* a sum that lacks a part would be no truth */
	}
	if (!failed && list.count) {
		add_up(&list);
		family.samples = list.samples;
		family.count = list.count;
		err = snapshot_builder__add_gauge(builder, &family);
	}
	free(list.samples);
	arena_free(&list.arena);
	return err;
}

int gauges__read(struct gauges *gauges, struct snapshot_builder *builder)
{
	const struct source *source = gauges->first;
	int err = 0;

	while (source && !err)
		err = read_family(gauges, source, builder, &source);
	return err;
}

uint64_t gauges__failed(const struct gauges *gauges)
{
	return gauges->failed;
}
