/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/leftovers.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "tap/pins.h"

#define USUAL "/sys/fs/bpf"

struct contents {
	unsigned links, maps, others;
};

static int count_one(void *arg, const char *name)
{
	struct contents *contents = arg;

	switch (pinned_kind(name)) {
	case PINNED_LINK:
		contents->links++;
		break;
	case PINNED_MAP:
		contents->maps++;
		break;
	case PINNED_OTHER:
		contents->others++;
		break;
	}
	return 0;
}

static int remove_all(const struct pins *pins, const char *dir, int others)
{
	int err = pins__wipe(pins);

	if (!err && !others && rmdir(dir))
		err = -errno;
	if (err)
		printf("  no   remove %s: %s\n", dir, strerror(-err));
	else
		printf("  yes  %s: removed\n", dir);
	return err;
}

static int cannot_list(const char *dir, int err)
{
	printf("  no   %s: %s\n", dir, strerror(-err));
	return err;
}

/* `named`: the user wants to hear of it in any case. */
static int list_one(const char *dir, int named, int fix)
{
	struct contents contents = { 0 };
	struct pins *pins;
	char text[512];
	int err = pins__open_existing(dir, text, sizeof(text), &pins);

	if (err == -EBUSY && (named || fix))
		printf("  yes  %s: an agent is at work there\n", dir);
	else if (err && (named || err == -ENOMEM))
		printf("  no   %s\n", text);
	if (err)
		return (named && err != -EBUSY) || err == -ENOMEM ? err : 0;
	err = pins__each(pins, count_one, &contents);
	if (err)
		cannot_list(dir, err);
	/* whatever else is there is not ours to judge: with the directory's name we are only sure of what is */
	if (!err && contents.others && named)
		printf("  left %s: %u things that are no agent's: not touched\n", dir,
		       contents.others);
	if (!err && (named || !contents.others) && contents.links + contents.maps) {
		printf("  left %s: %u taps and %u maps of an agent that has ended%s\n", dir,
		       contents.links, contents.maps,
		       fix ? "" : ": start it again, or remove them: tapmeter doctor --fix");
		if (fix)
			err = remove_all(pins, dir, contents.others != 0);
	}
	pins__close(pins);
	return err;
}

static int list_usual(int fix)
{
	DIR *all = opendir(USUAL);
	struct dirent *entry;
	char path[sizeof(USUAL) + 1 + NAME_MAX];
	int err = 0, one;

	/* nothing there is no failure; but what was to be mended has not been looked at */
	if (!all) {
		err = -errno;
		return err != -ENOENT && (fix || err == -ENOMEM) ? cannot_list(USUAL, err) : 0;
	}
	while ((entry = readdir(all))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), USUAL "/%s", entry->d_name);
		one = list_one(path, 0, fix);
		err = err ? err : one;
	}
	closedir(all);
	return err;
}

int leftovers_list(char *const *dirs, size_t count, int fix)
{
	int err = list_usual(fix), one;

	for (size_t i = 0; i < count; i++) {
		one = list_one(dirs[i], 1, fix);
		err = err ? err : one;
	}
	return err;
}
