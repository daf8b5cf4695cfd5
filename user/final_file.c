/* SPDX-License-Identifier: Apache-2.0 */
#include "final_file.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "util/durable.h"

/* Belongs to whoever lets go of it last. */
struct job {
	int folder;
	struct strbuf text;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	int refs;
	int done;
	int err;
};

static void let_go(struct job *job)
{
	int refs;

	pthread_mutex_lock(&job->lock);
	refs = --job->refs;
	pthread_mutex_unlock(&job->lock);
	if (refs)
		return;
	pthread_cond_destroy(&job->ended);
	pthread_mutex_destroy(&job->lock);
	strbuf_free(&job->text);
	close(job->folder);
	free(job);
}

static void *work(void *arg)
{
	struct job *job = arg;
	int err = durable_write(job->folder, FINAL_FILE_NAME, job->text.data, job->text.len);

	pthread_mutex_lock(&job->lock);
	job->err = err;
	job->done = 1;
	pthread_cond_signal(&job->ended);
	pthread_mutex_unlock(&job->lock);
	let_go(job);
	return NULL;
}

static int start(struct job *job)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	int err = -pthread_attr_init(&attr);

	if (err)
		return err;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = -pthread_create(&thread, &attr, work, job);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

static int wait_for(struct job *job, uint64_t timeout_ns)
{
	struct timespec deadline;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += (time_t)(timeout_ns / 1000000000ull);
	pthread_mutex_lock(&job->lock);
	while (!job->done && !err)
		err = -pthread_cond_timedwait(&job->ended, &job->lock, &deadline);
	if (job->done)
		err = job->err;
	pthread_mutex_unlock(&job->lock);
	return err;
}

int final_file_write(int folder, struct strbuf *text, uint64_t timeout_ns)
{
	struct job *job = calloc(1, sizeof(*job));
	int err;

	if (!job)
		return -ENOMEM;
	pthread_mutex_init(&job->lock, NULL);
	pthread_cond_init(&job->ended, NULL);
	job->text = *text;
	*text = (struct strbuf)STRBUF_INIT;
	job->refs = 2;
	/* its own, as the thread may outlive the caller's */
	job->folder = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	err = job->folder < 0 ? -errno : start(job);
	if (err)
		job->refs--;
	else
		err = wait_for(job, timeout_ns);
	let_go(job);
	return err;
}
