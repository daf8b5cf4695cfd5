/* SPDX-License-Identifier: Apache-2.0 */
/* Programs and maps: loaded anew, or gone on with, if a former agent has pinned them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "tap/bounds.h"
#include "tap/bpflog.h"
#include "tap/layout.h"
#include "tap/ownfile.h"
#include "tap/probes_parts.h"
#include "util/privileges.h"
#include "tapmeter.skel.h"
#include "version.h"

#define TRANSITS_SIZE (sizeof(struct tm_transit) * TM_TRANSIT_PAIRS)
#define RPCS_SIZE (sizeof(struct tm_rpc) * TM_RPC_SLOTS)
#define RPC_REQUESTS_SIZE (sizeof(struct tm_rpc_request) * TM_RPC_PENDING)
#define RUNS_SIZE (sizeof(uint64_t) * TM_MAX_SPECS * TM_RUN_SHARDS)

static int keep_warning(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN)
		bpflog__note(format, args);
	return 0;
}

/* ---- loading ------------------------------------------------------------------------------ */

/* Never called; its first instruction is where attaching is tried. */
__attribute__((noinline, no_profile_instrument_function)) static void probes_trial_target(void)
{
	__asm__ volatile("");
}

static int try_attach(struct probes *p)
{
	struct probe probe = { .spec = TM_MAX_SPECS };
	struct probe_link *link;
	int fd, err;

	fd = own_file_open((const void *)probes_trial_target, &probe.offset);
	if (fd < 0)
		return fd;
	err = probes__attach(p, fd, &probe, 1, 0, &link);
	if (!err) {
		probe_link__free(link);
		/* what refuses a pid that cannot be is the fixed code */
		p->process_links = p->way != ATTACH_PERF &&
				   probes__attach(p, fd, &probe, 1, -1, &link) == -EINVAL;
	}
	close(fd);
	return err;
}

static void select_programs(struct tapmeter_bpf *skel, enum attach_way way)
{
	bpf_program__set_autoload(skel->progs.tap_session, way == ATTACH_SESSION);
	bpf_program__set_autoload(skel->progs.tap_multi_enter, way == ATTACH_MULTI);
	bpf_program__set_autoload(skel->progs.tap_multi_return, way == ATTACH_MULTI);
	bpf_program__set_autoload(skel->progs.tap_perf_enter, way == ATTACH_PERF);
	bpf_program__set_autoload(skel->progs.tap_perf_return, way == ATTACH_PERF);
	if (way == ATTACH_SESSION)
		bpf_program__set_expected_attach_type(skel->progs.tap_session,
						      (enum bpf_attach_type)TRACE_UPROBE_SESSION);
}

/* Without transit its maps take no room. */
static int set_up_transit(struct probes *p, const struct probes_config *config)
{
	struct tapmeter_bpf *skel = p->skel;
	struct bpf_map *const maps[] = { skel->maps.sent_sets, skel->maps.forgotten,
					 skel->maps.transits, skel->maps.free_transits,
					 skel->maps.transit_pairs };

	if (getrandom(&skel->rodata->transit_seed, sizeof(skel->rodata->transit_seed),
		      GRND_NONBLOCK) < 0)
		return -errno;
	if (config->transit) {
		skel->rodata->view_bound_count = (uint32_t)config->view_bound_count;
		for (size_t i = 0; i < config->view_bound_count && i < TM_VIEW_BOUNDS; i++)
			skel->rodata->view_bounds_ns[i] = config->view_bounds_ns[i];
		return bpf_map__set_max_entries(skel->maps.transit_streams, p->max_streams);
	}
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		int err = bpf_map__set_max_entries(maps[i], 1);

		if (err)
			return err;
	}
	return 0;
}

/* Without rules the maps of requests take no room. */
static int set_up_rpc(struct probes *p, const struct probes_config *config)
{
	struct tapmeter_bpf *skel = p->skel;
	struct bpf_map *const maps[] = { skel->maps.rpcs,	 skel->maps.free_rpcs,
					 skel->maps.rpc_index,	 skel->maps.rpc_requests,
					 skel->maps.rpc_pending, skel->maps.free_rpc_requests,
					 skel->maps.rpc_names };

	skel->rodata->rpc_rule_count = (uint32_t)config->rpc_rule_count;
	for (size_t i = 0; i < config->rpc_rule_count && i < TM_RPC_RULES; i++)
		memcpy((void *)&skel->rodata->rpc_rules[i], &config->rpc_rules[i],
		       sizeof(config->rpc_rules[i]));
	if (config->rpc_rule_count)
		return bpf_map__set_max_entries(skel->maps.rpc_streams, p->max_streams);
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		int err = bpf_map__set_max_entries(maps[i], 1);

		if (err)
			return err;
	}
	return 0;
}

/* ---- what a former agent has left ---------------------------------------------------------- */

static const char kept_name[] = "kept";

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* A bpffs takes no dots. */
static void map_name(const struct bpf_map *map, char name[PINS_NAME_SIZE])
{
	snprintf(name, PINS_NAME_SIZE, "map_%s", bpf_map__name(map));
	for (char *c = name; *c; c++)
		if (*c == '.')
			*c = '_';
}

/* How long the maps are, and all that is constant in the programs, but for the seed, which is each set's own. */
static uint64_t hash_settings(const struct probes *p, uint64_t settings)
{
	uint64_t hash = layout_add(LAYOUT_START, &settings, sizeof(settings));
	uint64_t seed = p->skel->rodata->transit_seed;
	const void *constants;
	struct bpf_map *map;
	size_t size;

	p->skel->rodata->transit_seed = 0;
	constants = bpf_map__initial_value(p->skel->maps.rodata, &size);
	hash = layout_add(hash, constants, size);
	p->skel->rodata->transit_seed = seed;
	bpf_object__for_each_map(map, p->skel->obj) {
		uint32_t length = bpf_map__max_entries(map);

		hash = layout_add(hash, &length, sizeof(length));
	}
	return hash;
}

static int reuse_map(struct bpf_map *map, const struct pins *pins)
{
	char name[PINS_NAME_SIZE];
	int fd, err;

	map_name(map, name);
	fd = pins__get(pins, name);
	if (fd < 0)
		return fd;
	err = bpf_map__reuse_fd(map, fd); /* has a descriptor of its own */
	close(fd);
	return err;
}

static int reuse_maps(struct probes *p)
{
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, p->skel->obj)
		if (!err)
			err = reuse_map(map, p->pins);
	return err;
}

static int note_any(void *arg, const char *name)
{
	*(int *)arg |= pinned_kind(name) != PINNED_OTHER;
	return 0;
}

/* Lengths are among the settings. */
static int is_as_defined(const struct bpf_map *map, int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &len) && info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map);
}

/* Whether every map is there and is one of that kind. */
static int maps_are_whole(const struct probes *p)
{
	char name[PINS_NAME_SIZE];
	struct bpf_map *map;
	int whole = 1;

	bpf_object__for_each_map(map, p->skel->obj) {
		int fd;

		map_name(map, name);
		fd = pins__get(p->pins, name);
		if (fd < 0)
			return 0;
		whole = whole && is_as_defined(map, fd);
		close(fd);
	}
	return whole;
}

/* Whether what is pinned fits. `kept` was pinned last: without it the rest is not whole. */
static enum pins_outcome judge(struct probes *p, const struct probes_kept *kept)
{
	int any = 0;

	if (!kept)
		return pins__each(p->pins, note_any, &any) || any ? PINS_INCOMPLETE : PINS_NONE;
	if (kept->layout != p->layout)
		return PINS_OTHER_LAYOUT;
	if (kept->settings != p->settings || kept->way != (uint32_t)p->way)
		return PINS_OTHER_SETTINGS;
	return maps_are_whole(p) ? PINS_ADOPTED : PINS_INCOMPLETE;
}

/* What is known of the former set, NULL if it is not whole. */
static struct probes_kept *find_kept(const struct pins *pins)
{
	int fd = pins__get(pins, kept_name), made;
	void *memory;

	if (fd < 0)
		return NULL;
	close(fd);
	return pins__map(pins, kept_name, sizeof(struct probes_kept), &memory, &made) ? NULL :
											memory;
}

/* What has been counted since is lost with the set. */
static uint64_t last_alive(const struct probes_kept *kept)
{
	uint64_t now_ns = monotonic_ns();

	return kept && kept->alive_ns && kept->alive_ns <= now_ns ? kept->alive_ns : now_ns;
}

/* The object is open and knows all its sizes and constants. */
static int adopt_or_wipe(struct probes *p, const struct probes_config *config)
{
	struct probes_kept *kept = find_kept(p->pins);
	enum pins_outcome outcome;

	p->layout = layout_of(p->skel->obj);
	p->settings = hash_settings(p, config->settings);
	outcome = judge(p, kept);
	if (!p->gap_since_ns && outcome != PINS_ADOPTED && outcome != PINS_NONE)
		p->gap_since_ns = last_alive(kept);
	pins__unmap(kept, sizeof(*kept));
	if (p->outcome == PINS_NONE) /* else it was said at an earlier try */
		p->outcome = outcome;
	if (outcome == PINS_ADOPTED)
		return reuse_maps(p);
	if (outcome == PINS_NONE)
		return 0;
	return pins__wipe(p->pins);
}

static int pin_maps(struct probes *p)
{
	char name[PINS_NAME_SIZE];
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, p->skel->obj) {
		if (err)
			break;
		map_name(map, name);
		err = pins__put(p->pins, name, bpf_map__fd(map));
	}
	return err;
}

/* After all that an adopting agent needs: what it finds here says that the rest is whole. */
static int open_kept(struct probes *p)
{
	void *memory;
	int made, err;

	err = pins__map(p->pins, kept_name, sizeof(*p->kept), &memory, &made);
	if (err)
		return err;
	p->kept = memory;
	if (!made)
		return 0;
	p->kept->settings = p->settings;
	p->kept->way = (uint32_t)p->way;
	snprintf(p->kept->version, sizeof(p->kept->version), "%s", TAPMETER_VERSION);
	/* last: 0 is no layout */
	__atomic_store_n(&p->kept->layout, p->layout, __ATOMIC_RELEASE);
	return 0;
}

static int open_and_load(struct probes *p, const struct probes_config *config)
{
	int err;

	p->skel = tapmeter_bpf__open();
	if (!p->skel)
		return -errno;
	/* not with pins: the number is another process's when the agent has gone; it calls nothing that is tapped */
	p->skel->rodata->agent_tgid = p->pins ? 0 : (__u32)getpid();
	p->skel->rodata->filter_processes = config->filter != 0;
	p->skel->rodata->cgroup_streams_limit = p->max_streams / 4;
	p->skel->rodata->slow_call_ns = config->slow_call_ns;
	hist_tables_fill(p->skel->rodata->hist_bounds_ns, p->skel->rodata->hist_guesses);
	select_programs(p->skel, p->way);
	err = bpf_map__set_max_entries(p->skel->maps.slots, p->max_streams);
	if (!err)
		err = bpf_map__set_max_entries(p->skel->maps.free_slots, p->max_streams);
	/* twice, so that keys of closed streams that are not forgotten yet leave room */
	if (!err)
		err = bpf_map__set_max_entries(p->skel->maps.streams, 2 * p->max_streams);
	if (!err)
		err = set_up_transit(p, config);
	if (!err)
		err = set_up_rpc(p, config);
	if (!err && p->pins)
		err = adopt_or_wipe(p, config);
	return err ? err : tapmeter_bpf__load(p->skel);
}

static int load_way(struct probes *p, const struct probes_config *config, enum attach_way way)
{
	int err;

	p->way = way;
	bpflog__forget();
	err = open_and_load(p, config);
	if (!err)
		err = try_attach(p);
	if (err) {
		tapmeter_bpf__destroy(p->skel);
		p->skel = NULL;
	}
	return err;
}

static int map_memory(const struct bpf_map *map, size_t size, int protection, void **out)
{
	long page = sysconf(_SC_PAGESIZE);
	size_t whole = (size + (size_t)page - 1) / (size_t)page * (size_t)page;
	void *memory = mmap(NULL, whole, protection, MAP_SHARED, bpf_map__fd(map), 0);

	if (memory == MAP_FAILED)
		return -errno;
	*out = memory;
	return 0;
}

static void unmap_memory(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

/* The lowest numbers end on top: the tables stay dense. */
static int fill_stack(const struct probes *p, const struct bpf_map *stack, uint32_t count)
{
	if (p->outcome == PINS_ADOPTED)
		return 0; /* some are in use */
	while (count--)
		if (bpf_map_update_elem(bpf_map__fd(stack), NULL, &count, BPF_ANY))
			return -errno;
	return 0;
}

static int forward_event(void *ctx, void *data, size_t size)
{
	struct probes *p = ctx;

	if (size >= sizeof(struct tm_event))
		p->event_fn(p->event_arg, data, size);
	return 0;
}

static int set_up_transits(struct probes *p)
{
	void *memory = NULL;
	int err =
		map_memory(p->skel->maps.transits, TRANSITS_SIZE, PROT_READ | PROT_WRITE, &memory);

	if (err)
		return err;
	p->transits = memory;
	return fill_stack(p, p->skel->maps.free_transits, TM_TRANSIT_PAIRS);
}

static int set_up_rpcs(struct probes *p)
{
	struct tapmeter_bpf *skel = p->skel;
	void *memory = NULL;
	int err = map_memory(skel->maps.rpcs, RPCS_SIZE, PROT_READ | PROT_WRITE, &memory);

	if (err)
		return err;
	p->rpcs = memory;
	err = map_memory(skel->maps.rpc_requests, RPC_REQUESTS_SIZE, PROT_READ | PROT_WRITE,
			 &memory);
	if (err)
		return err;
	p->rpc_requests = memory;
	err = fill_stack(p, skel->maps.free_rpcs, TM_RPC_SLOTS);
	return err ? err : fill_stack(p, skel->maps.free_rpc_requests, TM_RPC_PENDING);
}

static int set_up_maps(struct probes *p, const struct probes_config *config)
{
	struct tapmeter_bpf *skel = p->skel;
	void *memory = NULL;
	int err;

	err = map_memory(skel->maps.slots, p->max_streams * sizeof(struct tm_slot),
			 PROT_READ | PROT_WRITE, &memory);
	if (err)
		return err;
	p->slots = memory;
	err = map_memory(skel->maps.threads, TM_MAX_THREADS * sizeof(struct tm_thread), PROT_READ,
			 &memory);
	if (err)
		return err;
	p->threads = memory;
	err = map_memory(skel->maps.losses, TM_LOST_COUNT * sizeof(uint64_t), PROT_READ, &memory);
	if (err)
		return err;
	p->losses = memory;
	err = map_memory(skel->maps.runs, RUNS_SIZE, PROT_READ, &memory);
	if (err)
		return err;
	p->runs = memory;
	err = fill_stack(p, skel->maps.free_slots, p->max_streams);
	if (!err)
		err = fill_stack(p, skel->maps.free_threads, TM_MAX_THREADS);
	if (!err && config->transit)
		err = set_up_transits(p);
	if (!err && config->rpc_rule_count)
		err = set_up_rpcs(p);
	if (err)
		return err;
	if (p->pins && p->outcome != PINS_ADOPTED)
		err = pin_maps(p);
	if (err)
		return err;
	p->ring = ring_buffer__new(bpf_map__fd(skel->maps.events), forward_event, p, NULL);
	return p->ring ? 0 : -errno;
}

/* Number `n` of the programs that watch processes; one that a former agent has pinned goes on. */
static int attach_life(struct probes *p, size_t n, const struct bpf_program *program,
		       struct bpf_link **link)
{
	const char *name = bpf_program__name(program);

	if (p->pins) {
		p->life[n] = pins__get_link(p->pins, name);
		if (p->life[n] >= 0)
			return 0;
	}
	*link = bpf_program__attach(program);
	if (!*link)
		return -errno;
	return p->pins ? pins__put(p->pins, name, bpf_link__fd(*link)) : 0;
}

static int attach_own(struct probes *p, const struct probes_config *config)
{
	struct tapmeter_bpf *skel = p->skel;
	int err = attach_life(p, 0, skel->progs.life_exit, &skel->links.life_exit);

	if (!err)
		err = attach_life(p, 1, skel->progs.life_exec, &skel->links.life_exec);
	if (!err && config->inherit)
		err = attach_life(p, 2, skel->progs.life_fork, &skel->links.life_fork);
	if (!err && p->pins)
		err = open_kept(p);
	if (err)
		return err;
	p->iter_all = bpf_program__attach_iter(skel->progs.mapped_files_now, NULL);
	if (!p->iter_all)
		return -errno;
	p->iter_waiting = bpf_program__attach_iter(skel->progs.mapped_files, NULL);
	return p->iter_waiting ? 0 : -errno;
}

static void explain_forbidden(int error, const char *step, char *err, size_t err_len)
{
	char missing[400];

	if (privileges_missing(missing, sizeof(missing)))
		snprintf(err, err_len, "%s: not permitted (%s): give it %s, or run as root", step,
			 strerror(-error), missing);
	else
		snprintf(err, err_len,
			 "%s: not permitted (%s): the perf way needs CAP_SYS_ADMIN; under lockdown "
			 "\"confidentiality\" BPF cannot read processes",
			 step, strerror(-error));
}

static int explain(int error, const char *step, char *err, size_t err_len)
{
	if (error == -EPERM || (error == -EACCES && !bpflog__is_verdict()))
		explain_forbidden(error, step, err, err_len);
	else
		snprintf(err, err_len, "%s: %s%s%s", step, strerror(-error),
			 bpflog__line()[0] ? ": " : "", bpflog__line());
	return error;
}

static int load_some_way(struct probes *p, const struct probes_config *config, char *err,
			 size_t err_len)
{
	static const struct {
		enum attach_way way;
		const char *since; /* not asked, only told */
	} ways[] = {
		{ ATTACH_SESSION, "6.13" },
		{ ATTACH_MULTI, "6.6" },
		{ ATTACH_PERF, "5.15" },
	};
	char step[80];
	int error = -EOPNOTSUPP;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (config->way != ATTACH_AUTO && config->way != ways[i].way)
			continue;
		error = load_way(p, config, ways[i].way);
		if (!error)
			return 0;
		snprintf(step, sizeof(step), "cannot attach uprobes the %s way (of Linux %s)",
			 attach_way_name(ways[i].way), ways[i].since);
		explain(error, step, err, err_len);
		if (error == -EPERM)
			break;
	}
	return error;
}

/*
 * With auto, as the former agent did; should that not work any more, whatever does. Want of memory passes: for that, nothing is
 * thrown away.
 */
static int load_in_former_way(struct probes *p, const struct probes_config *config, char *err,
			      size_t err_len)
{
	struct probes_kept *kept = p->pins ? find_kept(p->pins) : NULL;
	struct probes_config same = *config;
	uint64_t alive_ns = 0;
	int error;

	if (kept && config->way == ATTACH_AUTO && kept->way <= ATTACH_PERF)
		same.way = (enum attach_way)kept->way;
	if (kept)
		alive_ns = last_alive(kept);
	pins__unmap(kept, sizeof(*kept));
	error = load_some_way(p, &same, err, err_len);
	if (!error || error == -ENOMEM || same.way == config->way)
		return error;
	p->gap_since_ns = alive_ns;
	p->outcome = PINS_OTHER_SETTINGS;
	error = pins__wipe(p->pins);
	return error ? error : load_some_way(p, config, err, err_len);
}

int probes__new(const struct probes_config *config, char *err, size_t err_len, struct probes **out)
{
	struct probes *p;
	int error;

	if (access("/sys/kernel/btf/vmlinux", R_OK)) {
		error = -errno;
		snprintf(
			err, err_len,
			"/sys/kernel/btf/vmlinux: %s: this Linux kernel has no readable type information "
			"(BTF): boot one built with CONFIG_DEBUG_INFO_BTF=y",
			strerror(-error));
		return error;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->max_streams = config->max_streams;
	p->aside = config->aside;
	p->pins = config->pins;
	p->life[0] = p->life[1] = p->life[2] = -1;
	libbpf_set_print(keep_warning);
	error = load_in_former_way(p, config, err, err_len);
	if (!error) {
		error = set_up_maps(p, config);
		if (error)
			explain(error, "cannot set up the BPF maps", err, err_len);
	}
	if (!error) {
		error = attach_own(p, config);
		if (error)
			explain(error, "cannot watch processes", err, err_len);
	}
	if (error) {
		probes__free(p);
		return error;
	}
	*out = p;
	return 0;
}

void probes__free(struct probes *probes)
{
	if (!probes)
		return;
	ring_buffer__free(probes->ring);
	bpf_link__destroy(probes->iter_all);
	bpf_link__destroy(probes->iter_waiting);
	for (size_t i = 0; i < 3; i++)
		if (probes->life[i] >= 0)
			close(probes->life[i]);
	pins__unmap(probes->kept, sizeof(*probes->kept));
	unmap_memory(probes->slots, probes->max_streams * sizeof(struct tm_slot));
	unmap_memory(probes->threads, TM_MAX_THREADS * sizeof(struct tm_thread));
	unmap_memory(probes->transits, TRANSITS_SIZE);
	unmap_memory(probes->rpcs, RPCS_SIZE);
	unmap_memory(probes->rpc_requests, RPC_REQUESTS_SIZE);
	unmap_memory(probes->losses, TM_LOST_COUNT * sizeof(uint64_t));
	unmap_memory(probes->runs, RUNS_SIZE);
	tapmeter_bpf__destroy(probes->skel);
	free(probes);
}

void probes__leave(struct probes *probes)
{
	__atomic_store_n(&probes->leaving, probes->pins != NULL, __ATOMIC_RELAXED);
}

enum pins_outcome probes__outcome(const struct probes *probes)
{
	return probes->outcome;
}

struct probes_kept *probes__kept(const struct probes *probes)
{
	return probes->kept;
}

void probes__open_gap(struct probes *probes, int counts_lost)
{
	if (!probes->gap_since_ns)
		probes->gap_since_ns = counts_lost ? last_alive(probes->kept) : monotonic_ns();
}

uint64_t probes__gap_since(const struct probes *probes)
{
	return probes->gap_since_ns;
}

static int read_array(const struct bpf_map *map, void *out, size_t size)
{
	for (uint32_t i = 0; i < TM_MAX_SPECS; i++)
		if (bpf_map_lookup_elem(bpf_map__fd(map), &i, (char *)out + i * size))
			return -errno;
	return 0;
}

int probes__specs(const struct probes *probes, struct tm_spec *specs,
		  struct tm_result_spec *results)
{
	int err = read_array(probes->skel->maps.specs, specs, sizeof(*specs));

	return err ? err : read_array(probes->skel->maps.result_specs, results, sizeof(*results));
}
