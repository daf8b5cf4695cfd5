/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_TREE_H
#define TESTS_UNIT_TREE_H
/* A directory for a test, with files in it. */
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

struct tree {
	char root[64];
};

static inline int tree_new(struct tree *tree)
{
	strcpy(tree->root, "/tmp/tapmeter-tree-XXXXXX");
	return mkdtemp(tree->root) ? 0 : -1;
}

static inline int tree_free(struct tree *tree)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r '%s'", tree->root);
	return system(command); /* NOLINT: the path is ours */
}

/* root/name; its directories are made. */
static inline void tree_path(const struct tree *tree, const char *name, char path[512])
{
	assert_true(snprintf(path, 512, "%s/%s", tree->root, name) < 512);
	for (char *p = path + strlen(tree->root) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(path, 0700);
	}
}

/* Files that are open see the new text: it is written over the old one, as the Linux kernel does. */
static inline void tree_put(const struct tree *tree, const char *name, const char *text)
{
	char path[512];
	FILE *file;

	tree_path(tree, name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static inline void tree_link(const struct tree *tree, const char *name, const char *target)
{
	char path[512];

	tree_path(tree, name, path);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static inline void tree_remove(const struct tree *tree, const char *name)
{
	char command[600];

	snprintf(command, sizeof(command), "rm -r '%s/%s'", tree->root, name);
	assert_int_equal(system(command), 0); /* NOLINT: the path is ours */
}

#endif
