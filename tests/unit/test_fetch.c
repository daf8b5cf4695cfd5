/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lcurl */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "serve/http.h"
#include "toolkit/fetch.h"
#include "toolkit/secret.h"
#include "toolkit/url.h"

#define MAX_TOTAL 4096

static struct http_server *server;
static struct fetcher *fetcher;
static int stop_fd;
static char base[128];

/* Says back what it got; /big a kilobyte; /slow comes when the test is over. */
static void answer(void *arg, const struct http_request *request, struct http_response *response)
{
	(void)arg;
	response->status = !strcmp(request->path, "/gone") ? 410 : 200;
	response->content_type = "text/plain";
	if (!strcmp(request->path, "/big"))
		for (int i = 0; i < 1024; i++)
			strbuf_addch(&response->body, 'x');
	else
		strbuf_addf(&response->body, "%s %s %s:", request->method, request->path,
			    request->content_type ? request->content_type : "-");
	if (request->body)
		strbuf_add(&response->body, request->body, request->body_len);
}

static int setup(void **state)
{
	static const char *const addresses[] = { "127.0.0.1:0" };
	const struct http_config config = {
		.address_count = 1,
		.addresses = addresses,
		.handle = answer,
		.max_connections = 64,
		.timeout_s = 30,
		.max_body = 1 << 20,
		.handler_waits = true,
	};
	struct fetch_config how = { .max_total = MAX_TOTAL };
	char err[256];

	(void)state;
	stop_fd = eventfd(0, EFD_CLOEXEC);
	how.cancel_fd = stop_fd;
	assert_int_equal(http_server__new(&config, err, sizeof(err), &server), 0);
	snprintf(base, sizeof(base), "http://%s", http_server__address(server, 0));
	return fetcher__new(&how, &fetcher);
}

static int teardown(void **state)
{
	(void)state;
	fetcher__free(fetcher);
	http_server__free(server);
	close(stop_fd);
	return 0;
}

static void gets_and_posts_at_once(void **state)
{
	char urls[3][160];
	struct fetch fetches[3] = {
		{ .url = urls[0], .max_answer = 100 },
		{ .url = urls[1],
		  .max_answer = 100,
		  .body = "q=1",
		  .body_len = 3,
		  .body_type = "Content-Type: text/x" },
		{ .url = urls[2], .max_answer = 100 },
	};

	(void)state;
	snprintf(urls[0], sizeof(urls[0]), "%s/a", base);
	snprintf(urls[1], sizeof(urls[1]), "%s/b", base);
	snprintf(urls[2], sizeof(urls[2]), "%s/gone", base);
	for (int again = 0; again < 2; again++) {
		fetcher__run(fetcher, fetches, 3, 10000);
		assert_int_equal(fetches[0].status, 200);
		assert_string_equal(fetches[0].answer.data, "GET /a -:");
		assert_string_equal(fetches[1].answer.data, "POST /b text/x:q=1");
		assert_int_equal(fetches[2].status, 410);
		assert_int_equal(fetches[2].err, 0);
		for (size_t i = 0; i < 3; i++)
			fetch_free(&fetches[i]);
	}
}

static void an_answer_that_is_too_large_is_none(void **state)
{
	char url[160];
	struct fetch fetch = { .url = url, .max_answer = 1023 };

	(void)state;
	snprintf(url, sizeof(url), "%s/big", base);
	fetcher__run(fetcher, &fetch, 1, 10000);
	assert_int_equal(fetch.err, -E2BIG);
	fetch_free(&fetch);
	fetch.max_answer = 1024;
	fetcher__run(fetcher, &fetch, 1, 10000);
	assert_int_equal(fetch.err, 0);
	assert_int_equal(fetch.answer.len, 1024);
	fetch_free(&fetch);
}

static void all_answers_together_have_a_limit(void **state)
{
	struct fetch fetches[6];
	size_t good = 0;
	char url[160];

	(void)state;
	snprintf(url, sizeof(url), "%s/big", base);
	for (size_t i = 0; i < 6; i++)
		fetches[i] = (struct fetch){ .url = url, .max_answer = 2000 };
	fetcher__run(fetcher, fetches, 6, 10000);
	for (size_t i = 0; i < 6; i++) {
		good += !fetches[i].err;
		assert_true(!fetches[i].err || fetches[i].err == -E2BIG);
		fetch_free(&fetches[i]);
	}
	/* a large part that came may belong to one that failed in the end */
	assert_in_range(good, 1, MAX_TOTAL / 1024);
}

static void says_why_there_is_no_answer(void **state)
{
	/* nobody may listen on the first; the second is not for us */
	struct fetch fetches[] = {
		{ .url = "http://127.0.0.1:1/", .max_answer = 1 },
		{ .url = "file:///etc/passwd", .max_answer = 100000 },
	};

	(void)state;
	fetcher__run(fetcher, fetches, 2, 10000);
	assert_int_equal(fetches[0].err, -ECONNREFUSED);
	assert_string_equal(fetches[0].why, "Connection refused");
	assert_int_equal(fetches[1].err, -EIO);
	assert_int_equal(fetches[1].status, 0);
	fetch_free(&fetches[0]);
	fetch_free(&fetches[1]);
}

static void ends_when_told_to(void **state)
{
	char url[160];
	struct fetch fetch = { .url = url, .max_answer = 100 };
	const uint64_t one = 1;

	(void)state;
	snprintf(url, sizeof(url), "%s/a", base);
	assert_int_equal(write(stop_fd, &one, sizeof(one)), sizeof(one));
	fetcher__run(fetcher, &fetch, 1, 10000);
	assert_int_equal(fetch.err, -ECANCELED);
	fetch_free(&fetch);
}

static void knows_urls_to_which_paths_can_be_appended(void **state)
{
	static const char *const good[] = { "http://a", "https://a:1/b/", "HTTP://[::1]:9090" };
	static const char *const bad[] = {
		"",	      "a:1",	    "ftp://a",	      "http://",
		"http:///x",  "http://a@b", "http://a?",      "http://a#b",
		"http://a b", "http://a\n", "http://\xc3\xbc"
	};
	char url[] = "http://a/b//";

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(url_is_base(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(url_is_base(bad[i]));
	url_trim(url);
	assert_string_equal(url, "http://a/b");
}

/* ---- secrets ---- */

static int read_file(const void *text, size_t len, size_t max)
{
	char path[] = "/tmp/tapmeter-secret-XXXXXX", err[256] = "", *read = NULL;
	const char *lines[8] = { NULL };
	int fd = mkstemp(path), ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	ret = secret_read_lines(path, &read, lines, max, err, sizeof(err));
	assert_int_equal(ret < 0, !!*err);
	if (ret > 0)
		assert_string_equal(lines[0], "first");
	free(read);
	close(fd);
	unlink(path);
	return ret;
}

static void reads_the_lines_of_small_files(void **state)
{
	char *large = calloc(1, 100000);

	(void)state;
	assert_int_equal(read_file("first", 5, 8), 1);
	assert_int_equal(read_file("\nfirst\r\n\nsecond\n", 16, 8), 2);
	assert_int_equal(read_file("", 0, 8), 0);
	assert_int_equal(read_file("first\nsecond", 12, 1), -E2BIG);
	assert_int_equal(read_file("a\0b", 3, 8), -EINVAL);
	assert_int_equal(read_file("a\x1b", 2, 8), -EINVAL);
	memset(large, 'x', 100000);
	assert_int_equal(read_file(large, 100000, 8), -E2BIG);
	free(large);
}

static void takes_user_and_file_apart(void **state)
{
	char err[256] = "";
	struct basic_auth auth;

	(void)state;
	assert_true(is_basic_auth("me:/x"));
	assert_false(is_basic_auth("me"));
	assert_false(is_basic_auth(":/x"));
	assert_false(is_basic_auth("me:"));
	assert_int_equal(basic_auth_read("me:/none", &auth, err, sizeof(err)), -ENOENT);
	assert_string_equal(err, "/none: No such file or directory");
	basic_auth_free(&auth);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(gets_and_posts_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(an_answer_that_is_too_large_is_none, setup,
						teardown),
		cmocka_unit_test_setup_teardown(all_answers_together_have_a_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(says_why_there_is_no_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(ends_when_told_to, setup, teardown),
		cmocka_unit_test(knows_urls_to_which_paths_can_be_appended),
		cmocka_unit_test(reads_the_lines_of_small_files),
		cmocka_unit_test(takes_user_and_file_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
