/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TAPMETER_ERRNO_BPF_H
#define TAPMETER_ERRNO_BPF_H
/*
 * errno of the running thread. It is a thread-local variable; its offset from the thread pointer is fixed
 * per process and stands in the code of the C library's __errno_location(). That function is found
 * through the tapped file's own GOT slot for it: the library has just set errno by calling it, so
 * the slot is bound.
 */
#include "maps.bpf.h"

struct errno_code {
	__u8 bytes[24];
};

/* The offset that the code of __errno_location adds to the thread pointer, 0 = not understood. */
static __always_inline __s64 errno_decode(const struct errno_code *code, __u64 address)
{
	const __u8 *b = code->bytes;
	__s32 displacement;
	__s64 offset;

	/* glibc: mov rel32(%rip),%rax; add %fs:0,%rax; ret */
	if (b[0] == 0x48 && b[1] == 0x8b && b[2] == 0x05 && b[7] == 0x64 && b[8] == 0x48 &&
	    b[9] == 0x03) {
		if (bpf_probe_read_user(&displacement, sizeof(displacement),
					(void *)(address + 3)) ||
		    bpf_probe_read_user(&offset, sizeof(offset),
					(void *)(address + 7 + displacement)))
			return 0;
		return offset;
	}
	/* musl: mov %fs:0,%rax; add $imm8,%rax; ret */
	if (b[0] == 0x64 && b[1] == 0x48 && b[2] == 0x8b && b[3] == 0x04 && b[9] == 0x48 &&
	    b[10] == 0x83 && b[11] == 0xc0)
		return (__s8)b[12];
	return 0;
}

static __noinline __s64 errno_find(const struct tm_spec *spec, const struct tm_frame *frame)
{
	struct errno_code code = {};
	__u64 function;

	if (spec->errno_tpoff)
		return spec->errno_tpoff;
	if (!spec->errno_got ||
	    bpf_probe_read_user(&function, sizeof(function), (void *)(frame->ip + spec->errno_got)))
		return 0;
	if (bpf_probe_read_user(&code, sizeof(code), (void *)function))
		return 0;
	if (code.bytes[0] == 0xf3 && code.bytes[1] == 0x0f && code.bytes[2] == 0x1e &&
	    code.bytes[3] == 0xfa) {
		function += 4; /* endbr64 */
		if (bpf_probe_read_user(&code, sizeof(code), (void *)function))
			return 0;
	}
	return errno_decode(&code, function);
}

/* errno of the calling thread, 0 = not readable. */
static __always_inline __u32 errno_read(struct tm_thread *thread, const struct tm_spec *spec,
					const struct tm_frame *frame)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 thread_pointer = task->thread.fsbase;
	__u32 value = 0;

	if (!thread->errno_tpoff)
		thread->errno_tpoff = errno_find(spec, frame);
	if (!thread->errno_tpoff || !thread_pointer)
		return 0;
	bpf_probe_read_user(&value, sizeof(value), (void *)(thread_pointer + thread->errno_tpoff));
	return value;
}

#endif
