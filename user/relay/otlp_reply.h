/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_RELAY_OTLP_REPLY_H
#define TAPMETER_RELAY_OTLP_REPLY_H
/* What a receiver's answer to a request means, and how long to wait before the next try. Functions of their arguments. */
#include <stddef.h>
#include <stdint.h>

enum otlp_verdict {
	OTLP_SENT,
	OTLP_AGAIN, /* the same request later */
	OTLP_REFUSED, /* would be refused again */
};

/* `status` of HTTP; `err`: -errno if there was no answer, else 0. */
enum otlp_verdict otlp_verdict(long status, int err);

/*
 * Of the body of an answer to a request with so many points: how many the receiver has not taken, and what it says about
 * that, cut to size. An answer that is not understood says nothing.
 */
uint64_t otlp_rejected(const void *body, size_t len, uint64_t points, char *message, size_t size);

#define OTLP_FIRST_WAIT_NS 1000000000ull
#define OTLP_MAX_WAIT_NS 30000000000ull
#define OTLP_MAX_TOLD_WAIT_NS 300000000000ull /* what a receiver can ask for */
/*
 * Before the next try, after so many that failed, the one just now included: twice as long each time, up to a limit,
 * and less by up to a half as `random` says; or as long as the receiver asks for.
 */
uint64_t otlp_wait_ns(unsigned failed, uint32_t random, uint64_t told_s);

#endif
