/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/errors.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* zmq.h, libzmq 4.3.4: its own errors are numbered from here */
#define ZMQ_HAUSNUMERO 156384712

static const struct {
	uint32_t error;
	const char *name;
} zmq_errors[] = {
	{ ZMQ_HAUSNUMERO + 51, "EFSM" },
	{ ZMQ_HAUSNUMERO + 52, "ENOCOMPATPROTO" },
	{ ZMQ_HAUSNUMERO + 53, "ETERM" },
	{ ZMQ_HAUSNUMERO + 54, "EMTHREAD" },
};

const char *error_name(uint32_t error, char text[ERROR_NAME_LEN])
{
	const char *name = error <= INT_MAX ? strerrorname_np((int)error) : NULL;

	for (size_t i = 0; i < sizeof(zmq_errors) / sizeof(zmq_errors[0]); i++) {
		if (zmq_errors[i].error == error)
			return zmq_errors[i].name;
	}
	if (name && error)
		return name;
	snprintf(text, ERROR_NAME_LEN, "errno_%u", error);
	return text;
}
