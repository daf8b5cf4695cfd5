/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_GATEWAY_SAMPLES_H
#define TAPMETER_GATEWAY_SAMPLES_H
/* What an engine answers to an instant query. It may be anything. */
#include <stddef.h>

/* A series and its value, for as long as the call-back runs. */
struct sample;

/* The label's value, "" if the series has no such label. */
const char *sample_label(const struct sample *sample, const char *name);
double sample_value(const struct sample *sample);

struct samples_callbacks {
	void (*sample)(void *arg, const struct sample *sample);
	/* what the engine itself warns of */
	void (*warning)(void *arg, const char *text);
	void *arg;
};

/*
 * Calls back for each sample of the answer; *bad counts those that are none. 0; -EINVAL: it is no
 * answer, or says that the query has failed: `why` has the reason; -ETIMEDOUT: it says that it took
 * too long; -ENOMEM.
 */
int samples_read(const char *text, size_t len, const struct samples_callbacks *callbacks,
		 size_t *bad, char *why, size_t why_len);

#endif
