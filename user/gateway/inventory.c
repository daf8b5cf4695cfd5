/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/inventory.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum field { FIELD_ID, FIELD_CONTAINER, FIELD_POD, FIELD_NAMESPACE, FIELD_SYSTEM, FIELD_COUNT };

/*
 * In the order of enum field. Prometheus' own name wins over ours, which is then "exported_": only
 * with `honor_labels: true` it is the other way round.
 */
static const char *const labels[FIELD_COUNT][2] = {
	{ "kernel_id", NULL },	   { "exported_container", "container" },
	{ "exported_pod", "pod" }, { "exported_namespace", "namespace" },
	{ "system", NULL },
};

/* One series' labels: several rows may be about the same kernel. */
struct row {
	char *fields[FIELD_COUNT];
};

struct inventory {
	struct row *rows;
	size_t count;
	size_t room;
	int err;
};

int inventory__new(struct inventory **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

static void free_row(struct row *row)
{
	for (size_t i = 0; i < FIELD_COUNT; i++)
		free(row->fields[i]);
}

void inventory__free(struct inventory *inventory)
{
	if (!inventory)
		return;
	for (size_t i = 0; i < inventory->count; i++)
		free_row(&inventory->rows[i]);
	free(inventory->rows);
	free(inventory);
}

static int reserve(struct inventory *inventory)
{
	size_t room = inventory->room ? inventory->room * 2 : 64;
	void *rows;

	if (inventory->count < inventory->room)
		return 0;
	rows = reallocarray(inventory->rows, room, sizeof(inventory->rows[0]));
	if (!rows)
		return -ENOMEM;
	inventory->rows = rows;
	inventory->room = room;
	return 0;
}

static const char *label(const struct sample *sample, enum field field)
{
	const char *value = sample_label(sample, labels[field][0]);

	return *value || !labels[field][1] ? value : sample_label(sample, labels[field][1]);
}

void inventory__add(struct inventory *inventory, const struct sample *sample)
{
	struct row row = { 0 };

	if (!*label(sample, FIELD_ID) || inventory->err)
		return;
	inventory->err = reserve(inventory);
	for (size_t i = 0; i < FIELD_COUNT && !inventory->err; i++) {
		row.fields[i] = strdup(label(sample, (enum field)i));
		if (!row.fields[i])
			inventory->err = -ENOMEM;
	}
	if (inventory->err)
		free_row(&row);
	else
		inventory->rows[inventory->count++] = row;
}

/* By id, then by system, so that equal ones are neighbours. */
static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->fields[FIELD_ID], y->fields[FIELD_ID]);

	if (order)
		return order;
	return strcmp(x->fields[FIELD_SYSTEM], y->fields[FIELD_SYSTEM]);
}

/* The first of the rows' texts that says something. */
static const char *first_of(const struct row *rows, size_t count, enum field field)
{
	for (size_t i = 0; i < count; i++)
		if (*rows[i].fields[field])
			return rows[i].fields[field];
	return "";
}

static void add_text(struct strbuf *out, const char *key, const char *text)
{
	strbuf_addstr(out, key);
	strbuf_add_json(out, text);
}

static void write_kernel(const struct row *rows, size_t count, struct strbuf *out)
{
	const char *last = "";

	add_text(out, "{\"id\":", rows[0].fields[FIELD_ID]);
	add_text(out, ",\"container\":", first_of(rows, count, FIELD_CONTAINER));
	strbuf_addstr(out, ",\"name\":\"\""); /* no series has it */
	add_text(out, ",\"pod\":", first_of(rows, count, FIELD_POD));
	add_text(out, ",\"namespace\":", first_of(rows, count, FIELD_NAMESPACE));
	strbuf_addstr(out, ",\"processes\":null,\"systems\":[");
	for (size_t i = 0; i < count; i++) {
		const char *system = rows[i].fields[FIELD_SYSTEM];

		if (!strcmp(system, last))
			continue;
		add_text(out, *last ? "," : "", system);
		last = system;
	}
	strbuf_addstr(out, "]}");
}

int inventory__write(struct inventory *inventory, struct strbuf *out)
{
	struct row *rows = inventory->rows;
	size_t at = 0;

	if (inventory->count)
		qsort(rows, inventory->count, sizeof(rows[0]), compare);
	while (at < inventory->count) {
		size_t n = 1;

		while (at + n < inventory->count &&
		       !strcmp(rows[at].fields[FIELD_ID], rows[at + n].fields[FIELD_ID]))
			n++;
		strbuf_addstr(out, at ? ",\n" : "\n");
		write_kernel(&rows[at], n, out);
		at += n;
	}
	return inventory->err ? inventory->err : out->err;
}
