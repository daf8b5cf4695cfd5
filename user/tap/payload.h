/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_PAYLOAD_H
#define TAPMETER_TAP_PAYLOAD_H
/*
 * The `message` section of a profile: where a message object keeps its bytes, and which classes of sockets add a frame
 * or send to many. docs/profiles.md describes it.
 */
#include <stdint.h>
#include <tapmeter/abi.h>
#include "util/yaml.h"

#define PROFILE_CLASSES 2
#define PROFILE_CLASS_LEN sizeof(((struct tm_object_class *)0)->addressed[0])

struct profile_message {
	int given;
	uint8_t type_at;
	uint8_t form_count;
	struct tm_form forms[TM_FORMS];
	/* Mangled class names, "" = none. */
	char addressed[PROFILE_CLASSES][PROFILE_CLASS_LEN];
	char fan_out[PROFILE_CLASSES][PROFILE_CLASS_LEN];
};

/* Reads the section; what is wrong with it goes to *errors. *out is zero before. */
void profile_message_read(const struct yaml_node *map, struct yaml_errors *errors,
			  struct profile_message *out);

#endif
