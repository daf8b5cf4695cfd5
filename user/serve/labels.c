/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/labels.h"

const char *label_name(enum label label)
{
	static const char *const names[LABEL_COUNT] = {
		[LABEL_KERNEL_ID] = "kernel_id",
		[LABEL_CONTAINER] = "container",
		[LABEL_POD] = "pod",
		[LABEL_NAMESPACE] = "namespace",
		[LABEL_COMM] = "comm",
		[LABEL_SYSTEM] = "system",
		[LABEL_ENDPOINT] = "endpoint",
		[LABEL_NAME] = "name",
		[LABEL_SOCKET_TYPE] = "socket_type",
		[LABEL_SIDE] = "side",
		[LABEL_OPERATION] = "operation",
		[LABEL_METHOD] = "method",
		[LABEL_DIRECTION] = "direction",
	};

	return names[label];
}

static const char *direction_name(enum series_direction direction)
{
	switch (direction) {
	case DIRECTION_SEND:
		return "send";
	case DIRECTION_RECEIVE:
		return "receive";
	case DIRECTION_NONE:
		break;
	}
	return "";
}

const char *label_value(const struct series_labels *labels, enum label label)
{
	switch (label) {
	case LABEL_KERNEL_ID:
		return labels->kernel_id;
	case LABEL_CONTAINER:
		return labels->container;
	case LABEL_POD:
		return labels->pod;
	case LABEL_NAMESPACE:
		return labels->namespace;
	case LABEL_COMM:
		return labels->comm;
	case LABEL_SYSTEM:
		return labels->system;
	case LABEL_ENDPOINT:
		return labels->kind == SERIES_EVENT ? "" : labels->endpoint;
	case LABEL_NAME:
		return labels->kind == SERIES_EVENT ? labels->endpoint : "";
	case LABEL_SOCKET_TYPE:
		return labels->socket_type;
	case LABEL_SIDE:
		return labels->side;
	case LABEL_OPERATION:
		return labels->kind == SERIES_RPC ? "" : labels->operation;
	case LABEL_METHOD:
		return labels->kind == SERIES_RPC ? labels->operation : "";
	case LABEL_DIRECTION:
		return direction_name(labels->direction);
	case LABEL_COUNT:
		break;
	}
	return "";
}
