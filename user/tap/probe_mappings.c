/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who maps which file, without waiting for anybody: a process may hold the lock of its memory for as long as it likes. Who
 * cannot be looked at is tried some more times, and then only named.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "tap/probes_parts.h"
#include "util/aside.h"
#include "tapmeter.skel.h"

#define TRIES 4
#define FIRST_WAIT_NS 500000 /* then twice as long each time */
#define MAX_LEFT 65536 /* processes that are looked at by themselves */
#define MAX_PARTS 4096 /* of one process: a million mappings */
#define HELD_CHECKS 64 /* a lock that many take in turn is free at some of them */
#define HELD_CHECK_NS 1000000
#define HOLDERS_NS 5000000000ull /* who kept it then and has it now is not watched again */

/* Processes that are not done with. */
struct left {
	struct tm_mapping *list;
	size_t count, capacity;
};

struct listing {
	struct probes *probes;
	probes_mapping_fn fn;
	void *arg;
	struct left left;
	struct tm_mapping next; /* where the process goes on that is looked at by itself */
};

typedef void (*record_fn)(struct listing *listing, const struct tm_mapping *record);

static void wait_ns(long ns)
{
	struct timespec time = { .tv_nsec = ns };

	nanosleep(&time, NULL);
}

/* Whom reading has to wait for, if anybody. */
struct waiting {
	struct aside *aside; /* NULL: it waits for nobody */
	uint64_t about;
};

static const struct waiting for_nobody;

static ssize_t read_some(int fd, struct waiting waiting, void *buf, size_t size)
{
	ssize_t got;

	if (waiting.aside)
		return aside__read(waiting.aside, waiting.about, fd, buf, size, -1);
	got = read(fd, buf, size);
	return got < 0 ? -errno : got;
}

static int read_records(int fd, struct waiting waiting, record_fn fn, struct listing *listing)
{
	struct tm_mapping buffer[128];
	size_t have = 0;
	ssize_t got;

	while ((got = read_some(fd, waiting, (char *)buffer + have, sizeof(buffer) - have)) != 0) {
		if (got == -EAGAIN || got == -EINTR)
			continue;
		if (got < 0)
			return (int)got;
		have += (size_t)got;
		for (size_t i = 0; i < have / sizeof(buffer[0]); i++)
			fn(listing, &buffer[i]);
		/* a read may end inside a record */
		memmove(buffer, (char *)buffer + have / sizeof(buffer[0]) * sizeof(buffer[0]),
			have % sizeof(buffer[0]));
		have %= sizeof(buffer[0]);
	}
	return 0;
}

static int iterate(const struct bpf_link *link, struct waiting waiting, record_fn fn,
		   struct listing *listing)
{
	int fd = bpf_iter_create(bpf_link__fd(link)), err;

	if (fd < 0)
		return -errno;
	err = read_records(fd, waiting, fn, listing);
	close(fd);
	return err;
}

static int iterate_process(const struct bpf_program *program, struct waiting waiting, uint32_t tgid,
			   record_fn fn, struct listing *listing)
{
	union bpf_iter_link_info info = { 0 };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);
	struct bpf_link *link;
	int err;

	info.task.pid = tgid;
	/* set one by one: an initialiser may leave the padding behind link_info_len unset, which libbpf refuses */
	opts.link_info = &info;
	opts.link_info_len = sizeof(info);
	link = bpf_program__attach_iter(program, &opts);
	if (!link)
		return -errno;
	err = iterate(link, waiting, fn, listing);
	bpf_link__destroy(link);
	return err;
}

/* 0, or -ENOMEM or -E2BIG: it has not been added. */
static int add(struct left *left, const struct tm_mapping *process)
{
	size_t capacity = left->capacity ? 2 * left->capacity : 64;
	struct tm_mapping *grown;

	if (left->count == MAX_LEFT)
		return -E2BIG;
	if (left->count == left->capacity) {
		grown = realloc(left->list, capacity * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		left->list = grown;
		left->capacity = capacity;
	}
	left->list[left->count++] = *process;
	return 0;
}

static void tell_busy(struct listing *listing, const struct tm_mapping *process)
{
	struct tm_mapping busy = { .process = process->process, .kind = TM_MAPPING_BUSY };

	listing->fn(listing->arg, &busy);
}

static void take_any(struct listing *listing, const struct tm_mapping *record)
{
	if (record->kind == TM_MAPPING_FILE)
		listing->fn(listing->arg, record);
	else if (add(&listing->left, record))
		tell_busy(listing, record);
}

/* Of one process: at most one record is not a file. */
static void take_one(struct listing *listing, const struct tm_mapping *record)
{
	if (record->kind == TM_MAPPING_FILE)
		listing->fn(listing->arg, record);
	else
		listing->next = *record;
}

/* A process by itself, before Linux 6.7. */
static int follow_waiting(struct listing *listing, struct tm_mapping *process)
{
	const struct probes *probes = listing->probes;
	const struct waiting waiting = { probes->aside, ASIDE_PROCESS(process->process.tgid) };
	int err = iterate_process(probes->skel->progs.mapped_files, waiting, process->process.tgid,
				  take_one, listing);

	/* it has taken the lock just now */
	process->kind = err == -ETIMEDOUT || err == -EBUSY ? TM_MAPPING_BUSY : TM_MAPPING_FILE;
	return process->kind == TM_MAPPING_BUSY ? 0 : err;
}

/* A process by itself, until all is told (kind TM_MAPPING_FILE), or it is busy. -errno. */
static int follow(struct listing *listing, struct tm_mapping *process)
{
	const struct tapmeter_bpf *skel = listing->probes->skel;
	int err = 0;

	for (int part = 0; process->kind != TM_MAPPING_FILE && !err && part < MAX_PARTS; part++) {
		if (process->kind == TM_MAPPING_PROCESS)
			return follow_waiting(listing, process);
		skel->bss->mapped_from = process->start;
		memset(&listing->next, 0, sizeof(listing->next)); /* kind TM_MAPPING_FILE */
		err = iterate_process(skel->progs.mapped_files_now, for_nobody,
				      process->process.tgid, take_one, listing);
		*process = listing->next;
		if (process->kind == TM_MAPPING_BUSY)
			break;
	}
	skel->bss->mapped_from = 0;
	return err;
}

/* Keeps those that are busy still. */
static int follow_all(struct listing *listing)
{
	struct left *left = &listing->left;
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; i < left->count && !err; i++) {
		struct tm_mapping process = left->list[i];

		err = follow(listing, &process);
		if (process.kind == TM_MAPPING_BUSY)
			left->list[kept++] = process;
	}
	left->count = kept;
	return err;
}

/* Before Linux 6.7, while nobody holds a lock: all processes at once, which is quicker than one by one. */
static void follow_together(struct listing *listing)
{
	const struct waiting waiting = { listing->probes->aside, ASIDE_PROCESSES };
	const struct left *left = &listing->left;

	for (size_t i = 0; i < left->count; i++)
		if (left->list[i].kind != TM_MAPPING_PROCESS)
			return;
	if (left->count && !iterate(listing->probes->iter_waiting, waiting, take_one, listing))
		listing->left.count = 0;
}

int probes__mappings(struct probes *probes, pid_t pid, probes_mapping_fn fn, void *arg)
{
	struct listing listing = { .probes = probes, .fn = fn, .arg = arg };
	int err;

	err = pid ? iterate_process(probes->skel->progs.mapped_files_now, for_nobody, (uint32_t)pid,
				    take_any, &listing) :
		    iterate(probes->iter_all, for_nobody, take_any, &listing);
	if (!pid && !err)
		follow_together(&listing);
	for (int i = 0; i < TRIES && listing.left.count && !err; i++) {
		if (i)
			wait_ns(FIRST_WAIT_NS << (i - 1));
		err = follow_all(&listing);
	}
	for (size_t i = 0; i < listing.left.count; i++)
		tell_busy(&listing, &listing.left.list[i]);
	free(listing.left.list);
	return err;
}

/* ---- who maps a file --------------------------------------------------------------------------- */

static int ask_who_holds(const struct probes *probes, uint64_t inode_at)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct tapmeter_bpf *skel = probes->skel;

	skel->bss->mappers.inode_at = inode_at;
	return bpf_prog_test_run_opts(bpf_program__fd(skel->progs.file_mappers), &opts) ? -errno :
											  0;
}

static int holds(const struct tm_mappers *mappers, uint64_t memory)
{
	for (uint32_t i = 0; i < mappers->count; i++)
		if (mappers->held[i].memory == memory)
			return 1;
	return 0;
}

/* Leaves in `mappers` those who still hold it. More than can be told of is never left. */
static void keep_those_who_still_do(struct tm_mappers *mappers, const struct tm_mappers *now)
{
	uint32_t kept = 0;

	if (now->count == TM_MAPPERS_HELD)
		return;
	for (uint32_t i = 0; i < mappers->count; i++)
		if (holds(now, mappers->held[i].memory))
			mappers->held[kept++] = mappers->held[i];
	mappers->count = kept;
}

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* Leaves in `mappers` those who keep it. -errno. */
static int watch_holders(struct probes *probes, uint64_t inode_at, struct tm_mappers *mappers)
{
	int err = 0;

	for (int i = 1; i < HELD_CHECKS && mappers->count && !err; i++) {
		wait_ns(HELD_CHECK_NS);
		err = ask_who_holds(probes, inode_at);
		keep_those_who_still_do(mappers, &probes->skel->bss->mappers);
	}
	if (!err && mappers->count) {
		probes->holders = *mappers;
		probes->holders_ns = monotonic_ns();
	}
	return err;
}

int probes__file_is_held(struct probes *probes, uint64_t inode_at, uint32_t *tgid)
{
	struct tm_mappers mappers, known;
	int err = inode_at ? ask_who_holds(probes, inode_at) : -EINVAL;

	if (err)
		return err;
	memcpy(&mappers, &probes->skel->bss->mappers, sizeof(mappers));
	known = mappers;
	if (monotonic_ns() < probes->holders_ns + HOLDERS_NS)
		keep_those_who_still_do(&known, &probes->holders);
	else
		known.count = 0;
	if (known.count)
		mappers = known;
	else
		err = watch_holders(probes, inode_at, &mappers);
	*tgid = mappers.held[0].tgid;
	return err ? err : mappers.count != 0;
}
