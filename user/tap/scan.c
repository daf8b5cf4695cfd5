/* SPDX-License-Identifier: Apache-2.0 */
/* From mappings to taps: which files are known, which are looked into, and for whom there is time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tap/mapped_file.h"
#include "tap/taps_parts.h"

#define MAX_REMEMBERED 65536 /* files known to be of no interest */
#define MAX_FRESH 65536 /* mappings of one owner that one scan looks at */
#define RETRY_NS 10000000000ull /* after a failed attach */
#define HELD_RETRY_NS 2000000000ull /* after one that was not tried */
#define FORMER_NS \
	60000000000ull /* a former agent's files wait so long for who cannot be looked at */

/* ---- one file ---------------------------------------------------------------------------- */

/* It is said once. */
static void put_off(struct taps *taps, struct tap_file *file, const char *reason)
{
	int is_new = strcmp(reason, file->reason) != 0;

	snprintf(file->reason, sizeof(file->reason), "%s", reason);
	file->retry_ns = taps->now_ns + HELD_RETRY_NS;
	if (is_new)
		taps->cb.attached(taps->cb.arg, file->path, tap_file__functions(file),
				  file->reason);
}

/* Setting the probes has been tried. */
static void attach_tried(struct taps *taps, struct tap_file *file, int err)
{
	if (err == -EINPROGRESS) {
		put_off(taps, file, "the Linux kernel has not set the probes yet");
		return;
	}
	if (err == -EALREADY) {
		put_off(taps, file, "the Linux kernel has not set another file's probes yet");
		return;
	}
	file->reason[0] = 0;
	if (err) {
		snprintf(file->reason, sizeof(file->reason), "cannot attach: %s", strerror(-err));
		file->retry_ns = taps->now_ns + RETRY_NS;
	}
	taps->cb.attached(taps->cb.arg, file->path, tap_file__functions(file), file->reason);
}

static void file_attach(struct taps *taps, struct tap_file *file, int fd, uint32_t tgid)
{
	char reason[sizeof(file->reason)];

	if (!tap_file__functions(file)) { /* nor will there be at another try */
		file->reason[0] = 0;
		taps->cb.attached(taps->cb.arg, file->path, 0, file->taps[0].refused);
	} else if (taps->cb.dry_run || file->link /* a former agent's */) {
		attach_tried(taps, file, 0);
	} else if (taps__is_held(taps, &file->last, reason, sizeof(reason))) {
		put_off(taps, file, reason);
	} else {
		attach_tried(taps, file,
			     tap_file__link(&taps->shared, file, fd,
					    taps->cb.per_process ? tgid : 0));
	}
}

static void process_maps(struct taps *taps, struct tap_file *file,
			 const struct tm_process_id *process)
{
	struct process_link *own = tap_file__find_link(file, process->tgid);

	if (own)
		own->seen = 1;
	file->last_mapped_ns = taps->now_ns;
	if (!memcmp(&file->opener, process, sizeof(*process)))
		file->opener_seen = 1;
	if (taps->sweeping && mappers__add(&file->mappers, process) != -EEXIST)
		file->processes++;
	taps->cb.process(taps->cb.arg, process, file->path);
}

static void file_mapped(struct taps *taps, struct tap_file *file, const struct tm_mapping *m)
{
	file->last = *m;
	process_maps(taps, file, &m->process);
}

/* Sets probes on a known file: again after a failure, or for another process. */
static void attach_known(struct taps *taps, struct tap_file *file, const struct tm_mapping *m)
{
	struct mapped_file mapped;

	if (file->linking) {
		attach_tried(taps, file, tap_file__poll_link(&taps->shared, file));
		return;
	}
	if (taps->cb.selected(taps->cb.arg, &m->process) <= 0 || !taps__may_open(taps, m))
		return;
	file->retry_ns = taps->now_ns + RETRY_NS;
	if (mapped_file__open(taps->cb.aside, m, NULL, &mapped))
		return;
	file_attach(taps, file, mapped.fd, m->process.tgid);
	mapped_file__close(&mapped);
}

/* Its probes were to be taken off, as nobody mapped it. */
static void revive(struct taps *taps, struct tap_file *file)
{
	int err = closer__take_back(taps->closer, file->closing, &file->link);

	if (err == -EBUSY)
		return; /* when it is closed at last, the file is looked at anew */
	file->closing = 0;
	if (!err) {
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
	if (file->closing)
		return;
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

void scan_drop_unclaimed(struct taps *taps)
{
	struct adopted_file *file;

	if (taps->any_busy && taps->now_ns < taps->first_sweep_ns + FORMER_NS)
		return;
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

/*
 * Who cannot be looked at still maps what it did when it could be. One look that fails does not matter, as the next sweep
 * looks, too.
 */
static void keep_busy(struct taps *taps, const struct tm_process_id *process)
{
	struct intake_owner *owner;

	if (!taps->sweeping)
		return;
	owner = owner_of(taps, process->tgid);
	if (owner)
		owner->busy++;
	taps->passed_over.busy++;
	taps->any_busy = 1;
	for (struct tap_file *file = taps->files; file; file = file->next)
		if (mappers__had(&file->mappers, process))
			process_maps(taps, file, process);
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

static int file_new(struct taps *taps, const struct tm_mapping *m, struct mapped_file *mapped,
		    struct intake_owner *owner, struct tap_file **out)
{
	struct file_key key = tap_file__key(m);
	int err = tap_file__new(&taps->shared, &key, &mapped->analysis, mapped->path, &owner->share,
				out);

	if (err == -ENOMEM)
		give_up_adopted(taps, &key, mapped->path);
	if (err != -ESTALE)
		return err;
	if (taps__is_held(taps, m, NULL, 0)) {
		miss(taps, m);
		return -EBUSY;
	}
	replace_adopted(taps, &key, mapped->path);
	return tap_file__new(&taps->shared, &key, &mapped->analysis, mapped->path, &owner->share,
			     out);
}

/* The file has been read: it is known from now on. */
static void take_up(struct taps *taps, const struct tm_mapping *m, struct mapped_file *mapped,
		    struct intake_owner *owner)
{
	struct file_key key = tap_file__key(m);
	struct tap_file *file = NULL;
	int err = 0;

	seen__remove(taps->seen, &key);
	if (mapped->analysis.count)
		err = file_new(taps, m, mapped, owner, &file);
	if (err == -ENOSPC || err == -EDQUOT)
		no_room(taps, owner, &key);
	else if (!err)
		err = seen__add(taps->seen, &key, file);
	if (err) {
		if (file && file->adopted) /* its link goes with it */
			probes__open_gap(taps->shared.probes, 0);
		taps__forget_file(taps, file);
	} else if (file) {
		file->next = taps->files;
		taps->files = file;
		file->last = *m;
		file_attach(taps, file, mapped->fd, m->process.tgid);
		file_mapped(taps, file, m);
	}
}

static void look_into(struct taps *taps, const struct tm_mapping *m, struct intake_owner *owner)
{
	const struct analysis_profiles profiles = {
		.list = taps->shared.profiles,
		.count = taps->shared.profile_count,
		.first_op = taps->shared.first_op,
		.transit = taps->shared.transit,
	};
	struct mapped_file mapped;
	int err = mapped_file__open(taps->cb.aside, m, &profiles, &mapped);

	if (err == -ETIMEDOUT || err == -EBUSY) {
		owner->busy++;
		taps->passed_over.busy++;
	}
	if (err && err != -ENOEXEC)
		miss(taps, m); /* gone, or not allowed: looked at again the next time */
	else
		take_up(taps, m, &mapped, owner);
	intake__add(owner, mapped.cpu_ns);
	mapped_file__close(&mapped);
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
	struct seen *seen;
	int selected;

	if (m->kind == TM_MAPPING_BUSY) {
		keep_busy(taps, &m->process);
		return;
	}
	seen = seen__find(taps->seen, &key);
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

int scan(struct taps *taps, uint32_t tgid)
{
	struct intake_owner *owner = NULL;
	int err;

	taps->owner_tgid = 0;
	taps->any_busy = 0;
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
