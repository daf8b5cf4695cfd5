/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_STAT_TABLE_H
#define TAPMETER_STAT_TABLE_H
/* Live-stat answers as a table for people. Pure: answers in, text out. One thread. */
#include <jansson.h>
#include <stddef.h>
#include "util/strbuf.h"

struct table;

/* -ENOMEM. */
int table__new(struct table **out);
/* Accepts NULL. */
void table__free(struct table *table);
/* Adds the kernels of an answer, which must live as long as the table. -ENOMEM. */
int table__add(struct table *table, const json_t *answer);
/* How many of them the agent does not know. */
size_t table__unknown(const struct table *table);
/*
 * Adds the table: sorted by kernel, only columns that say something of one of them. `width`:
 * columns of the terminal, to which ids are shortened; 0 = as long as they are.
 */
void table__write(const struct table *table, size_t width, struct strbuf *out);

#endif
