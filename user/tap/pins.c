/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/pins.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <tapmeter/abi.h>

#ifndef BPF_FS_MAGIC
#define BPF_FS_MAGIC 0xcafe4a11
#endif

/* An entry and a return for each function: the names of others are not to make us count to the end of 32 bits. */
#define MAX_PARTS (2 * TM_MAX_SPECS)

struct pins {
	int dir;
};

/* ---- the directory ------------------------------------------------------------------------ */

static int refuse(int error, const char *dir, const char *why, char *err, size_t err_len)
{
	snprintf(err, err_len, "%s: %s", dir, why);
	return error;
}

/* Whoever else may write here could have the agent adopt anything. */
static int check(int fd, const char *dir, char *err, size_t err_len)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) || fstat(fd, &st))
		return refuse(-errno, dir, strerror(errno), err, err_len);
	if ((uint64_t)fs.f_type != BPF_FS_MAGIC)
		return refuse(-EINVAL, dir,
			      "not in a bpffs: mount one, as with: mount -t bpf bpf /sys/fs/bpf",
			      err, err_len);
	if (st.st_uid != geteuid() || st.st_mode & 077)
		return refuse(-EPERM, dir, "must belong to the agent's user, with mode 0700", err,
			      err_len);
	if (flock(fd, LOCK_EX | LOCK_NB))
		return refuse(errno == EWOULDBLOCK ? -EBUSY : -errno, dir,
			      "in use by another agent: give each a directory of its own", err,
			      err_len);
	return 0;
}

int pins__open_existing(const char *dir, char *err, size_t err_len, struct pins **out)
{
	struct pins *pins;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), error;

	if (fd < 0)
		return refuse(-errno, dir, strerror(errno), err, err_len);
	error = check(fd, dir, err, err_len);
	pins = error ? NULL : calloc(1, sizeof(*pins));
	if (!pins) {
		close(fd);
		return error ? error : refuse(-ENOMEM, dir, strerror(ENOMEM), err, err_len);
	}
	pins->dir = fd;
	*out = pins;
	return 0;
}

int pins__open(const char *dir, char *err, size_t err_len, struct pins **out)
{
	if (mkdir(dir, 0700) && errno != EEXIST)
		return refuse(-errno, dir, strerror(errno), err, err_len);
	return pins__open_existing(dir, err, err_len, out);
}

void pins__close(struct pins *pins)
{
	if (!pins)
		return;
	close(pins->dir);
	free(pins);
}

/* ---- what is pinned ------------------------------------------------------------------------- */

/* Through the open directory: its path may mean another one by now. */
static void path_of(const struct pins *pins, const char *name, char path[PINS_NAME_SIZE + 40])
{
	snprintf(path, PINS_NAME_SIZE + 40, "/proc/self/fd/%d/%s", pins->dir, name);
}

/* Nothing that leads elsewhere, and nothing that another user has put here before the directory was closed to them. */
static int check_entry(int entry)
{
	struct stat st;

	if (fstat(entry, &st))
		return -errno;
	return S_ISREG(st.st_mode) && st.st_uid == geteuid() ? 0 : -EINVAL;
}

int pins__get(const struct pins *pins, const char *name)
{
	int entry = openat(pins->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), fd;
	char path[40];

	if (entry < 0)
		return -errno;
	fd = check_entry(entry);
	if (!fd) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", entry);
		fd = bpf_obj_get(path);
		fd = fd < 0 ? -errno : fd;
	}
	close(entry);
	return fd;
}

/* The Linux kernel answers questions about links and maps alike, but it names them. */
static int is_link(int fd)
{
	static const char *const names[] = { "anon_inode:bpf_link", "anon_inode:bpf-link" };
	char path[40], name[40];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, name, sizeof(name) - 1);
	name[length > 0 ? length : 0] = 0;
	return !strcmp(name, names[0]) || !strcmp(name, names[1]);
}

int pins__get_link(const struct pins *pins, const char *name)
{
	int fd = pins__get(pins, name);

	if (fd >= 0 && !is_link(fd)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

int pins__put(const struct pins *pins, const char *name, int fd)
{
	char path[PINS_NAME_SIZE + 40];

	path_of(pins, name, path);
	return bpf_obj_pin(fd, path) ? -errno : 0;
}

int pins__remove(const struct pins *pins, const char *name)
{
	return unlinkat(pins->dir, name, 0) ? -errno : 0;
}

int pins__each(const struct pins *pins, int (*fn)(void *arg, const char *name), void *arg)
{
	int fd = openat(pins->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	while (!err && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			err = fn(arg, entry->d_name);
	closedir(dir);
	return err;
}

struct wipe {
	const struct pins *pins;
	enum pinned_kind kind;
	int removed;
};

static int wipe_one(void *arg, const char *name)
{
	struct wipe *wipe = arg;

	if (pinned_kind(name) == wipe->kind && !pins__remove(wipe->pins, name))
		wipe->removed++;
	return 0;
}

/* Until there is no more: an entry may be passed over when others go while they are listed. */
int pins__wipe(const struct pins *pins)
{
	for (enum pinned_kind kind = PINNED_LINK; kind <= PINNED_MAP; kind++) {
		struct wipe wipe = { .pins = pins, .kind = kind };
		int err = 0;

		do {
			wipe.removed = 0;
			err = pins__each(pins, wipe_one, &wipe);
		} while (!err && wipe.removed);
		if (err)
			return err;
	}
	return 0;
}

/* ---- memory --------------------------------------------------------------------------------- */

static size_t whole_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

static int check_size(int fd, size_t size)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	return info.type == BPF_MAP_TYPE_ARRAY &&
			       (uint64_t)info.value_size * info.max_entries == size ?
		       0 :
		       -EINVAL;
}

int pins__map(const struct pins *pins, const char *name, size_t size, void **out, int *made)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = pins__get(pins, name), err = 0;
	void *memory;

	size = whole_pages(size);
	*made = fd == -ENOENT;
	if (fd >= 0) {
		err = check_size(fd, size);
	} else if (*made) {
		/* pages as values: one of any size would be too large */
		fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "tapmeter_kept", sizeof(uint32_t), 4096,
				    (uint32_t)(size / 4096), &opts);
		err = fd < 0 ? -errno : pins__put(pins, name, fd);
	}
	if (fd < 0)
		return err ? err : fd;
	memory = err ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!err && memory == MAP_FAILED)
		err = -errno;
	close(fd);
	if (!err)
		*out = memory;
	return err;
}

void pins__unmap(void *memory, size_t size)
{
	if (memory)
		munmap(memory, whole_pages(size));
}

/* ---- names ------------------------------------------------------------------------------------ */

void pinned_link_name(const struct pinned_link *link, uint32_t part, char name[PINS_NAME_SIZE])
{
	snprintf(name, PINS_NAME_SIZE,
		 "link-%" PRIx32 "-%" PRIx64 "-%" PRIx32 "-%" PRIx64 "-%" PRIx64 "-%" PRIx32
		 "-%" PRIx64 "-%" PRIx32 "-%" PRIx32 "-%" PRIx32,
		 link->device, link->inode, link->generation, link->size, (uint64_t)link->mtime,
		 link->number, link->link_device, link->round, link->parts, part);
}

int pinned_link_parse(const char *name, struct pinned_link *link, uint32_t *part)
{
	char again[PINS_NAME_SIZE];
	uint64_t mtime;

	memset(link, 0, sizeof(*link));
	if (sscanf(name,
		   "link-%" SCNx32 "-%" SCNx64 "-%" SCNx32 "-%" SCNx64 "-%" SCNx64 "-%" SCNx32
		   "-%" SCNx64 "-%" SCNx32 "-%" SCNx32 "-%" SCNx32,
		   &link->device, &link->inode, &link->generation, &link->size, &mtime,
		   &link->number, &link->link_device, &link->round, &link->parts, part) != 10)
		return -EINVAL;
	link->mtime = (int64_t)mtime;
	pinned_link_name(link, *part, again);
	if (strcmp(name, again) != 0 || *part >= link->parts)
		return -EINVAL;
	return link->parts <= MAX_PARTS && link->number ? 0 : -EINVAL;
}

enum pinned_kind pinned_kind(const char *name)
{
	struct pinned_link link;
	uint32_t part;

	if (!pinned_link_parse(name, &link, &part) || !strncmp(name, "life_", 5))
		return PINNED_LINK;
	if (!strncmp(name, "map_", 4) || !strncmp(name, "agent_", 6) || !strcmp(name, "kept"))
		return PINNED_MAP;
	return PINNED_OTHER;
}
