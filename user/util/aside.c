/* SPDX-License-Identifier: Apache-2.0 */
#include "util/aside.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "util/thread.h"

#define CREDIT_NS 2000000000ll /* that is waited in vain, or for slow answers */
#define REFILL 10 /* it comes back in so many times as long */
#define LEAST_NS 20000000ull /* is waited in any case */
#define DEBT_NS 1000000000ll /* the credit may fall so far below zero */
#define SLOW_NS 1000000ull /* an answer that takes longer is paid for, too */
#define SLOW_JOB_NS 100000000ull /* and a job that waits longer itself */
#define SLOW_MAX 64 /* of those who answered slowly last, so many are known */

enum state {
	IDLE,
	AT_WORK,
	DONE, /* the caller takes the result */
	LEFT, /* behind: nobody waits for it */
};

struct worker {
	struct worker *next;
	struct aside *aside;
	pthread_cond_t wake;
	enum state state;
	unsigned generation;
	uint64_t about;
	uint64_t group; /* when it is left behind; 0 = not known */
	int told; /* of its being left behind */
	struct aside_job *job;
	int result;
	uint64_t cpu_ns; /* that it took */
};

/* Patience for questions, and that for what takes its time: who uses up the one does not use up the other. */
struct patience {
	int64_t credit_ns;
	uint64_t refilled_ns;
	uint64_t slow[SLOW_MAX]; /* whom it was about, since the credit was full */
	unsigned slow_count;
};

enum { FOR_QUESTIONS, FOR_JOBS, PATIENCES };

struct aside {
	pthread_mutex_t lock;
	pthread_cond_t done;
	/* under the lock */
	struct worker *idle; /* at most one; NULL: the next job starts one */
	struct worker *left;
	unsigned left_count, generation;
	unsigned workers; /* that live, and the caller: the last one frees it */
	/* the caller's */
	aside_group_fn group_of; /* or NULL */
	void *group_arg;
	struct patience patience[PATIENCES];
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static uint64_t monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t thread_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* With the lock, which goes. */
static void leave(struct aside *aside)
{
	unsigned left = --aside->workers;

	pthread_mutex_unlock(&aside->lock);
	if (left)
		return;
	pthread_cond_destroy(&aside->done);
	pthread_mutex_destroy(&aside->lock);
	free(aside);
}

static void take_from_left(struct worker *worker)
{
	struct worker **at = &worker->aside->left;

	while (*at != worker)
		at = &(*at)->next;
	*at = worker->next;
	worker->aside->left_count--;
}

/* 0: it has been left behind, and is not needed any more. With the lock. */
static int come_back(struct worker *worker, int result)
{
	struct aside *aside = worker->aside;
	struct aside_job *job = worker->job;

	worker->job = NULL;
	if (worker->state == AT_WORK) {
		worker->result = result;
		worker->state = DONE;
		pthread_cond_signal(&aside->done);
		return 1;
	}
	/* about the same nothing is begun until all is closed */
	pthread_mutex_unlock(&aside->lock);
	job->drop(job);
	pthread_mutex_lock(&aside->lock);
	take_from_left(worker);
	if (aside->idle || worker->generation != aside->generation)
		return 0;
	worker->state = IDLE;
	aside->idle = worker;
	return 1;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct aside *aside = worker->aside;
	int needed = 1;

	/* tests/e2e/privileges knows it by this name */
	pthread_setname_np(pthread_self(), "aside");
	pthread_mutex_lock(&aside->lock);
	while (needed) {
		struct aside_job *job = worker->job;
		uint64_t cpu_ns;
		int result;

		if (!job && worker->generation != aside->generation)
			break;
		if (!job) {
			pthread_cond_wait(&worker->wake, &aside->lock);
			continue;
		}
		pthread_mutex_unlock(&aside->lock);
		cpu_ns = thread_ns();
		result = job->run(job);
		cpu_ns = thread_ns() - cpu_ns;
		pthread_mutex_lock(&aside->lock);
		worker->cpu_ns = cpu_ns;
		needed = come_back(worker, result);
	}
	pthread_cond_destroy(&worker->wake);
	free(worker);
	leave(aside);
	return NULL;
}

int aside__new(struct aside **out)
{
	struct aside *aside = calloc(1, sizeof(*aside));
	int err;

	if (!aside)
		return -ENOMEM;
	err = thread_cond_init(&aside->done);
	if (err) {
		free(aside);
		return err;
	}
	pthread_mutex_init(&aside->lock, NULL);
	aside->workers = 1;
	for (int i = 0; i < PATIENCES; i++) {
		aside->patience[i].credit_ns = CREDIT_NS;
		aside->patience[i].refilled_ns = monotonic_ns();
	}
	*out = aside;
	return 0;
}

/* With the lock. */
static void end_idle(struct aside *aside)
{
	aside->generation++;
	if (aside->idle)
		pthread_cond_signal(&aside->idle->wake);
	aside->idle = NULL;
}

void aside__free(struct aside *aside)
{
	if (!aside)
		return;
	pthread_mutex_lock(&aside->lock);
	end_idle(aside);
	leave(aside);
}

void aside__set_groups(struct aside *aside, aside_group_fn group_of, void *arg)
{
	aside->group_of = group_of;
	aside->group_arg = arg;
}

void aside__renew(struct aside *aside)
{
	pthread_mutex_lock(&aside->lock);
	end_idle(aside);
	pthread_mutex_unlock(&aside->lock);
}

/* With the lock. */
static int start_worker(struct aside *aside, struct worker **out)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	pthread_t thread;
	int err;

	if (!worker)
		return -ENOMEM;
	err = thread_cond_init(&worker->wake);
	if (err) {
		free(worker);
		return err;
	}
	worker->aside = aside;
	worker->generation = aside->generation;
	err = thread_start(&thread, work, worker);
	if (err) {
		pthread_cond_destroy(&worker->wake);
		free(worker);
		return err;
	}
	pthread_detach(thread);
	aside->workers++;
	*out = worker;
	return 0;
}

static int is_out(const struct aside *aside, uint64_t about)
{
	for (const struct worker *worker = aside->left; worker; worker = worker->next)
		if (worker->about == about)
			return 1;
	return 0;
}

static void refill(struct patience *patience)
{
	uint64_t now_ns = monotonic_ns();

	patience->credit_ns += (int64_t)((now_ns - patience->refilled_ns) / REFILL);
	patience->refilled_ns = now_ns;
	if (patience->credit_ns < CREDIT_NS)
		return;
	patience->credit_ns = CREDIT_NS;
	patience->slow_count = 0;
}

static void pay(struct patience *patience, uint64_t about, uint64_t waited_ns)
{
	patience->credit_ns -= (int64_t)waited_ns;
	patience->slow[patience->slow_count++ % SLOW_MAX] = about;
}

/*
 * Who answers just before he would be left behind could hold the caller up as long as he likes: when the credit has been
 * used up, those who were slow have to wait first, then all.
 */
static int is_used_up(const struct patience *patience, uint64_t about)
{
	unsigned count = patience->slow_count < SLOW_MAX ? patience->slow_count : SLOW_MAX;

	if (patience->credit_ns > 0)
		return 0;
	for (unsigned i = 0; i < count; i++)
		if (patience->slow[i] == about)
			return 1;
	return patience->credit_ns <= -DEBT_NS;
}

/* What takes its time gets it: else it would be left behind, and begun anew, each time. */
static uint64_t patience_ns(const struct aside *aside, unsigned wait_ms)
{
	int64_t credit_ns = aside->patience[FOR_QUESTIONS].credit_ns;
	uint64_t wait_ns = wait_ms * 1000000ull;

	if (wait_ms > ASIDE_QUESTION_MS)
		return wait_ns;
	if (credit_ns < 0 || wait_ns > (uint64_t)credit_ns)
		wait_ns = credit_ns > 0 ? (uint64_t)credit_ns : 0;
	return wait_ns < LEAST_NS ? LEAST_NS : wait_ns;
}

/* -ETIMEDOUT is ours: who serves a file may answer with it, too. */
static int result_of(int result)
{
	return result == -ETIMEDOUT ? -EIO : result;
}

/* With the lock. 0, or -ETIMEDOUT. */
static int await(struct aside *aside, const struct worker *worker, uint64_t wait_ns)
{
	uint64_t end_ns = monotonic_ns() + wait_ns;
	const struct timespec end = { .tv_sec = (time_t)(end_ns / 1000000000),
				      .tv_nsec = (long)(end_ns % 1000000000) };
	int err = 0;

	while (worker->state != DONE && !err)
		err = pthread_cond_timedwait(&aside->done, &aside->lock, &end);
	return worker->state == DONE ? 0 : -ETIMEDOUT;
}

/* Whether it is paid for though it has come back. What works all the time is not, nor are probes: Linux waits by itself. */
static int is_slow(const struct worker *worker, unsigned wait_ms, uint64_t waited_ns)
{
	if (wait_ms <= ASIDE_QUESTION_MS)
		return waited_ns > SLOW_NS;
	return worker->about != ASIDE_PROBES && waited_ns > worker->cpu_ns + SLOW_JOB_NS;
}

/* With the lock. */
static int run_in(struct worker *worker, uint64_t about, unsigned wait_ms, struct aside_job *job)
{
	struct aside *aside = worker->aside;
	uint64_t begun_ns = monotonic_ns(), waited_ns;
	int err;

	worker->about = about;
	worker->state = AT_WORK;
	worker->job = job;
	pthread_cond_signal(&worker->wake);
	err = await(aside, worker, patience_ns(aside, wait_ms));
	waited_ns = monotonic_ns() - begun_ns;
	if (err || is_slow(worker, wait_ms, waited_ns))
		pay(&aside->patience[wait_ms > ASIDE_QUESTION_MS ? FOR_JOBS : FOR_QUESTIONS], about,
		    waited_ns);
	if (!err) {
		worker->state = IDLE;
		aside->idle = worker;
		return result_of(worker->result);
	}
	worker->state = LEFT;
	worker->told = 0;
	worker->group = 0;
	worker->next = aside->left;
	aside->left = worker;
	aside->left_count++;
	aside->idle = NULL;
	return err;
}

static uint64_t group_about(const struct aside *aside, uint64_t about)
{
	return aside->group_of && about == ASIDE_PROCESS((uint32_t)about) ?
		       aside->group_of(aside->group_arg, (uint32_t)about) :
		       0;
}

/* Whom the thread that has just been left behind is there for. */
static void note_group(struct aside *aside, uint64_t about)
{
	uint64_t group = group_about(aside, about);

	pthread_mutex_lock(&aside->lock);
	for (struct worker *worker = aside->left; worker; worker = worker->next)
		if (worker->about == about)
			worker->group = group;
	pthread_mutex_unlock(&aside->lock);
}

/* With the lock. */
static int is_group_full(const struct aside *aside, uint64_t group)
{
	unsigned count = 0;

	for (const struct worker *worker = aside->left; worker && group; worker = worker->next)
		count += worker->group == group;
	return count >= ASIDE_GROUP_MAX;
}

int aside__run(struct aside *aside, uint64_t about, unsigned wait_ms, struct aside_job *job)
{
	const struct patience *patience;
	struct worker *worker;
	uint64_t group = 0;
	int err = 0;

	if (!aside)
		return result_of(job->run(job));
	for (int i = 0; i < PATIENCES; i++)
		refill(&aside->patience[i]);
	patience = &aside->patience[wait_ms > ASIDE_QUESTION_MS ? FOR_JOBS : FOR_QUESTIONS];
	if (aside__left_behind(aside) >= ASIDE_GROUP_MAX)
		group = group_about(aside, about);
	pthread_mutex_lock(&aside->lock);
	worker = aside->idle;
	if (is_out(aside, about) || aside->left_count == ASIDE_MAX || is_group_full(aside, group) ||
	    is_used_up(patience, about))
		err = -EBUSY;
	else if (!worker)
		err = start_worker(aside, &worker);
	if (!err)
		err = run_in(worker, about, wait_ms, job);
	pthread_mutex_unlock(&aside->lock);
	if (err == -ETIMEDOUT)
		note_group(aside, about);
	return err;
}

unsigned aside__left_behind(struct aside *aside)
{
	unsigned count;

	pthread_mutex_lock(&aside->lock);
	count = aside->left_count;
	pthread_mutex_unlock(&aside->lock);
	return count;
}

int aside__untold(struct aside *aside, uint64_t *about)
{
	struct worker *worker;
	int found;

	pthread_mutex_lock(&aside->lock);
	worker = aside->left;
	while (worker && worker->told)
		worker = worker->next;
	found = worker != NULL;
	if (worker) {
		worker->told = 1;
		*about = worker->about;
	}
	pthread_mutex_unlock(&aside->lock);
	return found;
}

/* ---- questions --------------------------------------------------------------------------------- */

struct question {
	struct aside_job job;
	int fd; /* -1 = none */
	int flags;
	off_t offset;
	uint32_t tgid;
	uint64_t address;
	ssize_t got;
	size_t size;
	char data[]; /* a path, or room for `size` bytes */
};

static void drop(struct aside_job *job)
{
	struct question *question = (struct question *)job;

	if (question->fd >= 0)
		close(question->fd);
	explicit_bzero(question->data, question->size); /* it may be an environment */
	free(question);
}

static struct question *question_new(int (*run)(struct aside_job *job), size_t size)
{
	struct question *question = calloc(1, sizeof(*question) + size);

	if (!question)
		return NULL;
	question->job.run = run;
	question->job.drop = drop;
	question->fd = -1;
	question->size = size;
	return question;
}

static int run_open(struct aside_job *job)
{
	struct question *question = (struct question *)job;

	question->fd = open(question->data, question->flags);
	return question->fd < 0 ? -errno : 0;
}

int aside__open(struct aside *aside, uint32_t tgid, const char *path, int flags)
{
	struct question *question = question_new(run_open, strlen(path) + 1);
	int result;

	if (!question)
		return -ENOMEM;
	memcpy(question->data, path, question->size);
	question->flags = flags;
	result = aside__run(aside, ASIDE_PROCESS(tgid), ASIDE_QUESTION_MS, &question->job);
	if (result == -ETIMEDOUT) /* the other thread drops it */
		return result; /* NOLINT(clang-analyzer-unix.Malloc) */
	if (!result) {
		result = question->fd;
		question->fd = -1;
	}
	drop(&question->job);
	return result;
}

/* The answer is in `data`. */
static ssize_t ask(struct aside *aside, uint64_t about, struct question *question, void *buf)
{
	ssize_t result = aside__run(aside, about, ASIDE_QUESTION_MS, &question->job);

	if (result == -ETIMEDOUT) /* the other thread drops it */
		return result; /* NOLINT(clang-analyzer-unix.Malloc) */
	if (!result) {
		result = question->got;
		memcpy(buf, question->data, (size_t)result);
	}
	drop(&question->job);
	return result;
}

static int run_read(struct aside_job *job)
{
	struct question *question = (struct question *)job;

	question->got = question->offset < 0 ? read(question->fd, question->data, question->size) :
					       pread(question->fd, question->data, question->size,
						     question->offset);
	return question->got < 0 ? -errno : 0;
}

ssize_t aside__read(struct aside *aside, uint64_t about, int fd, void *buf, size_t size,
		    off_t offset)
{
	struct question *question = question_new(run_read, size);

	if (!question)
		return -ENOMEM;
	/* one of its own: the caller may close his when it does not come back */
	question->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	question->offset = offset;
	if (question->fd < 0) {
		ssize_t err = -errno;

		drop(&question->job);
		return err;
	}
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): see there */
	return ask(aside, about, question, buf);
}

/* `data` is the path, and room for the bytes behind it. */
static int run_read_file(struct aside_job *job)
{
	struct question *question = (struct question *)job;
	size_t begin = strlen(question->data) + 1;
	ssize_t got;
	int err;

	question->fd = open(question->data, O_RDONLY | O_CLOEXEC);
	if (question->fd < 0)
		return -errno;
	question->got = 0;
	do {
		size_t at = begin + (size_t)question->got;

		got = read(question->fd, question->data + at, question->size - at);
		err = -errno;
		question->got += got > 0 ? got : 0;
	} while (got > 0);
	return got < 0 && !question->got ? err : 0;
}

ssize_t aside__read_file(struct aside *aside, uint32_t tgid, const char *path, void *buf,
			 size_t size)
{
	size_t begin = strlen(path) + 1;
	struct question *question = question_new(run_read_file, begin + size);
	ssize_t result;

	if (!question)
		return -ENOMEM;
	memcpy(question->data, path, begin);
	result = aside__run(aside, ASIDE_PROCESS(tgid), ASIDE_QUESTION_MS, &question->job);
	if (result == -ETIMEDOUT) /* the other thread drops it */
		return result; /* NOLINT(clang-analyzer-unix.Malloc) */
	if (!result) {
		result = question->got;
		memcpy(buf, question->data + begin, (size_t)result);
	}
	drop(&question->job);
	return result;
}

static int run_read_memory(struct aside_job *job)
{
	struct question *question = (struct question *)job;
	const struct iovec local = { .iov_base = question->data, .iov_len = question->size };
	/* an address in another process; it is not used in this one */
	const struct iovec remote = { .iov_base = (void *)(uintptr_t)question->address,
				      .iov_len = question->size };

	question->got = process_vm_readv((pid_t)question->tgid, &local, 1, &remote, 1, 0);
	return question->got < 0 ? -errno : 0;
}

ssize_t aside__read_memory(struct aside *aside, uint32_t tgid, uint64_t address, void *buf,
			   size_t size)
{
	struct question *question = question_new(run_read_memory, size);

	if (!question)
		return -ENOMEM;
	question->tgid = tgid;
	question->address = address;
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): see there */
	return ask(aside, ASIDE_PROCESS(tgid), question, buf);
}
