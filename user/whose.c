/* SPDX-License-Identifier: Apache-2.0 */
#include "whose.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "subject/containers.h"
#include "subject/engine.h"
#include "subject/environ.h"
#include "subject/kernel_map.h"
#include "subject/pods.h"
#include "subject/procfs.h"

#define RETRY_NS 10000000000ull /* after a look-up that failed; twice as long each time */
#define BUSY_NS 1000000000ull /* when the relay has enough to do, or is just being started again */
#define MAX_TRIES 6

struct whose {
	const struct config *config;
	const char *proc_root;
	char roots[2][256]; /* where the host's files may be */
	struct kernel_map map;
	struct containers *containers;
	struct relay_link *relay;
	struct aside *aside;
	int changed;
	uint64_t now_ns;
};

int whose__new(const struct config *config, const char *root, const char *proc_root,
	       struct relay_link *relay, struct aside *aside, struct whose **out)
{
	struct whose *whose = calloc(1, sizeof(*whose));
	int err;

	if (!whose)
		return -ENOMEM;
	whose->config = config;
	whose->proc_root = proc_root;
	snprintf(whose->roots[0], sizeof(whose->roots[0]), "%s", root);
	/* of the host's first process, for an agent in a container that has the host's pid namespace */
	snprintf(whose->roots[1], sizeof(whose->roots[1]), "%s/1/root", proc_root);
	whose->map = (struct kernel_map){
		.texts = config->kernel_map.items,
		.count = config->kernel_map.count,
	};
	whose->relay = relay;
	whose->aside = aside;
	err = containers__new(aside, proc_root, &whose->containers);
	if (err) {
		free(whose);
		return err;
	}
	*out = whose;
	return 0;
}

void whose__free(struct whose *whose)
{
	if (!whose)
		return;
	containers__free(whose->containers);
	free(whose);
}

/* ---- look-ups ------------------------------------------------------------------------- */

static void failed(struct whose *whose, struct container *container)
{
	if (container->tries < MAX_TRIES)
		container->retry_ns = whose->now_ns + (RETRY_NS << container->tries++);
}

static void ask(struct whose *whose, struct container *container, enum relay_source source, int fd)
{
	if (fd == -EAGAIN || fd == -ECONNREFUSED)
		failed(whose, container); /* an engine with too much to do, or just not running */
	if (fd < 0)
		return; /* there is no such engine or file */
	if (!relay_link__ask(whose->relay, source, container->id, fd, whose->now_ns))
		container->waiting++;
	else
		container->retry_ns = whose->now_ns + BUSY_NS;
}

static void ask_engines(struct whose *whose, struct container *container)
{
	static const char *const usual[] = { "/var/run/docker.sock", "/run/podman/podman.sock" };
	const struct option_texts *given = &whose->config->engine_sockets;
	size_t count = given->count ? given->count : sizeof(usual) / sizeof(usual[0]);

	for (size_t i = 0; i < count; i++) {
		const char *path = given->count ? given->items[i] : usual[i];

		if (path[0] == '/')
			ask(whose, container, RELAY_ENGINE, engine_ask(path, container->id));
	}
}

static void ask_state_file(struct whose *whose, struct container *container)
{
	int fd = -ENOENT;

	for (int i = 0; i < 2 && fd < 0; i++)
		fd = state_file_open(whose->roots[i], container->id);
	ask(whose, container, RELAY_STATE_FILE, fd);
}

/* The kubelet's directories tell without a question; what else there is to know comes later. */
static void look_up(struct whose *whose, struct container *container)
{
	for (int i = 0; i < 2 && container->pod_uid[0] && !container->pod[0]; i++)
		pod_find(whose->roots[i], container->pod_uid, container->pod,
			 sizeof(container->pod), container->namespace,
			 sizeof(container->namespace));
	container->retry_ns = 0;
	if (!container->asked_ns)
		container->asked_ns = whose->now_ns;
	if (!whose->relay)
		return;
	if (!relay_link__has_room(whose->relay)) {
		container->retry_ns = whose->now_ns + BUSY_NS;
		return;
	}
	ask_engines(whose, container);
	ask_state_file(whose, container);
}

static void take_name(char *name, size_t size, const char *answered)
{
	if (!name[0])
		snprintf(name, size, "%s", answered);
}

static void take_answer(struct whose *whose, struct container *container,
			const struct relay_answer *answer)
{
	take_name(container->name, sizeof(container->name), answer->name);
	/* name and namespace from one source: a pod's name says nothing in another namespace */
	if (!container->pod[0] && answer->pod[0] && answer->namespace[0]) {
		take_name(container->pod, sizeof(container->pod), answer->pod);
		snprintf(container->namespace, sizeof(container->namespace), "%s",
			 answer->namespace);
	}
	if (answer->kernel_id[0])
		containers__claim(whose->containers, container, CLAIM_LABEL, answer->kernel_id);
	whose->changed = 1;
}

static void on_answer(void *arg, const struct relay_answer *answer)
{
	struct whose *whose = arg;
	struct container *container = containers__find(whose->containers, answer->container);

	if (!container)
		return;
	if (container->waiting)
		container->waiting--;
	if (answer->status == RELAY_OK)
		take_answer(whose, container, answer);
	else if (answer->status != RELAY_UNKNOWN)
		failed(whose, container);
}

void whose__read(struct whose *whose, uint64_t now_ns)
{
	whose->now_ns = now_ns;
	if (whose->relay)
		relay_link__read(whose->relay, on_answer, whose, now_ns);
}

static void ask_again(void *arg, struct container *container)
{
	struct whose *whose = arg;

	if (container->retry_ns && whose->now_ns >= container->retry_ns && !container->waiting &&
	    containers__alive(whose->containers, container))
		look_up(whose, container);
}

/* ---- whose ------------------------------------------------------------------------------- */

static void claim(struct whose *whose, struct container *container, enum claim_source source,
		  const char *kernel_id)
{
	if (containers__claim(whose->containers, container, source, kernel_id))
		whose->changed = 1;
}

/* Otherwise it holds the lock of its memory, or we lack something: tried again at the next sweep. */
static int is_final(int err)
{
	return !err || err == -ENOENT || err == -ESRCH || err == -EACCES || err == -EPERM;
}

/* A container's first process cannot change its environment: once per start of the container. */
static void read_environment(struct whose *whose, struct container *container, uint32_t tgid)
{
	char kernel_id[KERNEL_ID_SIZE];
	int err;

	if (!procfs_alive(whose->aside, whose->proc_root, container->first.tgid,
			  container->first.start_ticks)) {
		container->unread = 0;
		if (first_process_find(whose->aside, whose->proc_root, tgid, container->id,
				       &container->first))
			return;
	} else if (!container->unread) {
		return;
	}
	err = environ_read(whose->aside, whose->proc_root, container->first.tgid,
			   KERNEL_ID_VARIABLE, kernel_id, sizeof(kernel_id));
	if (!err)
		claim(whose, container, CLAIM_ENVIRONMENT, kernel_id);
	container->unread = is_final(err) ? 0 : tgid;
}

static void read_what_is_unread(void *arg, struct container *container)
{
	struct whose *whose = arg;

	if (!container->unread)
		return;
	read_environment(whose, container, container->unread);
	if (containers__settle(whose->containers, container))
		whose->changed = 1;
}

void whose__sweep(struct whose *whose, uint64_t now_ns)
{
	whose->now_ns = now_ns;
	if (whose->relay)
		relay_link__tick(whose->relay, on_answer, whose, now_ns);
	containers__each(whose->containers, ask_again, whose);
	containers__each(whose->containers, read_what_is_unread, whose);
	containers__sweep(whose->containers, now_ns, whose->config->series_expiry_ns);
}

static void mark_seen(const struct whose *whose, struct container *container,
		      const struct process *process)
{
	container->seen_ns = whose->now_ns;
	if (process)
		container->last = (struct first_process){
			.tgid = process->id.tgid,
			.start_ticks = process->id.start_ns / PROCFS_TICK_NS,
		};
}

/*
 * The container as known, or entered. `process` is one of its, or NULL. NULL without memory: it goes by
 * its own id.
 */
static struct container *see_container(struct whose *whose, const struct subject *by_cgroup,
				       const char *mapped, const struct process *process)
{
	struct container *container = containers__find(whose->containers, by_cgroup->container);

	if (container) {
		mark_seen(whose, container, process);
		return container;
	}
	container = containers__add(whose->containers, by_cgroup->container, whose->now_ns);
	if (!container)
		return NULL;
	mark_seen(whose, container, process);
	snprintf(container->pod_uid, sizeof(container->pod_uid), "%.*s", CGROUP_POD_UID_LEN,
		 by_cgroup->pod);
	if (mapped)
		claim(whose, container, CLAIM_CONFIG, mapped);
	look_up(whose, container);
	return container;
}

static void take_mapped(struct subject *subject, const char *mapped)
{
	if (mapped)
		snprintf(subject->kernel_id, sizeof(subject->kernel_id), "%s", mapped);
}

void whose__see(struct whose *whose, struct process *process, uint64_t now_ns)
{
	struct container *container;
	const char *mapped = NULL;
	char text[8192] = "";

	whose->now_ns = now_ns;
	if (whose->map.count) {
		procfs_read(whose->proc_root, process->id.tgid, "cgroup", text, sizeof(text));
		mapped = kernel_map_find(&whose->map, process->subject.container, text);
	}
	if (!process->subject.container[0]) {
		take_mapped(&process->subject, mapped);
		return;
	}
	container = see_container(whose, &process->subject, mapped, process);
	if (!container)
		return;
	read_environment(whose, container, process->id.tgid);
	if (containers__settle(whose->containers, container))
		whose->changed = 1;
	container_subject(container, &process->subject);
}

int whose__update(const struct whose *whose, struct process *process)
{
	const struct container *container;
	struct subject subject;

	if (!process->subject.container[0])
		return 0;
	container = containers__find(whose->containers, process->subject.container);
	if (!container)
		return 0;
	container_subject(container, &subject);
	if (!memcmp(&subject, &process->subject, sizeof(subject)))
		return 0;
	process->subject = subject;
	return 1;
}

void whose__from_names(struct whose *whose, const char names[2][TM_CGROUP_DEPTH][TM_CGROUP_NAME],
		       uint64_t now_ns, struct subject *out)
{
	const struct container *container;
	const char *mapped;

	whose->now_ns = now_ns;
	subject_from_names(names, out);
	mapped = kernel_map_find_names(&whose->map, out->container, names);
	if (!out->container[0]) {
		take_mapped(out, mapped);
		return;
	}
	container = see_container(whose, out, mapped, NULL);
	if (container)
		container_subject(container, out);
}

int whose__pending(const struct whose *whose, const char *container, uint64_t now_ns)
{
	const struct container *known = containers__find(whose->containers, container);

	return known && known->waiting && now_ns - known->asked_ns < WHOSE_HOLD_NS;
}

int whose__take_changed(struct whose *whose)
{
	int changed = whose->changed;

	whose->changed = 0;
	return changed;
}

uint64_t whose__conflicts(const struct whose *whose)
{
	return containers__conflicts(whose->containers);
}
