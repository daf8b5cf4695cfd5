/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/linking.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util/aside.h"

#define WAIT_MS 2000 /* mostly it takes some milliseconds, the perf way 30 ms for each probe */

struct linking {
	struct aside_job job;
	struct probes *probes;
	int fd;
	pid_t pid;
	struct probe *list;
	size_t count;
	/* the other thread's, until `done` */
	struct probe_link *link;
	int err;
	int done; /* atomic */
	int owners; /* atomic: the caller and the job */
};

static int attach(struct aside_job *job)
{
	struct linking *linking = (struct linking *)job;

	linking->err = probes__attach(linking->probes, linking->fd, linking->list, linking->count,
				      linking->pid, &linking->link);
	__atomic_store_n(&linking->done, 1, __ATOMIC_RELEASE);
	return linking->err;
}

/* Who leaves it last frees it. */
static void leave(struct linking *linking)
{
	if (__atomic_sub_fetch(&linking->owners, 1, __ATOMIC_ACQ_REL))
		return;
	probe_link__free(linking->link);
	if (linking->fd >= 0)
		close(linking->fd);
	free(linking->list);
	free(linking);
}

static void drop(struct aside_job *job)
{
	leave((struct linking *)job);
}

static struct linking *linking_new(struct probes *probes, int fd, const struct probe *list,
				   size_t count, pid_t pid)
{
	struct linking *linking = calloc(1, sizeof(*linking));

	if (!linking)
		return NULL;
	linking->job.run = attach;
	linking->job.drop = drop;
	linking->owners = 1;
	linking->probes = probes;
	linking->pid = pid;
	linking->count = count;
	linking->list = calloc(count, sizeof(*list));
	linking->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (!linking->list || linking->fd < 0) {
		leave(linking);
		return NULL;
	}
	memcpy(linking->list, list, count * sizeof(*list));
	return linking;
}

int linking__start(struct aside *aside, struct probes *probes, int fd, const struct probe *list,
		   size_t count, pid_t pid, struct probe_link **out, struct linking **pending)
{
	struct linking *linking = linking_new(probes, fd, list, count, pid);
	int err;

	if (!linking)
		return -ENOMEM;
	linking->owners = 2;
	err = aside__run(aside, ASIDE_PROBES, WAIT_MS, &linking->job);
	if (err == -ETIMEDOUT) {
		*pending = linking;
		return -EINPROGRESS;
	}
	linking->owners = 1; /* nobody else has it any more */
	if (err == -EBUSY && !linking->done)
		err = -EALREADY;
	*out = linking->link;
	linking->link = NULL;
	leave(linking);
	return err;
}

int linking__poll(struct linking *linking, struct probe_link **out)
{
	int err;

	if (!__atomic_load_n(&linking->done, __ATOMIC_ACQUIRE))
		return -EINPROGRESS;
	*out = linking->link;
	linking->link = NULL;
	err = linking->err;
	leave(linking);
	return err;
}

void linking__abandon(struct linking *linking)
{
	if (linking)
		leave(linking);
}
