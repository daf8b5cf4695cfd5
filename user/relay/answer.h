/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_RELAY_ANSWER_H
#define TAPMETER_RELAY_ANSWER_H
/* Understands what an engine or a runtime wrote of a container. Pure. */
#include <stddef.h>
#include "util/relay_proto.h"

#define ANSWER_MAX (1 << 20) /* bytes; an inspected container has some 10 kB */

/*
 * Fills status and names of *answer, whose source and container say what was asked. Names that are not plausible
 * (plausible.h) are left out.
 */
void answer_parse(const char *data, size_t len, struct relay_answer *answer);

#endif
