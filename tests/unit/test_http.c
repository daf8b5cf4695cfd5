/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "serve/http.h"

#define MAX_BODY 1000

/* ---- the server under test answers with what it was asked ---- */

static atomic_uint handled;

/* A body in pieces: so many of them, of so many bytes; after that it ends or fails. */
struct pieces {
	size_t left, len;
	int end;
};

static atomic_int made, freed;

static int next_piece(void *arg, struct strbuf *text)
{
	struct pieces *pieces = arg;

	atomic_fetch_add(&made, 1);
	if (text->len)
		return -EINVAL; /* it must come empty */
	if (!pieces->left)
		return pieces->end;
	for (size_t i = 0; i < pieces->len; i++)
		strbuf_addch(text, (char)('a' + pieces->left % 26));
	pieces->left--;
	/* the last one may be said to be so, or turn out to be by the next one's being empty */
	return pieces->left || pieces->end || pieces->len % 2;
}

static void free_pieces(void *arg)
{
	atomic_fetch_add(&freed, 1);
	free(arg);
}

static void produce(struct http_response *response, size_t count, size_t len, int end)
{
	struct pieces *pieces = calloc(1, sizeof(*pieces));

	assert_non_null(pieces);
	*pieces = (struct pieces){ count, len, end };
	strbuf_clear(&response->body);
	strbuf_addstr(&response->body, "first,");
	response->producer = (struct http_producer){
		.next = next_piece,
		.free = free_pieces,
		.arg = pieces,
		.memory = 1000,
	};
}

static void answer_in_pieces(const char *path, struct http_response *response)
{
	if (!strcmp(path, "/pieces"))
		produce(response, 3, 4, 0);
	else if (!strcmp(path, "/odd-pieces"))
		produce(response, 3, 5, 0);
	else if (!strcmp(path, "/many-pieces"))
		produce(response, 100, 100000, 0);
	else if (!strcmp(path, "/broken-pieces"))
		produce(response, 3, 4, -ENOMEM);
	else if (!strcmp(path, "/heavy-pieces"))
		produce(response, 100, 1000000, 0);
	if (!strcmp(path, "/heavy-pieces"))
		response->producer.memory = (size_t)1 << 30;
}

static void echo(void *arg, const struct http_request *request, struct http_response *response)
{
	atomic_fetch_add(&handled, 1);
	response->status = 200;
	response->content_type = arg;
	strbuf_addf(&response->body, "%s %s", request->method, request->path);
	for (size_t i = 0; i < request->parameter_count; i++)
		strbuf_addf(&response->body, " <%s=%s>", request->parameters[i].name,
			    request->parameters[i].value);
	strbuf_addf(&response->body,
		    " accept=%s body=%zu:", request->accept ? request->accept : "-",
		    request->body_len);
	strbuf_add(&response->body, request->body, request->body_len);
	if (!strcmp(request->path, "/big")) {
		char digits[10000];

		for (size_t i = 0; i < sizeof(digits); i++)
			digits[i] = (char)('0' + i % 10);
		for (size_t i = 0; i < 1000; i++)
			strbuf_add(&response->body, digits, sizeof(digits));
	}
	answer_in_pieces(request->path, response);
	if (!strcmp(request->path, "/coded")) {
		response->content_encoding = "gzip";
		http_response_header(response, "Allow", "GET");
	}
}

static char err[256];
static struct http_server *server;

static int start(const char *const *addresses, size_t count)
{
	const char *patience = getenv("TAPMETER_PATIENCE"); /* valgrind's is a slow server */
	struct http_config config = {
		.address_count = count,
		.addresses = addresses,
		.handle = echo,
		.arg = (void *)(uintptr_t) "text/x-echo",
		.max_connections = 512,
		.timeout_s = patience ? (unsigned)atoi(patience) : 1,
		.max_body = MAX_BODY,
	};

	server = NULL;
	return http_server__new(&config, err, sizeof(err), &server);
}

static int setup(void **state)
{
	static const char *const addresses[] = { "127.0.0.1:0", "0.0.0.0:0" };

	(void)state;
	atomic_store(&handled, 0);
	atomic_store(&made, 0);
	atomic_store(&freed, 0);
	return start(addresses, 2);
}

static int teardown(void **state)
{
	(void)state;
	http_server__free(server);
	return 0;
}

/* ---- a client that can misbehave ---- */

static int connect_to(size_t listener)
{
	const char *address = http_server__address(server, listener);
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_non_null(address);
	to.sin_port = htons((uint16_t)strtoul(strchr(address, ':') + 1, NULL, 10));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* Whether all of it could be sent. */
static int send_text(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			return 0;
		text += n;
		len -= (size_t)n;
	}
	return 1;
}

static char answer[64 * 1024];

/* All that comes until the server closes the connection; its length. */
static size_t receive_all(int fd)
{
	size_t len = 0, total = 0;
	char dump[4096];
	ssize_t n;

	while ((n = recv(fd, dump, sizeof(dump), 0)) > 0) {
		size_t keep = sizeof(answer) - 1 - len;

		if (keep > (size_t)n)
			keep = (size_t)n;
		memcpy(answer + len, dump, keep);
		len += keep;
		total += (size_t)n;
	}
	answer[len] = '\0';
	close(fd);
	return total;
}

static void ask(size_t listener, const char *text)
{
	int fd = connect_to(listener);

	assert_true(send_text(fd, text, strlen(text)));
	receive_all(fd);
}

static unsigned status(void)
{
	unsigned code = 0;

	sscanf(answer, "HTTP/1.%*u %u", &code);
	return code;
}

static const char *body(void)
{
	const char *end = strstr(answer, "\r\n\r\n");

	return end ? end + 4 : "";
}

#define END "Connection: close\r\n\r\n"
#define LOCAL "Host: localhost\r\n"

/* ---- tests ---- */

static void hands_the_request_over_and_the_answer_back(void **state)
{
	(void)state;
	ask(0, "GET /a/b%20c?x=1&y=%26%3d&x=a+b&z HTTP/1.1\r\nAccept: text/plain\r\n" LOCAL END);
	assert_int_equal(status(), 200);
	assert_string_equal(body(),
			    "GET /a/b c <x=1> <y=&=> <x=a b> <z=> accept=text/plain body=0:");
	assert_non_null(strstr(answer, "Content-Type: text/x-echo\r\n"));
	assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff\r\n"));
	assert_non_null(strstr(answer, "Cache-Control: no-store\r\n"));
}

static void headers_of_the_answer_are_sent(void **state)
{
	(void)state;
	ask(0, "GET /coded HTTP/1.1\r\n" LOCAL END);
	assert_non_null(strstr(answer, "Content-Encoding: gzip\r\n"));
	assert_non_null(strstr(answer, "Allow: GET\r\n"));
}

static void the_body_of_a_post_arrives_whole(void **state)
{
	(void)state;
	ask(0, "POST /p HTTP/1.1\r\nContent-Length: 11\r\n" LOCAL END "hello world");
	assert_string_equal(body(), "POST /p accept=- body=11:hello world");
	ask(0, "POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" LOCAL END
	       "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
	assert_string_equal(body(), "POST /p accept=- body=11:hello world");
}

static void head_is_answered_without_a_body(void **state)
{
	(void)state;
	ask(0, "HEAD /h HTTP/1.1\r\n" LOCAL END);
	assert_int_equal(status(), 200);
	assert_non_null(strstr(answer, "Content-Length: 24\r\n"));
	assert_string_equal(body(), "");
}

static void a_loopback_listener_answers_only_to_local_names(void **state)
{
	static const struct {
		const char *host;
		unsigned status;
	} table[] = {
		{ "localhost", 200 },
		{ "LocalHost:9752", 200 },
		{ "127.0.0.1", 200 },
		{ "127.0.0.1:1", 200 },
		{ "[::1]", 200 },
		{ "[::1]:9752", 200 },
		{ "evil.example", 403 },
		{ "localhost.evil.example", 403 },
		{ "localhost@evil", 403 },
		{ "127.0.0.1.evil.example:80", 403 },
		{ "127.0.0.10", 403 },
		{ "127.0.0.2", 403 },
		{ "localhost:x", 403 },
		{ "localhost.", 403 },
		{ "::1", 403 },
		{ "", 403 },
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: %s\r\n" END, table[i].host);
		ask(0, text);
		if (status() != table[i].status)
			fail_msg("Host: %s: %s", table[i].host, answer);
		ask(1, text);
		assert_int_equal(status(), 200);
	}
	ask(0, "GET / HTTP/1.0\r\n\r\n");
	assert_int_equal(status(), 403);
	assert_non_null(strstr(body(), "{\"error\":{\"code\":\"forbidden\","));
}

static void too_large_a_body_is_refused_before_it_is_sent(void **state)
{
	unsigned before = atomic_load(&handled);

	(void)state;
	ask(0, "POST /p HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n" LOCAL END);
	assert_int_equal(status(), 413);
	assert_non_null(strstr(body(), "\"code\":\"too_large\""));
	ask(0, "POST /p HTTP/1.1\r\nContent-Length: 999999999\r\n" LOCAL END);
	assert_int_equal(status(), 413);
	assert_int_equal(atomic_load(&handled), before);
}

static void who_sends_too_large_a_body_gets_to_see_the_answer(void **state)
{
	static const char head[] = "POST /p HTTP/1.1\r\nContent-Length: 60000\r\n" LOCAL END;
	static char text[60000];
	unsigned before = atomic_load(&handled);
	int fd = connect_to(0);

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_true(send_text(fd, head, sizeof(head) - 1));
	assert_true(send_text(fd, text, sizeof(text)));
	receive_all(fd);
	assert_int_equal(status(), 413);
	assert_int_equal(atomic_load(&handled), before);
}

/* A chunked body of `size` bytes, or as much of it as the server takes. */
static void post_chunks(size_t size)
{
	static const char head[] = "POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" LOCAL END;
	int fd = connect_to(0), ok = send_text(fd, head, sizeof(head) - 1);
	char chunk[100 + 8];

	snprintf(chunk, sizeof(chunk), "64\r\n%0100d\r\n", 0);
	for (size_t sent = 0; sent < size && ok; sent += 100)
		ok = send_text(fd, chunk, strlen(chunk));
	if (ok)
		send_text(fd, "0\r\n\r\n", 5);
	receive_all(fd);
}

static void a_chunked_body_that_grows_too_large_is_refused(void **state)
{
	(void)state;
	post_chunks(MAX_BODY);
	assert_int_equal(status(), 200);
	post_chunks(MAX_BODY + 100);
	assert_int_equal(status(), 413);
	/* endless: cut off */
	post_chunks(1000000);
	assert_int_not_equal(status(), 200);
}

static void too_long_a_request_line_or_header_is_refused(void **state)
{
	static char text[200000];
	int fd;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[snprintf(text, sizeof(text), "GET /")] = 'a';
	fd = connect_to(0);
	send_text(fd, text, sizeof(text));
	receive_all(fd);
	/* closing with unread data may reset the connection before the answer is read */
	assert_true(status() == 414 || status() == 0);
	text[snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nX: ")] = 'a';
	fd = connect_to(0);
	send_text(fd, text, sizeof(text));
	receive_all(fd);
	assert_true(status() == 431 || status() == 0);
	ask(0, "GET / HTTP/1.1\r\n" LOCAL END);
	assert_int_equal(status(), 200);
}

static void two_hundred_long_parameters_fit(void **state)
{
	struct strbuf text = STRBUF_INIT;

	(void)state;
	strbuf_addstr(&text, "GET /?");
	for (size_t i = 0; i < 200; i++)
		strbuf_addf(&text, "kernel_id=%064zu&", i);
	strbuf_addstr(&text, "window=10s HTTP/1.1\r\n" LOCAL END);
	ask(0, text.data);
	assert_int_equal(status(), 200);
	assert_non_null(strstr(body(), "<window=10s>"));
	strbuf_free(&text);
}

static void a_nul_byte_in_the_query_is_refused(void **state)
{
	(void)state;
	ask(0, "GET /?a=b%00c HTTP/1.1\r\n" LOCAL END);
	assert_int_equal(status(), 400);
	ask(0, "GET /?a%00=b HTTP/1.1\r\n" LOCAL END);
	assert_int_equal(status(), 400);
}

static void garbage_is_no_reason_to_stop(void **state)
{
	static const char *const table[] = {
		"\r\n\r\n",
		"GET\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"GET / HTTP/9.9\r\n\r\n",
		"POST /p HTTP/1.1\r\nContent-Length: -1\r\n" LOCAL END,
		"POST /p HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n" LOCAL END,
		"POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" LOCAL END "zz\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int fd = connect_to(0);

		send_text(fd, table[i], strlen(table[i]));
		shutdown(fd, SHUT_WR);
		receive_all(fd);
		assert_int_not_equal(status(), 200);
	}
	ask(0, "GET / HTTP/1.1\r\n" LOCAL END);
	assert_int_equal(status(), 200);
}

static void a_request_that_stands_still_gets_408(void **state)
{
	static const char *const begun[] = {
		"GET /half-a-li",
		"GET / HTTP/1.1\r\nHost: loc",
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1234",
		"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(begun) / sizeof(begun[0]); i++) {
		int fd = connect_to(0);

		assert_true(send_text(fd, begun[i], strlen(begun[i])));
		receive_all(fd); /* returns when the server closes it */
		assert_int_equal(status(), 408);
		assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
		assert_non_null(strstr(answer, "{\"error\":{\"code\":\"timeout\",\"message\":\""));
	}
}

static void who_has_asked_nothing_is_hung_up_on_without_a_word(void **state)
{
	static const char asked[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	int fd = connect_to(0);
	char byte;

	(void)state;
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);
	fd = connect_to(0);
	assert_true(send_text(fd, asked, strlen(asked)));
	receive_all(fd);
	assert_int_equal(status(), 200);
	assert_null(strstr(answer, " 408 "));
}

static void a_big_answer_arrives_whole(void **state)
{
	int fd = connect_to(0);
	static const char text[] = "GET /big HTTP/1.1\r\n" LOCAL END;

	(void)state;
	assert_true(send_text(fd, text, sizeof(text) - 1));
	assert_true(receive_all(fd) > 10000000);
	assert_int_equal(status(), 200);
}

/* A producer may go a moment after its client has seen the end. */
static void await_freed(int count)
{
	while (atomic_load(&freed) < count)
		usleep(1000);
	assert_int_equal(atomic_load(&freed), count);
}

static void a_body_made_in_pieces_arrives_in_chunks(void **state)
{
	(void)state;
	ask(0, "GET /pieces HTTP/1.1\r\n" LOCAL END);
	assert_int_equal(status(), 200);
	assert_non_null(strstr(answer, "Transfer-Encoding: chunked\r\n"));
	assert_string_equal(body(), "6\r\nfirst,\r\n4\r\ndddd\r\n4\r\ncccc\r\n4\r\nbbbb\r\n"
				    "0\r\n\r\n");
	ask(0, "GET /odd-pieces HTTP/1.1\r\n" LOCAL END);
	assert_string_equal(body(), "6\r\nfirst,\r\n5\r\nddddd\r\n5\r\nccccc\r\n5\r\nbbbbb\r\n"
				    "0\r\n\r\n");
	await_freed(2);
}

static void an_old_client_gets_a_body_made_in_pieces_as_it_is(void **state)
{
	(void)state;
	ask(0, "GET /pieces HTTP/1.0\r\n" LOCAL "\r\n");
	assert_int_equal(status(), 200);
	assert_null(strstr(answer, "Transfer-Encoding"));
	assert_string_equal(body(), "first,ddddccccbbbb");
	await_freed(1);
}

static void a_connection_goes_on_after_a_body_made_in_pieces(void **state)
{
	(void)state;
	ask(0, "GET /pieces HTTP/1.1\r\n" LOCAL "\r\nGET /second HTTP/1.1\r\n" LOCAL END);
	assert_non_null(strstr(body(), "0\r\n\r\nHTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(body(), "GET /second"));
	await_freed(1);
}

static void head_makes_no_pieces(void **state)
{
	(void)state;
	ask(0, "HEAD /pieces HTTP/1.1\r\n" LOCAL END);
	assert_int_equal(status(), 200);
	assert_string_equal(body(), "");
	assert_int_equal(atomic_load(&made), 0);
	await_freed(1);
}

static void many_pieces_arrive_whole(void **state)
{
	static const char text[] = "GET /many-pieces HTTP/1.0\r\n" LOCAL "\r\n";
	int fd = connect_to(0);
	size_t len;

	(void)state;
	assert_true(send_text(fd, text, sizeof(text) - 1));
	len = receive_all(fd);
	assert_int_equal(len - (size_t)(body() - answer), 100 * 100000ul + strlen("first,"));
	await_freed(1);
}

/* The last chunk, of length 0, is missing. */
static void a_body_that_breaks_off_is_seen_to_be_incomplete(void **state)
{
	(void)state;
	ask(0, "GET /broken-pieces HTTP/1.1\r\n" LOCAL END);
	assert_null(strstr(body(), "\r\n0\r\n"));
	await_freed(1);
}

static void pieces_for_a_client_that_has_gone_are_not_made(void **state)
{
	static const char text[] = "GET /many-pieces HTTP/1.1\r\n" LOCAL END;

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		int fd = connect_to(0);

		assert_true(send_text(fd, text, sizeof(text) - 1));
		close(fd);
	}
	await_freed(10);
	assert_true(atomic_load(&made) < 10 * 100);
}

static void what_slow_clients_hold_is_bounded(void **state)
{
	static const char text[] = "GET /heavy-pieces HTTP/1.1\r\n" LOCAL END;
	int fd = connect_to(0);
	char byte;

	(void)state;
	assert_true(send_text(fd, text, sizeof(text) - 1));
	assert_int_equal(recv(fd, &byte, 1, 0), 1); /* it is under way */
	ask(0, "GET / HTTP/1.1\r\n" LOCAL END);
	assert_int_equal(status(), 503);
	close(fd);
	await_freed(1);
	ask(0, "GET / HTTP/1.1\r\n" LOCAL END);
	assert_int_equal(status(), 200);
}

static void a_client_that_goes_away_is_no_harm(void **state)
{
	static const char text[] = "GET /big HTTP/1.1\r\n" LOCAL END;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		int fd = connect_to(0);

		assert_true(send_text(fd, text, sizeof(text) - 1));
		close(fd);
	}
	ask(0, "GET / HTTP/1.1\r\n" LOCAL END);
	assert_int_equal(status(), 200);
}

static void *ask_often(void *arg)
{
	static const char text[] = "GET /n HTTP/1.1\r\n" LOCAL END;
	size_t *good = arg;

	for (size_t i = 0; i < 10; i++) {
		char text_back[512];
		size_t len = 0;
		ssize_t n = 0;
		int fd = connect_to(0);

		send_text(fd, text, sizeof(text) - 1);
		while (len < sizeof(text_back) - 1 &&
		       (n = recv(fd, text_back + len, sizeof(text_back) - 1 - len, 0)) > 0)
			len += (size_t)n;
		text_back[len] = '\0';
		close(fd);
		*good += strstr(text_back, "GET /n accept=- body=0:") != NULL;
	}
	return NULL;
}

static void sixty_four_clients_at_once_are_served(void **state)
{
	pthread_t threads[64];
	size_t good[64] = { 0 };

	(void)state;
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &good[i]), 0);
	for (size_t i = 0; i < 64; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(good[i], 10);
	}
}

static void all_addresses_are_reported(void **state)
{
	(void)state;
	assert_memory_equal(http_server__address(server, 0), "127.0.0.1:", 10);
	assert_memory_equal(http_server__address(server, 1), "0.0.0.0:", 8);
	assert_null(http_server__address(server, 2));
}

static void a_port_in_use_keeps_the_whole_server_from_starting(void **state)
{
	struct http_server *first;
	const char *addresses[] = { "127.0.0.1:0", NULL };

	(void)state;
	first = server;
	addresses[1] = http_server__address(first, 0);
	assert_int_equal(start(addresses, 2), -EADDRINUSE);
	assert_null(server);
	assert_non_null(strstr(err, addresses[1]));
	server = first;
}

static void stops_while_clients_are_connected(void **state)
{
	int fd;

	assert_int_equal(setup(state), 0);
	fd = connect_to(0);
	assert_true(send_text(fd, "GET / HTTP/1.1\r\n", 16));
	http_server__free(server);
	close(fd);
	http_server__free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hands_the_request_over_and_the_answer_back),
		TEST(headers_of_the_answer_are_sent),
		TEST(the_body_of_a_post_arrives_whole),
		TEST(head_is_answered_without_a_body),
		TEST(a_loopback_listener_answers_only_to_local_names),
		TEST(too_large_a_body_is_refused_before_it_is_sent),
		TEST(who_sends_too_large_a_body_gets_to_see_the_answer),
		TEST(a_chunked_body_that_grows_too_large_is_refused),
		TEST(too_long_a_request_line_or_header_is_refused),
		TEST(two_hundred_long_parameters_fit),
		TEST(a_nul_byte_in_the_query_is_refused),
		TEST(garbage_is_no_reason_to_stop),
		TEST(a_request_that_stands_still_gets_408),
		TEST(who_has_asked_nothing_is_hung_up_on_without_a_word),
		TEST(a_big_answer_arrives_whole),
		TEST(a_body_made_in_pieces_arrives_in_chunks),
		TEST(an_old_client_gets_a_body_made_in_pieces_as_it_is),
		TEST(a_connection_goes_on_after_a_body_made_in_pieces),
		TEST(head_makes_no_pieces),
		TEST(many_pieces_arrive_whole),
		TEST(a_body_that_breaks_off_is_seen_to_be_incomplete),
		TEST(pieces_for_a_client_that_has_gone_are_not_made),
		TEST(what_slow_clients_hold_is_bounded),
		TEST(a_client_that_goes_away_is_no_harm),
		TEST(sixty_four_clients_at_once_are_served),
		TEST(all_addresses_are_reported),
		TEST(a_port_in_use_keeps_the_whole_server_from_starting),
		cmocka_unit_test(stops_while_clients_are_connected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
