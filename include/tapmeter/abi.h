/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_ABI_H
#define TAPMETER_ABI_H
/*
 * What the BPF programs and the agent must agree on, and nothing else: the compiled tap
 * specs (agent -> BPF), the slots and thread records (BPF -> agent, memory-mapped) and the
 * ring buffer's records. All fields have a fixed width, holes are named, sizes are asserted.
 * A change of what any of it means raises TM_ABI_VERSION; changes of layout are found by user/tap/layout.c.
 */
#include <linux/types.h>

#ifndef TM_ABI_VERSION /* a test has another one */
#define TM_ABI_VERSION 4
#endif

/* Sizes of the fixed tables. Streams are sized by --max-streams at load time. */
#define TM_MAX_SPECS 4096
#define TM_MAX_OPERATIONS 64 /* in one profile */
#define TM_MAX_THREADS 32768
#define TM_MAX_PROCESSES 16384
#define TM_MAX_CGROUPS 16384 /* of containers with streams */
#define TM_STREAMS_MAX 262144 /* upper limit of --max-streams */
#define TM_STREAM_CACHE_BITS 15 /* places in the table of streams seen lately */
#define TM_THREAD_HINT_BITS 14 /* places in the table of threads seen lately */
#define TM_BLOCK 64 /* slots and thread records per bit of the "ever used" maps */
#define TM_RUN_SHARDS \
	8 /* copies of each spec's run counter, by CPU, so that CPUs rarely share one */
#define TM_MAX_DEPTH 4 /* calls in flight in one thread: a tapped function inside another */
#define TM_MAX_ERRNOS 8 /* distinct errnos kept apart in one stream; more go to "other" */
#define TM_COMM_LEN 16 /* TASK_COMM_LEN, include/linux/sched.h */
#define TM_TEXT_LEN 256 /* endpoint text, terminating NUL included */
#define TM_CLASS_LEN 64 /* mangled class name of an object */
#define TM_CGROUP_DEPTH 5 /* directory names from the leaf upwards */
#define TM_CGROUP_NAME 128
#define TM_OBJECT_HEAD 4096 /* bytes of a new object handed over while its layout is unknown */

/*
 * Histogram bounds are 2^(k/4) seconds, k = -92 .. 28 (2^-23 s = 119 ns, 2^7 s = 128 s):
 * Prometheus' native schema 2. Bucket 0 counts calls <= 2^-23 s, the last one calls > 2^7 s.
 */
#define TM_HIST_MIN_K (-92)
#define TM_HIST_MAX_K 28
#define TM_HIST_BOUNDS (TM_HIST_MAX_K - TM_HIST_MIN_K + 1)
#define TM_HIST_BUCKETS (TM_HIST_BOUNDS + 1)
/* Guess table: index is (floor(log2 ns) << 3 | next three bits), see user/tap/bounds.h. */
#define TM_HIST_GUESSES (64 * 8)

/* ---- specs: a profile's function, compiled for one ELF file ------------------------- */

enum tm_base {
	TM_BASE_NONE = 0, /* the value is absent */
	TM_BASE_CONST = 1,
	TM_BASE_ARG = 2, /* argument register `arg`, as it was at entry */
	TM_BASE_RETURN = 3, /* the return register */
	TM_BASE_STACK = 4, /* stack pointer at entry (at the return address); needs `width` */
	TM_BASE_PROBE =
		5, /* the probed address: `offset` leads to a variable of the file; needs `width` */
};

enum tm_compare {
	TM_CMP_NONE = 0, /* the value itself */
	TM_CMP_EQ = 1,
	TM_CMP_NE = 2,
	TM_CMP_LT = 3, /* signed */
	TM_CMP_LE = 4,
	TM_CMP_GT = 5,
	TM_CMP_GE = 6,
};

/*
 * value = base; if (hops) value = *(8 bytes at value + hop); if (width) value = *(width bytes at
 * value + offset); value &= mask; if (compare) value = value <compare> operand. Memory is read at return, but for values
 * evaluated at entry (object).
 */
struct tm_value {
	__u8 base; /* enum tm_base */
	__u8 arg; /* 0..5 */
	__u8 width; /* 0, 1, 2, 4, 8: bytes read through the pointer */
	__u8 is_signed; /* sign-extend from `bits` */
	__u8 bits; /* 8, 16, 32, 64: what of the register or memory counts */
	__u8 compare; /* enum tm_compare */
	__u8 hops; /* 0, 1: pointers to follow before */
	__u8 pad;
	__s32 offset;
	__s32 hop;
	__u64 mask; /* ~0 for all */
	__s64 operand; /* constant, or right side of the comparison */
};
_Static_assert(sizeof(struct tm_value) == 32, "tm_value layout");

/*
 * What a call's values come to in the commonest cases, so that BPF need not evaluate them. Filled in by
 * probes__set_spec(); TM_QUICK_NONE is always right.
 */
enum tm_quick_form {
	TM_QUICK_NONE = 0, /* evaluate the value */
	TM_QUICK_ZERO = 1, /* there is no such value */
	TM_QUICK_ARG = 2, /* an argument (object), an argument & more_mask (more) */
	TM_QUICK_RETURN =
		3, /* the return register as an int (bytes), whether that is negative (failed) */
};

struct tm_quick {
	__u8 object, bytes, more, failed; /* enum tm_quick_form */
	__u8 object_arg, more_arg; /* 0..5 */
	__u8 rpc; /* as in tm_spec: in the cache line that all calls need */
	__u8 waits; /* as in tm_spec */
	__u64 more_mask;
};
_Static_assert(sizeof(struct tm_quick) == 16, "tm_quick layout");

enum tm_action {
	TM_ACTION_COUNT = 1, /* a call is counted in a stream */
	TM_ACTION_CLOSE = 2, /* a call ends the object's streams, at entry */
	TM_ACTION_RELABEL =
		3, /* a successful call may change the object's labels: ends its streams */
	TM_ACTION_RESULT = 4, /* COUNT, with what struct tm_result_spec says beside */
	TM_ACTION_EVENT = 6, /* a call, at entry, is an event with a name and a value */
	TM_ACTION_SAMPLE = 5, /* a call makes the process's own counters be read, no more */
};

/* ---- payload: where a message's bytes are, for the delivery time (transit) ------------- */

enum tm_payload_kind {
	TM_PAYLOAD_NONE = 0, /* calls of this function are left out of transit */
	TM_PAYLOAD_BUFFER = 1, /* `data` points to the bytes, `size` is their number (or room) */
	TM_PAYLOAD_MESSAGE = 2, /* `data` points to a message object that has one of the forms */
};

/*
 * One form of a message object: the byte at tm_payload.type_at is `type`. Where the bytes and their number are: in
 * the object itself, or (behind) in what the pointer at behind_at points to. Offsets are below
 * TM_FORM_BYTES and multiples of what is there.
 */
#define TM_FORM_BYTES 64
struct tm_form {
	__u8 type;
	__u8 behind;
	__u8 behind_at;
	__u8 embedded; /* the bytes are at data_at, instead of a pointer to them */
	__u8 data_at;
	__u8 size_at;
	__u8 size_width; /* 1, 2, 4, 8 */
	__u8 behind_bytes; /* how many to read there, 1..TM_FORM_BYTES */
};

#define TM_FORMS 4

struct tm_payload {
	__u8 kind; /* enum tm_payload_kind */
	__u8 receive; /* 0: read at entry of a send, 1: at return of a receive */
	__u8 type_at;
	__u8 form_count;
	__u32 object_bytes; /* MESSAGE: how many of the object to read, 1..TM_FORM_BYTES */
	struct tm_value data;
	struct tm_value size; /* BUFFER */
	struct tm_form forms[TM_FORMS];
};
_Static_assert(sizeof(struct tm_payload) == 8 + 64 + 8 * TM_FORMS, "tm_payload layout");

struct tm_spec {
	__u8 action; /* enum tm_action */
	__u8 has_errno; /* failures carry an errno */
	__u8 has_more; /* `more` is defined for the operation */
	__u8 more_known; /* 0: `more` could not be proven for this file, frames count but not messages */
	__u16 op; /* index of the operation: names streams, unique over all profiles */
	__u16 close_op_first; /* CLOSE, RELABEL: the operations whose streams of the object end */
	__u16 close_op_last;
	__u16 object_class; /* 0 = plain pointer or none, else index into tm_object_class */
	__u32 file; /* the agent's number of the ELF file */
	struct tm_quick
		quick; /* with what is above it, all that most calls need, in one cache line */
	struct tm_value object;
	struct tm_value bytes;
	struct tm_value more; /* not zero: another frame of the message follows */
	struct tm_value failed[2]; /* either not zero: the call failed */
	struct tm_value nonblocking; /* not zero: EAGAIN means would-block, zero: time-out */
	/*
	 * To read errno: the distance from the probed address to the file's GOT slot of
	 * __errno_location; 0 = none.
	 */
	__s64 errno_got;
	__s64 errno_tpoff; /* static executables: errno's offset from the thread pointer; 0 = none */
	struct tm_payload payload;
	__u8 rpc; /* bit n: frames may be requests or responses by rule n */
	__u8 no_transit; /* 1: `payload` is for requests only, messages are not recognised */
	__u8 waits; /* 1: a receive, which may take long with nothing wrong: never a slow call */
	__u8 pad2;
	__u32 pad3;
	__u64 pad[4];
};
_Static_assert(sizeof(struct tm_spec) == 16 + 16 + 6 * 32 + 16 + 104 + 40, "tm_spec layout");
_Static_assert(sizeof(struct tm_spec) % 64 == 0, "specs begin with a cache line");

/* Counters that a process keeps itself: what they have grown by is counted. */
enum tm_counter {
	TM_COUNTER_HITS,
	TM_COUNTER_MISSES,
	TM_COUNTER_FAILURES, /* grown during a call: the call failed */
	TM_COUNTER_EVICTIONS,
	TM_COUNTER_EXPIRATIONS,
	TM_COUNTER_SENT, /* bytes */
	TM_COUNTER_RECEIVED,
	TM_COUNTERS,
};

enum tm_amount_at {
	TM_AMOUNT_RETURN = 0, /* the sum of the two values at return */
	TM_AMOUNT_ENTRY = 1, /* at entry */
	TM_AMOUNT_GROWTH = 2, /* how much more it is at return than at entry */
};

/* A number of bytes. */
struct tm_amount {
	struct tm_value value[2];
	__u8 at; /* enum tm_amount_at */
	__u8 pad[7];
};

enum tm_name_kind {
	TM_NAME_FIXED = 0, /* struct tm_spec.op is the operation */
	TM_NAME_TEXT = 1, /* the value points to the operation's name */
	TM_NAME_FIRST_WORD = 2, /* to a text that begins with it, in upper or lower case */
	TM_NAME_NUMBER = 3, /* the value is the operation's number */
};

/* Inside which calls a call is not counted. */
enum tm_nested {
	TM_NESTED_SAME = 0, /* of the same operation */
	TM_NESTED_ANY = 1, /* of any operation of the profile */
	TM_NESTED_COUNT = 2, /* none */
};

/* Beside struct tm_spec, under the same number, for RESULT and SAMPLE: kept apart so that others do not pay. */
struct tm_result_spec {
	struct tm_value when[2]; /* given and 0: the call does not count */
	struct tm_value hits,
		misses; /* how many keys were found or not by a call that did not fail */
	struct tm_value evictions, expirations;
	struct tm_value name; /* what chooses the operation, see name_kind */
	struct tm_amount sent, received;
	struct tm_value failed_growth; /* of 8 bytes; more at return than at entry: the call failed */
	__u64 lookups; /* bit n: `hits` and `misses` are those of the profile's operation n; 0 = of all */
	__u32 table; /* of names, in which `name` is looked up; not there: struct tm_spec.op */
	__u32 function; /* its number in the profile: part of the key of numbers */
	__s32 counters[TM_COUNTERS]; /* from the probed address to each */
	__u8 counter_mask; /* bit n: counters[n] is given */
	__u8 name_kind; /* enum tm_name_kind */
	__u8 nested; /* enum tm_nested */
	__u8 pad;
	__u16 first_op, last_op; /* of the profile */
	__u16 background_op; /* for counters that grow outside of calls, 0 = none */
	__u16 pad2;
};
_Static_assert(sizeof(struct tm_result_spec) == 8 * 32 + 2 * 72 + 16 + 4 * TM_COUNTERS + 12,
	       "tm_result_spec layout");

#define TM_NAME_LEN 28

/* Which operation of a profile a name stands for; the value is the operation's number. */
struct tm_name_key {
	__u32 table;
	char name[TM_NAME_LEN]; /* NUL-padded, the last byte NUL; or struct tm_number_name */
};
_Static_assert(sizeof(struct tm_name_key) == 32, "tm_name_key layout");

/* A number as a name: no text, which ends with a NUL. */
struct tm_number_name {
	__u64 number __attribute__((packed, aligned(4)));
	__u32 function;
	__u8 zero[12];
	__u32 mark; /* TM_NUMBER_MARK */
};
_Static_assert(sizeof(struct tm_number_name) == TM_NAME_LEN, "tm_number_name layout");
#define TM_NUMBER_MARK 0xffffffff
#define TM_MAX_NAMES 16384

/*
 * How to know an object (a socket) and to read its labels. The places inside the object differ by
 * build: the agent finds them by scanning one object and then writes them here; until then
 * `known` is 0 and BPF hands over the head of each new object.
 */
struct tm_object_class {
	__u32 known;
	__u32 tag; /* value that a live object holds, 0 = no tag */
	__u32 tag_offset;
	__u32 text_offset; /* of a std::string (pointer, length): the endpoint */
	char class_prefix
		[24]; /* the mangled name of the dynamic class starts with this; "" = no check */
	/* whole names of classes whose messages begin with a frame that says to or from whom, and
	 * of those that send one message to many; "" = none */
	char addressed[2][24];
	char fan_out[2][24];
};
_Static_assert(sizeof(struct tm_object_class) == 136, "tm_object_class layout");
#define TM_MAX_OBJECT_CLASSES 1024

/* ---- slots ---------------------------------------------------------------------------- */

enum tm_slot_state {
	TM_SLOT_FREE = 0,
	TM_SLOT_LIVE = 1,
	TM_SLOT_CLOSED = 2, /* no new calls; those in flight still count */
};

struct tm_process_id {
	__u64 start_ns; /* start_boottime of the thread-group leader */
	__u32 tgid; /* in the initial pid namespace */
	__u32 exec_id; /* self_exec_id: number of execs, so that an exec starts new streams */
};

struct tm_stream_key {
	__u64 object; /* 0 = none */
	struct tm_process_id process;
	__u32 op;
	__u32 pad;
};
_Static_assert(sizeof(struct tm_stream_key) == 32, "tm_stream_key layout");

struct tm_errno_count {
	__u32 error; /* 0 = free place */
	__u32 pad;
	__u64 count;
};

#define TM_EVENT_NAME 64 /* bytes of an event's name, NUL included */

struct tm_slot {
	__u32 state; /* enum tm_slot_state; BPF: free -> live -> closed; agent: -> free */
	__u32 generation; /* raised by the agent when it frees the slot */
	struct tm_stream_key key;
	__u64 messages; /* calls that did not fail, without "more"; with it: the sum of hist */
	__u64 bytes;
	__u64 sum_ns; /* time in the calls that did not fail */
	/* up to here one cache line: what every call needs, but for its bucket */
	__u32 file;
	__u32 object_class;
	__u64 cgroup; /* of the process when the stream began; see cgroup_key() in bpf/label.bpf.h */
	__u64 opened_ns; /* CLOCK_MONOTONIC */
	__u64 would_block;
	__u64 timeouts;
	__u64 more_unknown; /* frames whose "more" could not be read */
	__u64 other_errors; /* failures beyond the table below */
	__u64 unknown_errors; /* failures whose errno could not be read */
	struct tm_errno_count errors[TM_MAX_ERRNOS];
	/* RESULT and SAMPLE only; `bytes` are then those sent, `messages` is not used */
	__u64 received;
	__u64 hits, misses; /* keys */
	__u64 ok; /* calls that did not fail and have neither hits nor misses */
	__u64 evictions, expirations;
	union {
		__u64 hist[TM_HIST_BUCKETS];
		/*
		 * EVENT, which has no durations: the name, valid once `named` is 1. `messages` counts, `bytes` is the
		 * sum of the values, `received` that of the negative ones, without their sign; object is a hash of the name.
		 */
		struct {
			char name[TM_EVENT_NAME];
			__u64 named;
		};
	};
};
_Static_assert(__builtin_offsetof(struct tm_slot, file) == 64, "a slot's first cache line");
_Static_assert(sizeof(struct tm_slot) % 64 == 0, "slots do not share cache lines");

/* ---- threads with calls in flight ------------------------------------------------------ */

struct tm_frame {
	__u64 start_ns;
	__u64 sp; /* stack pointer at entry; at return it is 8 more (the return address is gone) */
	__u64 ip; /* the probed address */
	__u64 args[6];
	__u64 before[3]; /* RESULT: at entry sent, received (struct tm_amount), failed_growth */
	__u64 failed_place; /* address of failed_growth */
	__u32 spec;
	__u16 op;
	__u16 pad;
	__u32 slot;
	__u32 generation;
	__u64 transit; /* a send's hash, to be put right if the call fails; 0 = none */
};
_Static_assert(sizeof(struct tm_frame) == 128, "tm_frame layout");

struct tm_thread {
	struct tm_process_id process;
	__u64 started_ns; /* start_boottime of this thread: with tid, which one it is */
	__u64 registers; /* where the Linux kernel keeps its registers: different for each living thread */
	__u32 tid; /* 0 = free */
	__u32 depth; /* frames in use; frame [depth - 1] is the innermost call */
	__u32 index; /* of this record */
	__u32 pad;
	__s64 errno_tpoff; /* errno's offset from the thread pointer; 0 = not known yet */
	struct tm_frame frames[TM_MAX_DEPTH];
};
_Static_assert(sizeof(struct tm_thread) == 56 + 128 * TM_MAX_DEPTH, "tm_thread layout");

/* ---- transit: delivery times -------------------------------------------------------------- */

#define TM_TRANSIT_WAYS 8
#define TM_TRANSIT_SETS_LOG2 15
#define TM_TRANSIT_SETS (1 << TM_TRANSIT_SETS_LOG2) /* x ways = messages under way at a time */
#define TM_TRANSIT_FORGOTTEN_LOG2 18
#define TM_TRANSIT_FORGOTTEN (1 << TM_TRANSIT_FORGOTTEN_LOG2)
#define TM_TRANSIT_PAIRS 8192 /* of sender and receiver, at most */
#define TM_VIEW_BOUNDS 17 /* of a second, coarser histogram whose bounds the agent chooses */

/* A stream in 32 bits: its slot and the lower bits of the slot's generation. */
#define TM_STREAM_ID(slot, generation) ((slot) << 14 | ((generation)&0x3fff))
#define TM_STREAM_ID_SLOT(id) ((id) >> 14)
_Static_assert(TM_STREAMS_MAX <= 1 << 18, "a slot's number must fit into a stream id");

/* The delivery times of one pair of streams; memory-mapped. Used as slots are: free, live, closed. */
struct tm_transit {
	__u32 state; /* enum tm_slot_state; BPF: free -> live; agent: -> closed -> free */
	__u32 receiver, sender; /* TM_STREAM_ID */
	__u32 pad;
	__u64 sum_ns;
	__u64 hist[TM_HIST_BUCKETS];
	__u64 view[TM_VIEW_BOUNDS + 1]; /* at the agent's second bounds, if it has set some */
};
_Static_assert(sizeof(struct tm_transit) == 24 + 8 * TM_HIST_BUCKETS + 8 * (TM_VIEW_BOUNDS + 1),
	       "tm_transit layout");

struct tm_transit_key {
	__u32 receiver, sender; /* TM_STREAM_ID */
};

/* ---- rpc: requests and responses (docs/rpc.md) ---------------------------------------------- */

#define TM_RPC_RULES 4 /* profiles of this kind */
#define TM_RPC_PORTS 8
#define TM_RPC_PREFIXES 4
#define TM_RPC_PREFIX_LEN 64
#define TM_RPC_CLASSES 4
#define TM_RPC_METHODS 256 /* of one rule; 0 = unknown */
#define TM_RPC_NAME 64 /* an operation's name, NUL included */
#define TM_RPC_HEAD 16 /* bytes of a frame that are looked at */
#define TM_RPC_SLOTS 8192 /* of socket and method, at most */
#define TM_RPC_PENDING 65536 /* requests without a response, at most */

enum tm_rpc_side {
	TM_RPC_NO_SIDE = 0,
	TM_RPC_CLIENT = 1, /* its requests are sent */
	TM_RPC_SERVER = 2, /* its requests are received */
};

struct tm_rpc_class {
	char name[24]; /* mangled */
	__u64 side; /* enum tm_rpc_side; 0 ends the list */
};

/* Which sockets, and what the operations' numbers mean. */
struct tm_rpc_rule {
	struct tm_rpc_class classes[TM_RPC_CLASSES];
	__u16 ports[TM_RPC_PORTS]; /* of tcp endpoints; 0 = none */
	char prefixes[TM_RPC_PREFIXES][TM_RPC_PREFIX_LEN]; /* of endpoints; "" = none */
	__u8 methods[128]; /* of an operation's number; 0 = unknown */
};
_Static_assert(sizeof(struct tm_rpc_rule) == 128 + 16 + 256 + 128, "tm_rpc_rule layout");

/* An operation's name, as rpc_name_add() makes it a number. */
struct tm_rpc_name {
	__u64 hash;
	__u64 rule;
};

/* The requests of one method on one socket; memory-mapped. Used as slots are: free, live, closed. */
struct tm_rpc {
	__u32 state; /* enum tm_slot_state; BPF: free -> live; agent: -> closed -> free */
	__u32 stream; /* TM_STREAM_ID of the stream that the requests are in */
	__u16 method;
	__u8 rule;
	__u8 side; /* enum tm_rpc_side */
	__u32 pad;
	__u64 requests;
	__u64 sum_ns;
	__u64 results; /* responses that had one */
	__u64 hist[TM_HIST_BUCKETS]; /* of those answered */
};
_Static_assert(sizeof(struct tm_rpc) == 40 + 8 * TM_HIST_BUCKETS, "tm_rpc layout");

struct tm_rpc_key {
	__u32 stream;
	__u32 method;
};

struct tm_rpc_request_key {
	__u64 object;
	struct tm_process_id process;
	__u64 peer; /* ROUTER: made of the peer's identity, 0 elsewhere */
	__u64 uid;
};

/* A request without a response; memory-mapped. */
struct tm_rpc_request {
	struct tm_rpc_request_key key;
	__u64 start_ns; /* 0 = free */
	__u64 op; /* its number, or what rpc_name_add() makes of its name */
	__u32 rpc; /* index of its struct tm_rpc */
	__u32 stream; /* TM_STREAM_ID of the stream it is in */
};
_Static_assert(sizeof(struct tm_rpc_request) == 64, "tm_rpc_request layout");

/* ---- losses ----------------------------------------------------------------------------- */

/* Names in tapmeter_lost_total{reason}: lower case of what follows TM_LOST_. */
enum tm_lost {
	TM_LOST_STREAMS_FULL, /* no slot left: the call is not counted */
	TM_LOST_KERNEL_STREAMS_FULL, /* one container holds a quarter of the slots */
	TM_LOST_EVENTS_FULL, /* ring buffer full: labels are looked up the slow way */
	TM_LOST_INFLIGHT_FULL, /* no thread record, or calls nested too deep */
	TM_LOST_MORE_UNKNOWN, /* a frame whose "more" flag could not be read */
	TM_LOST_ERRNO_UNKNOWN, /* a failure whose errno could not be read */
	TM_LOST_UNREADABLE, /* a value in the tapped process could not be read */
	TM_LOST_ORPHANS, /* a call entered that never returned, other than by the thread's death */
	TM_LOST_STALE_SLOT, /* a call returned after its stream's slot had been given away */
	TM_LOST_LABELS_UNKNOWN, /* a stream whose process had gone before its labels were read */
	TM_LOST_MMAP_EVENTS, /* mapping notices lost; the sweep catches up */
	TM_LOST_HISTORY_FULL, /* a point of a kernel without a place in live-stat's history */
	TM_LOST_KERNEL_ID_CONFLICT, /* a container not known by the kernel id that it claims: another does, too */
	TM_LOST_TRANSIT_AMBIGUOUS, /* a received message that may have been one of several equal ones */
	TM_LOST_TRANSIT_OVERWRITTEN, /* too many messages under way: one will not be recognised */
	TM_LOST_TRANSIT_BUSY, /* two calls wanted the same record at once: one of them went without */
	TM_LOST_TRANSIT_UNREADABLE, /* a message whose bytes could not be read */
	TM_LOST_TRANSIT_FULL, /* no room for another pair of sender and receiver */
	TM_LOST_RPC_FULL, /* no room for another method of another socket: a request is not counted */
	TM_LOST_RPC_PENDING_FULL, /* too many requests without response: one's response will not be seen */
	TM_LOST_RPC_UNREADABLE, /* a frame whose bytes could not be read: its message is left out */
	TM_LOST_RELAY_FULL, /* a snapshot that tapmeter-relay was too slow for, or that is too long */
	TM_LOST_RELAY_GONE, /* a snapshot for tapmeter-relay while there was none */
	TM_LOST_PUBLISH, /* a snapshot that tapmeter-relay could not publish */
	TM_LOST_OTLP, /* a data point that tapmeter-relay could not push */
	TM_LOST_GAUGE_FAILED, /* a gauge's family left out of a snapshot: its callback failed */
	TM_LOST_GAUGE_UNREADABLE, /* a variable of a process that could not be read for a snapshot */
	TM_LOST_GAUGES_FULL, /* a process or a gauge beyond the limits: it is not read */
	TM_LOST_FILES_LATE, /* times that a process's files were not looked at: others of its kernel took too long */
	TM_LOST_FILES_FULL, /* times that there was no room to tap a file */
	TM_LOST_FILES_UNSAFE, /* files that are not looked into: they are on a container's own FUSE filesystem */
	TM_LOST_FILES_BUSY, /* times that a process's files could not be looked at: its memory's lock is held, or who serves one does not answer */
	TM_LOST_COUNT,
};

/* ---- ring buffer --------------------------------------------------------------------------- */

enum tm_event_kind {
	TM_EVENT_STREAM = 1, /* struct tm_stream_event */
	TM_EVENT_CLOSED =
		2, /* struct tm_event: a slot was closed; only a hint, the slot says so too */
	TM_EVENT_EXIT = 3, /* struct tm_event: the process ended or called exec */
	TM_EVENT_SLOW = 4, /* struct tm_slow_event: a call took long */
};

struct tm_event {
	__u32 kind; /* enum tm_event_kind */
	__u32 slot;
	struct tm_process_id process;
};

struct tm_stream_event {
	struct tm_event event;
	__u32 generation;
	__u32 head_len; /* bytes valid in `head`; 0 when the layout was known */
	char comm[TM_COMM_LEN]; /* of the thread-group leader */
	char class_name[TM_CLASS_LEN]; /* mangled, "" = not readable */
	char text[TM_TEXT_LEN]; /* endpoint, NUL-terminated, "" = none */
	__u32 text_ok; /* 1: `text` was read (empty means that there is none) */
	__u32 pad;
	/* cgroup directory names from the leaf up, [0] = v2, [1] = v1 memory; the root is "" */
	char cgroup[2][TM_CGROUP_DEPTH][TM_CGROUP_NAME];
	char head[TM_OBJECT_HEAD]; /* only in events of objects whose layout is not known */
};

struct tm_slow_event {
	struct tm_event event;
	__u32 generation;
	__u32 failed; /* 1: the call failed */
	__u64 duration_ns;
	__u64 calls; /* slow ones of this stream since its event before, this one included */
};
_Static_assert(sizeof(struct tm_slow_event) == 48, "tm_slow_event layout");

/* ---- files mapped by processes ---------------------------------------------------------------- */

enum tm_mapping_kind {
	TM_MAPPING_FILE, /* an executable mapping of a file */
	TM_MAPPING_BUSY, /* the lock of the process's memory is held: it cannot be looked at without waiting */
	TM_MAPPING_MORE, /* the process has more, from `start` on */
	TM_MAPPING_PROCESS, /* a process to be looked at by itself (before Linux 6.7) */
};

/* What the iterator gives; of the kinds but the first only `start` and `process`. */
struct tm_mapping {
	__u64 start, end;
	__u64 pgoff; /* bytes */
	__u64 inode;
	__u64 size; /* of the file, and when it was changed: a file rewritten in place is looked at again */
	__s64 mtime; /* seconds */
	__u32 generation; /* inode generation */
	__u32 device; /* the Linux kernel's encoding: major = device >> 20 */
	struct tm_process_id process;
	__u32 fuse; /* of a FUSE filesystem that is asked about the file, encoded as `device`; 0 = none */
	__u32 kind; /* enum tm_mapping_kind */
	__u64 inode_at; /* address of the inode in the Linux kernel, for struct tm_mappers alone */
};
_Static_assert(sizeof(struct tm_mapping) == 88, "tm_mapping layout");

#define TM_MAPPERS_HELD 64

/* Asks who maps the file with this inode, which the caller keeps from going away, and holds the lock of its memory now. */
struct tm_mappers {
	__u64 inode_at;
	__u32 count; /* of those in `held`; TM_MAPPERS_HELD: there may be more */
	__u32 pad;
	struct tm_mapper {
		__u64 memory; /* address in the Linux kernel */
		__u32 tgid; /* 0 = not known */
		__u32 pad;
	} held[TM_MAPPERS_HELD];
};
_Static_assert(sizeof(struct tm_mappers) == 16 + 16 * TM_MAPPERS_HELD, "tm_mappers layout");

#endif
