/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A controller of cgroups is in one hierarchy at a time: CPU may be accounted for in v1 and memory in
 * v2. So each resource is looked for by itself, in v1 first: where v1 has it, v2 does not (but for
 * CPU time, which v2 always has). A process may be in the container's cgroup in one hierarchy and in
 * the root in another; a hierarchy counts only if its path names the container.
 */
#include "subject/usage.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "subject/cgroup.h"
#include "subject/cgroupfs.h"
#include "subject/mounts.h"

#define MAX_FILE (256 << 10) /* some 2 000 interfaces */
#define REFRESHES_PER_LIMIT 5 /* limits further up seldom change, and are many files */
#define NAMESPACE_LEN 32 /* "net:[4026531840]" */

enum resource {
	RESOURCE_CPU,
	RESOURCE_MEMORY,
	RESOURCE_IO,
	RESOURCE_COUNT,
};

enum file {
	FILE_CPU,
	FILE_MEMORY,
	FILE_MEMORY_STAT,
	FILE_MEMORY_LIMIT,
	FILE_IO,
	FILE_NETWORK,
	FILE_COUNT,
};

static const struct file_kind {
	enum resource resource;
	const char *v1, *v2;
} kinds[FILE_NETWORK] = {
	[FILE_CPU] = { RESOURCE_CPU, "cpuacct.usage", "cpu.stat" },
	[FILE_MEMORY] = { RESOURCE_MEMORY, "memory.usage_in_bytes", "memory.current" },
	[FILE_MEMORY_STAT] = { RESOURCE_MEMORY, "memory.stat", "memory.stat" },
	[FILE_MEMORY_LIMIT] = { RESOURCE_MEMORY, "memory.limit_in_bytes", "memory.max" },
	[FILE_IO] = { RESOURCE_IO, "blkio.throttle.io_service_bytes_recursive", "io.stat" },
};

static const enum cgroup_hierarchy v1_of[RESOURCE_COUNT] = {
	[RESOURCE_CPU] = CGROUP_CPUACCT,
	[RESOURCE_MEMORY] = CGROUP_MEMORY,
	[RESOURCE_IO] = CGROUP_BLKIO,
};

struct usage_host {
	const char *proc_root;
	struct cgroup_mounts *mounts;
	char netns[NAMESPACE_LEN]; /* the host's; "" = not known */
	size_t max_fds, fds;
	int blkio_fd; /* of the root cgroup of v1's blkio, -1 = none */
	int blkio_counts;
	char *text; /* MAX_FILE bytes for whoever reads */
};

/* Where a resource is accounted for. */
struct place {
	enum cgroup_hierarchy hierarchy;
	char *path; /* in the hierarchy; NULL = nowhere */
};

struct usage {
	struct usage_host *host;
	struct place places[RESOURCE_COUNT];
	int fds[FILE_COUNT]; /* -1 = not open */
	uint32_t tgid; /* whose network namespace it is, 0 = of none */
	char netns[NAMESPACE_LEN]; /* "" = none, or not to be shown */
	uint64_t limit_above; /* the smallest memory limit of the cgroups around it */
	unsigned refreshes;
	int gone; /* the cgroup has been removed */
};

/* ---- files ------------------------------------------------------------------------------------- */

/*
 * Reads all of it into the host's buffer, NUL-terminated. Files of cgroups come whole; those of /proc
 * come in pages.
 */
static int read_all(const struct usage_host *host, int fd, int in_pages)
{
	size_t len = 0;
	ssize_t got;

	do {
		got = pread(fd, host->text + len, MAX_FILE - 1 - len, (off_t)len);
		if (got < 0)
			return -errno;
		len += (size_t)got;
	} while (in_pages && got > 0);
	host->text[len] = '\0';
	return len < MAX_FILE - 1 ? 0 : -EFBIG;
}

static int open_in_cgroup(const struct usage_host *host, const struct place *place, enum file file)
{
	int v2 = place->hierarchy == CGROUP_UNIFIED;

	if (!place->path)
		return -ENOENT;
	return cgroup_mounts__open(host->mounts, place->hierarchy, place->path,
				   v2 ? kinds[file].v2 : kinds[file].v1);
}

static int read_netns(const struct usage_host *host, uint32_t tgid, char netns[NAMESPACE_LEN])
{
	char path[PATH_MAX];
	ssize_t len;

	netns[0] = '\0';
	snprintf(path, sizeof(path), "%s/%u/ns/net", host->proc_root, tgid);
	len = readlink(path, netns, NAMESPACE_LEN - 1);
	if (len < 0)
		return -errno; /* netns is still empty */
	netns[len] = '\0';
	return 0;
}

static int open_net_dev(const struct usage *usage)
{
	char path[PATH_MAX], netns[NAMESPACE_LEN];
	int fd, err;

	if (!usage->netns[0])
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/%u/net/dev", usage->host->proc_root, usage->tgid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* the process may have changed, or another one have its pid */
	err = read_netns(usage->host, usage->tgid, netns);
	if (!err && strcmp(netns, usage->netns) != 0)
		err = -ESTALE;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static int open_file(const struct usage *usage, enum file file)
{
	if (file == FILE_NETWORK)
		return open_net_dev(usage);
	return open_in_cgroup(usage->host, &usage->places[kinds[file].resource], file);
}

/* Opens the file to stay, if there is a place for it. */
static void keep_open(struct usage *usage, enum file file)
{
	struct usage_host *host = usage->host;

	if (usage->fds[file] >= 0 || host->fds >= host->max_fds)
		return;
	usage->fds[file] = open_file(usage, file);
	host->fds += usage->fds[file] >= 0;
}

static void close_file(struct usage *usage, enum file file)
{
	if (usage->fds[file] < 0)
		return;
	close(usage->fds[file]);
	usage->fds[file] = -1;
	usage->host->fds--;
}

static int read_file(struct usage *usage, enum file file)
{
	int kept = usage->fds[file], fd = kept >= 0 ? kept : open_file(usage, file), err;

	if (fd < 0)
		return fd;
	err = read_all(usage->host, fd, file == FILE_NETWORK);
	usage->gone |= err == -ENODEV;
	if (fd != kept)
		close(fd);
	return err;
}

/* ---- the host -------------------------------------------------------------------------------------- */

int usage_host__new(const char *proc_root, size_t max_fds, struct usage_host **out)
{
	static const struct place root = { CGROUP_BLKIO, (char *)"/" };
	struct usage_host *host = calloc(1, sizeof(*host));
	char path[PATH_MAX];
	int err;

	if (!host)
		return -ENOMEM;
	host->blkio_fd = -1;
	host->proc_root = proc_root;
	host->max_fds = max_fds;
	host->text = malloc(MAX_FILE);
	snprintf(path, sizeof(path), "%s/self/mountinfo", proc_root);
	err = host->text ? cgroup_mounts__new(path, &host->mounts) : -ENOMEM;
	if (err) {
		usage_host__free(host);
		return err;
	}
	/*
	 * Init may have capabilities that we have not, and then cannot be looked at; kthreadd can, and never
	 * leaves. Without either nobody's network is shown: it might be the host's.
	 */
	if (read_netns(host, 1, host->netns))
		read_netns(host, 2, host->netns);
	host->blkio_fd = open_in_cgroup(host, &root, FILE_IO);
	usage_host__refresh(host);
	*out = host;
	return 0;
}

void usage_host__free(struct usage_host *host)
{
	if (!host)
		return;
	if (host->blkio_fd >= 0)
		close(host->blkio_fd);
	cgroup_mounts__free(host->mounts);
	free(host->text);
	free(host);
}

/*
 * Since Linux 6.9, v1's blkio counts nothing before the first limit is set on a disk (commit a3166c51702b,
 * "blk-throttle: delay initialization until configuration"). Then even the root has no line of any disk.
 */
void usage_host__refresh(struct usage_host *host)
{
	uint64_t in, out;

	host->blkio_counts = host->blkio_fd >= 0 && !read_all(host, host->blkio_fd, 0) &&
			     !cgroupfs_blkio(host->text, &in, &out);
}

size_t usage_host__fds(const struct usage_host *host)
{
	return host->fds;
}

/* ---- one container ------------------------------------------------------------------------------ */

static enum file main_file(enum resource resource)
{
	enum file file = 0;

	while (kinds[file].resource != resource)
		file++;
	return file;
}

/* Is the resource accounted for in this hierarchy, in the container's directory? */
static int try_place(struct usage *usage, enum resource resource, enum cgroup_hierarchy hierarchy,
		     const char *proc_cgroup, const char *name)
{
	char path[PATH_MAX];
	struct place place = { hierarchy, path };
	int fd, err;

	err = cgroup_container_path(proc_cgroup, cgroup_hierarchy_controller(hierarchy), name, path,
				    sizeof(path));
	if (err)
		return err;
	fd = open_in_cgroup(usage->host, &place, main_file(resource));
	if (fd < 0)
		return fd;
	close(fd);
	place.path = strdup(path);
	if (!place.path)
		return -ENOMEM;
	usage->places[resource] = place;
	return 0;
}

/* -ENOENT if none is accounted for. */
static int find_places(struct usage *usage, const char *proc_cgroup, const char *name)
{
	int found = 0, err;

	for (enum resource resource = 0; resource < RESOURCE_COUNT; resource++) {
		err = try_place(usage, resource, v1_of[resource], proc_cgroup, name);
		if (err && err != -ENOMEM)
			err = try_place(usage, resource, CGROUP_UNIFIED, proc_cgroup, name);
		if (err == -ENOMEM)
			return err;
		found |= !err;
	}
	return found ? 0 : -ENOENT;
}

static int read_proc_cgroup(const struct usage_host *host, uint32_t tgid)
{
	char path[PATH_MAX];
	int fd, err;

	snprintf(path, sizeof(path), "%s/%u/cgroup", host->proc_root, tgid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = read_all(host, fd, 1);
	close(fd);
	return err;
}

/* Only v2: in v1 memory.stat tells. */
static void look_above(struct usage *usage)
{
	const struct place *memory = &usage->places[RESOURCE_MEMORY];
	char path[PATH_MAX];
	struct place above = { CGROUP_UNIFIED, path };
	uint64_t limit;
	int fd;

	usage->limit_above = CGROUPFS_UNLIMITED;
	if (!memory->path || memory->hierarchy != CGROUP_UNIFIED)
		return;
	snprintf(path, sizeof(path), "%s", memory->path);
	for (char *end; (end = strrchr(path, '/')) && end != path;) {
		*end = '\0';
		fd = open_in_cgroup(usage->host, &above, FILE_MEMORY_LIMIT);
		if (fd < 0)
			continue;
		if (!read_all(usage->host, fd, 0) && !cgroupfs_limit(usage->host->text, &limit) &&
		    limit < usage->limit_above)
			usage->limit_above = limit;
		close(fd);
	}
}

int usage__new(struct usage_host *host, const char *name, uint32_t tgid, struct usage **out)
{
	struct usage *usage = calloc(1, sizeof(*usage));
	int err;

	if (!usage)
		return -ENOMEM;
	usage->host = host;
	for (enum file file = 0; file < FILE_COUNT; file++)
		usage->fds[file] = -1;
	err = read_proc_cgroup(host, tgid);
	if (!err)
		err = find_places(usage, host->text, name);
	if (err) {
		usage__free(usage);
		return err == -ENOMEM ? err : -ENOENT;
	}
	usage__set_process(usage, tgid);
	usage__refresh(usage);
	*out = usage;
	return 0;
}

void usage__free(struct usage *usage)
{
	if (!usage)
		return;
	for (enum file file = 0; file < FILE_COUNT; file++)
		close_file(usage, file);
	for (enum resource resource = 0; resource < RESOURCE_COUNT; resource++)
		free(usage->places[resource].path);
	free(usage);
}

void usage__set_process(struct usage *usage, uint32_t tgid)
{
	const char *host_netns = usage->host->netns;

	close_file(usage, FILE_NETWORK);
	usage->tgid = tgid;
	usage->netns[0] = '\0';
	if (!tgid || !host_netns[0] || read_netns(usage->host, tgid, usage->netns))
		return;
	if (!strcmp(usage->netns, host_netns))
		usage->netns[0] = '\0'; /* the host's traffic is not the container's */
	keep_open(usage, FILE_NETWORK);
}

uint32_t usage__process(const struct usage *usage)
{
	return usage->tgid;
}

void usage__refresh(struct usage *usage)
{
	char netns[NAMESPACE_LEN];

	if (usage->tgid && !read_netns(usage->host, usage->tgid, netns) &&
	    strcmp(netns, usage->netns[0] ? usage->netns : usage->host->netns) != 0)
		usage__set_process(usage, usage->tgid);
	if (usage->refreshes++ % REFRESHES_PER_LIMIT == 0)
		look_above(usage);
	for (enum file file = 0; file < FILE_COUNT; file++)
		keep_open(usage, file);
}

int usage__gone(const struct usage *usage)
{
	return usage->gone;
}

/* ---- readings ------------------------------------------------------------------------------------ */

static int is_v2(const struct usage *usage, enum resource resource)
{
	return usage->places[resource].hierarchy == CGROUP_UNIFIED;
}

static int read_cpu(struct usage *usage, struct kernel_usage *out)
{
	uint64_t usec;
	int err = read_file(usage, FILE_CPU);

	if (err || !is_v2(usage, RESOURCE_CPU))
		return err ? err : cgroupfs_number(usage->host->text, &out->cpu_ns);
	err = cgroupfs_number(cgroupfs_after(usage->host->text, "usage_usec"), &usec);
	if (err || usec > UINT64_MAX / 1000)
		return -EPROTO;
	out->cpu_ns = usec * 1000;
	return 0;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int read_memory(struct usage *usage, struct kernel_usage *out)
{
	const char *text = usage->host->text;
	int v2 = is_v2(usage, RESOURCE_MEMORY), err;
	uint64_t used, inactive, above = usage->limit_above, limit;

	err = read_file(usage, FILE_MEMORY);
	if (!err)
		err = cgroupfs_number(text, &used);
	if (!err)
		err = read_file(usage, FILE_MEMORY_STAT);
	if (!err)
		err = cgroupfs_number(cgroupfs_after(text,
						     v2 ? "inactive_file" : "total_inactive_file"),
				      &inactive);
	if (err)
		return err;
	if (!v2 && cgroupfs_limit(cgroupfs_after(text, "hierarchical_memory_limit"), &above))
		above = CGROUPFS_UNLIMITED;
	err = read_file(usage, FILE_MEMORY_LIMIT);
	if (!err)
		err = cgroupfs_limit(text, &limit);
	if (err)
		return err;
	/* two files, read one after the other */
	out->memory_bytes = used > inactive ? used - inactive : 0;
	out->memory_limit_bytes = smaller(limit, above);
	return 0;
}

static int read_io(struct usage *usage, struct kernel_usage *out)
{
	const char *text = usage->host->text;
	int err = read_file(usage, FILE_IO);

	if (err)
		return err;
	if (is_v2(usage, RESOURCE_IO))
		return cgroupfs_io_stat(text, &out->io_read_bytes, &out->io_write_bytes);
	err = cgroupfs_blkio(text, &out->io_read_bytes, &out->io_write_bytes);
	if (err != -ENODATA || !usage->host->blkio_counts)
		return err;
	/* it has used no disk yet */
	out->io_read_bytes = out->io_write_bytes = 0;
	return 0;
}

static int read_network(struct usage *usage, struct kernel_usage *out)
{
	int err = read_file(usage, FILE_NETWORK);

	return err ? err :
		     cgroupfs_net_dev(usage->host->text, &out->net_rx_bytes, &out->net_tx_bytes);
}

void usage__read(struct usage *usage, uint64_t now_ns, struct kernel_usage *out)
{
	static const struct {
		int (*read)(struct usage *usage, struct kernel_usage *out);
		enum usage_has has;
	} readers[] = {
		{ read_cpu, USAGE_CPU },
		{ read_memory, USAGE_MEMORY },
		{ read_io, USAGE_IO },
		{ read_network, USAGE_NETWORK },
	};
	struct kernel_usage usage_now = { .mono_ns = now_ns, .instance = out->instance };

	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (!readers[i].read(usage, &usage_now))
			usage_now.has |= readers[i].has;
	*out = usage_now;
}
