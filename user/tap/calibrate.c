/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/calibrate.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tap/ownfile.h"

#define ROUNDS 7
#define CALLS 1000
#define SPEC (TM_MAX_SPECS - 1) /* the last ones: taps begin with the first */
#define TRANSIT_SPEC (SPEC - 1)
#define MESSAGE_SIZE 64
#define TIMEOUT_MS 30000 /* it takes 50 ms; an emulated machine under load, some seconds */
#define NR_URETPROBE 335 /* arch/x86/entry/syscalls/syscall_64.tbl, Linux 6.11 */

/* Functions that differ in their first instruction at most. long f(void *object, long flags) */
long calibrate_emulated(void *object, long flags);
long calibrate_stepped(void *object, long flags);
long calibrate_transit(void *object, long flags);

__asm__(".pushsection .text\n"
	".globl calibrate_emulated\n"
	".type calibrate_emulated, @function\n"
	"calibrate_emulated: push %rbx\n"
	"	pop %rbx\n"
	"	mov $8, %eax\n"
	"	ret\n"
	".size calibrate_emulated, .-calibrate_emulated\n"
	".globl calibrate_transit\n"
	".type calibrate_transit, @function\n"
	"calibrate_transit: push %rbx\n"
	"	pop %rbx\n"
	"	mov $8, %eax\n"
	"	ret\n"
	".size calibrate_transit, .-calibrate_transit\n"
	".globl calibrate_stepped\n"
	".type calibrate_stepped, @function\n"
	"calibrate_stepped: mov $8, %eax\n"
	"	push %rbx\n"
	"	pop %rbx\n"
	"	ret\n"
	".size calibrate_stepped, .-calibrate_stepped\n"
	".popsection\n");

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* Time of a call in the fastest of some rounds: the machine has other things to do in the slow ones. */
static uint64_t time_call(long (*volatile function)(void *, long))
{
	uint64_t best = UINT64_MAX, start, spent;
	uint64_t object[MESSAGE_SIZE / 8] = { 0 };

	for (int round = 0; round < ROUNDS; round++) {
		start = now_ns();
		for (int i = 0; i < CALLS; i++) {
			object[0]++; /* no two messages are equal */
			function(object, 0);
		}
		spent = now_ns() - start;
		if (spent < best)
			best = spent;
	}
	return best / CALLS;
}

/*
 * Refuses the system call by which functions tapped at return go back to their callers. A Linux kernel with cf6cb56ef244
 * ("seccomp: passthrough uretprobe systemcall without filtering") does not ask the filter for it.
 */
static int refuse_uretprobe(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NR_URETPROBE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ? -errno : 0;
}

/* The child: waits until the probes are set, measures, says what it saw. */
static void child(int go, int result)
{
	struct probe_cost cost;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* without seccomp in the Linux kernel there is nothing to fear from it */
	refuse_uretprobe();
	if (read(go, &byte, 1) != 1)
		_exit(1);
	cost.emulated_ns = time_call(calibrate_emulated);
	cost.stepped_ns = time_call(calibrate_stepped);
	cost.transit_ns = time_call(calibrate_transit);
	_exit(write(result, &cost, sizeof(cost)) != sizeof(cost));
}

static int set_spec(struct probes *probes)
{
	/* as costly as a profile's: object, result, failure, more */
	struct tm_value argument = { .base = TM_BASE_ARG, .bits = 64, .mask = UINT64_MAX };
	struct tm_value result = { .base = TM_BASE_RETURN,
				   .bits = 32,
				   .is_signed = 1,
				   .mask = UINT64_MAX };
	struct tm_spec spec = {
		.action = TM_ACTION_COUNT,
		.has_more = 1,
		.more_known = 1,
		.object = argument,
		.bytes = result,
		.failed = { result },
		.more = argument,
	};
	int err;

	spec.failed[0].compare = TM_CMP_LT;
	spec.more.arg = 1;
	err = probes__set_spec(probes, SPEC, &spec);
	if (err)
		return err;
	spec.payload.kind = TM_PAYLOAD_BUFFER;
	spec.payload.data = argument;
	spec.payload.size = (struct tm_value){ .base = TM_BASE_CONST, .operand = MESSAGE_SIZE };
	return probes__set_spec(probes, TRANSIT_SPEC, &spec);
}

static int attach(struct probes *probes, pid_t pid, struct probe_link **out)
{
	static const void *const functions[] = { (const void *)calibrate_emulated,
						 (const void *)calibrate_stepped,
						 (const void *)calibrate_transit };
	struct probe list[3] = { { .spec = SPEC }, { .spec = SPEC }, { .spec = TRANSIT_SPEC } };
	int fd = -1, err;

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (fd >= 0)
			close(fd);
		fd = own_file_open(functions[i], &list[i].offset);
		if (fd < 0)
			return fd;
	}
	err = set_spec(probes);
	if (!err)
		err = probes__attach(probes, fd, list, 3, pid, out);
	close(fd);
	return err;
}

static int read_result(int fd, struct probe_cost *out)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct probe_cost cost;

	if (poll(&wait, 1, TIMEOUT_MS) != 1)
		return -ETIMEDOUT;
	if (read(fd, &cost, sizeof(cost)) != sizeof(cost))
		return -ENOTRECOVERABLE; /* the child is dead */
	*out = cost;
	return 0;
}

/* The streams that the child made. */
static void clean_up(struct probes *probes)
{
	struct tm_slot *slots = probes__slots(probes);

	for (uint32_t i = 0; i < TM_BLOCK; i++) {
		if (slots[i].state == TM_SLOT_FREE)
			continue;
		probes__forget(probes, &slots[i].key);
		slots[i].generation++;
		memset((char *)&slots[i] + offsetof(struct tm_slot, key), 0,
		       sizeof(slots[i]) - offsetof(struct tm_slot, key));
		slots[i].state = TM_SLOT_FREE;
		probes__give_back(probes, i);
	}
}

static int measure(struct probes *probes, pid_t pid, int go, int result, struct probe_cost *out)
{
	struct probe_link *link;
	int err = attach(probes, pid, &link);

	if (err)
		return err;
	err = write(go, "", 1) == 1 ? read_result(result, out) : -EIO;
	probe_link__free(link);
	return err;
}

static void close_pipe(int pair[2])
{
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
}

int probe_cost_measure(struct probes *probes, struct probe_cost *out)
{
	int go[2] = { -1, -1 }, result[2] = { -1, -1 }, err;
	pid_t pid = -1;

	if (pipe2(go, O_CLOEXEC) || pipe2(result, O_CLOEXEC) || (pid = fork()) < 0) {
		err = -errno;
	} else {
		if (!pid)
			child(go[0], result[1]);
		close(result[1]); /* so that the child's death can be seen */
		result[1] = -1;
		err = measure(probes, pid, go[1], result[0], out);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		clean_up(probes);
	}
	close_pipe(go);
	close_pipe(result);
	return err;
}
