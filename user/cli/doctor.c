/* SPDX-License-Identifier: Apache-2.0 */
/* tapmeter doctor: what this host can do, what would be tapped, and for all that cannot be: why, and the mend. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/leftovers.h"
#include "cli/load_profiles.h"
#include "host.h"
#include "subject/process.h"
#include "tap/mmapwatch.h"
#include "tap/probes.h"
#include "tap/taps.h"
#include "util/aside.h"
#include "util/exit_code.h"
#include "util/privileges.h"

struct finding {
	const char *path;
	uint32_t last_tgid;
	unsigned processes;
	/* of processes that would be tapped, in no order; some twice */
	uint32_t *tgids;
	size_t count, capacity;
};

/* Out of memory, one is forgotten: it may then be listed as one that cannot be seen, too. */
static void finding_add(struct finding *finding, uint32_t tgid)
{
	size_t capacity = finding->capacity ? 2 * finding->capacity : 64;
	uint32_t *tgids;

	if (finding->count == finding->capacity) {
		tgids = reallocarray(finding->tgids, capacity, sizeof(*tgids));
		if (!tgids)
			return;
		finding->tgids = tgids;
		finding->capacity = capacity;
	}
	finding->tgids[finding->count++] = tgid;
}

static int finding_has(const struct finding *finding, const char *tgid)
{
	unsigned long wanted = strtoul(tgid, NULL, 10);

	for (size_t i = 0; i < finding->count; i++)
		if (finding->tgids[i] == wanted)
			return 1;
	return 0;
}

static void report(const char *what, const char *mend)
{
	printf("  %-4s %s%s%s\n", mend ? "no" : "yes", what, mend ? ": " : "", mend ? mend : "");
}

/* ---- what the host can do ------------------------------------------------------------------ */

static int check_attach_ways(void)
{
	int works = 0;

	for (enum attach_way way = ATTACH_SESSION; way <= ATTACH_PERF; way++) {
		struct probes_config config = { .way = way, .max_streams = 64 };
		struct probes *probes;
		char what[64], err[512] = "";

		snprintf(what, sizeof(what), "attach uprobes the %s way", attach_way_name(way));
		if (probes__new(&config, err, sizeof(err), &probes)) {
			report(what, err);
			continue;
		}
		probes__free(probes);
		report(what, NULL);
		works = 1;
	}
	return works;
}

/* Without some of them it works, but does not see everything. */
static void check_privileges(void)
{
	char mend[128];

	for (const struct privilege *p = privileges_needed(); p->name; p++) {
		snprintf(mend, sizeof(mend), "needed to %s", p->needed_to);
		report(p->name, privilege_is_there(p) ? NULL : mend);
	}
}

static int check_host(void)
{
	struct mmap_watch *watch = NULL;
	char err[512] = "";
	int ok = 1, error;

	printf("This host\n");
	error = host_check_pid_namespace(err, sizeof(err));
	report("run in the host's pid namespace", error ? err : NULL);
	ok &= !error;
	ok &= check_attach_ways();
	error = mmap_watch__new(&watch);
	mmap_watch__free(watch);
	if (error)
		snprintf(err, sizeof(err), "%s",
			 error == -ENOMEM ? strerror(ENOMEM) :
					    "perf_event_open failed: it needs CAP_PERFMON");
	report("notice new mappings at once", error ? err : NULL);
	ok &= !error;
	check_privileges();
	return ok;
}

/* ---- what would be tapped ---------------------------------------------------------------------- */

static int any_process(void *arg, const struct tm_process_id *process)
{
	(void)arg;
	return process->tgid != (uint32_t)getpid();
}

static void print_comm(uint32_t tgid)
{
	char path[64], comm[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/comm", tgid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(comm, sizeof(comm), file))
		comm[strcspn(comm, "\n")] = 0;
	fclose(file);
	for (char *c = comm; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?'; /* a process chooses its own name */
	printf("       process %" PRIu32 " (%s)", tgid, comm);
}

static void on_process(void *arg, const struct tm_process_id *process, const char *path)
{
	struct finding *finding = arg;

	if (finding->path == path && finding->last_tgid == process->tgid)
		return;
	finding->path = path;
	finding->last_tgid = process->tgid;
	finding->processes++;
	finding_add(finding, process->tgid);
	print_comm(process->tgid);
	printf(" maps %s\n", path);
}

static void on_attached(void *arg, const char *path, size_t functions, const char *reason)
{
	(void)arg;
	printf("  file %s: %zu functions%s%s\n", path, functions, reason[0] ? ", but " : "",
	       reason);
}

static void on_detached(void *arg, const char *path, uint32_t file, const char *reason)
{
	(void)arg;
	(void)path;
	(void)file;
	(void)reason;
}

static int owner(void *arg, uint32_t tgid, char *name, size_t size)
{
	(void)arg;
	return process_owner("/proc", tgid, name, size);
}

static int find_taps(const struct profile *const *profiles, size_t count, struct aside *aside,
		     struct finding *finding)
{
	struct probes_config config = { .way = ATTACH_AUTO, .max_streams = 64, .aside = aside };
	const struct probe_cost no_cost = { 0 };
	struct taps_callbacks callbacks = {
		.selected = any_process,
		.process = on_process,
		.attached = on_attached,
		.detached = on_detached,
		.owner = owner,
		.arg = finding,
		.aside = aside,
		.dry_run = 1,
	};
	struct probes *probes;
	struct taps *taps;
	char err[512] = "";
	int error;

	printf("What would be tapped\n");
	error = probes__new(&config, err, sizeof(err), &probes);
	if (error) {
		printf("  unknown: %s\n", err);
		return error;
	}
	error = taps__new(probes, profiles, count, &no_cost, &callbacks, &taps);
	if (!error) {
		error = taps__sweep(taps, 0, 0);
		taps__free(taps);
	}
	probes__free(probes);
	if (error)
		printf("  unknown: cannot list the mapped files: %s\n", strerror(-error));
	else if (!finding->processes)
		printf("  nothing: no running process maps a file with functions of a profile\n");
	return error;
}

static int list_taps(const struct profile_list *profiles, struct finding *finding)
{
	struct aside *aside;
	int error = aside__new(&aside);

	if (error)
		return error;
	error = find_taps((const struct profile *const *)profiles->items, profiles->count, aside,
			  finding);
	aside__free(aside);
	return error;
}

/* Servers whose usual builds have no functions to tap, and what sees the same traffic. */
static const struct {
	const char *comm;
	const char *profile;
} silent_servers[] = {
	{ "memcached", "libmemcached" },
};

static void read_comm(const char *pid, char comm[32])
{
	char path[64];
	FILE *file;

	comm[0] = 0;
	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(comm, 32, file))
		comm[strcspn(comm, "\n")] = 0;
	fclose(file);
}

/* Says of such servers that run why there is nothing of them above. */
static void list_silent_servers(const struct finding *finding)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char comm[32];

	while (proc && (entry = readdir(proc))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		if (finding_has(finding, entry->d_name))
			continue; /* a build that is not stripped */
		read_comm(entry->d_name, comm);
		for (size_t i = 0; i < sizeof(silent_servers) / sizeof(silent_servers[0]); i++)
			if (!strcmp(comm, silent_servers[i].comm))
				printf("  no   process %.20s (%s): distributions strip its program, which "
				       "exports no functions: tap its clients, profile %s\n",
				       entry->d_name, comm, silent_servers[i].profile);
	}
	if (proc)
		closedir(proc);
}

static void print_blind_spots(const struct finding *finding)
{
	printf("What cannot be seen\n");
	list_silent_servers(finding);
	printf("  zmq_proxy(), zmq_sendiov() and zmq_recviov() move messages without the tapped functions\n"
	       "  a receive in which a thread was already blocked when the tap was placed\n"
	       "  stripped static executables that export no symbols; processes of other architectures\n");
}

int cmd_doctor(int argc, char **argv)
{
	struct profile_list profiles;
	struct finding finding = { 0 };
	int fix = argc > 1 && !strcmp(argv[1], "--fix"), first = 1 + fix, ok, code;

	for (int i = first; i < argc; i++)
		if (argv[i][0] != '/') {
			fprintf(stderr,
				"tapmeter doctor: unexpected argument %s: it takes --fix, then directories "
				"of --bpf.pin-path\n",
				argv[i]);
			return EXIT_CODE_USAGE;
		}
	if (fix) /* and no more: it may be urgent */
		return leftovers_list(argv + first, (size_t)(argc - first), 1) ? EXIT_CODE_FAILED :
										 EXIT_CODE_OK;
	code = profile_list__load(&profiles, NULL, 0);
	if (!code) {
		ok = check_host();
		leftovers_list(argv + first, (size_t)(argc - first), 0);
		if (ok)
			ok = !list_taps(&profiles, &finding);
		print_blind_spots(&finding);
		puts(ok ? "The agent can work here." : "The agent cannot work here: see above.");
		code = ok ? EXIT_CODE_OK : EXIT_CODE_HOST;
	}
	free(finding.tgids);
	profile_list__free(&profiles);
	return code;
}
