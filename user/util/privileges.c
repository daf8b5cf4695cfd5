/* SPDX-License-Identifier: Apache-2.0 */
#include "util/privileges.h"
#include <cap-ng.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

/* docs/security.md has the same list; tests/e2e/privileges compares. */
static const struct privilege needed[] = {
	{ CAP_BPF, "CAP_BPF", "load BPF programs", true },
	{ CAP_PERFMON, "CAP_PERFMON", "attach BPF programs and notice new mappings", true },
	{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE",
	  "read what processes of other users map, and whose they are", false },
	{ CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "open files that other users' processes map",
	  false },
	{ CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE",
	  "open the very files that processes map", true },
	{ 0, NULL, NULL, false },
};

const struct privilege *privileges_needed(void)
{
	return needed;
}

static bool has(capng_type_t set, int number)
{
	return capng_have_capability(set, (unsigned)number) != 0;
}

bool privilege_is_there(const struct privilege *privilege)
{
	return !capng_get_caps_process() &&
	       (has(CAPNG_EFFECTIVE, privilege->number) ||
		(privilege->admin_does && has(CAPNG_EFFECTIVE, CAP_SYS_ADMIN)));
}

size_t privileges_missing(char *text, size_t size)
{
	size_t count = 0, len = 0;

	text[0] = 0;
	for (const struct privilege *p = needed; p->name; p++) {
		if (privilege_is_there(p))
			continue;
		if (len < size)
			len += (size_t)snprintf(text + len, size - len, "%s%s (to %s)",
						count ? ", " : "", p->name, p->needed_to);
		count++;
	}
	return count;
}

/* The bounding set, too, if that is allowed: without a way to gain privileges it has no meaning. */
static capng_select_t what_can_go(void)
{
	return has(CAPNG_EFFECTIVE, CAP_SETPCAP) ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS;
}

static void add(int number)
{
	capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
		     (unsigned)number);
}

int privileges_keep_needed(bool perf)
{
	unsigned kept = 0;
	bool admin = perf;
	capng_select_t what;

	if (capng_get_caps_process())
		return -EPERM;
	what = what_can_go();
	for (const struct privilege *p = needed; p->name; p++)
		if (has(CAPNG_PERMITTED, p->number))
			kept |= 1u << (p - needed);
		else
			admin |= p->admin_does;
	admin &= has(CAPNG_PERMITTED, CAP_SYS_ADMIN);
	capng_clear(CAPNG_SELECT_ALL);
	for (const struct privilege *p = needed; p->name; p++)
		if (kept & 1u << (p - needed))
			add(p->number);
	if (admin)
		add(CAP_SYS_ADMIN);
	return capng_apply(what) ? -EPERM : 0;
}

int privileges_drop_all(void)
{
	capng_select_t what;

	if (capng_get_caps_process())
		return -EPERM;
	what = what_can_go();
	capng_clear(CAPNG_SELECT_ALL);
	return capng_apply(what) ? -EPERM : 0;
}

struct task {
	int (*function)(void *arg);
	void *arg;
	int result;
};

static void *run_task(void *arg)
{
	struct task *task = arg;

	task->result = privileges_drop_all();
	if (!task->result)
		task->result = task->function(task->arg);
	return NULL;
}

int privileges_without(int (*function)(void *arg), void *arg)
{
	struct task task = { .function = function, .arg = arg };
	pthread_t thread;
	int err = -pthread_create(&thread, NULL, run_task, &task);

	if (err)
		return err;
	pthread_join(thread, NULL);
	return task.result;
}
