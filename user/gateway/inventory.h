/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_GATEWAY_INVENTORY_H
#define TAPMETER_GATEWAY_INVENTORY_H
/* The kernels that an engine has series of, one entry for each, from the series' labels. One thread. */
#include "gateway/samples.h"
#include "util/strbuf.h"

struct inventory;

/* -ENOMEM. */
int inventory__new(struct inventory **out);
/* Accepts NULL. */
void inventory__free(struct inventory *inventory);
/* Copies what the labels say of a kernel. */
void inventory__add(struct inventory *inventory, const struct sample *sample);
/* Adds the kernels, sorted, as JSON objects with commas between them. -ENOMEM, also if it was an earlier call's. */
int inventory__write(struct inventory *inventory, struct strbuf *out);

#endif
