/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lzmq */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include <cmocka.h>
#include <zmq.h>
#include "tap/object.h"

#define TAG 0xbaddecafu /* of a live socket, libzmq:src/socket_base.cpp */
#define HEAD 4096

static const char *const prefixes[] = { "tcp://", "ipc://", "inproc://" };

/* ---- objects made by hand -------------------------------------------------------------------- */

/* A tapped process whose memory is one array, at another address than here. */
#define MEMORY_ADDRESS 0x7f0000001000ull
#define MEMORY_SIZE 16384

static unsigned char memory[MEMORY_SIZE];

/* `arg`: NULL, or points to what is returned instead. */
static long read_memory(void *arg, uint64_t address, void *buf, size_t size)
{
	uint64_t offset = address - MEMORY_ADDRESS;

	if (arg)
		return *(const long *)arg;
	if (offset >= MEMORY_SIZE)
		return -EFAULT;
	if (size > MEMORY_SIZE - offset)
		size = MEMORY_SIZE - offset;
	memcpy(buf, memory + offset, size);
	return (long)size;
}

static struct object_scan scan_at(size_t offset)
{
	return (struct object_scan){
		.address = MEMORY_ADDRESS + offset,
		.head = memory + offset,
		.size = HEAD,
		.tag = TAG,
		.prefix_count = sizeof(prefixes) / sizeof(prefixes[0]),
		.prefixes = prefixes,
		.read = read_memory,
	};
}

static void put(size_t offset, uint64_t value, size_t size)
{
	memcpy(memory + offset, &value, size);
}

/* A std::string at `offset`; a long text is put at `heap`. */
static void put_string(size_t offset, size_t heap, const char *text)
{
	size_t length = strlen(text);

	if (length <= 15)
		heap = offset + 16;
	else
		put(offset + 16, length * 2, 8);
	put(offset, MEMORY_ADDRESS + heap, 8);
	put(offset + 8, length, 8);
	memcpy(memory + heap, text, length + 1);
}

/* A socket at the start of the memory; the text's place in the heap is beyond its head. */
static int make_socket(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	put(1000, TAG, 4);
	put_string(1200, 8192, "tcp://127.0.0.1:5555");
	return 0;
}

static const struct object_layout layout_of_socket = { .tag_offset = 1000, .text_offset = 1200 };

static void finds_tag_and_text(void **state)
{
	struct object_scan scan = scan_at(0);
	struct object_layout layout;
	char text[OBJECT_TEXT_SIZE];

	(void)state;
	assert_int_equal(object_layout_find(&scan, &layout), 0);
	assert_int_equal(layout.tag_offset, 1000);
	assert_int_equal(layout.text_offset, 1200);
	assert_int_equal(object_text_read(&scan, &layout, text), 20);
	assert_string_equal(text, "tcp://127.0.0.1:5555");
}

static void finds_a_text_that_lies_in_the_object_itself(void **state)
{
	struct object_scan scan = scan_at(0);
	struct object_layout layout;
	char text[OBJECT_TEXT_SIZE];

	(void)state;
	put_string(1200, 0, "inproc://a");
	assert_int_equal(object_layout_find(&scan, &layout), 0);
	assert_int_equal(layout.text_offset, 1200);
	assert_int_equal(object_text_read(&scan, &layout, text), 10);
	assert_string_equal(text, "inproc://a");
}

/* Else the next string, another socket's perhaps, would be taken for the text, in all objects of the class. */
static void a_string_that_cannot_be_read_now_ends_the_search(void **state)
{
	static const long errors[] = { -EBUSY, -ESRCH, -ETIMEDOUT };
	struct object_scan scan = scan_at(0);
	struct object_layout layout = { 7, 7 };
	long nowhere = -EFAULT;

	(void)state;
	put_string(1400, 0, "inproc://b");
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		long error = errors[i];

		scan.arg = &error;
		assert_int_equal(object_layout_find(&scan, &layout), error);
		assert_int_equal(layout.text_offset, 7);
	}
	/* what only looks like a string is passed over */
	scan.arg = &nowhere;
	assert_int_equal(object_layout_find(&scan, &layout), 0);
	assert_int_equal(layout.text_offset, 1400);
}

static void an_object_without_the_tag_is_another_kind(void **state)
{
	struct object_scan scan = scan_at(0);
	struct object_layout layout;

	(void)state;
	put(1000, 0xdeadbeef, 4);
	assert_int_equal(object_layout_find(&scan, &layout), -ENOENT);
	put(1002, TAG, 4); /* not aligned */
	assert_int_equal(object_layout_find(&scan, &layout), -ENOENT);
	scan.tag = 0; /* a kind that has none */
	assert_int_equal(object_layout_find(&scan, &layout), 0);
	assert_int_equal(layout.tag_offset, 0);
	assert_int_equal(layout.text_offset, 1200);
}

static void an_empty_text_is_found_too(void **state)
{
	struct object_scan scan = scan_at(0);
	char text[OBJECT_TEXT_SIZE] = "old";
	struct object_layout layout;

	(void)state;
	put_string(1200, 0, "");
	assert_int_equal(object_layout_find(&scan, &layout), 0);
	assert_int_equal(layout.text_offset, 1200);
	assert_int_equal(object_text_read(&scan, &layout, text), 0);
	assert_string_equal(text, "");
	scan.tag = 0; /* without a tag it could be any string */
	assert_int_equal(object_layout_find(&scan, &layout), -EAGAIN);
}

static void texts_of_what_lies_behind_the_object_are_not_taken(void **state)
{
	struct object_scan scan = scan_at(0);
	struct object_layout layout;

	(void)state;
	put_string(1400, 9000, "tcp://127.0.0.1:5556");
	put(2048 + 1000, TAG, 4);
	put_string(2048 + 1200, 9100, "ipc:///run/this-is-another-socket");
	assert_int_equal(object_layout_find(&scan, &layout), 0);
	assert_int_equal(layout.tag_offset, 1000);
	assert_int_equal(layout.text_offset, 1200);
	put_string(1200, 0, "");
	assert_int_equal(object_layout_find(&scan, &layout), 0);
	assert_int_equal(layout.text_offset, 1200);
}

static void texts_before_the_tag_are_not_taken(void **state)
{
	struct object_scan scan = scan_at(0);
	struct object_layout layout;

	(void)state;
	put_string(976, 9000, "tcp://127.0.0.1:5556");
	put(1000, TAG, 4); /* in the last word of that string */
	put_string(1004, 0, "not aligned");
	assert_int_equal(object_layout_find(&scan, &layout), 0);
	assert_int_equal(layout.text_offset, 1200);
	scan.tag = 0;
	assert_int_equal(object_layout_find(&scan, &layout), 0);
	assert_int_equal(layout.text_offset, 976);
}

static void nothing_found_changes_nothing(void **state)
{
	struct object_scan scan = scan_at(0);
	struct object_layout layout = { 1, 2 };

	(void)state;
	put(1200, 0, 8);
	assert_int_equal(object_layout_find(&scan, &layout), -EAGAIN);
	assert_int_equal(layout.tag_offset, 1);
	assert_int_equal(layout.text_offset, 2);
}

static void what_is_no_such_string_is_refused(void **state)
{
	static const struct {
		const char *what;
		size_t offset; /* where in memory */
		uint64_t value;
		size_t size;
	} damages[] = {
		{ "length 0 with a text behind it", 1208, 5, 8 },
		{ "length beyond the text", 1208, 21, 8 },
		{ "length 256", 1208, 256, 8 },
		{ "a length that wraps around", 1208, UINT64_MAX, 8 },
		{ "no data", 1200, 0, 8 },
		{ "data outside of memory", 1200, UINT64_MAX - 4, 8 },
		{ "data at the end of memory", 1200, MEMORY_ADDRESS + MEMORY_SIZE - 10, 8 },
		{ "capacity below length", 1216, 19, 8 },
		{ "a NUL inside", 8192 + 10, 0, 1 },
		{ "no NUL at the end", 8192 + 20, 'x', 1 },
		{ "another prefix", 8192, 'u', 1 },
	};
	char text[OBJECT_TEXT_SIZE];

	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct object_scan scan = scan_at(0);
		struct object_layout layout;
		int err;

		make_socket(state);
		put(damages[i].offset, damages[i].value, damages[i].size);
		if (object_layout_find(&scan, &layout) != -EAGAIN)
			fail_msg("found: %s", damages[i].what);
		err = object_text_read(&scan, &layout_of_socket, text);
		if ((err != -EINVAL && err != -EFAULT) || text[0])
			fail_msg("read: %s: %d \"%s\"", damages[i].what, err, text);
	}
}

static void a_long_string_cannot_be_inside_nor_a_short_one_without_capacity_outside(void **state)
{
	struct object_scan scan = scan_at(0);
	struct object_layout layout;

	(void)state;
	put(1200, MEMORY_ADDRESS + 1216, 8);
	memcpy(memory + 1216, "tcp://127.0.0.1:5555", 21);
	assert_int_equal(object_layout_find(&scan, &layout), -EAGAIN);
	put(1200, MEMORY_ADDRESS + 8192, 8);
	put(1208, 12, 8);
	put(1216, 15, 8);
	memory[8192 + 12] = '\0';
	assert_int_equal(object_layout_find(&scan, &layout), -EAGAIN);
	put(1216, 30, 8);
	assert_int_equal(object_layout_find(&scan, &layout), 0);
}

static void an_empty_string_ends_at_its_start(void **state)
{
	struct object_scan scan = scan_at(0);
	struct object_layout layout;

	(void)state;
	put_string(1200, 0, "");
	memory[1216] = 'x';
	assert_int_equal(object_layout_find(&scan, &layout), -EAGAIN);
}

static void a_text_across_the_end_of_the_head_is_read_from_the_process(void **state)
{
	struct object_scan scan = scan_at(0);
	struct object_layout layout;
	char text[OBJECT_TEXT_SIZE];
	void *head;

	(void)state;
	put_string(1200, 1290, "tcp://127.0.0.1:5555");
	head = malloc(1300); /* so that a sanitizer sees what is read behind it */
	assert_non_null(head);
	memcpy(head, memory, 1300);
	scan.head = head;
	scan.size = 1300;
	assert_int_equal(object_layout_find(&scan, &layout), 0);
	assert_int_equal(object_text_read(&scan, &layout, text), 20);
	assert_string_equal(text, "tcp://127.0.0.1:5555");
	free(head);
}

static void texts_of_up_to_255_bytes_are_read(void **state)
{
	char long_text[300] = "ipc://", text[OBJECT_TEXT_SIZE];
	struct object_scan scan = scan_at(0);
	struct object_layout layout;

	(void)state;
	memset(long_text + 6, 'x', 249);
	put_string(1200, 8192, long_text);
	assert_int_equal(object_layout_find(&scan, &layout), 0);
	assert_int_equal(object_text_read(&scan, &layout, text), 255);
	assert_string_equal(text, long_text);
	long_text[255] = 'x';
	put_string(1200, 8192, long_text);
	assert_int_equal(object_layout_find(&scan, &layout), -EAGAIN);
	assert_int_equal(object_text_read(&scan, &layout, text), -EINVAL);
}

static void a_closed_object_is_stale(void **state)
{
	struct object_scan scan = scan_at(0);
	char text[OBJECT_TEXT_SIZE] = "old";

	(void)state;
	put(1000, 0xdeadbeef, 4);
	assert_int_equal(object_text_read(&scan, &layout_of_socket, text), -ESTALE);
	assert_string_equal(text, "");
}

static void without_a_head_all_is_read_from_the_process(void **state)
{
	struct object_scan scan = scan_at(0);
	char text[OBJECT_TEXT_SIZE];

	(void)state;
	scan.head = NULL;
	scan.size = 0;
	assert_int_equal(object_text_read(&scan, &layout_of_socket, text), 20);
	assert_string_equal(text, "tcp://127.0.0.1:5555");
	scan.address = 4096; /* the process is gone */
	assert_int_equal(object_text_read(&scan, &layout_of_socket, text), -EFAULT);
}

static void nothing_beyond_a_short_head_is_looked_at(void **state)
{
	struct object_scan scan = scan_at(0);
	struct object_layout layout;

	(void)state;
	for (scan.size = 0; scan.size < 1004; scan.size++)
		assert_int_equal(object_layout_find(&scan, &layout), -ENOENT);
	for (; scan.size < 1232; scan.size++)
		assert_int_equal(object_layout_find(&scan, &layout), -EAGAIN);
	assert_int_equal(object_layout_find(&scan, &layout), 0);
}

static void random_memory_does_no_harm_and_is_never_taken_for_an_object(void **state)
{
	struct object_layout layout;
	char text[OBJECT_TEXT_SIZE];

	(void)state;
	srand(1);
	for (int round = 0; round < 2000; round++) {
		struct object_scan scan = scan_at((size_t)rand() % 64 * 64);

		for (size_t i = 0; i < MEMORY_SIZE; i += 8) {
			uint64_t value = (uint64_t)rand() << 32 ^ (uint64_t)rand();

			/* numbers that look like a string's: pointers and short lengths */
			if (rand() % 4 == 0)
				value = MEMORY_ADDRESS + (uint64_t)rand() % (MEMORY_SIZE + 64);
			else if (rand() % 4 == 0)
				value = (uint64_t)rand() % 300;
			put(i, value, 8);
		}
		if (round % 2)
			put(scan.address - MEMORY_ADDRESS + 1000, TAG, 4);
		if (round % 3 == 0)
			scan.address = (uint64_t)rand() << 33;
		assert_true(object_layout_find(&scan, &layout) < 0);
		assert_true(object_text_read(&scan, &layout_of_socket, text) <= 0);
		assert_string_equal(text, "");
	}
}

/* ---- sockets of the library ------------------------------------------------------------------ */

static long read_own(void *arg, uint64_t address, void *buf, size_t size)
{
	struct iovec local = { buf, size }, remote = { (void *)(uintptr_t)address, size };
	ssize_t n;

	(void)arg;
	n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	return n < 0 ? -errno : n;
}

struct socket_scan {
	struct object_scan scan;
	unsigned char head[HEAD];
};

static void look_at(void *socket, struct socket_scan *out)
{
	long n = read_own(NULL, (uintptr_t)socket, out->head, HEAD);

	assert_true(n > 0);
	out->scan = scan_at(0);
	out->scan.address = (uintptr_t)socket;
	out->scan.head = out->head;
	out->scan.size = (size_t)n;
	out->scan.read = read_own;
}

static const int types[] = {
	ZMQ_PAIR,   ZMQ_PUB,  ZMQ_SUB,	ZMQ_REQ,  ZMQ_REP,  ZMQ_DEALER,
	ZMQ_ROUTER, ZMQ_PULL, ZMQ_PUSH, ZMQ_XPUB, ZMQ_XSUB, ZMQ_STREAM,
};
#define TYPES (sizeof(types) / sizeof(types[0]))

static char directory[64];
static void *context;

static int open_context(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/tapmeter-object-XXXXXX");
	context = zmq_ctx_new();
	return context && mkdtemp(directory) ? 0 : -1;
}

/* The library waits for open sockets at the end: a test that fails must not leave any. */
static void *sockets[64];
static size_t socket_count;

static int close_sockets(void **state)
{
	(void)state;
	while (socket_count)
		zmq_close(sockets[--socket_count]);
	return 0;
}

static int close_context(void **state)
{
	char command[80];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return zmq_ctx_term(context) || system(command);
}

static void *open_socket(int type)
{
	void *socket = zmq_socket(context, type);
	int linger = 0;

	assert_non_null(socket);
	sockets[socket_count++] = socket;
	assert_int_equal(zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(linger)), 0);
	return socket;
}

/* What the library itself says, and that the layout of all sockets is the same. */
static void check_socket(void *socket, struct object_layout *known)
{
	char text[OBJECT_TEXT_SIZE], endpoint[512];
	size_t size = sizeof(endpoint);
	struct object_layout layout;
	struct socket_scan view;

	assert_int_equal(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
	look_at(socket, &view);
	assert_int_equal(object_layout_find(&view.scan, &layout), 0);
	if (!known->text_offset)
		*known = layout;
	assert_int_equal(layout.tag_offset, known->tag_offset);
	assert_int_equal(layout.text_offset, known->text_offset);
	assert_int_equal(object_text_read(&view.scan, &layout, text), strlen(endpoint));
	assert_string_equal(text, endpoint);
	view.scan.size = 0;
	assert_int_equal(object_text_read(&view.scan, &layout, text), strlen(endpoint));
	assert_string_equal(text, endpoint);
}

static void finds_the_last_endpoint_of_every_type_of_socket(void **state)
{
	char path[128], long_path[160], name[] = "inproc://a", long_name[220] = "inproc://";
	const char *const endpoints[] = { "tcp://127.0.0.1:*", "tcp://*:*", path,
					  long_path,	       name,	    long_name };
	struct object_layout known = { 0 };

	(void)state;
	snprintf(path, sizeof(path), "ipc://%s/s", directory);
	/* sun_path has 108 bytes */
	snprintf(long_path, sizeof(long_path), "ipc://%s/%070d", directory, 7);
	memset(long_name + 9, 'x', 200);
	for (size_t i = 0; i < TYPES; i++) {
		void *socket = open_socket(types[i]);
		size_t count = types[i] == ZMQ_STREAM ? 2 : 6; /* that does tcp only */

		check_socket(socket, &known);
		for (size_t j = 0; j < count; j++) {
			assert_int_equal(zmq_bind(socket, endpoints[j]), 0);
			check_socket(socket, &known);
		}
		assert_int_equal(zmq_connect(socket, "tcp://127.0.0.1:9"), 0);
		check_socket(socket, &known);
		path[strlen(path) - 1]++;
		long_path[strlen(long_path) - 1]++;
		name[9]++;
		long_name[9]++;
	}
}

static void finds_the_endpoint_among_many_sockets(void **state)
{
	struct object_layout known = { 0 };
	void *socket;

	(void)state;
	for (size_t i = 0; i < 64; i++)
		open_socket(types[i % TYPES]);
	for (size_t i = 0; i < 64; i += 2)
		assert_int_equal(zmq_bind(sockets[i], "tcp://127.0.0.1:*"), 0);
	for (size_t i = 0; i < 64; i++)
		check_socket(sockets[i], &known);
	/* the memory of freed sockets is used again */
	while (socket_count > 32)
		assert_int_equal(zmq_close(sockets[--socket_count]), 0);
	while (socket_count < 64) {
		socket = open_socket(ZMQ_PUSH);
		check_socket(socket, &known);
	}
}

static void a_closed_socket_is_stale(void **state)
{
	struct object_layout known = { 0 };
	char text[OBJECT_TEXT_SIZE];
	struct socket_scan view;
	void *socket;

	(void)state;
	socket = open_socket(ZMQ_PUSH);
	check_socket(socket, &known);
	look_at(socket, &view);
	socket_count--;
	assert_int_equal(zmq_close(socket), 0);
	view.scan.size = 0;
	assert_int_equal(object_text_read(&view.scan, &known, text), -ESTALE);
}

int main(void)
{
	const struct CMUnitTest by_hand[] = {
		cmocka_unit_test_setup(finds_tag_and_text, make_socket),
		cmocka_unit_test_setup(finds_a_text_that_lies_in_the_object_itself, make_socket),
		cmocka_unit_test_setup(a_string_that_cannot_be_read_now_ends_the_search,
				       make_socket),
		cmocka_unit_test_setup(an_object_without_the_tag_is_another_kind, make_socket),
		cmocka_unit_test_setup(an_empty_text_is_found_too, make_socket),
		cmocka_unit_test_setup(texts_of_what_lies_behind_the_object_are_not_taken,
				       make_socket),
		cmocka_unit_test_setup(texts_before_the_tag_are_not_taken, make_socket),
		cmocka_unit_test_setup(nothing_found_changes_nothing, make_socket),
		cmocka_unit_test_setup(what_is_no_such_string_is_refused, make_socket),
		cmocka_unit_test_setup(
			a_long_string_cannot_be_inside_nor_a_short_one_without_capacity_outside,
			make_socket),
		cmocka_unit_test_setup(an_empty_string_ends_at_its_start, make_socket),
		cmocka_unit_test_setup(a_text_across_the_end_of_the_head_is_read_from_the_process,
				       make_socket),
		cmocka_unit_test_setup(texts_of_up_to_255_bytes_are_read, make_socket),
		cmocka_unit_test_setup(a_closed_object_is_stale, make_socket),
		cmocka_unit_test_setup(without_a_head_all_is_read_from_the_process, make_socket),
		cmocka_unit_test_setup(nothing_beyond_a_short_head_is_looked_at, make_socket),
		cmocka_unit_test(random_memory_does_no_harm_and_is_never_taken_for_an_object),
	};
	const struct CMUnitTest of_the_library[] = {
		cmocka_unit_test_teardown(finds_the_last_endpoint_of_every_type_of_socket,
					  close_sockets),
		cmocka_unit_test_teardown(finds_the_endpoint_among_many_sockets, close_sockets),
		cmocka_unit_test_teardown(a_closed_socket_is_stale, close_sockets),
	};
	int failed = cmocka_run_group_tests(by_hand, NULL, NULL);

	return failed + cmocka_run_group_tests(of_the_library, open_context, close_context);
}
