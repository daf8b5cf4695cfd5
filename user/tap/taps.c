/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "tap/mapped_file.h"
#include "tap/taps_parts.h"
#include "util/aside.h"
#include "util/knownstat.h"

#define LETTING_GO_NS 500000000ull /* of each sweep, for links that cannot be closed aside */
#define GIVEN_UP_NS 30000000000ull /* the first time; twice as long each time after */
#define GIVEN_UP_MAX_NS 600000000000ull

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* ---- cost ------------------------------------------------------------------------------- */

static struct spent *spent_of(const struct taps *taps, const struct tap *tap)
{
	size_t i = 0;

	while (taps->shared.profiles[i] != tap->profile)
		i++;
	return &taps->spent[i][tap->function - tap->profile->functions];
}

void taps__forget_file(struct taps *taps, struct tap_file *file)
{
	for (size_t i = 0; file && i < file->tap_count; i++) {
		const struct tap *tap = &file->taps[i];

		if (tap->refused)
			continue;
		spent_of(taps, tap)->runs += tap__runs(&taps->shared, tap);
		spent_of(taps, tap)->cost_ns += tap__cost(&taps->shared, tap);
	}
	tap_file__free(&taps->shared, file);
}

/* ---- all files ------------------------------------------------------------------------------- */

static int allocate_spent(struct taps *taps)
{
	taps->spent = calloc(taps->shared.profile_count + 1, sizeof(struct spent *));
	if (!taps->spent)
		return -ENOMEM;
	for (size_t i = 0; i < taps->shared.profile_count; i++) {
		taps->spent[i] =
			calloc(taps->shared.profiles[i]->function_count, sizeof(**taps->spent));
		if (!taps->spent[i])
			return -ENOMEM;
	}
	return 0;
}

/* Tells the BPF programs which names and numbers stand for which operations. */
static int set_names(struct taps *taps, uint32_t first_op, uint32_t function,
		     const struct profile_name *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct tm_name_key key = { .table = first_op };
		struct tm_number_name number = { (uint64_t)names[i].number,
						 function,
						 { 0 },
						 TM_NUMBER_MARK };
		int err;

		if (names[i].text)
			snprintf(key.name, sizeof(key.name), "%s", names[i].text);
		else
			memcpy(key.name, &number, sizeof(number));
		err = probes__set_name(taps->shared.probes, &key,
				       first_op + (uint32_t)names[i].operation);
		if (err)
			return err;
	}
	return 0;
}

static int set_profile_names(struct taps *taps, size_t index)
{
	const struct profile *profile = taps->shared.profiles[index];
	uint32_t first_op = taps->shared.first_op[index];
	int err = set_names(taps, first_op, 0, profile->commands, profile->command_count);

	for (size_t i = 0; i < profile->function_count && !err; i++)
		err = set_names(taps, first_op, (uint32_t)i, profile->functions[i].numbers,
				profile->functions[i].number_count);
	return err;
}

static int number_operations(struct taps *taps)
{
	uint32_t next = 1;

	taps->shared.first_op =
		calloc(taps->shared.profile_count + 1, sizeof(*taps->shared.first_op));
	if (!taps->shared.first_op)
		return -ENOMEM;
	for (size_t i = 0; i < taps->shared.profile_count; i++) {
		taps->shared.first_op[i] = next;
		next += (uint32_t)taps->shared.profiles[i]->operation_count;
	}
	taps->shared.first_op[taps->shared.profile_count] = next;
	return next < UINT16_MAX ? 0 : -E2BIG;
}

static void reserve_spec(void *arg, uint32_t index, const struct tm_spec *spec)
{
	struct taps *taps = arg;

	taps->shared.spec_used[index] = 1;
	taps->spec_of_adopted[index] = spec->file;
	for (size_t i = 0; spec->object_class && i < taps->shared.profile_count; i++)
		if (spec->op >= taps->shared.first_op[i] && spec->op < taps->shared.first_op[i + 1])
			taps->shared.class_profile[spec->object_class] = taps->shared.profiles[i];
}

/* Numbers that a former agent has given out are not given out again. */
static int adopt(struct taps *taps, struct pins *pins)
{
	int err;

	if (!pins || probes__outcome(taps->shared.probes) != PINS_ADOPTED)
		return 0;
	err = adopted__new(taps->shared.probes, pins, &taps->shared.adopted);
	if (err)
		return err;
	/* the former agent may have ended while it was on */
	probes__overlap(taps->shared.probes, 0);
	taps->shared.next_file = adopted__last_file(taps->shared.adopted);
	adopted__each_spec(taps->shared.adopted, reserve_spec, taps);
	return 0;
}

int taps__new(struct probes *probes, const struct profile *const *profiles, size_t count,
	      const struct probe_cost *cost, const struct taps_callbacks *callbacks,
	      struct taps **out)
{
	struct taps *taps = calloc(1, sizeof(*taps));
	int err;

	if (!taps)
		return -ENOMEM;
	taps->shared.probes = probes;
	taps->shared.aside = callbacks->aside;
	taps->shared.profiles = profiles;
	taps->shared.profile_count = count;
	taps->shared.cost = *cost;
	taps->shared.transit = callbacks->transit;
	taps->cb = *callbacks;
	err = closer__new(&taps->closer);
	if (!err)
		err = intake__new(&taps->intake);
	if (!err)
		err = seen__new(&taps->seen);
	if (!err)
		err = seen__new(&taps->unsafe);
	if (!err)
		err = host_mounts__new(callbacks->host_mountinfo, &taps->host_mounts);
	if (!err)
		err = number_operations(taps);
	if (!err)
		err = allocate_spent(taps);
	for (size_t i = 0; i < count && !err; i++)
		err = set_profile_names(taps, i);
	if (!err)
		err = adopt(taps, callbacks->pins);
	if (err) {
		taps__free(taps);
		return err;
	}
	*out = taps;
	return 0;
}

void taps__free(struct taps *taps)
{
	struct tap_file *next;

	if (!taps)
		return;
	closer__free(taps->closer);
	for (struct tap_file *file = taps->files; file; file = next) {
		next = file->next;
		taps__forget_file(taps, file);
	}
	adopted__free(taps->shared.adopted);
	seen__free(taps->seen);
	seen__free(taps->unsafe);
	host_mounts__free(taps->host_mounts);
	for (size_t i = 0; taps->spent && i < taps->shared.profile_count; i++)
		free(taps->spent[i]);
	free(taps->spent);
	/* who is left behind there still needs it, as long as this process lives */
	if (!taps->shared.aside || !aside__left_behind(taps->shared.aside))
		free(taps->shared.first_op);
	intake__free(taps->intake);
	free(taps->fresh);
	free(taps);
}

int taps__is_held(struct taps *taps, const struct tm_mapping *m, char *reason, size_t size)
{
	uint32_t tgid;

	if (taps->cb.dry_run || probes__file_is_held(taps->shared.probes, m->inode_at, &tgid) <= 0)
		return 0;
	if (reason && tgid)
		snprintf(reason, size,
			 "process %u, which maps the file, holds the lock of its memory", tgid);
	else if (reason)
		snprintf(reason, size, "a process that maps the file holds the lock of its memory");
	return 1;
}

int taps__look(struct taps *taps, uint32_t tgid, uint64_t now_ns)
{
	taps->now_ns = now_ns;
	host_mounts__outdate(taps->host_mounts);
	return tgid ? scan(taps, tgid) : 0;
}

/* Nobody calls its functions any more: its numbers are free once the probes are off. */
static void detach(struct taps *taps, struct tap_file *file)
{
	taps->cb.detached(taps->cb.arg, file->path, file->number,
			  "no process maps the file any more");
	file->closing = closer__close(taps->closer, file->link);
	file->link = NULL;
}

/* 1: the file was not mapped for that long, and to let go of it keeps nobody waiting. */
static int may_let_go(struct taps *taps, struct tap_file *file, uint64_t linger_ns)
{
	if (file->closing || file->processes || taps->now_ns - file->last_mapped_ns < linger_ns)
		return 0;
	/* probes that may still be set name its numbers: no other file gets these before that is over */
	if (file->linking && !file->link)
		tap_file__poll_link(&taps->shared, file);
	if (file->linking)
		return 0;
	if (!tap_file__is_linked(file) || !taps__is_held(taps, &file->last, NULL, 0))
		return 1;
	file->last_mapped_ns = taps->now_ns; /* by who holds its memory's lock */
	return 0;
}

static void detach_unmapped(struct taps *taps, uint64_t linger_ns)
{
	struct tap_file **at = &taps->files;

	while (*at) {
		struct tap_file *file = *at;

		if (may_let_go(taps, file, linger_ns))
			detach(taps, file);
		if (!file->closing || !closer__is_closed(taps->closer, file->closing)) {
			at = &file->next;
			continue;
		}
		*at = file->next;
		seen__remove(taps->seen, &file->key);
		taps__forget_file(taps, file);
	}
}

/*
 * A link keeps the mount busy that it was made through. When the process has gone whose mount that was, a container's
 * perhaps, the link is made anew through the mount of a process that is still there.
 */
static void rehome_link(struct taps *taps, struct tap_file *file)
{
	struct mapped_file mapped;
	struct stat st;

	if (!file->link || file->opener_seen || !file->processes ||
	    !taps__may_open(taps, &file->last) || taps__is_held(taps, &file->last, NULL, 0))
		return;
	if (mapped_file__open(taps->cb.aside, &file->last, NULL, &mapped))
		return; /* at the next sweep, through another process */
	if (!known_stat(mapped.fd, &st) && st.st_dev == file->link_device) {
		file->opener = file->last.process;
	} else {
		probes__overlap(taps->shared.probes, 1);
		if (tap_file__link(&taps->shared, file, mapped.fd, 0) != -EINPROGRESS)
			probes__overlap(taps->shared.probes, 0);
	}
	mapped_file__close(&mapped);
}

/* Its new link has taken long. */
static void end_rehoming(struct taps *taps, struct tap_file *file)
{
	if (tap_file__poll_link(&taps->shared, file) != -EINPROGRESS)
		probes__overlap(taps->shared.probes, 0);
}

static void begin_sweep(struct tap_file *file)
{
	file->processes = 0;
	mappers__begin(&file->mappers);
	file->opener_seen = 0;
	for (size_t i = 0; i < TAPS_MAX_PROCESSES; i++)
		file->links[i].seen = 0;
}

static void close_unseen_links(struct taps *taps, struct tap_file *file)
{
	for (size_t i = 0; i < TAPS_MAX_PROCESSES; i++)
		if (file->links[i].tgid && !file->links[i].seen &&
		    !taps__is_held(taps, &file->last, NULL, 0))
			process_link__close(&file->links[i]);
}

/* What takes long waits for the next sweep, however many files there are. */
static void tend_links(struct taps *taps)
{
	uint64_t end_ns = monotonic_ns() + LETTING_GO_NS;

	for (struct tap_file *file = taps->files; file && monotonic_ns() < end_ns;
	     file = file->next) {
		close_unseen_links(taps, file);
		if (!file->link || !file->linking)
			rehome_link(taps, file);
		else
			end_rehoming(taps, file);
	}
}

static void tell_passed_over(void *arg, const struct intake_owner *owner)
{
	const struct taps *taps = arg;
	const struct taps_passed_over more = { owner->late, owner->full, owner->unsafe,
					       owner->busy };

	if (taps->cb.passed_over)
		taps->cb.passed_over(taps->cb.arg, owner->name, &more);
}

struct taps_passed_over taps__passed_over(const struct taps *taps)
{
	return taps->passed_over;
}

int taps__sweep(struct taps *taps, uint64_t now_ns, uint64_t linger_ns)
{
	int err;

	taps->now_ns = now_ns;
	host_mounts__outdate(taps->host_mounts);
	if (!taps->first_sweep_ns)
		taps->first_sweep_ns = now_ns;
	taps->sweeping = 1;
	for (struct tap_file *file = taps->files; file; file = file->next)
		begin_sweep(file);
	err = scan(taps, 0);
	taps->sweeping = 0;
	intake__sweep(taps->intake, now_ns, tell_passed_over, taps);
	if (err) /* an incomplete list is no reason to let go */
		return err;
	tend_links(taps);
	detach_unmapped(taps, linger_ns);
	scan_drop_unclaimed(taps);
	return 0;
}

uint64_t taps__spent(const struct taps *taps)
{
	uint64_t cost = 0;

	for (const struct tap_file *file = taps->files; file; file = file->next)
		cost += tap_file__cost(&taps->shared, file);
	for (size_t i = 0; i < taps->shared.profile_count; i++)
		for (size_t j = 0; j < taps->shared.profiles[i]->function_count; j++)
			cost += taps->spent[i][j].cost_ns;
	return cost;
}

/* A new link that has taken long is not wanted any more. */
static void stop_rehoming(struct taps *taps, struct tap_file *file)
{
	if (!file->link || !file->linking)
		return;
	linking__abandon(file->linking);
	file->linking = NULL;
	probes__overlap(taps->shared.probes, 0);
}

static void give_up(struct taps *taps, struct tap_file *file)
{
	uint64_t twice = 2 * file->given_up_ns;

	file->given_up_ns = !twice		    ? GIVEN_UP_NS :
			    twice < GIVEN_UP_MAX_NS ? twice :
						      GIVEN_UP_MAX_NS;
	file->retry_ns = taps->now_ns + file->given_up_ns;
	snprintf(file->reason, sizeof(file->reason), "given up for %u s: over --overhead.budget",
		 (unsigned)(file->given_up_ns / 1000000000ull));
	stop_rehoming(taps, file);
	tap_file__unlink(file);
	taps->cb.detached(taps->cb.arg, file->path, file->number, file->reason);
}

int taps__give_up_dearest(struct taps *taps, uint64_t now_ns)
{
	struct tap_file *dearest = NULL;
	uint64_t most = 0;

	taps->now_ns = now_ns;
	for (struct tap_file *file = taps->files; file; file = file->next) {
		uint64_t cost = tap_file__cost(&taps->shared, file);
		uint64_t spent = cost - file->spent_before;

		file->spent_before = cost;
		if (tap_file__is_linked(file) && spent >= most &&
		    !taps__is_held(taps, &file->last, NULL, 0)) {
			most = spent;
			dearest = file;
		}
	}
	if (!dearest)
		return 0;
	give_up(taps, dearest);
	return 1;
}

/* Over the files of now, and those that have gone. */
static struct spent function_spent(const struct taps *taps, size_t profile, size_t function)
{
	struct spent sum = taps->spent[profile][function];

	for (const struct tap_file *file = taps->files; file; file = file->next)
		for (size_t i = 0; i < file->tap_count; i++) {
			const struct tap *tap = &file->taps[i];

			if (tap->function != &taps->shared.profiles[profile]->functions[function])
				continue;
			sum.runs += tap__runs(&taps->shared, tap);
			sum.cost_ns += tap__cost(&taps->shared, tap);
		}
	return sum;
}

int taps__each_function(const struct taps *taps, taps_function_fn fn, void *arg)
{
	for (size_t i = 0; i < taps->shared.profile_count; i++)
		for (size_t j = 0; j < taps->shared.profiles[i]->function_count; j++) {
			struct spent spent = function_spent(taps, i, j);
			int err = 0;

			if (spent.runs)
				err = fn(arg, taps->shared.profiles[i],
					 taps->shared.profiles[i]->functions[j].symbol, spent.runs,
					 spent.cost_ns);
			if (err)
				return err;
		}
	return 0;
}

size_t taps__up(const struct taps *taps)
{
	size_t count = 0;

	for (const struct tap_file *file = taps->files; file; file = file->next)
		count += tap_file__is_linked(file) ? tap_file__functions(file) : 0;
	return count;
}

int taps__each(const struct taps *taps, taps_each_fn fn, void *arg)
{
	for (const struct tap_file *file = taps->files; file; file = file->next)
		for (size_t i = 0; i < file->tap_count && !file->closing; i++) {
			const struct tap *tap = &file->taps[i];
			struct tap_info info = {
				.profile = tap->profile,
				.path = file->path,
				.function = tap->function->symbol,
				.offset = tap->placement.offset,
				.function_offset = tap->symbol.offset,
				.instruction = tap->placement.instruction,
				.placement = tap->placement.reason,
				.up = tap_file__is_linked(file) && !tap->refused,
				.adopted = !tap->refused && probe_link__is_adopted(file->link),
				.reason = !tap->refused	  ? file->reason :
					  tap->refused[0] ? tap->refused :
							    tap->why,
				.processes = file->processes,
			};
			int err = fn(arg, &info);

			if (err)
				return err;
		}
	return 0;
}

const struct profile *taps__operation(const struct taps *taps, uint32_t op,
				      const struct operation **operation)
{
	for (size_t i = 0; i < taps->shared.profile_count; i++)
		if (op >= taps->shared.first_op[i] && op < taps->shared.first_op[i + 1]) {
			*operation =
				&taps->shared.profiles[i]->operations[op - taps->shared.first_op[i]];
			return taps->shared.profiles[i];
		}
	return NULL;
}

const struct profile *taps__class_profile(const struct taps *taps, uint32_t object_class)
{
	return object_class < TM_MAX_OBJECT_CLASSES ? taps->shared.class_profile[object_class] :
						      NULL;
}
