/* SPDX-License-Identifier: Apache-2.0 */
/* What is loaded, as the rest of the agent uses it. */
#include "tap/probes.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "tap/probes_parts.h"
#include "tap/quick.h"
#include "tapmeter.skel.h"

const char *attach_way_name(enum attach_way way)
{
	static const char *const names[] = {
		[ATTACH_AUTO] = "",
		[ATTACH_SESSION] = "session",
		[ATTACH_MULTI] = "multi",
		[ATTACH_PERF] = "perf",
	};

	return names[way];
}

enum attach_way probes__way(const struct probes *probes)
{
	return probes->way;
}

int probes__can_attach_process(const struct probes *probes)
{
	return probes->process_links;
}

static int map_put(const struct bpf_map *map, const void *key, const void *value)
{
	return bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY) ? -errno : 0;
}

int probes__set_spec(struct probes *probes, uint32_t index, const struct tm_spec *spec)
{
	struct tm_spec complete = *spec;

	spec_quicken(&complete);
	return map_put(probes->skel->maps.specs, &index, &complete);
}

int probes__set_class(struct probes *probes, uint32_t index, const struct tm_object_class *class)
{
	return map_put(probes->skel->maps.object_classes, &index, class);
}

int probes__set_result(struct probes *probes, uint32_t index, const struct tm_result_spec *result)
{
	return map_put(probes->skel->maps.result_specs, &index, result);
}

int probes__set_name(struct probes *probes, const struct tm_name_key *key, uint32_t op)
{
	int err = map_put(probes->skel->maps.operation_names, key, &op);

	return err == -E2BIG ? -ENOSPC : err;
}

void probes__leave_out(struct probes *probes, uint32_t tgid)
{
	probes->skel->bss->relay_tgid = tgid;
}

int probes__allow(struct probes *probes, uint32_t tgid, int allowed)
{
	uint8_t one = 1;

	if (allowed)
		return map_put(probes->skel->maps.allowed, &tgid, &one);
	return bpf_map_delete_elem(bpf_map__fd(probes->skel->maps.allowed), &tgid) ? -errno : 0;
}

int probes__set_cgroup_streams(struct probes *probes, uint64_t cgroup, uint32_t count)
{
	return map_put(probes->skel->maps.cgroup_streams, &cgroup, &count);
}

int probes__forget_cgroup(struct probes *probes, uint64_t cgroup)
{
	return bpf_map_delete_elem(bpf_map__fd(probes->skel->maps.cgroup_streams), &cgroup) ?
		       -errno :
		       0;
}

struct tm_slot *probes__slots(const struct probes *probes)
{
	return probes->slots;
}

const struct tm_thread *probes__threads(const struct probes *probes)
{
	return probes->threads;
}

uint64_t probes__runs(const struct probes *probes, uint32_t spec)
{
	uint64_t sum = 0;

	for (uint32_t shard = 0; shard < TM_RUN_SHARDS; shard++)
		sum += __atomic_load_n(&probes->runs[shard * TM_MAX_SPECS + spec],
				       __ATOMIC_RELAXED);
	return sum;
}

int probes__slot_block_used(const struct probes *probes, uint32_t block)
{
	return probes->skel->bss->slot_blocks[block / 64] >> block % 64 & 1;
}

int probes__thread_block_used(const struct probes *probes, uint32_t block)
{
	return probes->skel->bss->thread_blocks[block / 64] >> block % 64 & 1;
}

const uint64_t *probes__losses(const struct probes *probes)
{
	return probes->losses;
}

int probes__forget(struct probes *probes, const struct tm_stream_key *key)
{
	return bpf_map_delete_elem(bpf_map__fd(probes->skel->maps.streams), key) ? -errno : 0;
}

int probes__give_back(struct probes *probes, uint32_t slot)
{
	return bpf_map_update_elem(bpf_map__fd(probes->skel->maps.free_slots), NULL, &slot,
				   BPF_ANY) ?
		       -errno :
		       0;
}

struct tm_transit *probes__transits(const struct probes *probes)
{
	return probes->transits;
}

int probes__transit_forget(struct probes *probes, const struct tm_transit *transit)
{
	struct tm_transit_key key = { .receiver = transit->receiver, .sender = transit->sender };

	return bpf_map_delete_elem(bpf_map__fd(probes->skel->maps.transit_pairs), &key) ? -errno :
											  0;
}

int probes__transit_give_back(struct probes *probes, uint32_t index)
{
	return bpf_map_update_elem(bpf_map__fd(probes->skel->maps.free_transits), NULL, &index,
				   BPF_ANY) ?
		       -errno :
		       0;
}

int probes__set_rpc_name(struct probes *probes, uint32_t rule, uint64_t hash, uint32_t method)
{
	struct tm_rpc_name name = { .hash = hash, .rule = rule };

	return map_put(probes->skel->maps.rpc_names, &name, &method);
}

struct tm_rpc *probes__rpcs(const struct probes *probes)
{
	return probes->rpcs;
}

struct tm_rpc_request *probes__rpc_requests(const struct probes *probes)
{
	return probes->rpc_requests;
}

int probes__rpc_block_used(const struct probes *probes, uint32_t block)
{
	return probes->skel->bss->rpc_blocks[block / 64] >> block % 64 & 1;
}

int probes__rpc_request_block_used(const struct probes *probes, uint32_t block)
{
	return probes->skel->bss->rpc_request_blocks[block / 64] >> block % 64 & 1;
}

int probes__rpc_forget(struct probes *probes, const struct tm_rpc *rpc)
{
	struct tm_rpc_key key = { .stream = rpc->stream, .method = rpc->method };

	return bpf_map_delete_elem(bpf_map__fd(probes->skel->maps.rpc_index), &key) ? -errno : 0;
}

int probes__rpc_give_back(struct probes *probes, uint32_t index)
{
	return map_put(probes->skel->maps.free_rpcs, NULL, &index);
}

/*
 * Another socket at the same address may take the record over while we are at it: then its request is still there, only
 * not to be found, and is put back.
 */
int probes__rpc_request_drop(struct probes *probes, uint32_t index, uint32_t stream)
{
	volatile struct tm_rpc_request *request = &probes->rpc_requests[index];
	int pending = bpf_map__fd(probes->skel->maps.rpc_pending);
	struct tm_rpc_request seen;

	memcpy(&seen, (const void *)request, sizeof(seen));
	if (seen.stream != stream)
		return -ENOENT;
	if (bpf_map_delete_elem(pending, &seen.key))
		return -errno;
	if (request->stream != stream)
		return bpf_map_update_elem(pending, &seen.key, &index, BPF_NOEXIST) ? -errno : 0;
	request->start_ns = 0;
	return map_put(probes->skel->maps.free_rpc_requests, NULL, &index);
}

int probes__events_fd(const struct probes *probes)
{
	return ring_buffer__epoll_fd(probes->ring);
}

int probes__events(struct probes *probes, probes_event_fn fn, void *arg)
{
	probes->event_fn = fn;
	probes->event_arg = arg;
	return ring_buffer__consume(probes->ring);
}
