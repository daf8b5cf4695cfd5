/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SUBJECT_PROCESS_H
#define TAPMETER_SUBJECT_PROCESS_H
/*
 * The processes that map a tapped file, and whose they are. A process is (pid, start time, number of execs): a
 * pid that comes again is another process. What is known of it is read once, at first sight, and kept. One thread.
 */
#include <stddef.h>
#include <stdint.h>
#include <tapmeter/abi.h>

#define KERNEL_ID_SIZE 128 /* bytes, NUL included */

/* Who a stream belongs to. "" = unknown or none. */
struct subject {
	char kernel_id[KERNEL_ID_SIZE];
	char container[72];
	char unit[KERNEL_ID_SIZE]; /* the systemd unit, of what is in no container */
	char name[128]; /* the engine's name of the container */
	char pod[256]; /* its name; its UID as long as that is all that is known */
	char namespace[64];
};

struct process {
	struct tm_process_id id;
	char comm[TM_COMM_LEN]; /* of the thread-group leader, when first seen */
	struct subject subject;
	int selected; /* the user's filters let it be tapped */
	uint64_t seen; /* round of the last sweep that saw it */
};

struct aside;
struct processes;

/* `proc_root` is "/proc" or a test's tree; it must outlive the object. */
int processes__new(struct aside *aside, const char *proc_root, struct processes **out);
void processes__free(struct processes *processes);

/*
 * The process, read from /proc if it was not known; *is_new tells. -ENOENT if it has gone already, -ENOMEM. The pointer stays
 * valid until a sweep drops it.
 */
int processes__see(struct processes *processes, const struct tm_process_id *id,
		   struct process **out, int *is_new);
/* NULL if it is not known. */
struct process *processes__find(const struct processes *processes, const struct tm_process_id *id);
/* 1 if the process is alive now, also one that is not in the table; exec_id is not looked at. */
int processes__alive(const struct processes *processes, const struct tm_process_id *id);

typedef void (*process_fn)(void *arg, const struct process *process);
void processes__each(const struct processes *processes, process_fn fn, void *arg);
/* Before a sweep: processes not seen from here on are dropped by the next end_sweep(), which names each. */
void processes__begin_sweep(struct processes *processes);
void processes__end_sweep(struct processes *processes, process_fn dropped, void *arg);
/* The process has ended. */
void processes__drop(struct processes *processes, const struct tm_process_id *id);

/*
 * What the cgroup alone tells of a process: kernel_id is the container's id, else the systemd unit, else "host"; pod the
 * UID. From directory names as struct tm_stream_event carries them ([0] = v2, [1] = v1 memory);
 * "unknown" if they do not tell. */
void subject_from_names(const char names[2][TM_CGROUP_DEPTH][TM_CGROUP_NAME], struct subject *out);

/*
 * Whom a process belongs to by its cgroup alone: the container's id, else the systemd unit, else "host". -errno of reading
 * that: -ENOENT, -ESRCH if it has gone.
 */
int process_owner(const char *proc_root, uint32_t tgid, char *name, size_t size);

#endif
