/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_PROBES_PARTS_H
#define TAPMETER_TAP_PROBES_PARTS_H
/*
 * What is behind probes.h, for its parts alone: probes_load.c loads the programs, makes or adopts the maps and frees all;
 * probe_link.c sets the programs on files; probe_mappings.c lists who maps which; probes.c reads and writes the maps of what is loaded. One thread.
 */
#include "tap/probes.h"

/* include/uapi/linux/bpf.h of Linux 6.6 and 6.13; the installed header may be older */
#define TRACE_UPROBE_SESSION 57 /* BPF_TRACE_UPROBE_SESSION */

struct bpf_link;
struct ring_buffer;
struct tapmeter_bpf;

struct probes {
	struct tapmeter_bpf *skel;
	struct ring_buffer *ring;
	struct aside *aside;
	struct bpf_link *iter_all; /* mappings of every process */
	struct bpf_link
		*iter_waiting; /* the same, but who holds the lock of its memory is waited for */
	enum attach_way way;
	int process_links; /* links for one process work */
	uint32_t max_streams;
	struct tm_slot *slots;
	struct tm_thread *threads;
	struct tm_transit *transits;
	struct tm_rpc *rpcs;
	struct tm_rpc_request *rpc_requests;
	uint64_t *losses;
	uint64_t *runs;
	struct pins *pins;
	enum pins_outcome outcome;
	struct probes_kept *kept;
	uint64_t layout, settings;
	uint64_t gap_since_ns;
	int life[3]; /* pinned links of a former agent; -1 = none */
	int leaving; /* what is pinned stays; atomic: links may be closed in another thread */
	struct tm_mappers holders; /* who was last found to keep the lock of its memory, and when */
	uint64_t holders_ns;
	probes_event_fn event_fn;
	void *event_arg;
};

#endif
