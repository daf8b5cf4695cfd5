/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/taps.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "tap/closer.h"
#include "tap/hostmounts.h"
#include "tap/intake.h"
#include "tap/seen.h"
#include "tap/tapfile.h"
#include "util/knownstat.h"

#define MAX_REMEMBERED 65536 /* files known to be of no interest */
#define MAX_FRESH 65536 /* mappings of one owner that one scan looks at */
#define LETTING_GO_NS 500000000ull /* of each sweep, for links that cannot be closed aside */
#define RETRY_NS 10000000000ull /* after a failed attach */
#define GIVEN_UP_NS 30000000000ull /* the first time; twice as long each time after */
#define GIVEN_UP_MAX_NS 600000000000ull

/* What functions of files that have gone have cost. */
struct spent {
	uint64_t runs, cost_ns;
};

struct taps {
	struct tap_shared shared;
	struct spent **spent; /* by profile, then function */
	struct taps_callbacks cb;
	struct closer *closer;
	struct intake *intake;
	struct taps_passed_over passed_over;
	/* of the scan under way */
	struct intake_owner *owner; /* of process owner_tgid; NULL: it has gone */
	uint32_t owner_tgid;
	uint64_t round; /* number of scans */
	struct seen_files *seen;
	struct seen_files *unsafe; /* that may not be opened */
	struct host_mounts *host_mounts;
	struct tap_file *files;
	uint64_t now_ns;
	uint32_t spec_of_adopted[TM_MAX_SPECS]; /* the number of its file, 0 = none */
	int sweeping;
	/* mappings of files not seen before, looked at after the iteration */
	struct tm_mapping *fresh;
	size_t fresh_count, fresh_cap;
};

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* Forgets the files of no interest when there are very many; the tapped ones stay. */
static void trim_seen(struct taps *taps)
{
	if (seen__count(taps->unsafe) >= MAX_REMEMBERED)
		seen__clear(taps->unsafe);
	if (seen__count(taps->seen) < MAX_REMEMBERED)
		return;
	seen__clear(taps->seen);
	for (struct tap_file *file = taps->files; file; file = file->next)
		seen__add(taps->seen, &file->key, file);
}

/* ---- cost ------------------------------------------------------------------------------- */

static struct spent *spent_of(const struct taps *taps, const struct tap *tap)
{
	size_t i = 0;

	while (taps->shared.profiles[i] != tap->profile)
		i++;
	return &taps->spent[i][tap->function - tap->profile->functions];
}

/* Frees the file; what its functions have cost stays known. */
static void file_forget(struct taps *taps, struct tap_file *file)
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

/* ---- one file ---------------------------------------------------------------------------- */

static int file_attach(struct taps *taps, struct tap_file *file, int fd, uint32_t tgid)
{
	int err;

	file->reason[0] = 0;
	if (!tap_file__functions(file)) { /* nor will there be at another try */
		taps->cb.attached(taps->cb.arg, file->path, 0, file->taps[0].refused);
		return 0;
	}
	err = taps->cb.dry_run || file->link /* a former agent's */ ?
		      0 :
		      tap_file__link(&taps->shared, file, fd, taps->cb.per_process ? tgid : 0);
	if (err) {
		snprintf(file->reason, sizeof(file->reason), "cannot attach: %s", strerror(-err));
		file->retry_ns = taps->now_ns + RETRY_NS;
	}
	taps->cb.attached(taps->cb.arg, file->path, tap_file__functions(file), file->reason);
	return err;
}

static void file_mapped(struct taps *taps, struct tap_file *file, const struct tm_mapping *m)
{
	struct process_link *own = tap_file__find_link(file, m->process.tgid);

	if (own)
		own->seen = 1;
	file->last_mapped_ns = taps->now_ns;
	file->last = *m;
	if (!memcmp(&file->opener, &m->process, sizeof(m->process)))
		file->opener_seen = 1;
	if (taps->sweeping && file->last_tgid != m->process.tgid) {
		file->last_tgid = m->process.tgid;
		file->processes++;
	}
	taps->cb.process(taps->cb.arg, &m->process, file->path);
}

/* Sets probes on a known file: again after a failure, or for another process. */
static void attach_known(struct taps *taps, struct tap_file *file, const struct tm_mapping *m)
{
	char path[PATH_MAX];
	int fd;

	if (taps->cb.selected(taps->cb.arg, &m->process) <= 0 || !taps__may_open(taps, m))
		return;
	file->retry_ns = taps->now_ns + RETRY_NS;
	fd = tap_file__open(m, path, sizeof(path));
	if (fd < 0)
		return;
	file_attach(taps, file, fd, m->process.tgid);
	close(fd);
}

/* Its probes were to be taken off, as nobody mapped it. */
static void revive(struct taps *taps, struct tap_file *file)
{
	file->link = closer__take_back(taps->closer, file->closing);
	file->closing = 0;
	if (file->link) {
		taps->cb.attached(taps->cb.arg, file->path, tap_file__functions(file), "");
		return;
	}
	if (!file->reason[0])
		snprintf(file->reason, sizeof(file->reason), "no process mapped the file");
	file->retry_ns = taps->now_ns;
}

static void known_mapped(struct taps *taps, struct tap_file *file, const struct tm_mapping *m)
{
	if (file->closing)
		revive(taps, file);
	file_mapped(taps, file, m);
	if (file->reason[0] ? taps->now_ns >= file->retry_ns :
			      taps->cb.per_process && tap_file__functions(file) &&
				      !tap_file__find_link(file, m->process.tgid))
		attach_known(taps, file, m);
}

static void drop_adopted(struct taps *taps, struct adopted_file *file, const char *path,
			 const char *reason)
{
	uint32_t number = file->name.number;

	adopted__drop(taps->shared.adopted, file);
	for (uint32_t spec = 0; spec < TM_MAX_SPECS; spec++)
		if (taps->spec_of_adopted[spec] == number) {
			taps->spec_of_adopted[spec] = 0;
			taps->shared.spec_used[spec] = 0;
		}
	taps->cb.detached(taps->cb.arg, path, number, reason);
}

static void replace_adopted(struct taps *taps, const struct file_key *key, const char *path)
{
	struct pinned_link name = tap_file__name(key, 0);

	probes__open_gap(taps->shared.probes, 0);
	drop_adopted(taps, adopted__find(taps->shared.adopted, &name), path,
		     "replaced: a former agent tapped it otherwise");
}

/*
 * Specs of the file that had been taken over have been given back, and its programs do without them: there is no going on
 * with it.
 */
static void give_up_adopted(struct taps *taps, const struct file_key *key, const char *path)
{
	struct pinned_link name = tap_file__name(key, 0);
	struct adopted_file *file = adopted__find(taps->shared.adopted, &name);

	if (file && !file->claimed)
		replace_adopted(taps, key, path);
}

/* No time or no memory for it: a former agent's file goes on until it is looked at. */
static void miss(struct taps *taps, const struct tm_mapping *m)
{
	struct file_key key = tap_file__key(m);
	struct pinned_link name = tap_file__name(&key, 0);
	struct adopted_file *file = adopted__find(taps->shared.adopted, &name);

	if (file)
		file->missed = taps->round;
}

/* After all processes have been looked at: what nobody maps, or nobody wants tapped any more. */
static void drop_unclaimed(struct taps *taps)
{
	struct adopted_file *file;

	while ((file = adopted__unclaimed(taps->shared.adopted, taps->round)))
		drop_adopted(taps, file, "(a file that a former agent tapped)",
			     "no process maps the file any more, or no profile means it");
}

/* ---- whose time it takes ------------------------------------------------------------------ */

/* Whom a process belongs to; NULL if it has gone. */
static struct intake_owner *owner_of(struct taps *taps, uint32_t tgid)
{
	char name[INTAKE_OWNER_SIZE] = "";

	if (taps->owner_tgid == tgid)
		return taps->owner;
	taps->owner_tgid = tgid;
	taps->owner = NULL;
	if (!taps->cb.owner(taps->cb.arg, tgid, name, sizeof(name)))
		taps->owner = intake__owner(taps->intake, name, taps->now_ns);
	return taps->owner;
}

static void pass_over(struct taps *taps, struct intake_owner *owner)
{
	owner->late++;
	taps->passed_over.late++;
}

/* The owner, if there is time for its files now; else they are passed over, which is counted. */
static struct intake_owner *owner_with_time(struct taps *taps, uint32_t tgid)
{
	struct intake_owner *owner = owner_of(taps, tgid);

	if (owner && !intake__has_time(owner)) {
		pass_over(taps, owner);
		return NULL;
	}
	return owner;
}

/* ---- files not seen before ------------------------------------------------------------------ */

/* 1 if there is nothing to look into. That there was no room for another's file says nothing of this owner's. */
static int is_known(struct taps *taps, const struct seen *seen, const struct tm_mapping *m)
{
	const struct intake_owner *owner;

	if (!seen || seen->file || !seen->no_room_for)
		return seen != NULL;
	owner = owner_of(taps, m->process.tgid);
	return owner && owner->number == seen->no_room_for && taps->now_ns < seen->again_ns;
}

static void no_room(struct taps *taps, struct intake_owner *owner, const struct file_key *key)
{
	owner->full++;
	taps->passed_over.full++;
	if (seen__add(taps->seen, key, NULL))
		return;
	seen__find(taps->seen, key)->again_ns = taps->now_ns + RETRY_NS;
	seen__find(taps->seen, key)->no_room_for = owner->number;
}

/* ---- who may not be asked -------------------------------------------------------------------- */

int taps__may_open(struct taps *taps, const struct tm_mapping *m)
{
	return !m->fuse || host_mounts__have(taps->host_mounts, m->fuse);
}

/* What is mapped may be another's file that a FUSE filesystem passes reads through to: nothing is held against that. */
static struct file_key unsafe_key(const struct tm_mapping *m)
{
	struct file_key key = tap_file__key(m);

	key.device = m->fuse;
	return key;
}

/* 1 if it was found so a moment ago. */
static int is_unsafe(const struct taps *taps, const struct tm_mapping *m)
{
	struct file_key key = unsafe_key(m);
	const struct seen *seen = m->fuse ? seen__find(taps->unsafe, &key) : NULL;

	return seen && taps->now_ns < seen->again_ns;
}

/* By and by it is found out anew: the number may have become another filesystem's. Each file counts once. */
static void pass_over_unsafe(struct taps *taps, struct intake_owner *owner,
			     const struct tm_mapping *m)
{
	struct file_key key = unsafe_key(m);

	if (!seen__find(taps->unsafe, &key)) {
		if (seen__add(taps->unsafe, &key, NULL))
			return;
		owner->unsafe++;
		taps->passed_over.unsafe++;
	}
	seen__find(taps->unsafe, &key)->again_ns = taps->now_ns + RETRY_NS;
}

/* ---- looking into them ------------------------------------------------------------------------ */

static int file_new(struct taps *taps, const struct file_key *key, int fd, const char *path,
		    struct intake_owner *owner, struct tap_file **out)
{
	int err = tap_file__new(&taps->shared, key, fd, path, &owner->share, out);

	if (err == -ENOMEM)
		give_up_adopted(taps, key, path);
	if (err != -ESTALE)
		return err;
	replace_adopted(taps, key, path);
	return tap_file__new(&taps->shared, key, fd, path, &owner->share, out);
}

static void look_into(struct taps *taps, const struct tm_mapping *m, struct intake_owner *owner)
{
	struct file_key key = tap_file__key(m);
	struct tap_file *file = NULL;
	char path[PATH_MAX];
	int fd, err;

	fd = tap_file__open(m, path, sizeof(path));
	if (fd < 0 && fd != -ENOEXEC) {
		miss(taps, m);
		return; /* gone, or not allowed: looked at again the next time */
	}
	seen__remove(taps->seen, &key);
	err = fd < 0 ? 0 : file_new(taps, &key, fd, path, owner, &file);
	if (err == -ENOSPC || err == -EDQUOT)
		no_room(taps, owner, &key);
	else if (!err)
		err = seen__add(taps->seen, &key, file);
	if (err) {
		if (file && file->adopted) /* its link goes with it */
			probes__open_gap(taps->shared.probes, 0);
		file_forget(taps, file);
	} else if (file) {
		file->next = taps->files;
		taps->files = file;
		file->last = *m;
		file_attach(taps, file, fd, m->process.tgid);
		file_mapped(taps, file, m);
	}
	if (fd >= 0)
		close(fd);
}

static void inspect(struct taps *taps, const struct tm_mapping *m)
{
	struct file_key key = tap_file__key(m);
	struct seen *seen = seen__find(taps->seen, &key);
	struct intake_owner *owner;

	if (is_known(taps, seen, m)) { /* by another mapping of the same round */
		if (seen->file)
			known_mapped(taps, seen->file, m);
		return;
	}
	owner = owner_with_time(taps, m->process.tgid);
	if (!owner) {
		miss(taps, m);
		return;
	}
	intake__begin(taps->intake);
	if (taps__may_open(taps, m))
		look_into(taps, m, owner);
	else
		pass_over_unsafe(taps, owner, m);
	intake__charge(taps->intake, owner);
}

static int make_room_for_fresh(struct taps *taps)
{
	size_t cap = taps->fresh_cap ? 2 * taps->fresh_cap : 256;
	struct tm_mapping *grown;

	if (taps->fresh_count < taps->fresh_cap)
		return 0;
	grown = realloc(taps->fresh, cap * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	taps->fresh = grown;
	taps->fresh_cap = cap;
	return 0;
}

/* To be looked into after all have been seen. -errno: not this time. */
static int add_fresh(struct taps *taps, const struct tm_mapping *m)
{
	struct intake_owner *owner = owner_with_time(taps, m->process.tgid);

	if (!owner)
		return -EAGAIN;
	if (owner->round != taps->round) {
		owner->round = taps->round;
		owner->fresh = 0;
	}
	if (owner->fresh == MAX_FRESH) {
		pass_over(taps, owner);
		return -EAGAIN;
	}
	if (make_room_for_fresh(taps))
		return -ENOMEM;
	owner->fresh++;
	taps->fresh[taps->fresh_count++] = *m;
	return 0;
}

static void on_mapping(void *arg, const struct tm_mapping *m)
{
	struct taps *taps = arg;
	struct file_key key = tap_file__key(m);
	struct seen *seen = seen__find(taps->seen, &key);
	int selected;

	if (is_known(taps, seen, m)) {
		if (seen->file)
			known_mapped(taps, seen->file, m);
		return;
	}
	if (is_unsafe(taps, m))
		return;
	selected = taps->cb.selected(taps->cb.arg, &m->process);
	if (selected < 0 || (selected && add_fresh(taps, m)))
		miss(taps, m);
}

static void look_into_fresh(struct taps *taps)
{
	for (size_t i = 0; i < taps->fresh_count; i++) {
		inspect(taps, &taps->fresh[i]);
		if (taps->cb.progress)
			taps->cb.progress(taps->cb.arg, i + 1, taps->fresh_count);
	}
}

/* One process's mappings, or with tgid 0 all. */
static int scan(struct taps *taps, uint32_t tgid)
{
	struct intake_owner *owner = NULL;
	int err;

	taps->owner_tgid = 0;
	taps->round++;
	if (tgid) {
		owner = owner_with_time(taps, tgid);
		if (!owner)
			return 0;
	}
	trim_seen(taps);
	taps->fresh_count = 0;
	intake__begin(taps->intake);
	err = probes__mappings(taps->shared.probes, (pid_t)tgid, on_mapping, taps);
	if (owner)
		intake__charge(taps->intake, owner);
	look_into_fresh(taps);
	return err;
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
		file_forget(taps, file);
	}
	adopted__free(taps->shared.adopted);
	seen__free(taps->seen);
	seen__free(taps->unsafe);
	host_mounts__free(taps->host_mounts);
	for (size_t i = 0; taps->spent && i < taps->shared.profile_count; i++)
		free(taps->spent[i]);
	free(taps->spent);
	free(taps->shared.first_op);
	intake__free(taps->intake);
	free(taps->fresh);
	free(taps);
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

static void detach_unmapped(struct taps *taps, uint64_t linger_ns)
{
	struct tap_file **at = &taps->files;

	while (*at) {
		struct tap_file *file = *at;

		if (!file->closing && !file->processes &&
		    taps->now_ns - file->last_mapped_ns >= linger_ns)
			detach(taps, file);
		if (!file->closing || !closer__is_closed(taps->closer, file->closing)) {
			at = &file->next;
			continue;
		}
		*at = file->next;
		seen__remove(taps->seen, &file->key);
		file_forget(taps, file);
	}
}

/*
 * A link keeps the mount busy that it was made through. When the process has gone whose mount that was, a container's
 * perhaps, the link is made anew through the mount of a process that is still there.
 */
static void rehome_link(struct taps *taps, struct tap_file *file)
{
	struct probe_link *old = file->link;
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (!old || file->opener_seen || !file->processes || !taps__may_open(taps, &file->last))
		return;
	fd = tap_file__open(&file->last, path, sizeof(path));
	if (fd < 0)
		return; /* at the next sweep, through another process */
	if (!known_stat(fd, &st) && st.st_dev == file->link_device) {
		file->opener = file->last.process;
	} else {
		probes__overlap(taps->shared.probes, 1);
		if (tap_file__link(&taps->shared, file, fd, 0))
			file->link = old;
		else
			probe_link__free(old);
		probes__overlap(taps->shared.probes, 0);
	}
	close(fd);
}

static void begin_sweep(struct tap_file *file)
{
	file->processes = file->last_tgid = 0;
	file->opener_seen = 0;
	for (size_t i = 0; i < TAPS_MAX_PROCESSES; i++)
		file->links[i].seen = 0;
}

static void close_unseen_links(struct tap_file *file)
{
	for (size_t i = 0; i < TAPS_MAX_PROCESSES; i++)
		if (file->links[i].tgid && !file->links[i].seen)
			process_link__close(&file->links[i]);
}

/* What takes long waits for the next sweep, however many files there are. */
static void tend_links(struct taps *taps)
{
	uint64_t end_ns = monotonic_ns() + LETTING_GO_NS;

	for (struct tap_file *file = taps->files; file && monotonic_ns() < end_ns;
	     file = file->next) {
		close_unseen_links(file);
		rehome_link(taps, file);
	}
}

static void tell_passed_over(void *arg, const struct intake_owner *owner)
{
	const struct taps *taps = arg;
	const struct taps_passed_over more = { owner->late, owner->full, owner->unsafe };

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
	drop_unclaimed(taps);
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

static void give_up(struct taps *taps, struct tap_file *file)
{
	uint64_t twice = 2 * file->given_up_ns;

	file->given_up_ns = !twice		    ? GIVEN_UP_NS :
			    twice < GIVEN_UP_MAX_NS ? twice :
						      GIVEN_UP_MAX_NS;
	file->retry_ns = taps->now_ns + file->given_up_ns;
	snprintf(file->reason, sizeof(file->reason), "given up for %u s: over --overhead.budget",
		 (unsigned)(file->given_up_ns / 1000000000ull));
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
		if (tap_file__is_linked(file) && spent >= most) {
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
