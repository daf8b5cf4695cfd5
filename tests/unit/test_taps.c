/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -ldl */
/* LDFLAGS: -Wl,--wrap=elf_file__new,--wrap=probes__attach,--wrap=probes__mappings,--wrap=intake__has_time */
/*
 * Finding and tapping files that real processes map: libraries made for the purpose, so that
 * nothing else on the host is touched.
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
static void *map_file(const char *path)
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

static void load(const char *path, struct library *out)
{
	out->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!out->handle)
		_exit(1);
	out->function = (tapped_value_fn *)dlsym(out->handle, "tapped_value");
}

static void work(void *arg)
{
	const struct worker *worker = arg;
	struct library libraries[3] = { 0 };

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

static struct worker *start_prepared(struct worker *worker)
{
	open_pipe(&worker->told);
	open_pipe(&worker->go_on);
	worker->pid = start_child(work, worker);
	await(&worker->told);
	return worker;
}

static struct worker *free_worker(void)
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
static struct worker *start_worker(const char *path)
{
	struct worker *worker = free_worker();

	worker->paths[0] = path;
	return start_prepared(worker);
}

/* Lets it call a tapped function of each of its libraries once. */
static void step(const struct worker *worker)
{
	tell(&worker->go_on);
	await(&worker->told);
}

static void stop_worker(struct worker *worker)
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

static int on_selected(void *arg, const struct tm_process_id *process)
{
	(void)arg;
	for (int i = 0; i < MAX_WORKERS; i++)
		if (workers[i].pid && (uint32_t)workers[i].pid == process->tgid)
			return workers[i].pid != told.unselected;
	return 0;
}

static void on_process(void *arg, const struct tm_process_id *process, const char *path)
{
	(void)arg;
	assert_int_not_equal(process->start_ns, 0);
	assert_int_not_equal(path[0], 0);
	told.processes++;
}

static void on_attached(void *arg, const char *path, size_t functions, const char *reason)
{
	(void)arg;
	told.attached++;
	told.functions = functions;
	snprintf(told.path, sizeof(told.path), "%s", path);
	snprintf(told.reason, sizeof(told.reason), "%s", reason);
}

static void on_detached(void *arg, const char *path, uint32_t file, const char *reason)
{
	(void)arg;
	told.detached++;
	told.file = file;
	snprintf(told.path, sizeof(told.path), "%s", path);
	snprintf(told.reason, sizeof(told.reason), "%s", reason);
}

/* Each process is its own. */
static int on_owner(void *arg, uint32_t tgid, char *name, size_t size)
{
	(void)arg;
	snprintf(name, size, "%u", tgid);
	return 0;
}

static void on_passed_over(void *arg, const char *owner, const struct taps_passed_over *more)
{
	(void)arg;
	(void)owner;
	told.passed_over = *more;
}

static void write_mountinfo(uint32_t device)
{
	FILE *file = fopen(in_directory("mountinfo"), "w");

	assert_non_null(file);
	assert_true(fprintf(file, "1 2 %u:%u / /x rw\n", device >> 20, device & 0xfffff) > 0);
	assert_int_equal(fclose(file), 0);
}

static int open_taps(int dry_run, int per_process)
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

static int group_setup(void **state)
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

static int group_teardown(void **state)
{
	(void)state;
	probes__free(probes);
	profile__free(profile);
	return remove_directory();
}

static int setup(void **state)
{
	(void)state;
	memset(&fault, 0, sizeof(fault));
	memset(&told, 0, sizeof(told));
	return probes ? open_taps(0, 0) : 0;
}

static void ignore_event(void *arg, const struct tm_event *event, size_t size)
{
	(void)arg;
	(void)event;
	(void)size;
}

static int teardown(void **state)
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
static uint64_t counted(const struct worker *worker)
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

static int note_tap(void *arg, const struct tap_info *info)
{
	struct seen_taps *seen = arg;

	seen->count++;
	seen->up += info->up != 0;
	if (!strcmp(info->function, "tapped_value"))
		seen->last = *info;
	return 0;
}

/* What taps__each() names; `last` is the function of the file that was found first. */
static struct seen_taps seen_taps(void)
{
	struct seen_taps seen = { 0 };

	assert_int_equal(taps__each(taps, note_tap, &seen), 0);
	return seen;
}

static void sweep(uint64_t now_ns)
{
	assert_int_equal(taps__sweep(taps, now_ns, LINGER), 0);
}

/* ---- finding ----------------------------------------------------------------------------- */

static void a_file_that_a_process_maps_is_found_and_tapped(void **state)
{
	struct worker *worker;
	struct seen_taps seen;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	step(worker);
	sweep(START);
	assert_int_equal(told.attached, 1);
	assert_int_equal(told.functions, 1);
	assert_string_equal(told.path, in_directory("tapped.so"));
	assert_string_equal(told.reason, "");
	assert_in_range(told.processes, 1, 10);
	assert_int_equal(taps__up(taps), 1);
	for (int i = 0; i < 5; i++)
		step(worker);
	assert_int_equal(counted(worker), 5);

	seen = seen_taps();
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.up, 1);
	assert_ptr_equal(seen.last.profile, profile);
	assert_string_equal(seen.last.path, in_directory("tapped.so"));
	assert_int_equal(seen.last.processes, 1);
	assert_string_equal(seen.last.reason, "");
	sweep(START + SECOND);
	assert_int_equal(told.attached, 1);
}

static void do_nothing(void *arg)
{
	(void)arg;
}

static void a_look_at_one_process_finds_its_files(void **state)
{
	struct worker *worker, *other;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	assert_int_equal(shell("cp tapped.so other.so"), 0);
	other = start_worker(in_directory("other.so"));
	assert_int_equal(taps__look(taps, (uint32_t)worker->pid, START), 0);
	assert_int_equal(told.attached, 1);
	step(worker);
	step(other);
	assert_int_equal(counted(worker), 1);
	assert_int_equal(counted(other), 0);
	/* nobody, and somebody who has gone */
	assert_int_equal(taps__look(taps, 0, START), 0);
	taps__look(taps, (uint32_t)run_child(do_nothing, NULL), START);
	assert_int_equal(told.attached, 1);
}

static void a_copy_is_a_file_of_its_own(void **state)
{
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	assert_int_equal(shell("cp tapped.so copy.so"), 0);
	worker = free_worker();
	worker->paths[0] = in_directory("tapped.so");
	worker->paths[1] = in_directory("copy.so");
	start_prepared(worker);
	sweep(START);
	assert_int_equal(told.attached, 2);
	assert_int_equal(taps__up(taps), 2);
	step(worker);
	assert_int_equal(counted(worker), 2);
}

static void a_deleted_file_is_tapped_too(void **state)
{
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	assert_int_equal(shell("cp tapped.so deleted.so"), 0);
	worker = start_worker(in_directory("deleted.so"));
	assert_int_equal(unlink(in_directory("deleted.so")), 0);
	sweep(START);
	assert_int_equal(told.attached, 1);
	assert_string_equal(strrchr(told.path, '/'), "/deleted.so (deleted)");
	step(worker);
	assert_int_equal(counted(worker), 1);
}

static void a_file_by_several_names_is_one_file(void **state)
{
	struct worker *worker, *other;

	(void)state;
	skip_if(why_not);
	assert_int_equal(shell("ln tapped.so hard.so && ln -s tapped.so soft.so"), 0);
	worker = start_worker(in_directory("hard.so"));
	other = start_worker(in_directory("soft.so"));
	sweep(START);
	assert_int_equal(told.attached, 1);
	assert_int_equal(seen_taps().last.processes, 2);
	step(worker);
	step(other);
	assert_int_equal(counted(worker), 1);
	assert_int_equal(counted(other), 1);
}

/* A process that sees the directory's "lower" through an overlay of its own. */
static struct worker *start_overlaid(int number)
{
	static char options[2][512];
	struct worker *worker = free_worker();

	assert_int_equal(shell("mkdir -p lower merged upper%d work%d", number, number), 0);
	assert_int_equal(shell("[ -e lower/lib.so ] || cp tapped.so lower/lib.so"), 0);
	snprintf(options[number], sizeof(options[0]),
		 "lowerdir=%s/lower,upperdir=%s/upper%d,workdir=%s/work%d", test_directory,
		 test_directory, number, test_directory, number);
	worker->overlay = options[number];
	worker->paths[0] = in_directory("merged/lib.so");
	return start_prepared(worker);
}

static void a_file_in_two_overlays_is_one_file(void **state)
{
	struct worker *workers_[2];

	(void)state;
	skip_if(why_not);
	skip_if(cannot_mount);
	for (int i = 0; i < 2; i++)
		workers_[i] = start_overlaid(i);
	sweep(START);
	assert_int_equal(told.attached, 1);
	assert_int_equal(seen_taps().last.processes, 2);
	for (int i = 0; i < 2; i++) {
		step(workers_[i]);
		assert_int_equal(counted(workers_[i]), 1);
	}
}

static void a_second_name_of_a_function_is_not_tapped_again(void **state)
{
	struct seen_taps seen;

	(void)state;
	skip_if(why_not);
	start_worker(in_directory("tapped.so"));
	sweep(START);
	seen = seen_taps();
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.up, 1);
}

#define THROWING                                 \
	"profile: made-up\n"                     \
	"kind: message\n"                        \
	"system: mine\n"                         \
	"operations: {put: {direction: send}}\n" \
	"functions:\n"                           \
	"  - symbol: _ZN6tapped5valueEl\n"       \
	"    operation: put\n"

/* From here on, what the profile says is tapped and nothing else. */
static struct profile *open_other_taps(const char *text, int per_process)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct profile *made_up_profile = profile, *other;

	assert_int_equal(profile__parse("f", text, strlen(text), &other, &errors), 0);
	taps__free(taps);
	profile = other;
	assert_int_equal(open_taps(0, per_process), 0);
	profile = made_up_profile;
	return other;
}

static int note_reason(void *arg, const struct tap_info *info)
{
	assert_false(info->up);
	snprintf(arg, sizeof(told.reason), "%s", info->reason);
	return 0;
}

static void check_is_not_tapped(int per_process)
{
	struct profile *throwing = open_other_taps(THROWING, per_process);
	char reason[sizeof(told.reason)] = "";

	memset(&told, 0, sizeof(told));
	sweep(START);
	assert_int_equal(told.attached, 1);
	assert_int_equal(told.functions, 0);
	assert_non_null(strstr(told.reason, "may_throw: false"));
	assert_int_equal(taps__each(taps, note_reason, reason), 0);
	assert_non_null(strstr(reason, "may_throw: false"));
	assert_int_equal(taps__up(taps), 0);
	sweep(START + 60 * SECOND); /* not tried again, and it is said once */
	assert_int_equal(told.attached, 1);
	assert_int_equal(taps__give_up_dearest(taps, START + 60 * SECOND), 0);
	taps__free(taps);
	taps = NULL;
	profile__free(throwing);
}

static void a_function_that_may_throw_is_not_tapped(void **state)
{
	struct profile *quiet;

	(void)state;
	skip_if(why_not);
	start_worker(in_directory("tapped.so"));
	check_is_not_tapped(0);
	check_is_not_tapped(1);
	quiet = open_other_taps(THROWING "    may_throw: false\n", 0);
	memset(&told, 0, sizeof(told));
	sweep(START);
	assert_int_equal(told.functions, 1);
	assert_string_equal(told.reason, "");
	assert_int_equal(taps__up(taps), 1);
	taps__free(taps);
	taps = NULL;
	profile__free(quiet);
}

static void a_process_that_is_not_selected_is_not_looked_into(void **state)
{
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	told.unselected = worker->pid;
	sweep(START);
	assert_int_equal(fault.opened, 0);
	assert_int_equal(told.attached, 0);
	told.unselected = 0;
	sweep(START + SECOND);
	assert_int_equal(told.attached, 1);
}

static void a_dry_run_finds_but_sets_no_probe(void **state)
{
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	taps__free(taps);
	assert_int_equal(open_taps(1, 0), 0);
	worker = start_worker(in_directory("tapped.so"));
	sweep(START);
	assert_int_equal(told.attached, 1);
	assert_string_equal(told.reason, "");
	step(worker);
	assert_int_equal(counted(worker), 0);
	assert_int_equal(taps__up(taps), 0);
}

static void with_links_of_their_own_only_the_selected_count(void **state)
{
	struct worker *worker, *other;

	(void)state;
	skip_if(why_not);
	if (!probes__can_attach_process(probes))
		skip_if("no links for one process on this Linux kernel");
	taps__free(taps);
	assert_int_equal(open_taps(0, 1), 0);
	worker = start_worker(in_directory("tapped.so"));
	other = start_worker(in_directory("tapped.so"));
	told.unselected = other->pid;
	sweep(START);
	step(worker);
	step(other);
	assert_int_equal(counted(worker), 1);
	assert_int_equal(counted(other), 0);
	told.unselected = 0;
	sweep(START + SECOND);
	step(worker);
	step(other);
	assert_int_equal(counted(worker), 2);
	assert_int_equal(counted(other), 1);
}

/* ---- files that are not what they should be ---------------------------------------------- */

/* tapped.so with `size` bytes from `offset` on overwritten. */
static void damage(const char *name, off_t offset, size_t size)
{
	char garbage[4096];
	int fd;

	memset(garbage, 0xa5, sizeof(garbage));
	assert_int_equal(shell("cp tapped.so %s", name), 0);
	fd = open(in_directory(name), O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, garbage, size, offset), size);
	close(fd);
}

/* Where in the file its hash table lies. */
static off_t hash_offset(void)
{
	char line[64] = "";
	FILE *file;

	assert_int_equal(shell("readelf -SW tapped.so | sed -n "
			       "'s/.*gnu.hash  *GNU_HASH  *[0-9a-f]* \\([0-9a-f]*\\).*/\\1/p' >at"),
			 0);
	file = fopen(in_directory("at"), "r");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	fclose(file);
	return (off_t)strtoul(line, NULL, 16);
}

static void broken_files_do_not_keep_others_from_being_tapped(void **state)
{
	struct worker *broken, *worker;
	unsigned opened;

	(void)state;
	skip_if(why_not);
	assert_int_equal(shell("printf '\\177ELF but not really' >text.so"), 0);
	damage("header.so", 16, 48);
	damage("hash.so", hash_offset(), 32);
	broken = free_worker();
	broken->paths[0] = in_directory("text.so");
	broken->paths[1] = in_directory("header.so");
	broken->paths[2] = in_directory("hash.so");
	broken->only_map = 1;
	start_prepared(broken);
	worker = start_worker(in_directory("tapped.so"));
	sweep(START);
	assert_int_equal(taps__up(taps), 1);
	step(worker);
	assert_int_equal(counted(worker), 1);
	/* all were looked into, once and for all */
	opened = fault.opened;
	assert_true(opened >= 4);
	sweep(START + SECOND);
	assert_int_equal(fault.opened, opened);
}

static void a_device_is_never_opened(void **state)
{
	struct inotify_event event;
	struct worker *worker;
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	(void)state;
	skip_if(why_not);
	if (mknod(in_directory("zero"), S_IFCHR | 0600, makedev(1, 5)))
		skip_if("cannot make a device node");
	worker = free_worker();
	worker->paths[0] = in_directory("zero");
	worker->only_map = 1;
	start_prepared(worker);
	assert_true(inotify_add_watch(fd, in_directory("zero"), IN_OPEN) >= 0);
	sweep(START);
	assert_int_equal(told.attached, 0);
	assert_true(read(fd, &event, sizeof(event)) < 0 && errno == EAGAIN);
	/* had it been, we would have seen it */
	close(open(in_directory("zero"), O_RDONLY | O_CLOEXEC));
	assert_int_equal(read(fd, &event, sizeof(event)), sizeof(event));
	close(fd);
	(void)worker;
}

static void keep_mapping(void *arg, const struct tm_mapping *mapping)
{
	struct tm_mapping *kept = arg;
	struct stat st;

	assert_int_equal(stat(in_directory("tapped.so"), &st), 0);
	if (mapping->inode == st.st_ino)
		*kept = *mapping;
}

/* A process must not pass a file off for another by mapping it there just when we look. */
static void a_file_that_is_not_the_one_that_was_mapped_is_not_taken_for_it(void **state)
{
	struct tm_mapping mapping = { 0 };
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	assert_int_equal(__real_probes__mappings(probes, worker->pid, keep_mapping, &mapping), 0);
	assert_int_not_equal(mapping.inode, 0);
	fault.forged = &mapping;
	/* what was mapped there when the mappings were listed */
	mapping.inode++;
	mapping.mtime++;
	assert_int_equal(taps__look(taps, (uint32_t)worker->pid, START), 0);
	assert_int_equal(told.attached, 0);
	mapping.mtime--;
	mapping.size++;
	assert_int_equal(taps__look(taps, (uint32_t)worker->pid, START), 0);
	assert_int_equal(told.attached, 0);
	mapping.inode--;
	mapping.size--;
	assert_int_equal(taps__look(taps, (uint32_t)worker->pid, START), 0);
	assert_int_equal(told.attached, 1);
}

/* FUSE is only said of it: what would be asked is seen by whether the file is looked into. */
static void a_file_on_a_fuse_that_the_host_has_not_mounted_is_not_opened(void **state)
{
	struct tm_mapping mapping = { 0 };
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	assert_int_equal(__real_probes__mappings(probes, worker->pid, keep_mapping, &mapping), 0);
	fault.forged = &mapping;
	mapping.fuse = FUSE_DEVICE;
	fault.opened = 0;
	write_mountinfo(FUSE_DEVICE + 1);
	for (int i = 0; i < 3; i++)
		sweep(START + (uint64_t)i * 20 * SECOND);
	assert_int_equal(fault.opened, 0);
	assert_int_equal(told.attached, 0);
	assert_int_equal(taps__passed_over(taps).unsafe, 1);
	assert_int_equal(told.passed_over.unsafe, 1);
	/* it is not held against the same file mapped otherwise: reads may be passed through to it */
	mapping.fuse = 0;
	sweep(START + 61 * SECOND);
	assert_int_equal(told.attached, 1);
	assert_int_equal(taps__passed_over(taps).unsafe, 1);
}

static void a_file_on_a_fuse_that_the_host_has_mounted_is_tapped(void **state)
{
	struct tm_mapping mapping = { 0 };
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	assert_int_equal(__real_probes__mappings(probes, worker->pid, keep_mapping, &mapping), 0);
	fault.forged = &mapping;
	mapping.fuse = FUSE_DEVICE;
	write_mountinfo(FUSE_DEVICE + 1);
	sweep(START);
	assert_int_equal(told.attached, 0);
	/* the number has become another's */
	write_mountinfo(FUSE_DEVICE);
	sweep(START + 11 * SECOND);
	assert_int_equal(told.attached, 1);
	assert_string_equal(told.reason, "");
}

/* Probes that could not be set are tried again: by then it may be another's. */
static void a_known_file_is_not_opened_through_such_a_fuse_either(void **state)
{
	struct tm_mapping mapping = { 0 };
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	assert_int_equal(__real_probes__mappings(probes, worker->pid, keep_mapping, &mapping), 0);
	fault.forged = &mapping;
	fault.attach_error = -EBUSY;
	sweep(START);
	assert_int_equal(told.attached, 1);
	fault.attach_error = 0;
	mapping.fuse = FUSE_DEVICE;
	write_mountinfo(FUSE_DEVICE + 1);
	sweep(START + 11 * SECOND);
	assert_int_equal(told.attached, 1);
	mapping.fuse = 0;
	sweep(START + 22 * SECOND);
	assert_int_equal(told.attached, 2);
}

static void a_mapping_that_has_gone_is_no_error(void **state)
{
	struct tm_mapping mapping = { .start = 0x1000, .end = 0x2000, .inode = 1 };
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	mapping.process.tgid = (uint32_t)worker->pid;
	mapping.process.start_ns = 1;
	fault.forged = &mapping;
	assert_int_equal(taps__look(taps, (uint32_t)worker->pid, START), 0);
	assert_int_equal(told.attached, 0);
	fault.forged = NULL;
	sweep(START);
	assert_int_equal(told.attached, 1);
}

static void a_file_changed_in_place_still_counts_once(void **state)
{
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	assert_int_equal(shell("cp tapped.so touched.so"), 0);
	worker = start_worker(in_directory("touched.so"));
	sweep(START);
	assert_int_equal(shell("touch -d '1 hour ago' touched.so"), 0);
	sweep(START + SECOND);
	step(worker);
	assert_int_equal(counted(worker), 1);
	sweep(START + LINGER + SECOND);
	assert_int_equal(taps__up(taps), 1);
	assert_int_equal(told.detached, 1);
	step(worker);
	assert_int_equal(counted(worker), 2);
}

/* ---- letting go -------------------------------------------------------------------------- */

static void a_tap_goes_some_time_after_the_last_process(void **state)
{
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	sweep(START);
	sweep(START + 100 * SECOND);
	assert_int_equal(told.detached, 0);
	stop_worker(worker);
	sweep(START + 101 * SECOND);
	sweep(START + 100 * SECOND + LINGER - 1);
	assert_int_equal(taps__up(taps), 1);
	assert_int_equal(told.detached, 0);
	sweep(START + 100 * SECOND + LINGER);
	assert_int_equal(told.detached, 1);
	assert_string_equal(told.path, in_directory("tapped.so"));
	assert_int_not_equal(told.file, 0);
	assert_int_equal(taps__up(taps), 0);
	assert_int_equal(seen_taps().count, 0);
	/* and comes back with the next one */
	worker = start_worker(in_directory("tapped.so"));
	sweep(START + 200 * SECOND);
	assert_int_equal(told.attached, 2);
	step(worker);
	assert_int_equal(counted(worker), 1);
}

static void a_tap_goes_when_a_living_process_has_unloaded_the_library(void **state)
{
	struct worker *worker = free_worker();

	(void)state;
	skip_if(why_not);
	worker->paths[0] = in_directory("tapped.so");
	worker->unload = 1;
	start_prepared(worker);
	sweep(START);
	assert_int_equal(taps__up(taps), 1);
	step(worker);
	sweep(START + LINGER);
	assert_int_equal(told.detached, 1);
	assert_int_equal(taps__up(taps), 0);
}

static void a_tap_that_has_gone_lets_its_filesystem_go(void **state)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	skip_if(cannot_mount);
	assert_int_equal(shell("mkdir -p mounted"), 0);
	assert_int_equal(mount("tmpfs", in_directory("mounted"), "tmpfs", 0, NULL), 0);
	assert_int_equal(shell("cp tapped.so mounted/"), 0);
	worker = start_worker(in_directory("mounted/tapped.so"));
	sweep(START);
	assert_int_equal(told.attached, 1);
	stop_worker(worker);
	assert_int_equal(umount(in_directory("mounted")), -1);
	assert_int_equal(errno, EBUSY);
	sweep(START + LINGER);
	/* soon: it is taken off aside */
	while (umount(in_directory("mounted"))) {
		assert_int_equal(errno, EBUSY);
		nanosleep(&moment, NULL);
	}
}

static int add_runs(void *arg, const struct profile *of, const char *function, uint64_t runs,
		    uint64_t cost_ns)
{
	(void)of;
	(void)function;
	(void)cost_ns;
	*(uint64_t *)arg += runs;
	return 0;
}

/* Of probes: two on one function run twice, though the call counts once. */
static uint64_t runs(void)
{
	uint64_t sum = 0;

	assert_int_equal(taps__each_function(taps, add_runs, &sum), 0);
	return sum;
}

static void a_file_that_is_mapped_again_while_its_probes_go_is_counted_once(void **state)
{
	uint64_t before;

	(void)state;
	skip_if(why_not);
	/* some begin when the probes are still there, some while they go, some after */
	for (unsigned i = 0; i < 12; i++) {
		const uint64_t now_ns = START + i * 100ull * SECOND;
		const struct timespec some = { .tv_nsec = i % 4 * 20000000l };
		struct worker *worker = start_worker(in_directory("tapped.so"));

		sweep(now_ns);
		stop_worker(worker);
		sweep(now_ns + LINGER);
		assert_int_equal(told.detached, i + 1);
		assert_int_equal(taps__up(taps), 0);
		nanosleep(&some, NULL);
		worker = start_worker(in_directory("tapped.so"));
		sweep(now_ns + LINGER);
		assert_int_equal(told.attached, i + 2);
		assert_int_equal(taps__up(taps), 1);
		assert_int_equal(seen_taps().up, 1);
		before = runs();
		step(worker);
		assert_int_equal(runs() - before, 1);
		assert_int_equal(counted(worker), 1);
		stop_worker(worker);
		sweep(now_ns + LINGER);
	}
}

/* Without a shell: hundreds are made while workers wait. */
static const char *copy_of_tapped(const char *name)
{
	int from = open(in_directory("tapped.so"), O_RDONLY | O_CLOEXEC);
	const char *path = in_directory(name);
	int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	char buf[65536];
	ssize_t len;

	assert_true(from >= 0 && to >= 0);
	while ((len = read(from, buf, sizeof(buf))) > 0)
		assert_int_equal(write(to, buf, (size_t)len), len);
	close(from);
	close(to);
	return path;
}

/* ---- what one may take -------------------------------------------------------------------- */

static void one_owner_has_a_quarter_of_the_numbers(void **state)
{
	enum { SHARE = TM_MAX_OBJECT_CLASSES / 4, MORE = 5 };
	static void *mapped[SHARE + MORE];
	struct worker *greedy;
	char name[32];

	(void)state;
	skip_if(why_not);
	taps__free(taps);
	assert_int_equal(open_taps(1, 0), 0);
	start_worker(in_directory("tapped.so"));
	for (int i = 0; i < SHARE + MORE; i++) {
		snprintf(name, sizeof(name), "copy%d.so", i);
		mapped[i] = map_file(copy_of_tapped(name));
	}
	greedy = start_prepared(free_worker()); /* has them by fork(2) */
	sweep(START);
	assert_int_equal(told.attached, 1 + SHARE);
	assert_int_equal(taps__passed_over(taps).full, MORE);
	assert_int_equal(told.passed_over.full, MORE);
	/* what there is no room for is not tried all the time, but is not held against another */
	fault.opened = 0;
	sweep(START + SECOND);
	assert_int_equal(fault.opened, 0);
	start_prepared(free_worker());
	sweep(START + 2 * SECOND);
	assert_int_equal(told.attached, 1 + SHARE + MORE);
	assert_int_equal(taps__passed_over(taps).full, MORE);
	stop_worker(greedy);
	for (int i = 0; i < SHARE + MORE; i++)
		munmap(mapped[i], 4096);
}

static void who_has_no_time_left_is_passed_over_alone(void **state)
{
	struct worker *greedy, *other;

	(void)state;
	skip_if(why_not);
	assert_int_equal(shell("cp tapped.so other.so"), 0);
	greedy = start_worker(in_directory("tapped.so"));
	other = start_worker(in_directory("other.so"));
	fault.no_time = greedy->pid;
	sweep(START);
	assert_int_equal(told.attached, 1);
	assert_string_equal(told.path, in_directory("other.so"));
	assert_in_range(taps__passed_over(taps).late, 1, 1000);
	assert_int_equal(told.passed_over.late, taps__passed_over(taps).late);
	assert_int_equal(taps__look(taps, (uint32_t)greedy->pid, START), 0);
	assert_int_equal(told.attached, 1);
	step(other);
	assert_int_equal(counted(other), 1);
	fault.no_time = 0;
	assert_int_equal(taps__look(taps, (uint32_t)greedy->pid, START), 0);
	assert_int_equal(told.attached, 2);
	step(greedy);
	assert_int_equal(counted(greedy), 1);
}

static void an_incomplete_list_of_mappings_is_no_reason_to_let_go(void **state)
{
	(void)state;
	skip_if(why_not);
	start_worker(in_directory("tapped.so"));
	sweep(START);
	fault.mappings_error = -ENOMEM;
	assert_int_equal(taps__sweep(taps, START + 10 * LINGER, LINGER), -ENOMEM);
	assert_int_equal(taps__look(taps, 1, START + 10 * LINGER), -ENOMEM);
	assert_int_equal(taps__up(taps), 1);
	assert_int_equal(told.detached, 0);
	fault.mappings_error = 0;
	sweep(START + 20 * LINGER);
	assert_int_equal(taps__up(taps), 1);
}

static void a_file_that_cannot_be_tapped_is_tried_again_after_ten_seconds(void **state)
{
	struct worker *worker;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	fault.attach_error = -EBUSY;
	sweep(START);
	assert_int_equal(told.attached, 1);
	assert_non_null(strstr(told.reason, strerror(EBUSY)));
	assert_int_equal(taps__up(taps), 0);
	assert_non_null(strstr(seen_taps().last.reason, strerror(EBUSY)));
	fault.attach_error = 0;
	sweep(START + 10 * SECOND - 1);
	assert_int_equal(told.attached, 1);
	sweep(START + 10 * SECOND);
	assert_int_equal(told.attached, 2);
	assert_string_equal(told.reason, "");
	assert_int_equal(taps__up(taps), 1);
	step(worker);
	assert_int_equal(counted(worker), 1);
}

static int keep_cost(void *arg, const struct profile *of, const char *function, uint64_t runs,
		     uint64_t cost_ns)
{
	uint64_t *cost = arg;

	assert_ptr_equal(of, profile);
	assert_string_equal(function, "tapped_value");
	assert_int_equal(runs, 3);
	*cost += cost_ns;
	return 0;
}

static void the_dearest_file_is_given_up_for_a_while(void **state)
{
	struct worker *worker, *dear;
	uint64_t cost = 0;

	(void)state;
	skip_if(why_not);
	assert_int_equal(taps__give_up_dearest(taps, START), 0);
	assert_int_equal(shell("cp tapped.so dear.so"), 0);
	worker = start_worker(in_directory("tapped.so"));
	dear = start_worker(in_directory("dear.so"));
	sweep(START);
	step(worker);
	step(dear);
	step(dear);
	assert_int_equal(taps__give_up_dearest(taps, START), 1);
	assert_int_equal(told.detached, 1);
	assert_string_equal(told.path, in_directory("dear.so"));
	assert_int_equal(taps__up(taps), 1);
	step(dear);
	assert_int_equal(counted(dear), 2);
	assert_int_equal(taps__each_function(taps, keep_cost, &cost), 0);
	assert_int_equal(cost, taps__spent(taps));
	sweep(START + 30 * SECOND - 1);
	assert_int_equal(taps__up(taps), 1);
	sweep(START + 30 * SECOND);
	assert_int_equal(taps__up(taps), 2);
	step(dear);
	assert_int_equal(counted(dear), 3);
	stop_worker(dear);
	stop_worker(worker);
	sweep(START + 40 * SECOND);
	assert_int_equal(taps__up(taps), 0);
	assert_true(taps__spent(taps) > cost); /* of files that have gone, too */
}

/* ---- numbers ----------------------------------------------------------------------------- */

static void operations_and_classes_are_found_by_their_numbers(void **state)
{
	const struct tm_slot *slots;
	const struct operation *operation = NULL;
	struct worker *worker;
	unsigned i = 0;

	(void)state;
	skip_if(why_not);
	worker = start_worker(in_directory("tapped.so"));
	sweep(START);
	step(worker);
	slots = probes__slots(probes);
	while (slots[i].key.process.tgid != (uint32_t)worker->pid)
		assert_true(++i < MAX_STREAMS);
	assert_ptr_equal(taps__operation(taps, slots[i].key.op, &operation), profile);
	assert_string_equal(operation->name, "take");
	assert_null(taps__operation(taps, 0, &operation));
	assert_null(taps__operation(taps, slots[i].key.op + 1, &operation));
	assert_null(taps__operation(taps, UINT32_MAX, &operation));
	assert_ptr_equal(taps__class_profile(taps, slots[i].object_class), profile);
	assert_null(taps__class_profile(taps, 0));
	assert_null(taps__class_profile(taps, UINT32_MAX));
}

int main(void)
{
#define TAPS_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TAPS_TEST(a_file_that_a_process_maps_is_found_and_tapped),
		TAPS_TEST(a_look_at_one_process_finds_its_files),
		TAPS_TEST(a_copy_is_a_file_of_its_own),
		TAPS_TEST(a_deleted_file_is_tapped_too),
		TAPS_TEST(a_file_by_several_names_is_one_file),
		TAPS_TEST(a_file_in_two_overlays_is_one_file),
		TAPS_TEST(a_second_name_of_a_function_is_not_tapped_again),
		TAPS_TEST(a_function_that_may_throw_is_not_tapped),
		TAPS_TEST(a_process_that_is_not_selected_is_not_looked_into),
		TAPS_TEST(a_dry_run_finds_but_sets_no_probe),
		TAPS_TEST(with_links_of_their_own_only_the_selected_count),
		TAPS_TEST(broken_files_do_not_keep_others_from_being_tapped),
		TAPS_TEST(a_device_is_never_opened),
		TAPS_TEST(a_file_that_is_not_the_one_that_was_mapped_is_not_taken_for_it),
		TAPS_TEST(a_file_on_a_fuse_that_the_host_has_not_mounted_is_not_opened),
		TAPS_TEST(a_file_on_a_fuse_that_the_host_has_mounted_is_tapped),
		TAPS_TEST(a_known_file_is_not_opened_through_such_a_fuse_either),
		TAPS_TEST(a_mapping_that_has_gone_is_no_error),
		TAPS_TEST(a_file_changed_in_place_still_counts_once),
		TAPS_TEST(a_tap_goes_some_time_after_the_last_process),
		TAPS_TEST(a_tap_goes_when_a_living_process_has_unloaded_the_library),
		TAPS_TEST(a_tap_that_has_gone_lets_its_filesystem_go),
		TAPS_TEST(a_file_that_is_mapped_again_while_its_probes_go_is_counted_once),
		TAPS_TEST(one_owner_has_a_quarter_of_the_numbers),
		TAPS_TEST(who_has_no_time_left_is_passed_over_alone),
		TAPS_TEST(an_incomplete_list_of_mappings_is_no_reason_to_let_go),
		TAPS_TEST(a_file_that_cannot_be_tapped_is_tried_again_after_ten_seconds),
		TAPS_TEST(the_dearest_file_is_given_up_for_a_while),
		TAPS_TEST(operations_and_classes_are_found_by_their_numbers),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
