/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_RELAY_PUBLISHER_H
#define TAPMETER_RELAY_PUBLISHER_H
/*
 * Publishes pages over a ZeroMQ PUB socket, as mlcommons/endpoints does. Who does not read gets fewer of them: nothing
 * here waits for a subscriber.
 */
#include "relay/outputs.h"

/*
 * As output_open_fn (outputs.h). `listener`, a listening socket, belongs to the publisher in any case; -1: none, nothing
 * is to be published.
 */
int publisher_open(const struct relay_settings *settings, int listener, struct feed_losses *losses,
		   struct output *out);

#endif
