/* SPDX-License-Identifier: Apache-2.0 */
#include "subject/environ.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "util/aside.h"
#include "util/plausible.h"

#define PIECE 4096

enum state {
	STATE_NAME = 0, /* as far as seen, it is the name: search->at bytes of it */
	STATE_OTHER, /* another variable: skipped to its end */
	STATE_VALUE,
};

static void take_name(struct environ_search *search, char c)
{
	if (search->name[search->at]) {
		if (c == search->name[search->at])
			search->at++;
		else
			search->state = STATE_OTHER;
	} else {
		search->state = c == '=' ? STATE_VALUE : STATE_OTHER;
		search->at = 0;
	}
}

/* Returns 1 at the end of the value. */
static int take_value(struct environ_search *search, char c)
{
	if (search->at >= search->size) {
		explicit_bzero(search->value, search->size);
		search->found = -1;
		return 1;
	}
	search->value[search->at++] = c;
	search->found = !c;
	return !c;
}

int environ_feed(struct environ_search *search, const char *piece, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (search->found)
			return 1;
		if (search->state == STATE_VALUE) {
			if (take_value(search, piece[i]))
				return 1;
		} else if (!piece[i]) {
			search->state = STATE_NAME;
			search->at = 0;
		} else if (search->state == STATE_NAME) {
			take_name(search, piece[i]);
		}
	}
	return 0;
}

int environ_read(struct aside *aside, const char *root, uint32_t tgid, const char *name,
		 char *value, size_t size)
{
	struct environ_search search = { .name = name, .value = value, .size = size };
	char path[256], piece[PIECE];
	size_t total = 0;
	ssize_t got = 0;
	int fd;

	value[0] = 0;
	snprintf(path, sizeof(path), "%s/%u/environ", root, tgid);
	fd = aside__open(aside, tgid, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fd;
	while (total < ENVIRON_MAX &&
	       (got = aside__read(aside, ASIDE_PROCESS(tgid), fd, piece, sizeof(piece), -1)) > 0) {
		total += (size_t)got;
		if (environ_feed(&search, piece, (size_t)got))
			break;
	}
	close(fd);
	explicit_bzero(piece, sizeof(piece));
	/* without its end it may be a part of another name */
	if (search.found == 1 && plausible_name(value, size))
		return 0;
	explicit_bzero(value, size);
	return got < 0 ? (int)got : -ENOENT;
}
