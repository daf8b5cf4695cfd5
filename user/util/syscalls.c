/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is forbidden is listed, not what is allowed: libraries and later versions of libc make other calls than
 * today's, and an agent that fails on somebody's host for that reason gets run without any filter. EPERM, not
 * death: the tapped processes' counters must not end with it. The Linux kernel's audit log has who tried.
 */
#include "util/syscalls.h"
#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>

/* More than the library takes for the filter. */
#define ENOUGH_MEMORY (1 << 20)

/* docs/security.md has the same list; tests/e2e/privileges compares. */
/* clang-format off */
static const char *const forbidden[] = {
	/* programs, other processes */
	"execve", "execveat",
#if !defined(__SANITIZE_ADDRESS__) /* the leak sanitizer stops threads by it */
	"ptrace",
#endif
	"process_vm_writev", "pidfd_getfd", "process_madvise",
	/* users */
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid",
	"setfsgid",
	/* filesystems and namespaces */
	"mount", "umount2", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick",
	"mount_setattr", "pivot_root", "chroot", "setns", "unshare", "mknod", "mknodat", "swapon",
	"swapoff", "quotactl", "open_by_handle_at",
	/* the Linux kernel */
	"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot",
	"settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "sethostname", "setdomainname",
	"iopl", "ioperm", "syslog", "acct",
	/* of no use, and often attacked */
	"keyctl", "add_key", "request_key", "userfaultfd", "io_uring_setup", "io_uring_enter",
	"io_uring_register", "personality", "vmsplice", "modify_ldt",
};
/* clang-format on */

static int add_rules(scmp_filter_ctx filter)
{
	int err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	if (err)
		return err;
	/* of Linux 4.14; without it the rest works */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]) && !err; i++) {
		int number = seccomp_syscall_resolve_name(forbidden[i]);

		if (number >= 0)
			err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
	}
	return err;
}

/* libseccomp 2.5.4 crashes when it gets none. */
static int is_memory_left(void)
{
	void *volatile some = malloc(ENOUGH_MEMORY);

	free(some);
	return some != NULL;
}

int syscalls_confine(void)
{
	scmp_filter_ctx filter;
	int err;

	if (!is_memory_left())
		return -ENOMEM;
	filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter)
		return -ENOMEM;
	err = add_rules(filter);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	/* memory of the agent holds others' secrets, such as those of web.config.file */
	if (!err && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		err = -errno;
	return err;
}
