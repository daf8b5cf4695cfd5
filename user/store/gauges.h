/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_STORE_GAUGES_H
#define TAPMETER_STORE_GAUGES_H
/*
 * Gauges whose values are asked for while a snapshot is taken, never by a scrape: whoever knows a value registers a
 * callback. They become the families tapmeter_gauge_NAME. One thread, the agent's.
 */
#include <stddef.h>
#include <stdint.h>
#include "store/snapshot.h"

struct gauges;
struct gauge_list; /* what a callback adds its samples to */

/*
 * Adds what there is now, with gauge_add(); nothing added means no sample. A result that is not 0 means that it could not
 * be told: the whole family is left out of this snapshot, and that is counted.
 */
typedef int (*gauge_read_fn)(void *arg, struct gauge_list *list);

/* -ENOMEM. */
int gauges__new(struct gauges **out);
/* Accepts NULL. */
void gauges__free(struct gauges *gauges);

/*
 * Registers a callback under a name (gauge_name_valid()), which may have several: their samples are one family, those with
 * the same labels are added up; the help is that of the first. Strings are copied, `arg` is borrowed. -EINVAL: no such
 * name can be; -ENOMEM.
 */
int register_gauge(struct gauges *gauges, const char *name, const char *help, gauge_read_fn read,
		   void *arg);
/* Takes the callback back that was registered with this `arg` under this name. */
void unregister_gauge(struct gauges *gauges, const char *name, void *arg);

/*
 * Adds a sample; labels without value are left out, strings are copied. -EINVAL: two labels of one name; -ENOMEM. What
 * it returns, the callback should.
 */
int gauge_add(struct gauge_list *list, const struct gauge_label *labels, size_t count,
	      double value);

/* Asks all callbacks, and adds their families to a snapshot. -ENOMEM. */
int gauges__read(struct gauges *gauges, struct snapshot_builder *builder);
/* How often a callback has failed. */
uint64_t gauges__failed(const struct gauges *gauges);

#endif
