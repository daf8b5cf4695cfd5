/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_PINS_H
#define TAPMETER_TAP_PINS_H
/*
 * The directory of --bpf.pin-path, in a bpffs: BPF maps and links in it live on without the agent. Whoever has
 * it open holds its lock, so that two agents cannot share it. Nothing here logs. One thread.
 *
 * A pinned link keeps its file's filesystem busy, whether an agent runs or not.
 */
#include <stddef.h>
#include <stdint.h>

struct pins;

/*
 * Opens DIR, made with mode 0700 if it is not there, and locks it. On failure says in err what is wrong, and the mend:
 * -EBUSY (another agent has it), -EPERM (not ours, or open to others), -EINVAL (not in a bpffs), -errno.
 */
int pins__open(const char *dir, char *err, size_t err_len, struct pins **out);
/* The same for a directory that may not be there: -ENOENT, nothing is made. */
int pins__open_existing(const char *dir, char *err, size_t err_len, struct pins **out);
/* Gives the lock back and leaves what is pinned. Accepts NULL. */
void pins__close(struct pins *pins);

/* What a name says that it is: only what an agent has made is ever opened or removed. */
enum pinned_kind {
	PINNED_OTHER, /* none of ours */
	PINNED_LINK,
	PINNED_MAP,
};
enum pinned_kind pinned_kind(const char *name);

/*
 * A descriptor of what is pinned by that name, or -ENOENT, -errno. -EINVAL: a symbolic link, a directory, or somebody
 * else's. The caller closes it.
 */
int pins__get(const struct pins *pins, const char *name);
/* The same for a BPF link: -EINVAL for what is none, too. */
int pins__get_link(const struct pins *pins, const char *name);
/* Pins a map or link. Names have letters, digits, '_' and '-'. -EEXIST, -errno. */
int pins__put(const struct pins *pins, const char *name, int fd);
int pins__remove(const struct pins *pins, const char *name);
/* Every name, in no order; stops at the first that is not 0, which it returns. */
int pins__each(const struct pins *pins, int (*fn)(void *arg, const char *name), void *arg);
/* Removes all that is an agent's: links first, so that no tap is left to run without its maps. What others have left stays. */
int pins__wipe(const struct pins *pins);
/*
 * `size` bytes of memory that lives on, made of zeroes if the name is not there: *made tells. Unmapped by
 * pins__unmap(). -EINVAL: there is one of another size.
 */
int pins__map(const struct pins *pins, const char *name, size_t size, void **out, int *made);
void pins__unmap(void *memory, size_t size);

/* What a link is known by: the file's identity, and which of its links it is. */
struct pinned_link {
	uint64_t inode, size;
	int64_t mtime;
	uint32_t device, generation;
	uint32_t number; /* struct tm_spec.file */
	uint32_t round; /* tells two links of one file apart */
	uint64_t link_device; /* of the mount that the link was made through */
	uint32_t parts; /* pinned one by one; fewer there: one was not finished */
};

#define PINS_NAME_SIZE 160 /* NUL included */

void pinned_link_name(const struct pinned_link *link, uint32_t part, char name[PINS_NAME_SIZE]);
/* 0, or -EINVAL if the name is none of a link. */
int pinned_link_parse(const char *name, struct pinned_link *link, uint32_t *part);

#endif
