/* SPDX-License-Identifier: Apache-2.0 */
/* Probes on files: programs that are loaded are attached, pinned, adopted and taken off. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "tap/probes_parts.h"
#include "tapmeter.skel.h"

/* include/uapi/linux/bpf.h of Linux 6.6 and 6.13; the installed header may be older */
#define UPROBE_MULTI_RETURN 1 /* BPF_F_UPROBE_MULTI_RETURN */
#define TRACE_UPROBE_MULTI 48 /* BPF_TRACE_UPROBE_MULTI */

struct probe_link {
	struct probes *probes;
	int fds[2]; /* session: one; multi: entry and return; -1 = none */
	struct bpf_link **perf;
	size_t perf_count;
	int *adopted; /* of a former agent */
	size_t adopted_count;
	struct pinned_link name; /* parts 0 = not pinned */
};

/*
 * bpf(BPF_LINK_CREATE) for uprobe.multi and uprobe.session. libbpf learned the session type only in
 * 1.6, and its uprobe.multi call is the same system call.
 */
static int link_create(int prog_fd, uint32_t attach_type, uint32_t flags, const char *path,
		       const uint64_t *offsets, const uint64_t *cookies, uint32_t count, pid_t pid)
{
	struct {
		uint32_t prog_fd;
		uint32_t target_fd;
		uint32_t attach_type;
		uint32_t flags;
		uint64_t path;
		uint64_t offsets;
		uint64_t ref_ctr_offsets;
		uint64_t cookies;
		uint32_t count;
		uint32_t multi_flags;
		uint32_t pid;
		uint32_t pad;
	} attr = {
		.prog_fd = (uint32_t)prog_fd,
		.attach_type = attach_type,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)offsets,
		.cookies = (uintptr_t)cookies,
		.count = count,
		.multi_flags = flags,
		.pid = (uint32_t)pid,
	};
	long fd = syscall(__NR_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : (int)fd;
}

static int attach_multi(struct probes *p, struct probe_link *link, const char *path,
			const uint64_t *offsets, const uint64_t *cookies, uint32_t count, pid_t pid)
{
	struct bpf_program *enter = p->skel->progs.tap_multi_enter;
	uint32_t type = TRACE_UPROBE_MULTI;

	if (p->way == ATTACH_SESSION) {
		enter = p->skel->progs.tap_session;
		type = TRACE_UPROBE_SESSION;
	} else {
		/* the return first: a call seen entering must be seen returning */
		link->fds[1] = link_create(bpf_program__fd(p->skel->progs.tap_multi_return), type,
					   UPROBE_MULTI_RETURN, path, offsets, cookies, count, pid);
		if (link->fds[1] < 0)
			return link->fds[1];
	}
	link->fds[0] =
		link_create(bpf_program__fd(enter), type, 0, path, offsets, cookies, count, pid);
	return link->fds[0] < 0 ? link->fds[0] : 0;
}

static int attach_perf_one(struct probe_link *link, const struct bpf_program *prog, int at_return,
			   const char *path, const struct probe *probe, pid_t pid)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = probe->spec, .retprobe = at_return != 0);
	struct bpf_link *one =
		bpf_program__attach_uprobe_opts(prog, pid ? pid : -1, path, probe->offset, &opts);

	if (!one)
		return -errno;
	link->perf[link->perf_count++] = one;
	return 0;
}

static int attach_perf(struct probes *p, struct probe_link *link, const char *path,
		       const struct probe *list, size_t count, pid_t pid)
{
	int err = 0;

	link->perf = calloc(2 * count, sizeof(struct bpf_link *));
	if (!link->perf)
		return -ENOMEM;
	for (size_t i = 0; i < count && !err; i++) {
		err = attach_perf_one(link, p->skel->progs.tap_perf_return, 1, path, &list[i], pid);
		if (!err)
			err = attach_perf_one(link, p->skel->progs.tap_perf_enter, 0, path,
					      &list[i], pid);
	}
	return err;
}

static int attach_list(struct probes *p, struct probe_link *link, const char *path,
		       const struct probe *list, size_t count, pid_t pid)
{
	uint64_t *offsets, *cookies;
	int err = -ENOMEM;

	if (p->way == ATTACH_PERF)
		return attach_perf(p, link, path, list, count, pid);
	offsets = calloc(count, sizeof(*offsets));
	cookies = calloc(count, sizeof(*cookies));
	if (offsets && cookies) {
		for (size_t i = 0; i < count; i++) {
			offsets[i] = list[i].offset;
			cookies[i] = list[i].spec;
		}
		err = attach_multi(p, link, path, offsets, cookies, (uint32_t)count, pid);
	}
	free(offsets);
	free(cookies);
	return err;
}

int probes__attach(struct probes *probes, int fd, const struct probe *list, size_t count, pid_t pid,
		   struct probe_link **out)
{
	struct probe_link *link = calloc(1, sizeof(*link));
	char path[32];
	int err;

	if (!link)
		return -ENOMEM;
	link->probes = probes;
	link->fds[0] = link->fds[1] = -1;
	/* By descriptor: the path a process has for the file may be of another mount, or gone. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = attach_list(probes, link, path, list, count, pid);
	if (err) {
		probe_link__free(link);
		return err;
	}
	*out = link;
	return 0;
}

void probes__overlap(struct probes *probes, int on)
{
	probes->skel->bss->links_overlap = on != 0;
}

/* The parts are numbered so that a return comes before its entry. */
static uint32_t link_parts(const struct probe_link *link)
{
	if (link->perf)
		return (uint32_t)link->perf_count;
	return link->fds[1] >= 0 ? 2 : 1;
}

static int link_part_fd(const struct probe_link *link, uint32_t part)
{
	if (link->perf)
		return bpf_link__fd(link->perf[part]);
	return link->fds[1] >= 0 && !part ? link->fds[1] : link->fds[0];
}

int probes__pin(struct probes *probes, struct probe_link *link, struct pinned_link *name)
{
	char text[PINS_NAME_SIZE];
	int err = 0;

	if (!probes->pins)
		return 0;
	name->parts = link_parts(link);
	link->name = *name;
	for (uint32_t part = 0; part < name->parts && !err; part++) {
		pinned_link_name(name, part, text);
		err = pins__put(probes->pins, text, link_part_fd(link, part));
	}
	return err;
}

int probes__adopt(struct probes *probes, const struct pinned_link *name, struct probe_link **out)
{
	struct probe_link *link = calloc(1, sizeof(*link));
	char text[PINS_NAME_SIZE];

	if (!link)
		return -ENOMEM;
	link->probes = probes;
	link->fds[0] = link->fds[1] = -1;
	link->name = *name;
	link->adopted = calloc(name->parts, sizeof(*link->adopted));
	for (uint32_t part = 0; link->adopted && part < name->parts; part++) {
		int fd;

		pinned_link_name(name, part, text);
		fd = pins__get_link(probes->pins, text);
		if (fd < 0) {
			probe_link__free(link);
			return fd == -EINVAL ? -ENOENT : fd;
		}
		link->adopted[link->adopted_count++] = fd;
	}
	if (!link->adopted) {
		probe_link__free(link);
		return -ENOMEM;
	}
	*out = link;
	return 0;
}

int probe_link__is_adopted(const struct probe_link *link)
{
	return link && link->adopted;
}

static void unpin(const struct probe_link *link)
{
	char text[PINS_NAME_SIZE];

	for (uint32_t part = link->name.parts; part; part--) {
		pinned_link_name(&link->name, part - 1, text);
		pins__remove(link->probes->pins, text);
		if (part <= link->adopted_count) /* entries stop first here, too */
			close(link->adopted[part - 1]);
	}
}

/* Its programs go on. libbpf would disable a perf event on the way. */
static void leave_link(struct probe_link *link)
{
	for (size_t i = 0; i < link->perf_count; i++) {
		close(bpf_link__fd(link->perf[i]));
		bpf_link__disconnect(link->perf[i]);
	}
	for (size_t i = 0; i < link->adopted_count; i++)
		close(link->adopted[i]);
}

void probe_link__free(struct probe_link *link)
{
	if (!link)
		return;
	if (link->name.parts && __atomic_load_n(&link->probes->leaving, __ATOMIC_RELAXED))
		leave_link(link);
	else if (link->name.parts)
		unpin(link);
	/* entries stop first, so that no call enters whose return is not seen */
	while (link->perf_count)
		bpf_link__destroy(link->perf[--link->perf_count]);
	free(link->perf);
	free(link->adopted);
	for (int i = 0; i < 2; i++)
		if (link->fds[i] >= 0)
			close(link->fds[i]);
	free(link);
}
