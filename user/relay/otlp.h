/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_RELAY_OTLP_H
#define TAPMETER_RELAY_OTLP_H
/*
 * Pushes pages to an OpenTelemetry receiver: OTLP over HTTP, in protobuf, in a thread of its own. What cannot be sent now is
 * tried again, from a queue (otlp_queue.h).
 */
#include "relay/outputs.h"

/* As output_open_fn (outputs.h). */
int otlp_open(const struct relay_settings *settings, struct feed_losses *losses,
	      struct output *out);

#endif
