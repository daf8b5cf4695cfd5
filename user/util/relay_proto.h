/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_RELAY_PROTO_H
#define TAPMETER_UTIL_RELAY_PROTO_H
/*
 * What the agent and tapmeter-relay say to each other: messages over a SOCK_SEQPACKET socket pair, one struct each,
 * header first. The relay has no privileges and reads what others wrote, so the agent takes nothing it says on trust.
 * Both are of one build: a message of another version or size ends the talk.
 */
#include <stdint.h>

#define RELAY_PROTO_VERSION 1
#define RELAY_FD 3 /* the relay's end of the pair */
#define RELAY_MAX_LOOKUPS 256 /* under way at a time */
#define RELAY_TIMEOUT_MS 2000 /* for each */

enum relay_kind {
	RELAY_LOOKUP = 1, /* agent -> relay, with a descriptor to read from */
	RELAY_ANSWER = 2, /* relay -> agent: one for each look-up */
};

enum relay_source {
	RELAY_ENGINE = 1, /* an engine's HTTP answer: docker's "inspect" */
	RELAY_STATE_FILE = 2, /* an OCI config.json */
};

enum relay_status {
	RELAY_OK = 0, /* what is not known is "" */
	RELAY_UNKNOWN = 1, /* the engine knows no such container */
	RELAY_BAD = 2, /* not understood, too long, of another container */
	RELAY_TIMEOUT = 3,
	RELAY_GONE = 4, /* the relay ended; never sent */
};

struct relay_header {
	uint32_t version;
	uint32_t kind; /* enum relay_kind */
	uint32_t number; /* of the look-up, given by the agent */
	uint32_t size; /* of the message, header included */
};

struct relay_lookup {
	struct relay_header header;
	uint32_t source; /* enum relay_source */
	uint32_t pad;
	char container[72];
};
_Static_assert(sizeof(struct relay_lookup) == 16 + 8 + 72, "relay_lookup layout");

struct relay_answer {
	struct relay_header header;
	uint32_t status; /* enum relay_status */
	uint32_t source; /* as asked */
	char container[72]; /* as asked */
	char name[128];
	char kernel_id[128]; /* label ai.backend.kernel-id */
	char pod[256];
	char namespace[64];
};
_Static_assert(sizeof(struct relay_answer) == 16 + 8 + 72 + 128 + 128 + 256 + 64,
	       "relay_answer layout");

#endif
