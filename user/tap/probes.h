/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_PROBES_H
#define TAPMETER_TAP_PROBES_H
/*
 * The BPF side as the rest of the agent sees it: programs loaded, maps, probes set on files, events. The only
 * module that knows libbpf. Functions belong to one thread, but for reading the mapped memory, or where it says so.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <tapmeter/abi.h>
#include "tap/pins.h"

enum attach_way {
	ATTACH_AUTO, /* the first of the three that works */
	ATTACH_SESSION, /* one program for entry and return, Linux 6.13 */
	ATTACH_MULTI, /* uprobe.multi for entry, another for return, Linux 6.6 */
	ATTACH_PERF, /* one perf event per probe */
};

struct probes_config {
	enum attach_way way;
	uint32_t max_streams;
	int transit; /* 1: room for the records of messages under way (about 30 MB) */
	size_t view_bound_count; /* delivery times are also counted at these bounds, ascending */
	const uint64_t *view_bounds_ns;
	uint64_t slow_call_ns; /* calls that take as long give a TM_EVENT_SLOW; 0 = none does */
	size_t rpc_rule_count; /* 0: no room for requests (about 17 MB) is made */
	const struct tm_rpc_rule *rpc_rules;
	int filter; /* 1: only processes given to probes__allow() are counted */
	int inherit; /* 1: and their children, until they are given to it themselves */
	/* what lives on without the agent is pinned here; NULL = nothing is. Borrowed. */
	struct pins *pins;
	struct aside *aside; /* for what may not come back; NULL: it is waited for. Borrowed. */
	uint64_t settings; /* a hash: what is pinned is only adopted from an agent with the same one */
};

/* What became of what a former agent had pinned. */
enum pins_outcome {
	PINS_NONE, /* there was nothing, or nothing is pinned */
	PINS_ADOPTED,
	PINS_OTHER_LAYOUT, /* another version's: removed, all begins anew */
	PINS_OTHER_SETTINGS,
	PINS_INCOMPLETE, /* it had not got far */
};

/* Pinned beside the maps, the agent's own. */
struct probes_kept {
	uint64_t layout; /* this and alive_ns keep their places in all versions */
	uint64_t alive_ns; /* CLOCK_MONOTONIC of the last snapshot */
	uint64_t settings;
	uint32_t way; /* enum attach_way */
	uint32_t transit; /* 0 = not decided, 1 = no, 2 = yes: whether the specs recognise messages */
	uint64_t gap_ns; /* how long nothing was counted because of a replacement, in all */
	char version[40]; /* of the agent that loaded the programs */
};

struct probes;
struct probe_link;

/* "session", "multi", "perf"; "" for ATTACH_AUTO. */
const char *attach_way_name(enum attach_way way);

/*
 * Loads the programs and makes sure, by trying on this very executable, that they can be attached. On failure says in
 * err which step failed, why, and the mend. -EPERM, -ENOENT (no BTF), -EOPNOTSUPP (way not known here), …
 */
int probes__new(const struct probes_config *config, char *err, size_t err_len, struct probes **out);
void probes__free(struct probes *probes);
/* With pins, before its links are freed: from here on they stay. */
void probes__leave(struct probes *probes);

enum pins_outcome probes__outcome(const struct probes *probes);
/* Lives on with the maps; NULL without pins. */
struct probes_kept *probes__kept(const struct probes *probes);
/*
 * CLOCK_MONOTONIC: what a former agent's taps have counted from then on is gone, as they were removed; 0 = none was. It is when
 * that agent took its last snapshot.
 */
uint64_t probes__gap_since(const struct probes *probes);
/* A file's taps are being replaced, and nothing is counted until then; `counts_lost`: nor was since the former agent's last snapshot. */
void probes__open_gap(struct probes *probes, int counts_lost);

/* The way in use. */
enum attach_way probes__way(const struct probes *probes);

/*
 * Whether probes__attach() with a pid reaches all threads of the process and nobody else. Perf events do not, nor did
 * uprobe.multi before 46ba0e49b642 ("bpf: fix multi-uprobe PID filtering logic").
 */
int probes__can_attach_process(const struct probes *probes);

/* Spec or object class number `index`, before a probe that names it is set. */
int probes__set_spec(struct probes *probes, uint32_t index, const struct tm_spec *spec);
int probes__set_class(struct probes *probes, uint32_t index, const struct tm_object_class *class);

/* Beside the spec of the same number, for TM_ACTION_RESULT and TM_ACTION_SAMPLE. */
int probes__set_result(struct probes *probes, uint32_t index, const struct tm_result_spec *result);
/* Calls with this name are of operation `op`. -ENOSPC: over TM_MAX_NAMES. */
int probes__set_name(struct probes *probes, const struct tm_name_key *key, uint32_t op);

struct probe {
	uint64_t offset; /* in the file */
	uint64_t spec;
};

/*
 * Sets the probes on the file behind fd (which may be closed afterwards), in every process that maps it, or in process `pid`
 * only if not 0. Takes 5 to 30 ms (RCU grace periods of the Linux kernel).
 */
int probes__attach(struct probes *probes, int fd, const struct probe *list, size_t count, pid_t pid,
		   struct probe_link **out);
/*
 * While on, a file may have two links with the same specs: each call still counts once. For changing a link for
 * another one without a gap.
 */
void probes__overlap(struct probes *probes, int on);
/* With pins: the link lives on without the agent, under the name of the file; `parts` is filled in. -errno. */
int probes__pin(struct probes *probes, struct probe_link *link, struct pinned_link *name);
/* A link that a former agent has pinned. -ENOENT: some part of it is not there. */
int probes__adopt(struct probes *probes, const struct pinned_link *name, struct probe_link **out);
/* The specs as they are in BPF, TM_MAX_SPECS of each. -errno. */
int probes__specs(const struct probes *probes, struct tm_spec *specs,
		  struct tm_result_spec *results);
/* Whether the link is of probes__adopt(). NULL: no. */
int probe_link__is_adopted(const struct probe_link *link);
/* Removes the probes, pinned ones too; accepts NULL. Any thread. */
void probe_link__free(struct probe_link *link);

/* This process is not counted, as our own is not; 0 = none. It takes the place of the one given before. */
void probes__leave_out(struct probes *probes, uint32_t tgid);
/* With a filter: count this process, or not any more. */
int probes__allow(struct probes *probes, uint32_t tgid, int allowed);

/*
 * Limits the streams of a cgroup (struct tm_slot.cgroup) to a quarter of max_streams; `count` is how many its
 * container has now. Without this a cgroup has no limit.
 */
int probes__set_cgroup_streams(struct probes *probes, uint64_t cgroup, uint32_t count);
int probes__forget_cgroup(struct probes *probes, uint64_t cgroup);

/* The memory the BPF programs count in: max_streams slots, TM_MAX_THREADS threads, TM_LOST_COUNT losses. */
struct tm_slot *probes__slots(const struct probes *probes);
const struct tm_thread *probes__threads(const struct probes *probes);
const uint64_t *probes__losses(const struct probes *probes);

/* Delivery times: TM_TRANSIT_PAIRS entries; NULL without config.transit. */
struct tm_transit *probes__transits(const struct probes *probes);
/* The next message of this pair begins a new entry. -ENOENT if it has none. */
int probes__transit_forget(struct probes *probes, const struct tm_transit *transit);
/* Gives an entry back whose state is TM_SLOT_FREE. */
int probes__transit_give_back(struct probes *probes, uint32_t index);

/* Operations that have a name instead of a number: `hash` by rpc_name_add(). */
int probes__set_rpc_name(struct probes *probes, uint32_t rule, uint64_t hash, uint32_t method);
/* Requests: TM_RPC_SLOTS entries, and TM_RPC_PENDING requests without response; NULL without config.rpc_rule_count. */
struct tm_rpc *probes__rpcs(const struct probes *probes);
struct tm_rpc_request *probes__rpc_requests(const struct probes *probes);
/* Whether anything in this block of TM_BLOCK was ever used. */
int probes__rpc_block_used(const struct probes *probes, uint32_t block);
int probes__rpc_request_block_used(const struct probes *probes, uint32_t block);
/* The next request of this method on this socket begins a new entry. -ENOENT if it has none. */
int probes__rpc_forget(struct probes *probes, const struct tm_rpc *rpc);
/* Gives an entry back whose state is TM_SLOT_FREE. */
int probes__rpc_give_back(struct probes *probes, uint32_t index);
/*
 * Ends the wait for the response to a request of this stream (TM_STREAM_ID), and gives its record back. -ENOENT: its
 * response came first, or the record is another request's by now.
 */
int probes__rpc_request_drop(struct probes *probes, uint32_t index, uint32_t stream);

/* How often the probes of this spec were hit, since start. */
uint64_t probes__runs(const struct probes *probes, uint32_t spec);

/* Whether any slot or thread record in this block of TM_BLOCK was ever used; the others need not be looked at. */
int probes__slot_block_used(const struct probes *probes, uint32_t block);
int probes__thread_block_used(const struct probes *probes, uint32_t block);

/* Removes a stream from the index, so that the next call makes a new one. -ENOENT if it is not there. */
int probes__forget(struct probes *probes, const struct tm_stream_key *key);
/* Gives a slot back whose state is TM_SLOT_FREE. */
int probes__give_back(struct probes *probes, uint32_t slot);

/* Readable when events wait. */
int probes__events_fd(const struct probes *probes);
typedef void (*probes_event_fn)(void *arg, const struct tm_event *event, size_t size);
/* Hands all waiting events to fn. Makes no system call. Returns their number or -errno. */
int probes__events(struct probes *probes, probes_event_fn fn, void *arg);

typedef void (*probes_mapping_fn)(void *arg, const struct tm_mapping *mapping);
/*
 * All executable file mappings of process `pid`, or of every process if 0. Nobody is waited for: of a process that holds the
 * lock of its memory for some milliseconds only one of kind TM_MAPPING_BUSY is given. Some may be given twice. -errno: not all
 * have been given.
 */
int probes__mappings(struct probes *probes, pid_t pid, probes_mapping_fn fn, void *arg);
/*
 * Whether a process that maps the file holds the lock of its memory, and does so for some 70 ms: to set or remove a probe
 * would take until it lets go, and no process of the host could fork meanwhile. 1 and its pid (0 = not known), or 0; -errno: that
 * cannot be told. `inode_at` by a mapping; the caller holds the file open, or has probes on it.
 */
int probes__file_is_held(struct probes *probes, uint64_t inode_at, uint32_t *tgid);

#endif
