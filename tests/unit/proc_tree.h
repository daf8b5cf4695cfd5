/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TEST_PROC_TREE_H
#define TAPMETER_TEST_PROC_TREE_H
/* A directory that looks like /proc, for tests. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

static char tree[64];

static __attribute__((unused)) int tree_setup(void **state)
{
	(void)state;
	strcpy(tree, "/tmp/tapmeter-tree-XXXXXX");
	return mkdtemp(tree) ? 0 : -1;
}

static __attribute__((unused)) int tree_teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", tree);
	return system(command); /* NOLINT: the path is ours */
}

/* Writes `len` bytes to a file below the tree, whose directories are made. */
static __attribute__((unused)) void tree_put_bytes(const char *name, const void *data, size_t len)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", tree, name);
	for (char *at = path + strlen(tree) + 1; (at = strchr(at, '/')); at++) {
		*at = 0;
		assert_true(!mkdir(path, 0700) || errno == EEXIST);
		*at = '/';
	}
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* Whoever opens it for reading waits until somebody opens it for writing. `name` is a file's; that goes. */
static __attribute__((unused)) void tree_put_fifo(const char *name)
{
	char path[512];

	tree_put_bytes(name, "", 0);
	snprintf(path, sizeof(path), "%s/%s", tree, name);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
}

/* For writing (O_WRONLY), so that who waits goes on; or for both (O_RDWR), so that opening it is not waited for, but reading it is. */
static __attribute__((unused)) int tree_open_fifo(const char *name, int mode)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", tree, name);
	fd = open(path, mode | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static __attribute__((unused)) void tree_put(unsigned tgid, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%u/%s", tgid, name);
	tree_put_bytes(path, text, strlen(text));
}

/* A process: its parent, when it began (ticks), its pids as NSpid has them, its cgroups. */
static __attribute__((unused)) void tree_put_process(unsigned tgid, unsigned parent,
						     unsigned long long start, const char *nspid,
						     const char *cgroup)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "%u (a) b) S %u %u %u 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 %llu 1 2 3\n", tgid,
		 parent, tgid, tgid, start);
	tree_put(tgid, "stat", text);
	snprintf(text, sizeof(text),
		 "Name:\ta\\nNSpid:\t9 1\nState:\tS (sleeping)\nNSpid:\t%s\nNSpgid:\t1\n", nspid);
	tree_put(tgid, "status", text);
	tree_put(tgid, "cgroup", cgroup);
	tree_put(tgid, "comm", "a\n");
}

static __attribute__((unused)) void tree_remove(unsigned tgid, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%u/%s", tree, tgid, name);
	assert_int_equal(unlink(path), 0);
}

static __attribute__((unused)) void tree_take_away(unsigned tgid)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r '%s/%u'", tree, tgid);
	assert_int_equal(system(command), 0); /* NOLINT: the path is ours */
}

#endif
