/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_LABELS_H
#define TAPMETER_SERVE_LABELS_H
/* The labels of a series by name, for all outputs. */
#include "store/series.h"

/* In the order of the snapshot's series, so that their texts mostly come out sorted. */
enum label {
	LABEL_KERNEL_ID,
	LABEL_CONTAINER,
	LABEL_POD,
	LABEL_NAMESPACE,
	LABEL_COMM,
	LABEL_SYSTEM,
	LABEL_ENDPOINT,
	LABEL_NAME,
	LABEL_SOCKET_TYPE,
	LABEL_SIDE,
	LABEL_OPERATION,
	LABEL_METHOD,
	LABEL_DIRECTION,
	LABEL_COUNT,
};

/* A set of labels. */
#define LABEL_BIT(label) (1u << (label))
#define LABELS_ALL (LABEL_BIT(LABEL_COUNT) - 1)
#define LABELS_COMMON                                                                     \
	(LABEL_BIT(LABEL_KERNEL_ID) | LABEL_BIT(LABEL_CONTAINER) | LABEL_BIT(LABEL_POD) | \
	 LABEL_BIT(LABEL_NAMESPACE) | LABEL_BIT(LABEL_COMM) | LABEL_BIT(LABEL_SYSTEM))

const char *label_name(enum label label);
/* "" = left out. Lives as long as `labels`. */
const char *label_value(const struct series_labels *labels, enum label label);

#endif
