/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BPF_TEST_H
#define BPF_TEST_H
/*
 * What tests that tap for real share: whether they can on this host, a directory with the library
 * of tapped.c, and processes to tap (a test's own process is never counted).
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tap/probes.h"
#include "valgrind.h"

static inline int file_has(const char *path, const char *pattern)
{
	char command[256];

	snprintf(command, sizeof(command), "grep -q '%s' %s 2>/dev/null", pattern, path);
	return system(command) == 0; /* NOLINT: the pattern is ours */
}

/*
 * Why probes__new(), which has failed so, cannot work on this host; NULL if it should have. As root
 * on a Linux kernel that has the way, no failure is an excuse to skip.
 */
static inline const char *host_lacks(enum attach_way way, int error)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return "the Linux kernel has no type information";
	if (error == -EPERM || geteuid())
		return "not permitted";
	if (way == ATTACH_SESSION &&
	    !file_has("/sys/kernel/btf/vmlinux", "BPF_TRACE_UPROBE_SESSION"))
		return "the Linux kernel has no uprobe sessions";
	if (way == ATTACH_MULTI && !file_has("/proc/kallsyms", " bpf_uprobe_multi_link_attach\\b"))
		return "the Linux kernel has no uprobe.multi";
	return NULL;
}

/* 0 or -errno. If this host cannot have probes, 0 too, *out NULL and the reason in `reason`. */
static inline int open_probes(const struct probes_config *config, struct probes **out,
			      char reason[512])
{
	char err[256] = "";
	const char *lacks;
	int error;

	*out = NULL;
	if (is_translated()) {
		snprintf(reason, 512, "valgrind runs a translation of what is tapped");
		return 0;
	}
	error = probes__new(config, err, sizeof(err), out);

	reason[0] = 0;
	if (!error)
		return 0;
	lacks = host_lacks(config->way, error);
	if (lacks) {
		snprintf(reason, 512, "%s: %s", lacks, err);
		return 0;
	}
	print_error("%s\n", err);
	return error;
}

/* Ends the test as skipped if there is a reason to. */
static inline void skip_if(const char *reason)
{
	if (!reason[0])
		return;
	print_message("skipped: %s\n", reason);
	skip();
}

/* ---- files ------------------------------------------------------------------------------- */

static char test_directory[64];

static inline const char *in_directory(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", test_directory, name);
	return path;
}

/* Runs a command in the test's directory. Returns 0, or -1 if it fails. */
static inline int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static inline int shell(const char *format, ...)
{
	char command[1024];
	va_list args;
	int n = snprintf(command, sizeof(command), "cd '%s' && ", test_directory);

	va_start(args, format);
	n += vsnprintf(command + n, sizeof(command) - (size_t)n, format, args);
	va_end(args);
	return (size_t)n < sizeof(command) && system(command) == 0 ? 0 : -1; /* NOLINT: ours */
}

/* Makes the directory, with tapped.so in it. `source` is the __FILE__ of the test. */
static inline int make_directory(const char *source)
{
	char folder[PATH_MAX], absolute[PATH_MAX];

	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(source, '/') - source), source);
	if (!realpath(folder, absolute))
		return -1;
	strcpy(test_directory, "/tmp/tapmeter-test-XXXXXX");
	if (!mkdtemp(test_directory))
		return -1;
	/* not optimized: functions begin with a push, which is cheap to probe */
	return shell(
		"gcc -O0 -fcf-protection=none -shared -fPIC -Wl,-z,lazy '%s/tapped.c' -o tapped.so",
		absolute);
}

static inline int remove_directory(void)
{
	return test_directory[0] ? shell("rm -r '%s'", test_directory) : 0;
}

/* ---- processes --------------------------------------------------------------------------- */

/* Starts a process that calls work(arg) and exits with 0. It does not outlive the test. */
static inline pid_t start_child(void (*work)(void *), void *arg)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, SIG_DFL);
	work(arg);
	_exit(0);
}

/* Waits for a process that shall end well. */
static inline void finish_child(pid_t pid)
{
	int status;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static inline pid_t run_child(void (*work)(void *), void *arg)
{
	pid_t pid = start_child(work, arg);

	finish_child(pid);
	return pid;
}

static inline void kill_child(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* A pipe by which processes wait for each other: one byte per event. */
struct signal_pipe {
	int fds[2];
};

static inline void open_pipe(struct signal_pipe *pipe_)
{
	assert_int_equal(pipe(pipe_->fds), 0);
}

static inline void close_pipe(struct signal_pipe *pipe_)
{
	close(pipe_->fds[0]);
	close(pipe_->fds[1]);
}

static inline void tell(const struct signal_pipe *pipe_)
{
	if (write(pipe_->fds[1], "", 1) != 1)
		_exit(100);
}

/* Not for ever: the one who should tell may have died. */
static inline void await(const struct signal_pipe *pipe_)
{
	struct pollfd readable = { .fd = pipe_->fds[0], .events = POLLIN };
	char byte;

	if (poll(&readable, 1, 30000) == 1 && read(pipe_->fds[0], &byte, 1) == 1)
		return;
	fprintf(stderr, "nobody told us to go on\n");
	_exit(101);
}

#endif
