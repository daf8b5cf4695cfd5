/* SPDX-License-Identifier: Apache-2.0 */
/* Children confine themselves and then try what they may and what they may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "util/syscalls.h"
#include "valgrind.h"

/* With arguments that are all -1 they do nothing. */
static const struct {
	long number;
	const char *name;
} forbidden[] = {
	{ SYS_execve, "execve" },
	{ SYS_execveat, "execveat" },
#if !defined(__SANITIZE_ADDRESS__)
	{ SYS_ptrace, "ptrace" },
#endif
	{ SYS_process_vm_writev, "process_vm_writev" },
	{ SYS_setresuid, "setresuid" },
	{ SYS_setgroups, "setgroups" },
	{ SYS_mount, "mount" },
	{ SYS_chroot, "chroot" },
	{ SYS_setns, "setns" },
	{ SYS_unshare, "unshare" },
	{ SYS_init_module, "init_module" },
	{ SYS_acct, "acct" },
	{ SYS_keyctl, "keyctl" },
	{ SYS_io_uring_setup, "io_uring_setup" },
	{ SYS_vmsplice, "vmsplice" },
};
#define FORBIDDEN (sizeof(forbidden) / sizeof(forbidden[0]))

static int wrong; /* what a child has found so, up to now */

static void expect(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "# wrong: %s\n", what);
	wrong = 1;
}

static void in_a_child(void (*function)(void))
{
	int status;
	pid_t child;

	if (is_translated()) {
		print_message("skipped: valgrind knows no seccomp()\n");
		skip();
	}
	child = fork();
	if (!child) {
		function();
		_exit(wrong);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static bool is_refused(size_t i)
{
	return syscall(forbidden[i].number, -1L, -1L, -1L, -1L, -1L, -1L) < 0 && errno == EPERM;
}

static void try_forbidden(void)
{
	size_t before = 0;

	for (size_t i = 0; i < FORBIDDEN; i++)
		before += is_refused(i); /* for want of a capability */
	expect(before < FORBIDDEN / 2, "most are refused before, too");
	expect(!syscalls_confine(), "confining");
	for (size_t i = 0; i < FORBIDDEN; i++)
		expect(is_refused(i), forbidden[i].name);
}

static void what_is_forbidden_is_refused(void **state)
{
	(void)state;
	in_a_child(try_forbidden);
}

static void *do_nothing(void *arg)
{
	return arg;
}

static void try_allowed(void)
{
	pthread_t thread;
	char byte = 0;
	int fd, pair[2];
	void *page;

	expect(!syscalls_confine(), "confining");
	fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	expect(fd >= 0 && read(fd, &byte, 1) == 1, "reading a file");
	close(fd);
	expect(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair) && write(pair[0], "x", 1) == 1,
	       "a socket");
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	expect(page != MAP_FAILED, "memory");
	expect(!pthread_create(&thread, NULL, do_nothing, NULL) && !pthread_join(thread, NULL),
	       "a thread");
	expect(syscall(SYS_bpf, -1, NULL, 0) < 0 && errno != ENOSYS, "bpf() is known");
}

static void the_rest_works(void **state)
{
	(void)state;
	in_a_child(try_allowed);
}

/* ---- other threads -------------------------------------------------------------------------------- */

static int go[2];

static void *wait_and_try(void *arg)
{
	char byte;

	if (read(go[0], &byte, 1) == 1)
		*(int *)arg = syscall(SYS_unshare, 0L) < 0 && errno == EPERM;
	return NULL;
}

static void try_in_another_thread(void)
{
	int refused = 0;
	pthread_t thread;

	expect(!pipe(go), "a pipe");
	expect(!pthread_create(&thread, NULL, wait_and_try, &refused), "a thread");
	expect(!syscalls_confine(), "confining");
	expect(write(go[1], "x", 1) == 1, "waking the thread");
	pthread_join(thread, NULL);
	expect(refused, "a thread that was there before is confined, too");
}

static void it_holds_for_threads_that_were_there_before(void **state)
{
	(void)state;
	in_a_child(try_in_another_thread);
}

/* ---- what else --------------------------------------------------------------------------------------- */

static void look_at_status(void)
{
	int found = 0;
	char line[256];
	FILE *status;

	expect(!syscalls_confine(), "confining");
	expect(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0, "there are no core dumps");
	status = fopen("/proc/self/status", "re");
	while (status && fgets(line, sizeof(line), status))
		found += !strcmp(line, "NoNewPrivs:\t1\n") || !strcmp(line, "Seccomp:\t2\n");
	expect(found == 2, "Linux shows no new privileges and a filter");
	expect(!syscalls_confine(), "a second time");
}

static void no_privileges_can_be_gained_and_no_core_is_dumped(void **state)
{
	(void)state;
	in_a_child(look_at_status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_forbidden_is_refused),
		cmocka_unit_test(the_rest_works),
		cmocka_unit_test(it_holds_for_threads_that_were_there_before),
		cmocka_unit_test(no_privileges_can_be_gained_and_no_core_is_dumped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
