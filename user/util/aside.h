/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_ASIDE_H
#define TAPMETER_UTIL_ASIDE_H
/*
 * What may take for ever is done aside, in a thread that is left behind when it takes too long: the Linux kernel answers
 * questions about a process's memory only when the process lets go of its lock, and reads a file only when who serves it
 * answers. Not more than ASIDE_MAX threads are left behind, and the caller waits 3 s and a tenth of the time in all, for those
 * left behind and for those that wait long themselves (but for probes, which take their time).
 *
 * One thread calls; jobs run in others. With NULL for the object, all is done at once, and waited for.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ASIDE_MAX 32
#define ASIDE_GROUP_MAX 4 /* of these for processes of one group */
#define ASIDE_QUESTION_MS 200 /* for what takes microseconds */

/* What a job is about: while one has not come back, no other about the same is begun. */
#define ASIDE_PROCESS(tgid) ((uint64_t)(tgid))
#define ASIDE_DEVICE(device) (1ull << 32 | (uint32_t)(device))
#define ASIDE_PROBES (2ull << 32)
#define ASIDE_PROCESSES (3ull << 32) /* all of them */

struct aside;

/* The first part of what a job needs. */
struct aside_job {
	int (*run)(struct aside_job *job); /* in another thread, that only has what is in the job */
	void (*drop)(struct aside_job *job); /* frees it, with all it has come by; any thread */
};

/* -ENOMEM, or -errno of making a condition. No thread is started yet. */
int aside__new(struct aside **out);
/* Waits for nobody: threads left behind go on until they come back. Accepts NULL. */
void aside__free(struct aside *aside);
typedef uint64_t (*aside_group_fn)(void *arg, uint32_t tgid);
/*
 * Whom a process belongs to, 0 = not known: so that one container's processes do not keep all others from being asked about.
 * It is asked, by the calling thread, only about who has not answered, and while ASIDE_GROUP_MAX have not.
 */
void aside__set_groups(struct aside *aside, aside_group_fn group_of, void *arg);
/* Threads begin anew: with the privileges that the caller has from now on. */
void aside__renew(struct aside *aside);

/*
 * Runs the job and returns what it returns; the job is the caller's. -ETIMEDOUT: it took longer than wait_ms, or than there
 * was time for; it is dropped when it ends, and the caller must not touch it. (A job's own becomes -EIO.) -EBUSY: one about the
 * same has not come back yet, or too many have not (of its group, or of all), or questions have been answered too slowly, those about the same first;
 * -errno: no thread could be started; the job is the caller's.
 */
int aside__run(struct aside *aside, uint64_t about, unsigned wait_ms, struct aside_job *job);
/* How many threads are left behind now. */
unsigned aside__left_behind(struct aside *aside);
/* 1, and whom one is left behind for that has not been told of yet; else 0. */
int aside__untold(struct aside *aside, uint64_t *about);

/* open(2): a descriptor, -errno, or as aside__run(). */
int aside__open(struct aside *aside, uint32_t tgid, const char *path, int flags);
/* read(2), from `offset`, or where the descriptor stands if that is -1; the same. */
ssize_t aside__read(struct aside *aside, uint64_t about, int fd, void *buf, size_t size,
		    off_t offset);
/* All of a small file, of which `buf` takes what it has room for: its length, or the same. */
ssize_t aside__read_file(struct aside *aside, uint32_t tgid, const char *path, void *buf,
			 size_t size);
/* process_vm_readv(2) of one piece of memory: as many bytes as could be read, -errno, or as aside__run(). */
ssize_t aside__read_memory(struct aside *aside, uint32_t tgid, uint64_t address, void *buf,
			   size_t size);

#endif
