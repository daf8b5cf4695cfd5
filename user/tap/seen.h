/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_SEEN_H
#define TAPMETER_TAP_SEEN_H
/* The mapped files that have been looked into, so that each is once. One thread. */
#include <stddef.h>
#include <stdint.h>
#include "tap/tapfile.h"

struct seen_files;

struct seen {
	struct file_key key;
	struct tap_file *file; /* NULL: of no interest, or there was no room for it */
	uint64_t no_room_for; /* number of the owner whose file it was; 0 = that is not why */
	uint64_t again_ns; /* there may be room then */
};

int seen__new(struct seen_files **out); /* -ENOMEM */
void seen__free(struct seen_files *files); /* accepts NULL; the tapped files are not its own */

/* NULL if it has not been seen; valid until it is removed. */
struct seen *seen__find(const struct seen_files *files, const struct file_key *key);
/* Of a file that is not there yet. -ENOMEM. */
int seen__add(struct seen_files *files, const struct file_key *key, struct tap_file *file);
void seen__remove(struct seen_files *files, const struct file_key *key);
void seen__clear(struct seen_files *files);
size_t seen__count(const struct seen_files *files);

#endif
