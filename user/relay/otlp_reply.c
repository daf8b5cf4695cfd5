/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/otlp_reply.h"
#include <stdio.h>
#include <string.h>
#include "otlp.pb-c.h"

enum otlp_verdict otlp_verdict(long status, int err)
{
	if (err || status == 429 || status == 502 || status == 503 || status == 504)
		return OTLP_AGAIN;
	return status >= 200 && status < 300 ? OTLP_SENT : OTLP_REFUSED;
}

uint64_t otlp_rejected(const void *body, size_t len, uint64_t points, char *message, size_t size)
{
	Otlp__Response *response = otlp__response__unpack(NULL, len, body);
	const Otlp__PartialSuccess *partial = response ? response->partial_success : NULL;
	uint64_t rejected = 0;

	*message = '\0';
	if (partial && partial->rejected_data_points > 0)
		rejected = (uint64_t)partial->rejected_data_points;
	if (partial && partial->error_message)
		snprintf(message, size, "%s", partial->error_message);
	if (response)
		otlp__response__free_unpacked(response, NULL);
	return rejected < points ? rejected : points;
}

uint64_t otlp_wait_ns(unsigned failed, uint32_t random, uint64_t told_s)
{
	uint64_t wait_ns = OTLP_FIRST_WAIT_NS;

	if (told_s)
		return told_s < OTLP_MAX_TOLD_WAIT_NS / 1000000000 ? told_s * 1000000000 :
								     OTLP_MAX_TOLD_WAIT_NS;
	for (unsigned i = 1; i < failed && wait_ns < OTLP_MAX_WAIT_NS; i++)
		wait_ns *= 2;
	if (wait_ns > OTLP_MAX_WAIT_NS)
		wait_ns = OTLP_MAX_WAIT_NS;
	return wait_ns - wait_ns / 2 * random / UINT32_MAX;
}
