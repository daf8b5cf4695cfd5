/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray,--wrap=strdup -ljansson -lcurl -lm */
/*
 * Memory runs out at each allocation in turn, once or for good: what reads and what writes then either says so or has the
 * result that it has otherwise, and keeps nothing. With a sanitizer, which has an allocator of its own, the allocations of
 * libraries do not fail.
 */
#include "serve_fixture.h"
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "events/bus.h"
#include "gateway/samples.h"
#include "relay/answer.h"
#include "relay/feed.h"
#include "relay/otlp_reply.h"
#include "relay/otlp_request.h"
#include "relay/snapshot_pack.h"
#include "serve/families.h"
#include "serve/routes.h"
#include "serve/web_config.h"
#include "stat/table.h"
#include "subject/containers.h"
#include "subject/mounts.h"
#include "tap/builtin.h"
#include "tap/elf.h"
#include "tap/place.h"
#include "tap/profile.h"
#include "toolkit/fetch.h"
#include "util/config.h"
#include "util/log.h"

/* ---- allocations ------------------------------------------------------------------------------------ */

static int counting;
static unsigned long count, fail_at;
static int fail_on; /* those that follow fail, too */
static long live; /* blocks made while counting, and not freed */

static int fails(void)
{
	if (!counting)
		return 0;
	count++;
	if (!fail_at || count < fail_at || (count > fail_at && !fail_on))
		return 0;
	errno = ENOMEM;
	return 1;
}

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t number, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t number, size_t size);
char *__wrap_strdup(const char *text);

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
void *__real_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);
void *__real_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t number, size_t size)
{
	return fails() ? NULL : __real_calloc(number, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}
#else
/* Those of all libraries come here, too. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t number, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *block);

static void *counted(void *block)
{
	live += counting && block;
	return block;
}

void *malloc(size_t size)
{
	return fails() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t number, size_t size)
{
	return fails() ? NULL : counted(__libc_calloc(number, size));
}

void *realloc(void *old, size_t size)
{
	if (fails())
		return NULL;
	return old ? __libc_realloc(old, size) : counted(__libc_malloc(size));
}

void free(void *block)
{
	live -= counting && block;
	__libc_free(block);
}

void *__wrap_malloc(size_t size)
{
	return malloc(size);
}

void *__wrap_calloc(size_t number, size_t size)
{
	return calloc(number, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return realloc(old, size);
}
#endif

void *__wrap_reallocarray(void *old, size_t number, size_t size)
{
	size_t whole;

	return __builtin_mul_overflow(number, size, &whole) ? NULL : realloc(old, whole);
}

char *__wrap_strdup(const char *text)
{
	char *copy = malloc(strlen(text) + 1);

	return copy ? strcpy(copy, text) : NULL;
}

/* ---- what is done ------------------------------------------------------------------------------------- */

/*
 * Each does its work once and frees all: a number that says what the result was, the same one each time, or -ENOMEM.
 * None asserts anything while it is counted.
 */

static char server_url[64], config_path[32], web_path[32], mounts_path[32];
static struct strbuf page;
static struct fixture fixture;
static struct routes *routes;

static int read_profile(void)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	const struct builtin_profile *builtin = &builtin_profiles[0];
	struct profile *profile = NULL;
	int ret = profile__parse(builtin->name, builtin->text, builtin->size, &profile, &errors);

	if (!ret)
		ret = (int)profile->function_count;
	profile__free(profile);
	yaml_errors_free(&errors);
	return ret;
}

static int read_wrong_profile(void)
{
	static const char text[] = "name: [x\n  y: {\n";
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct profile *profile = NULL;
	int ret = profile__parse("wrong", text, sizeof(text) - 1, &profile, &errors);

	if (ret == -EINVAL)
		ret = errors.no_memory ? -ENOMEM : (int)errors.count;
	profile__free(profile);
	yaml_errors_free(&errors);
	return ret;
}

static int read_config(void)
{
	char flag[64], *argv[] = { "run", flag, "--comm=a", "--comm=b" };
	struct strbuf errors = STRBUF_INIT;
	struct config config;
	int ret;

	snprintf(flag, sizeof(flag), "--config.file=%s", config_path);
	ret = config__load(4, argv, &config, &errors);
	if (!ret)
		ret = (int)(config.gauges.count * 100 + config.comms.count);
	config__free(&config);
	strbuf_free(&errors);
	return ret;
}

static int read_web_config(void)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct web_config *config = NULL;
	int ret = web_config__load(web_path, &config, &errors);

	if (!ret)
		ret = (int)config->user_count;
	web_config__free(config);
	yaml_errors_free(&errors);
	return ret;
}

static int read_mounts(void)
{
	struct cgroup_mounts *mounts;
	int ret = cgroup_mounts__new(mounts_path, &mounts), fd;

	if (ret)
		return ret;
	/* there is a mount: the file is not in it, but it is looked for */
	fd = cgroup_mounts__open(mounts, CGROUP_UNIFIED, "/", "no such file");
	ret = fd == -ENOENT && errno == ENOENT ? 1 : 2;
	cgroup_mounts__free(mounts);
	return ret;
}

static int read_elf(void)
{
	static const char *const names[] = { "main", "malloc" };
	FILE *file = fopen("/proc/self/exe", "re");
	struct elf_symbol symbols[2];
	struct placement placement;
	struct elf_file *elf;
	char err[256];
	int ret;

	if (!file)
		return -ENOMEM;
	ret = elf_file__new(fileno(file), &elf, err, sizeof(err));
	if (!ret) {
		ret = elf_file__functions(elf, names, 2, symbols);
		if (ret > 0)
			place_probe(elf, &symbols[0], &placement);
		elf_file__free(elf);
	}
	fclose(file);
	return ret;
}

static int parse_answer(void)
{
	static const char text[] =
		"HTTP/1.0 200 OK\r\n\r\n{\"Id\":\"abcdefabcdef\",\"Name\":\"/the-name-of-a-web-server\","
		"\"Config\":{\"Labels\":{\"ai.backend.kernel-id\":\"k\"}}}";
	struct relay_answer answer = { .source = RELAY_ENGINE, .container = "abcdefabcdef" };

	answer_parse(text, sizeof(text) - 1, &answer);
	/* there is no word for it: the look-up is done again */
	if (answer.status == RELAY_BAD)
		return -ENOMEM;
	return 100 * (int)answer.status + (int)strlen(answer.name);
}

static void on_sample(void *arg, const struct sample *sample)
{
	*(int *)arg += (int)strlen(sample_label(sample, "kernel_id"));
	*(int *)arg += (int)fmod(sample_value(sample), 1009);
}

static int read_samples(void)
{
	static const char text[] =
		"{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
		"{\"metric\":{\"kernel_id\":\"of-more-than-sixteen-bytes\"},\"value\":[1,\"2\"]},"
		"{\"metric\":{\"kernel_id\":\"l\"},\"value\":[1,\"12345678901234567\"]}]}}";
	int samples = 0;
	const struct samples_callbacks callbacks = { on_sample, NULL, &samples };
	char why[256];
	size_t bad = 0;
	int ret = samples_read(text, sizeof(text) - 1, &callbacks, &bad, why, sizeof(why));

	return ret ? ret : samples;
}

static int add_body(void *arg, struct strbuf *body, uint64_t points)
{
	(void)body;
	*(uint64_t *)arg += points;
	return 0;
}

static int make_otlp(void)
{
	const struct otlp_source source = {
		.page = page.data,
		.len = page.len,
		.real_ns = 1,
		.version = "1",
	};
	uint64_t points = 0;
	int ret = otlp_request_make(&source, add_body, &points);

	return ret ? ret : (int)points;
}

static int pack_snapshot(void)
{
	const struct feed_page from = {
		.data = (const uint8_t *)page.data,
		.size = page.len,
	};
	char *frame;
	size_t len;
	int ret = snapshot_pack(&from, &frame, &len);

	if (ret)
		return ret;
	free(frame);
	return (int)len;
}

static int open_series(void)
{
	const struct series_labels labels = { .kernel_id = "k", .endpoint = "tcp://*:1" };
	const struct counters totals = { .frames = 1 };
	struct series_table *table;
	struct series *series;
	int ret = series_table__new(8, &table);

	if (ret)
		return ret;
	ret = series_table__open(table, &labels, &series);
	if (!ret)
		ret = series_table__retire(table, series, &totals, 1);
	if (!ret)
		series_table__expire(table, 10, 1);
	series_table__free(table);
	return ret ? ret : 1;
}

static int take_snapshot(void)
{
	const struct kernel_sample kernel = { .kernel_id = "k",
					      .container = "c",
					      .pod = "",
					      .namespace = "" };
	const struct counters counters = { .frames = 1 };
	const struct stream_sample row = { .profile = "zmq", .operation = "send" };
	struct snapshot_builder *builder;
	struct snapshot *snapshot = NULL;
	struct store *store;
	int ret = store__new(SECOND, fixture_no_request, NULL, &store);

	if (ret)
		return ret;
	ret = snapshot_builder__new(1, 1, 1, &builder);
	if (!ret) {
		ret = snapshot_builder__add_kernel(builder, &kernel);
		if (!ret)
			ret = snapshot_builder__add_stream(builder, fixture.series[0], &counters,
							   &row);
		if (!ret)
			ret = snapshot_builder__add_retired(builder, fixture.table);
		if (!ret)
			ret = snapshot_builder__seal(builder, &snapshot);
		else
			snapshot_builder__free(builder);
	}
	if (!ret)
		ret = store__record(store, snapshot);
	if (snapshot)
		store__publish(store, snapshot, 1);
	snapshot__unref(snapshot);
	store__free(store);
	return ret ? ret : 1;
}

static void wake(void *arg)
{
	(void)arg;
}

static int publish_event(void)
{
	const struct event_attribute attributes[] = { EVENT_TEXT("comm", "python3") };
	const struct event event = {
		.type = EVENT_PROCESS_SEEN,
		.kernel_id = "k",
		.attribute_count = 1,
		.attributes = attributes,
	};
	struct strbuf text = STRBUF_INIT;
	struct subscriber *subscriber;
	struct event *got;
	struct bus *bus;
	int ret = bus__new(8, &bus);

	if (ret)
		return ret;
	ret = bus__subscribe(bus, "test", wake, NULL, &subscriber);
	if (!ret) {
		bus__publish(bus, &event);
		/* one that there was no memory for is dropped, and counted */
		ret = subscriber__next(subscriber, 0, &got) ? -ENOMEM : 1;
		if (ret > 0) {
			event_add_json(&text, got);
			ret = text.err ? text.err : (int)text.len;
			event__unref(got);
		}
		subscriber__free(subscriber);
	}
	strbuf_free(&text);
	bus__stop(bus, 0);
	bus__free(bus);
	return ret;
}

static int find_containers(void)
{
	struct containers *containers;
	struct container *container;
	int ret = containers__new(NULL, "/proc", &containers);

	if (ret)
		return ret;
	container = containers__add(containers, "abcdefabcdef", 1);
	ret = container && containers__find(containers, "abcdefabcdef") == container ? 1 : -ENOMEM;
	containers__free(containers);
	return ret;
}

static int write_table(void)
{
	static const char text[] = "{\"by_kernel\":{\"a\":{\"gauge\":{\"mem\":{\"current\":1}}},"
				   "\"b\":null}}";
	json_t *answer = json_loads(text, 0, NULL);
	struct strbuf out = STRBUF_INIT;
	struct table *table = NULL;
	int ret = answer ? table__new(&table) : -ENOMEM;

	if (!ret)
		ret = table__add(table, answer);
	if (!ret) {
		table__write(table, 80, &out);
		ret = out.err ? out.err : (int)out.len;
	}
	table__free(table);
	strbuf_free(&out);
	json_decref(answer);
	return ret;
}

static int write_log_line(void)
{
	static const char text[] = "words that need more room than the first sixty-four bytes of a "
				   "line, \"quoted\"";
	const struct log_field fields[] = { LOG_STR("msg", text), LOG_STR("word", "word"), { 0 } };
	struct strbuf out = STRBUF_INIT;
	int ret;

	log_format_line(&out, LOG_LOGFMT, LOG_INFO, fields);
	ret = out.err ? out.err : (int)out.len;
	strbuf_free(&out);
	return ret;
}

/* The server knows whether it was asked as it should be. */
static int fetch_page(void)
{
	const struct fetch_config config = {
		.user = "alice",
		.password = "secret",
		.max_total = 4096,
		.cancel_fd = -1,
	};
	struct fetch fetch = { .url = server_url };
	struct fetcher *fetcher;
	int ret = fetcher__new(&config, &fetcher);

	if (ret)
		return ret;
	fetcher__run(fetcher, &fetch, 1, 5000);
	/* libcurl does not always say that it is for want of memory */
	ret = fetch.err ? -ENOMEM : (int)fetch.status;
	fetch_free(&fetch);
	fetcher__free(fetcher);
	return ret;
}

static int handle(const struct http_request *request)
{
	struct http_response response = { 0 };
	struct strbuf more = STRBUF_INIT;
	int ret;

	routes__handle(routes, request, &response);
	ret = response.status == 200 && !response.body.err ? 1 + (int)response.body.len : -ENOMEM;
	while (response.producer.next && ret > 0) {
		int state = response.producer.next(response.producer.arg, &more);

		if (state < 0)
			ret = state;
		if (state != HTTP_MORE)
			break;
		strbuf_clear(&more);
	}
	/* there is always an answer */
	if (response.status != 200 && response.status != 500)
		ret = (int)response.status;
	strbuf_free(&more);
	http_response_free(&response);
	return ret;
}

static int get_metrics(void)
{
	return handle(&(struct http_request){ .method = "GET", .path = "/metrics" }) > 0 ? 1 :
											   -ENOMEM;
}

static int get_metrics_packed(void)
{
	const struct http_request request = {
		.method = "GET",
		.path = "/metrics",
		.accept = "application/vnd.google.protobuf;"
			  "proto=io.prometheus.client.MetricFamily;encoding=delimited",
		.accept_encoding = "gzip",
	};

	return handle(&request) > 0 ? 1 : -ENOMEM;
}

static int get_streams(void)
{
	return handle(&(struct http_request){ .method = "GET", .path = "/api/v1/streams" });
}

static int get_kernels(void)
{
	return handle(&(struct http_request){ .method = "GET", .path = "/api/v1/kernels" });
}

static int get_taps(void)
{
	return handle(&(struct http_request){ .method = "GET", .path = "/api/v1/taps" });
}

static int post_live_stat(void)
{
	static const char body[] = "{\"kernel_ids\":[\"beta\",\"alpha\",\"x\"],"
				   "\"shape\":\"backendai-agent\",\"window\":\"5s\"}";

	return handle(&(struct http_request){ .method = "POST",
					      .path = "/api/v1/live-stat",
					      .body = body,
					      .body_len = sizeof(body) - 1 });
}

static int get_live_stat(void)
{
	const struct http_parameter parameters[] = { { "kernel_id", "alpha" },
						     { "shape", "backendai" } };

	return handle(&(struct http_request){ .method = "GET",
					      .path = "/api/v1/live-stat",
					      .parameters = parameters,
					      .parameter_count = 2 });
}

/* ---- the test ------------------------------------------------------------------------------------------ */

#define EACH 2000 /* so many allocations are tried one by one; of more, some */

static const struct {
	const char *name;
	int (*run)(void);
} works[] = {
	{ "profile", read_profile },
	{ "wrong profile", read_wrong_profile },
	{ "config", read_config },
	{ "web config", read_web_config },
	{ "mounts", read_mounts },
	{ "elf", read_elf },
	{ "answer", parse_answer },
	{ "samples", read_samples },
	{ "otlp", make_otlp },
	{ "snapshot for publishing", pack_snapshot },
	{ "series", open_series },
	{ "snapshot", take_snapshot },
	{ "event", publish_event },
	{ "containers", find_containers },
	{ "table", write_table },
	{ "log line", write_log_line },
	{ "metrics", get_metrics },
	{ "packed metrics", get_metrics_packed },
	{ "streams", get_streams },
	{ "kernels", get_kernels },
	{ "taps", get_taps },
	{ "live-stat body", post_live_stat },
	{ "live-stat query", get_live_stat },
};

static int run(int (*work)(void), unsigned long at, int on)
{
	int ret;

	count = 0;
	fail_at = at;
	fail_on = on;
	live = 0;
	counting = 1;
	ret = work();
	counting = 0;
	return ret;
}

/* Returns how often something was wrong. `spoilt`: blocks that a library may keep. */
static int try_each(const char *name, int (*work)(void), long spoilt)
{
	unsigned long total, step;
	int good, wrong = 0;

	run(work, 0, 0); /* what is made once has been made */
	good = run(work, 0, 0);
	total = count;
	step = total / EACH + 1;
	print_message("%s: %lu allocations\n", name, total);
	assert_true(good > 0);
	for (unsigned long at = 1; at <= total; at += step)
		for (int on = 0; on < 2; on++) {
			int ret = run(work, at, on);

			if ((ret == good || ret == -ENOMEM) && live >= 0 && live <= spoilt)
				continue;
			print_error("%s: allocation %lu of %lu%s: %d instead of %d, "
				    "%ld blocks kept\n",
				    name, at, total, on ? " and all after it" : "", ret, good,
				    live);
			wrong++;
		}
	return wrong;
}

static void nothing_breaks_when_an_allocation_fails(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		wrong += try_each(works[i].name, works[i].run, 0);
	assert_int_equal(wrong, 0);
}

static void a_request_lacks_nothing_or_is_not_sent(void **state)
{
	(void)state;
	/* libcurl 7.88 forgets a header's text if it cannot list it; another one may forget another */
	assert_int_equal(try_each("fetch", fetch_page, 2), 0);
}

static int write_file(const char *text, char path[32])
{
	int fd = memfd_create("memory", MFD_CLOEXEC);

	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text);
}

static int has_all(const char *request)
{
	return strstr(request, "Authorization: Basic YWxpY2U6c2VjcmV0\r\n") &&
	       strstr(request, "Accept-Encoding: gzip\r\n") &&
	       strstr(request, "User-Agent: tapmeter\r\n");
}

static void answer_one(int connection)
{
	static const char yes[] = "HTTP/1.0 200 OK\r\n\r\nyes", no[] = "HTTP/1.0 401 No\r\n\r\n";
	char request[4096] = "";
	size_t len = 0;
	ssize_t got;

	do {
		got = read(connection, request + len, sizeof(request) - 1 - len);
		len += got > 0 ? (size_t)got : 0;
	} while (got > 0 && !strstr(request, "\r\n\r\n"));
	if (len && dprintf(connection, "%s", has_all(request) ? yes : no) < 0)
		perror("answer");
	close(connection);
}

/* A process of its own, whose allocations nobody counts. */
static int start_server(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) ||
	    listen(listener, 16) || getsockname(listener, (struct sockaddr *)&address, &len))
		return -1;
	snprintf(server_url, sizeof(server_url), "http://127.0.0.1:%u/", ntohs(address.sin_port));
	pid = fork();
	if (pid)
		return pid < 0 ? -1 : close(listener);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		answer_one(accept(listener, NULL, NULL));
}

static uint64_t now_ns(void)
{
	return 100 * SECOND;
}

static int setup(void **state)
{
	struct routes_config config = { .version = "1",
					.revision = "2",
					.views = ~0u,
					.now_ns = now_ns };
	struct http_response response = { 0 };
	const struct http_request request = {
		.method = "GET",
		.path = "/metrics",
		.accept = "application/vnd.google.protobuf;"
			  "proto=io.prometheus.client.MetricFamily;encoding=delimited",
	};

	(void)state;
	if (write_file("gauges:\n  - name: depth\n    help: how deep\n    match: {comm: [a, b]}\n"
		       "    symbol: depth\n    type: u32\n    labels: {a: b}\n",
		       config_path) ||
	    write_file("basic_auth_users:\n  alice: "
		       "$2y$05$abcdefghijklmnopqrstuuJm0Kp1Zr5e4cIu1l0mG0oQ4J1X2Y3Z4\n",
		       web_path) ||
	    write_file("30 23 0:26 / / rw - cgroup2 cgroup2 rw\n", mounts_path))
		return -1;
	if (start_server())
		return -1;
	fixture_new(&fixture);
	fixture_publish(&fixture, 90 * SECOND, 40);
	fixture_publish(&fixture, 100 * SECOND, 42);
	config.store = fixture.store;
	if (bus__new(16, &config.bus) || routes__new(&config, &routes))
		return -1;
	routes__handle(routes, &request, &response);
	page = response.body;
	return response.status != 200;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_breaks_when_an_allocation_fails),
		cmocka_unit_test(a_request_lacks_nothing_or_is_not_sent),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
