/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_RELAY_PROTO_H
#define TAPMETER_UTIL_RELAY_PROTO_H
/*
 * What the agent and tapmeter-relay say to each other: messages over SOCK_SEQPACKET socket pairs, one struct each, header
 * first. One pair, the link, is for look-ups; if the relay is to put anything out, it gets another one, the feed. The relay has no privileges and reads what others wrote, so the agent takes nothing it says on trust.
 * Both are of one build: a message of another version or size ends the talk.
 */
#include <stdint.h>

#define RELAY_PROTO_VERSION 2
#define RELAY_FD 3 /* the relay's end of the pair */
#define RELAY_MAX_LOOKUPS 256 /* under way at a time */
#define RELAY_TIMEOUT_MS 2000 /* for each */

enum relay_kind {
	RELAY_LOOKUP = 1, /* agent -> relay, with a descriptor to read from */
	RELAY_ANSWER = 2, /* relay -> agent: one for each look-up */
	RELAY_SETTINGS =
		3, /* agent -> relay, once, with the relay's end of the feed, and where to publish */
	RELAY_PAGE = 4, /* agent -> relay over the feed, with a sealed memfd */
	RELAY_TAKEN = 5, /* relay -> agent over the feed: one for each page, in their order */
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

/* ---- what is put out ------------------------------------------------------------------------------ */

#define RELAY_SETTINGS_LEN 16352

/* What to put out, and whereto: see relay_settings.h. Not in argv: there are secrets among it. */
struct relay_settings {
	struct relay_header header;
	uint32_t len; /* of the text */
	uint32_t pad[3];
	char text[RELAY_SETTINGS_LEN]; /* "NAME=VALUE", each with its NUL */
};
_Static_assert(sizeof(struct relay_settings) == 16384, "relay_settings layout");

/* Of the agent, as mlcommons/endpoints names them. The last two are final: no page follows. */
enum relay_state {
	RELAY_INITIALIZE = 0, /* attaching; there may be nothing in the page */
	RELAY_LIVE = 1,
	RELAY_DRAINING = 2,
	RELAY_COMPLETE = 3,
	RELAY_INTERRUPTED = 4,
	RELAY_STATE_COUNT,
};

/*
 * A snapshot as /metrics has it in Prometheus' protobuf format (delimited families), in a memfd that cannot change any
 * more (sealed). Not more than RELAY_WINDOW pages are under way, so that a slow relay costs no memory.
 */
struct relay_page {
	struct relay_header header;
	uint64_t number; /* of the page: 1, 2, …; goes on when the relay is started anew */
	uint64_t mono_ns, real_ns; /* when the counters were read, or an empty page was made */
	uint64_t start_real_ns; /* when the agent began to count */
	uint64_t pending; /* what was accepted and is not done yet: events in queues */
	uint64_t size; /* bytes in the memfd */
	uint32_t state; /* enum relay_state */
	uint32_t pad;
};
_Static_assert(sizeof(struct relay_page) == 16 + 6 * 8 + 8, "relay_page layout");

#define RELAY_WINDOW 2
#define RELAY_PAGE_MAX (64u << 20)

/* What became of what the relay should put out, since it was started. */
enum relay_lost {
	RELAY_LOST_PUBLISH = 0, /* snapshots not published */
	RELAY_LOST_OTLP = 1, /* data points not pushed, or rejected */
	RELAY_OTLP_SENT = 2, /* requests that were pushed; no loss, of course */
	RELAY_OTLP_FAILED = 3, /* requests that the receiver refused */
	RELAY_OTLP_DROPPED =
		4, /* requests, or whole snapshots, for which there was no room or time */
	RELAY_OTLP_REJECTED = 5, /* data points that the receiver did not take from a request */
	RELAY_LOST_COUNT,
};

struct relay_taken {
	struct relay_header header;
	uint64_t number; /* the page's */
	uint64_t lost[RELAY_LOST_COUNT];
};
_Static_assert(sizeof(struct relay_taken) == 16 + 8 + 8 * RELAY_LOST_COUNT, "relay_taken layout");

#endif
