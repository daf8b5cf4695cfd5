/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPS_FIXTURE_H
#define TAPS_FIXTURE_H
/*
 * What tests of tap/taps.h share: real processes that map files, libraries made for the purpose, so that nothing else on the
 * host is touched, and what is asked for on the way and may fail. To be linked with
 * -Wl,--wrap=elf_file__new,--wrap=probes__attach,--wrap=probes__mappings,--wrap=probes__file_is_held,--wrap=intake__has_time
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include "bpf_test.h"
#include "tap/elf.h"
#include "tap/intake.h"
#include "tap/taps.h"
#include "tapped.h"

#define MAX_STREAMS 256
#define SECOND 1000000000ull
#define START (1000 * SECOND)
#define LINGER (5 * SECOND)
#define MAX_WORKERS 4
#define FUSE_DEVICE 57u

/* ---- what is asked for on the way, and may fail ------------------------------------------ */

static struct {
	unsigned opened; /* files looked into */
	int attach_error, mappings_error;
	struct tm_mapping *forged; /* given out instead of the real ones */
	pid_t no_time; /* for files of this process */
	uint32_t holder; /* of the lock of its memory, who maps every file; 0 = nobody */
} fault;

int __wrap_elf_file__new(int fd, struct elf_file **out, char *err, size_t err_len);
int __real_elf_file__new(int fd, struct elf_file **out, char *err, size_t err_len);
int __wrap_probes__attach(struct probes *to, int fd, const struct probe *list, size_t count,
			  pid_t pid, struct probe_link **out);
int __real_probes__attach(struct probes *to, int fd, const struct probe *list, size_t count,
			  pid_t pid, struct probe_link **out);
int __wrap_probes__mappings(struct probes *of, pid_t pid, probes_mapping_fn fn, void *arg);
int __real_probes__mappings(struct probes *of, pid_t pid, probes_mapping_fn fn, void *arg);

int __wrap_intake__has_time(const struct intake_owner *owner);

int __wrap_probes__file_is_held(struct probes *of, uint64_t inode_at, uint32_t *tgid);
int __real_probes__file_is_held(struct probes *of, uint64_t inode_at, uint32_t *tgid);

int __wrap_probes__file_is_held(struct probes *of, uint64_t inode_at, uint32_t *tgid)
{
	*tgid = fault.holder;
	return fault.holder ? 1 : __real_probes__file_is_held(of, inode_at, tgid);
}

/* However slow this machine is. */
int __wrap_intake__has_time(const struct intake_owner *owner)
{
	return atoi(owner->name) != fault.no_time;
}

int __wrap_elf_file__new(int fd, struct elf_file **out, char *err, size_t err_len)
{
	fault.opened++;
	return __real_elf_file__new(fd, out, err, err_len);
}

int __wrap_probes__attach(struct probes *to, int fd, const struct probe *list, size_t count,
			  pid_t pid, struct probe_link **out)
{
	return fault.attach_error ? fault.attach_error :
				    __real_probes__attach(to, fd, list, count, pid, out);
}

int __wrap_probes__mappings(struct probes *of, pid_t pid, probes_mapping_fn fn, void *arg)
{
	if (fault.mappings_error)
		return fault.mappings_error;
	if (!fault.forged)
		return __real_probes__mappings(of, pid, fn, arg);
	fn(arg, fault.forged);
	return 0;
}

/* ---- processes that map files ------------------------------------------------------------ */

struct worker {
	pid_t pid; /* 0 = none */
	struct signal_pipe told, go_on;
	const char *paths[3]; /* libraries to load */
	int only_map; /* files to map */
	int unload; /* at the only step; else it calls at each */
	const char *overlay; /* mounted on "merged" before, in a mount namespace of its own */
};

static struct worker workers[MAX_WORKERS];

/* Maps a file as if it were a library. */
static inline void *map_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *mapped = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	if (mapped == MAP_FAILED)
		_exit(1);
	close(fd);
	return mapped;
}

struct library {
	void *handle;
	tapped_value_fn *function;
};

static inline void load(const char *path, struct library *out)
{
	out->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!out->handle)
		_exit(1);
	out->function = (tapped_value_fn *)dlsym(out->handle, "tapped_value");
}

/* A link whose descriptor the child has, too, would stay when we close it. */
static inline void keep_pipes_only(const struct worker *worker)
{
	const int *told = worker->told.fds, *go_on = worker->go_on.fds;

	for (int fd = 3; fd < 256; fd++)
		if (fd != told[0] && fd != told[1] && fd != go_on[0] && fd != go_on[1])
			close(fd);
}

static inline void work(void *arg)
{
	const struct worker *worker = arg;
	struct library libraries[3] = { 0 };

	keep_pipes_only(worker);
	if (worker->overlay && (unshare(CLONE_NEWNS) || mount("overlay", in_directory("merged"),
							      "overlay", 0, worker->overlay)))
		_exit(1);
	for (int i = 0; i < 3 && worker->paths[i]; i++)
		if (worker->only_map)
			map_file(worker->paths[i]);
		else
			load(worker->paths[i], &libraries[i]);
	tell(&worker->told);
	for (;;) {
		await(&worker->go_on);
		for (int i = 0; i < 3 && libraries[i].handle; i++)
			if (worker->unload)
				dlclose(libraries[i].handle);
			else
				libraries[i].function(1, 0, 0);
		tell(&worker->told);
	}
}

static inline struct worker *start_prepared(struct worker *worker)
{
	open_pipe(&worker->told);
	open_pipe(&worker->go_on);
	worker->pid = start_child(work, worker);
	await(&worker->told);
	return worker;
}

static inline struct worker *free_worker(void)
{
	for (int i = 0; i < MAX_WORKERS; i++)
		if (!workers[i].pid) {
			memset(&workers[i], 0, sizeof(workers[i]));
			return &workers[i];
		}
	fail_msg("too many workers");
	return NULL;
}

/* A process that has loaded the library. */
static inline struct worker *start_worker(const char *path)
{
	struct worker *worker = free_worker();

	worker->paths[0] = path;
	return start_prepared(worker);
}

/* Lets it call a tapped function of each of its libraries once. */
static inline void step(const struct worker *worker)
{
	tell(&worker->go_on);
	await(&worker->told);
}

static inline void stop_worker(struct worker *worker)
{
	kill_child(worker->pid);
	close_pipe(&worker->told);
	close_pipe(&worker->go_on);
	worker->pid = 0;
}

/* ---- fixtures ---------------------------------------------------------------------------- */

static const char made_up[] = "profile: made-up\n"
			      "kind: message\n"
			      "system: mine\n"
			      "object: {within: 64, endpoint: [\"tcp://\"]}\n"
			      "operations:\n"
			      "  put: {direction: send}\n"
			      "  take: {direction: receive}\n"
			      "functions:\n"
			      "  - symbol: [tapped_value, tapped_alias]\n"
			      "    operation: take\n"
			      "    object: arg1\n"
			      "    bytes: retval\n"
			      "    failed: retval < 0\n"
			      "    errno: false\n"
			      "  - symbol: tapped_nowhere\n"
			      "    operation: put\n"
			      "    failed: retval < 0\n"
			      "    errno: false\n";

static struct probes *probes;
static struct profile *profile;
static struct taps *taps;
static char why_not[512], cannot_mount[64];

/* What the callbacks were told. */
static struct {
	unsigned attached, detached, processes;
	size_t functions;
	char path[256], reason[256];
	uint32_t file; /* detached */
	struct taps_passed_over passed_over;
	pid_t unselected; /* the worker that may not be tapped */
} told;

static inline int on_selected(void *arg, const struct tm_process_id *process)
{
	(void)arg;
	for (int i = 0; i < MAX_WORKERS; i++)
		if (workers[i].pid && (uint32_t)workers[i].pid == process->tgid)
			return workers[i].pid != told.unselected;
	return 0;
}

static inline void on_process(void *arg, const struct tm_process_id *process, const char *path)
{
	(void)arg;
	assert_int_not_equal(process->start_ns, 0);
	assert_int_not_equal(path[0], 0);
	told.processes++;
}

static inline void on_attached(void *arg, const char *path, size_t functions, const char *reason)
{
	(void)arg;
	told.attached++;
	told.functions = functions;
	snprintf(told.path, sizeof(told.path), "%s", path);
	snprintf(told.reason, sizeof(told.reason), "%s", reason);
}

static inline void on_detached(void *arg, const char *path, uint32_t file, const char *reason)
{
	(void)arg;
	told.detached++;
	told.file = file;
	snprintf(told.path, sizeof(told.path), "%s", path);
	snprintf(told.reason, sizeof(told.reason), "%s", reason);
}

/* Each process is its own. */
static inline int on_owner(void *arg, uint32_t tgid, char *name, size_t size)
{
	(void)arg;
	snprintf(name, size, "%u", tgid);
	return 0;
}

static inline void on_passed_over(void *arg, const char *owner, const struct taps_passed_over *more)
{
	(void)arg;
	(void)owner;
	told.passed_over = *more;
}

static inline void write_mountinfo(uint32_t device)
{
	FILE *file = fopen(in_directory("mountinfo"), "w");

	assert_non_null(file);
	assert_true(fprintf(file, "1 2 %u:%u / /x rw\n", device >> 20, device & 0xfffff) > 0);
	assert_int_equal(fclose(file), 0);
}

static inline int open_taps(int dry_run, int per_process)
{
	static char mountinfo[256];
	static const struct profile *profiles[1];
	struct probe_cost cost = { .emulated_ns = 10, .stepped_ns = 100 };
	struct taps_callbacks callbacks = {
		.selected = on_selected,
		.process = on_process,
		.attached = on_attached,
		.detached = on_detached,
		.owner = on_owner,
		.passed_over = on_passed_over,
		.dry_run = dry_run,
		.per_process = per_process,
	};

	snprintf(mountinfo, sizeof(mountinfo), "%s", in_directory("mountinfo"));
	callbacks.host_mountinfo = mountinfo;
	profiles[0] = profile;
	return taps__new(probes, profiles, 1, &cost, &callbacks, &taps);
}

static inline int group_setup(void **state)
{
	struct probes_config config = { .max_streams = MAX_STREAMS };
	struct yaml_errors errors = YAML_ERRORS_INIT;

	(void)state;
	/* what is mounted here goes with us */
	if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL))
		snprintf(cannot_mount, sizeof(cannot_mount), "cannot mount: %s", strerror(errno));
	if (open_probes(&config, &probes, why_not))
		return -1;
	if (profile__parse("f", made_up, sizeof(made_up) - 1, &profile, &errors)) {
		print_error("%s\n", errors.lines[0]);
		return -1;
	}
	return make_directory(__FILE__);
}

static inline int group_teardown(void **state)
{
	(void)state;
	probes__free(probes);
	profile__free(profile);
	return remove_directory();
}

static inline int setup(void **state)
{
	(void)state;
	memset(&fault, 0, sizeof(fault));
	memset(&told, 0, sizeof(told));
	return probes ? open_taps(0, 0) : 0;
}

static inline void ignore_event(void *arg, const struct tm_event *event, size_t size)
{
	(void)arg;
	(void)event;
	(void)size;
}

static inline int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < MAX_WORKERS; i++)
		if (workers[i].pid)
			stop_worker(&workers[i]);
	taps__free(taps);
	taps = NULL;
	if (probes)
		probes__events(probes, ignore_event, NULL);
	return 0;
}

/* ---- what can be seen -------------------------------------------------------------------- */

/* The calls of a process that were counted, over all its streams. */
static inline uint64_t counted(const struct worker *worker)
{
	const struct tm_slot *slots = probes__slots(probes);
	uint64_t frames = 0;

	for (unsigned i = 0; i < MAX_STREAMS; i++)
		if (slots[i].state != TM_SLOT_FREE &&
		    slots[i].key.process.tgid == (uint32_t)worker->pid)
			for (size_t k = 0; k < TM_HIST_BUCKETS; k++)
				frames += slots[i].hist[k];
	return frames;
}

struct seen_taps {
	unsigned count, up;
	struct tap_info last;
};

static inline int note_tap(void *arg, const struct tap_info *info)
{
	struct seen_taps *seen = arg;

	seen->count++;
	seen->up += info->up != 0;
	if (!strcmp(info->function, "tapped_value"))
		seen->last = *info;
	return 0;
}

/* What taps__each() names; `last` is the function of the file that was found first. */
static inline struct seen_taps seen_taps(void)
{
	struct seen_taps seen = { 0 };

	assert_int_equal(taps__each(taps, note_tap, &seen), 0);
	return seen;
}

static inline void sweep(uint64_t now_ns)
{
	assert_int_equal(taps__sweep(taps, now_ns, LINGER), 0);
}

#endif
