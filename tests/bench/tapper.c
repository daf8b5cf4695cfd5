/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taps a file by way of the agent's own modules, whole or with parts left out, or attaches the
 * programs of floor.bpf.c in the same way to the same instruction.
 *
 *	tapper WAY FLOOR-OBJECT PROFILE
 *
 * WAY is auto, session, multi or perf. Says {"ready": PID}, then takes commands on stdin, each
 * answered by a line of JSON:
 *
 *	way			{"way": what auto has come to}
 *	place FILE SYMBOL	where the agent puts the probe of a function: {"skipped": bytes
 *				behind its entry, "instruction": TEXT, "reason": TEXT}
 *	attach VARIANT FILE SYMBOL SKIP
 *				probes a function, SKIP bytes behind its entry;
 *				{"attach_ms": NUMBER}
 *	detach			removes all that is attached; {"calls": counted since the last time}
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "floor.h"
#include "tap/bounds.h"
#include "tap/compile.h"
#include "tap/elf.h"
#include "tap/place.h"
#include "tap/probes.h"
#include "tap/profile.h"

#define MAX_STREAMS 4096
#define MAX_LINKS 64
#define NOT_FLOOR UINT32_MAX

/* include/uapi/linux/bpf.h; the installed header may be older */
#define UPROBE_MULTI_RETURN 1
#define TRACE_UPROBE_MULTI 48
#define TRACE_UPROBE_SESSION 57

/* ---- what may be attached -------------------------------------------------------------------- */

/* Each of these leaves out one thing more than the one before it. */
static void without_more(struct tm_spec *spec)
{
	spec->payload.kind = TM_PAYLOAD_NONE;
	spec->has_more = 0;
}

static void without_bytes(struct tm_spec *spec)
{
	without_more(spec);
	memset(&spec->bytes, 0, sizeof(spec->bytes));
}

static void without_failures(struct tm_spec *spec)
{
	without_bytes(spec);
	memset(spec->failed, 0, sizeof(spec->failed));
}

static void without_object(struct tm_spec *spec)
{
	without_failures(spec);
	memset(&spec->object, 0, sizeof(spec->object));
}

/* The call is followed to its end, and comes to nothing there. */
static void without_counters(struct tm_spec *spec)
{
	without_object(spec);
	spec->action = TM_ACTION_RELABEL;
	spec->failed[0] = (struct tm_value){ .base = TM_BASE_CONST, .operand = 1 };
}

static void without_errno(struct tm_spec *spec)
{
	spec->payload.kind = TM_PAYLOAD_NONE;
	spec->has_errno = 0;
}

static void without_transit(struct tm_spec *spec)
{
	spec->payload.kind = TM_PAYLOAD_NONE;
}

/* Requests are looked for, but on no socket of the target. */
static void with_requests(struct tm_spec *spec)
{
	spec->no_transit = 1;
	spec->rpc = 1;
}

static void whole(struct tm_spec *spec)
{
	(void)spec;
}

static const struct variant {
	const char *name;
	uint32_t parts; /* of floor.bpf.c */
	void (*cut)(struct tm_spec *spec);
} variants[] = {
	{ "floor", 0, NULL },
	{ "floor+thread", FLOOR_THREAD, NULL },
	{ "floor+clock", FLOOR_CLOCK, NULL },
	{ "floor+clock+histogram", FLOOR_CLOCK | FLOOR_HISTOGRAM, NULL },
	{ "calls", NOT_FLOOR, without_counters },
	{ "counters", NOT_FLOOR, without_object },
	{ "identity", NOT_FLOOR, without_failures },
	{ "failures", NOT_FLOOR, without_bytes },
	{ "bytes", NOT_FLOOR, without_more },
	{ "full", NOT_FLOOR, without_transit },
	{ "transit", NOT_FLOOR, whole },
	{ "requests", NOT_FLOOR, with_requests },
	{ "no-errno", NOT_FLOOR, without_errno },
};

#define VARIANTS (sizeof(variants) / sizeof(variants[0]))

static struct probes *probes;
static struct profile *profile;
static struct bpf_object *floors[VARIANTS]; /* loaded when first wanted */
static const char *floor_path;

static struct probe_link *links[MAX_LINKS];
static int floor_fds[MAX_LINKS];
static struct bpf_link *floor_perf[MAX_LINKS];
static size_t link_count, floor_fd_count, floor_perf_count;

static void check(int ok, const char *step)
{
	if (ok)
		return;
	fprintf(stderr, "tapper: %s: %s\n", step, strerror(errno));
	exit(EXIT_FAILURE);
}

static void check_error(int error, const char *step)
{
	errno = error < 0 ? -error : 0;
	check(error >= 0, step);
}

/* ---- files ----------------------------------------------------------------------------------- */

struct function {
	int fd;
	struct elf_file *elf;
	struct elf_symbol symbol;
};

static void function_open(const char *path, const char *name, struct function *out)
{
	char err[128] = "";

	out->fd = open(path, O_RDONLY | O_CLOEXEC);
	check(out->fd >= 0, path);
	check_error(elf_file__new(out->fd, &out->elf, err, sizeof(err)), err);
	errno = ENOENT;
	check(elf_file__functions(out->elf, &name, 1, &out->symbol) == 1, name);
}

static void function_close(struct function *function)
{
	elf_file__free(function->elf);
	close(function->fd);
}

static void do_place(char **args)
{
	struct placement placement;
	struct function function;

	function_open(args[0], args[1], &function);
	place_probe(function.elf, &function.symbol, &placement);
	function_close(&function);
	printf("{\"skipped\": %u, \"instruction\": \"%s\", \"reason\": \"%s\"}\n",
	       placement.skipped, placement.instruction, placement.reason);
}

/* ---- the floor ------------------------------------------------------------------------------- */

static struct bpf_program *find_program(const struct bpf_object *object, const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	check(program != NULL, name);
	return program;
}

static void set_settings(const struct bpf_object *object, uint32_t parts)
{
	const struct bpf_map *constants = bpf_object__find_map_by_name(object, ".rodata");
	struct floor_settings *settings;
	size_t size;

	settings = bpf_map__initial_value(constants, &size);
	check(settings && size == sizeof(*settings), ".rodata");
	settings->parts = parts;
	hist_tables_fill(settings->bounds_ns, settings->guesses);
}

static const struct bpf_object *floor_load(size_t variant)
{
	struct bpf_object *object = floors[variant];
	enum attach_way way = probes__way(probes);
	struct bpf_program *session;

	if (object)
		return object;
	object = bpf_object__open_file(floor_path, NULL);
	check(object != NULL, floor_path);
	set_settings(object, variants[variant].parts);
	session = find_program(object, "floor_session");
	bpf_program__set_autoload(session, way == ATTACH_SESSION);
	bpf_program__set_expected_attach_type(session, (enum bpf_attach_type)TRACE_UPROBE_SESSION);
	bpf_program__set_autoload(find_program(object, "floor_multi"), way == ATTACH_MULTI);
	bpf_program__set_autoload(find_program(object, "floor_perf"), way == ATTACH_PERF);
	check_error(bpf_object__load(object), "load");
	floors[variant] = object;
	return object;
}

static void floor_link(const struct bpf_program *program, uint32_t type, uint32_t flags, int fd,
		       uint64_t offset)
{
	char path[32];
	struct {
		uint32_t program_fd, target_fd, type, flags;
		uint64_t path, offsets, counter_offsets, cookies;
		uint32_t count, multi_flags, pid, pad;
	} attr = {
		.program_fd = (uint32_t)bpf_program__fd(program),
		.type = type,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)&offset,
		.count = 1,
		.multi_flags = flags,
	};

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	floor_fds[floor_fd_count] = (int)syscall(__NR_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	check(floor_fds[floor_fd_count++] >= 0, "link");
}

static void floor_link_perf(const struct bpf_program *program, bool at_return, const char *path,
			    uint64_t offset)
{
	struct bpf_link *link =
		bpf_program__attach_uprobe(program, at_return, -1, path, (size_t)offset);

	check(link != NULL, "attach");
	floor_perf[floor_perf_count++] = link;
}

static void floor_attach(size_t variant, const char *path, int fd, uint64_t offset)
{
	const struct bpf_object *object = floor_load(variant);

	check(floor_fd_count + 2 <= MAX_LINKS && floor_perf_count + 2 <= MAX_LINKS,
	      "too many links");
	switch (probes__way(probes)) {
	case ATTACH_SESSION:
		floor_link(find_program(object, "floor_session"), TRACE_UPROBE_SESSION, 0, fd,
			   offset);
		break;
	case ATTACH_MULTI:
		floor_link(find_program(object, "floor_multi"), TRACE_UPROBE_MULTI,
			   UPROBE_MULTI_RETURN, fd, offset);
		floor_link(find_program(object, "floor_multi"), TRACE_UPROBE_MULTI, 0, fd, offset);
		break;
	default:
		floor_link_perf(find_program(object, "floor_perf"), true, path, offset);
		floor_link_perf(find_program(object, "floor_perf"), false, path, offset);
	}
}

/* ---- taps ------------------------------------------------------------------------------------ */

static const struct profile_function *profile_find(const char *symbol)
{
	const struct profile_function *found = &profile->functions[0];

	/* A function that the profile does not know is tapped like its first. */
	for (size_t i = 0; i < profile->function_count; i++)
		if (!strcmp(profile->functions[i].symbol, symbol))
			found = &profile->functions[i];
	return found;
}

/* Streams are told apart by the operation: each variant has its own. */
static void tap_attach(size_t variant, const char *symbol, const struct function *function,
		       uint64_t offset)
{
	struct compile_context context = { .first_op = 1 + 2 * (uint32_t)variant, .transit = 1 };
	struct probe probe = { .offset = offset, .spec = link_count };
	struct compiled compiled;

	check(link_count < MAX_LINKS, "too many links");
	spec_compile(profile, profile_find(symbol), function->elf, &function->symbol, &context,
		     &compiled);
	compiled.spec.file = 1;
	variants[variant].cut(&compiled.spec);
	check_error(probes__set_spec(probes, (uint32_t)probe.spec, &compiled.spec), "spec");
	check_error(probes__attach(probes, function->fd, &probe, 1, 0, &links[link_count]),
		    "attach");
	link_count++;
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static size_t find_variant(const char *name)
{
	size_t variant = 0;

	while (variant < VARIANTS && strcmp(variants[variant].name, name))
		variant++;
	errno = EINVAL;
	check(variant < VARIANTS, name);
	return variant;
}

static void do_attach(char **args)
{
	size_t variant = find_variant(args[0]);
	struct function function;
	uint64_t offset;
	double start;

	function_open(args[1], args[2], &function);
	offset = function.symbol.offset + strtoul(args[3], NULL, 10);
	start = now_ms();
	if (variants[variant].parts == NOT_FLOOR)
		tap_attach(variant, args[2], &function, offset);
	else
		floor_attach(variant, args[1], function.fd, offset);
	printf("{\"attach_ms\": %.3f}\n", now_ms() - start);
	function_close(&function);
}

static uint64_t all_calls(void)
{
	const struct tm_slot *slots = probes__slots(probes);
	uint64_t calls = 0;

	for (uint32_t i = 0; i < MAX_STREAMS; i++) {
		for (uint32_t j = 0; j < TM_HIST_BUCKETS; j++)
			calls += slots[i].hist[j];
		for (uint32_t j = 0; j < TM_MAX_ERRNOS; j++)
			calls += slots[i].errors[j].count;
		calls += slots[i].other_errors;
	}
	return calls;
}

static void ignore_event(void *arg, const struct tm_event *event, size_t size)
{
	(void)arg;
	(void)event;
	(void)size;
}

static void do_detach(char **args)
{
	static uint64_t calls_before;
	uint64_t calls;

	(void)args;
	while (link_count)
		probe_link__free(links[--link_count]);
	while (floor_perf_count)
		bpf_link__destroy(floor_perf[--floor_perf_count]);
	while (floor_fd_count)
		close(floor_fds[--floor_fd_count]);
	probes__events(probes, ignore_event, NULL);
	calls = all_calls();
	printf("{\"calls\": %" PRIu64 "}\n", calls - calls_before);
	calls_before = calls;
}

static void do_way(char **args)
{
	(void)args;
	printf("{\"way\": \"%s\"}\n", attach_way_name(probes__way(probes)));
}

static const struct {
	const char *name;
	void (*run)(char **args);
} commands[] = {
	{ "way", do_way },
	{ "place", do_place },
	{ "attach", do_attach },
	{ "detach", do_detach },
};

static void run(char *line)
{
	char *words[5] = { "", "", "", "", "" };
	size_t count = 0;

	for (char *word = strtok(line, " \n"); word && count < 5; word = strtok(NULL, " \n"))
		words[count++] = word;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, words[0]))
			continue;
		commands[i].run(words + 1);
		return;
	}
	errno = EINVAL;
	check(0, words[0]);
}

static enum attach_way parse_way(const char *name)
{
	enum attach_way way = ATTACH_SESSION;

	while (way <= ATTACH_PERF && strcmp(attach_way_name(way), name))
		way++;
	return way <= ATTACH_PERF ? way : ATTACH_AUTO;
}

int main(int argc, char **argv)
{
	static const struct tm_rpc_rule no_socket;
	struct probes_config config = { .max_streams = MAX_STREAMS,
					.transit = 1,
					.rpc_rule_count = 1,
					.rpc_rules = &no_socket };
	struct yaml_errors errors = { 0 };
	char err[256] = "", line[8192];

	check(argc == 4, "usage: tapper WAY FLOOR-OBJECT PROFILE");
	setvbuf(stdout, NULL, _IOLBF, 0);
	config.way = parse_way(argv[1]);
	floor_path = argv[2];
	check_error(profile__load(argv[3], &profile, &errors), argv[3]);
	check_error(probes__new(&config, err, sizeof(err), &probes), err);
	printf("{\"ready\": %d}\n", getpid());
	while (fgets(line, sizeof(line), stdin))
		run(line);
	_exit(EXIT_SUCCESS);
}
