/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_VIEW_BACKENDAI_H
#define TAPMETER_SERVE_VIEW_BACKENDAI_H
/*
 * --view=backendai: what the containers use, under the name and with the labels that Backend.AI's
 * agents export, so that its manager's queries work on it as they are.
 */
#include "serve/exposition.h"
#include "store/snapshot.h"

/* Adds the family backendai_container_utilization; errors stay in exposition->out->err. */
void view_backendai_write(struct exposition *exposition, const struct snapshot *snapshot);

#endif
