/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_KERNELS_H
#define TAPMETER_TOP_KERNELS_H
/* The view of the kernels: answers in, rows out. Pure. One thread. */
#include "top/sheet.h"
#include "top/trend.h"

/* All kernels together. A number is negative as long as no kernel has it. */
struct totals {
	size_t kernels;
	double send, receive, failures; /* per second */
	double in_flight, oldest; /* seconds */
};

/*
 * From the array of answers: /api/v1/kernels, then live-stat's. The rows' trends (messages per second) go on
 * in `trends` if `is_new`, else they stay. -ENOMEM.
 */
int kernels_sheet(json_t *answers, struct trends *trends, int is_new, struct sheet **out,
		  struct totals *totals);

#endif
