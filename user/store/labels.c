/* SPDX-License-Identifier: Apache-2.0 */
#include "store/labels.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "util/utf8.h"

/*
 * The strings lie one after the other, each with its NUL. As NUL is the smallest byte and no string
 * holds one, a single memcmp() over all of it orders two sets as comparing string by string would.
 */
struct label_set {
	atomic_uint refs;
	size_t text_len;
	struct series_labels labels;
	char text[];
};

/* In the order of comparison. */
static const size_t string_offsets[] = {
	offsetof(struct series_labels, kernel_id), offsetof(struct series_labels, container),
	offsetof(struct series_labels, pod),	   offsetof(struct series_labels, namespace),
	offsetof(struct series_labels, comm),	   offsetof(struct series_labels, system),
	offsetof(struct series_labels, endpoint),  offsetof(struct series_labels, socket_type),
	offsetof(struct series_labels, side),	   offsetof(struct series_labels, operation),
};

#define STRINGS (sizeof(string_offsets) / sizeof(string_offsets[0]))

static const char **string_at(struct series_labels *labels, size_t i)
{
	return (const char **)((char *)labels + string_offsets[i]);
}

static struct label_set *set_of(const struct series_labels *labels)
{
	return (struct label_set *)((char *)labels - offsetof(struct label_set, labels));
}

int labels__new(const struct series_labels *from, const struct series_labels **out)
{
	struct series_labels labels = *from;
	struct label_set *set;
	size_t i, size = 0;
	char *text;

	for (i = 0; i < STRINGS; i++) {
		const char **s = string_at(&labels, i);

		if (!*s)
			*s = "";
		size += utf8_copy(NULL, 0, *s, strlen(*s)) + 1;
	}
	set = malloc(sizeof(*set) + size);
	if (!set)
		return -ENOMEM;
	atomic_init(&set->refs, 1);
	set->text_len = size;
	text = set->text;
	for (i = 0; i < STRINGS; i++) {
		const char **s = string_at(&labels, i);
		size_t len = utf8_copy(text, size, *s, strlen(*s)) + 1;

		*s = text;
		text += len;
		size -= len;
	}
	labels.internal = !!labels.internal;
	labels.removals = !!labels.removals;
	set->labels = labels;
	*out = &set->labels;
	return 0;
}

const struct series_labels *labels__ref(const struct series_labels *labels)
{
	atomic_fetch_add_explicit(&set_of(labels)->refs, 1, memory_order_relaxed);
	return labels;
}

void labels__unref(const struct series_labels *labels)
{
	if (!labels)
		return;
	/* release: our last use comes before the free; acquire: everybody else's too */
	if (atomic_fetch_sub_explicit(&set_of(labels)->refs, 1, memory_order_acq_rel) == 1)
		free(set_of(labels));
}

int labels__compare(const struct series_labels *a, const struct series_labels *b)
{
	const struct label_set *x = set_of(a), *y = set_of(b);
	int order;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	order = memcmp(x->text, y->text, x->text_len < y->text_len ? x->text_len : y->text_len);
	if (order)
		return order;
	/* equal up to the shorter one's end means equal: both hold the same number of NULs */
	if (a->direction != b->direction)
		return a->direction < b->direction ? -1 : 1;
	if (a->internal != b->internal)
		return a->internal - b->internal;
	return a->removals - b->removals;
}
