/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_READING_H
#define TAPMETER_TOP_READING_H
/* What the API said in one go. read_api() makes it. */
#include <jansson.h>

enum part {
	PART_KERNELS, /* /api/v1/kernels and their live-stat */
	PART_STREAMS,
	PART_TAPS,
	PART_COUNT,
};

#define PART_BIT(part) (1u << (part))
#define READING_ERR_LEN 512

struct reading {
	unsigned parts; /* bits of what was asked for */
	int err[PART_COUNT]; /* 0, or -errno and one line of `why` */
	char why[PART_COUNT][READING_ERR_LEN];
	/* Arrays of answers, each as it came: kernels have one list of kernels, then live-stat's. */
	json_t *answers[PART_COUNT];
};

/* Accepts NULL. */
void reading__free(struct reading *reading);

#endif
