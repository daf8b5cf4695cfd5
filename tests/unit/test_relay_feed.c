/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's end of the feed, and the relay's. The relay is this program, executed by the link: it takes pages as the
 * settings' "how" says, and counts their bytes as lost ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "relay/feed.h"
#include "relay/lookups.h"
#include "relay_feed.h"
#include "util/relay_settings.h"

#define SECOND 1000000000ull

/* ---- the relay ---------------------------------------------------------------------------- */

static struct feed_losses losses;

static void take(void *arg, struct feed_page *page)
{
	uint64_t sum = 0;

	(void)arg;
	for (size_t i = 0; i < page->size; i++)
		sum += page->data[i];
	feed_lost(&losses, RELAY_LOST_PUBLISH, sum);
	feed_lost(&losses, RELAY_LOST_OTLP, page->head.state);
}

static int lie(int feed)
{
	struct relay_taken taken = {
		.header = { .version = RELAY_PROTO_VERSION,
			    .kind = RELAY_TAKEN,
			    .size = sizeof(taken) },
		.number = 2, /* which was never sent */
	};
	struct relay_page page;

	recv(feed, &page, sizeof(page), 0);
	send(feed, &taken, sizeof(taken), 0);
	return pause();
}

static int serve(void *arg, const struct relay_settings *settings, int feed, int listener)
{
	const char *how = relay_settings_get(settings, "how");

	(void)arg;
	(void)listener;
	if (!strcmp(how, "die"))
		_exit(1);
	if (!strcmp(how, "deaf"))
		return pause();
	if (!strcmp(how, "lie"))
		return lie(feed);
	feed_serve(feed, take, NULL, &losses);
	_exit(0);
}

/* ---- the agent ------------------------------------------------------------------------------ */

static struct relay_link *link_;
static struct relay_feed *feed;

static void start(const char *how)
{
	struct relay_settings settings;

	relay_settings_init(&settings);
	assert_int_equal(relay_settings_add(&settings, "how", how), 0);
	assert_int_equal(
		relay_link__new(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), SECOND, &link_), 0);
	assert_int_equal(relay_feed__new(&settings, -1, &feed), 0);
	assert_int_equal(relay_feed__tend(feed, link_), 0);
}

static int teardown(void **state)
{
	(void)state;
	relay_feed__free(feed);
	relay_link__free(link_);
	return 0;
}

static int page_of(const char *data, int seals)
{
	int memfd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(write(memfd, data, strlen(data)), strlen(data));
	assert_int_equal(fcntl(memfd, F_ADD_SEALS, seals), 0);
	return memfd;
}

#define SEALED (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int send_text(const char *text, enum relay_state state, int seals)
{
	struct relay_page page = { .size = strlen(text), .state = state };
	int memfd = page_of(text, seals), err;

	err = relay_feed__send(feed, &page, memfd);
	close(memfd);
	return err;
}

static int send_last(const char *text)
{
	struct relay_page page = { .size = strlen(text), .state = RELAY_COMPLETE };
	int memfd = page_of(text, SEALED), err;

	err = relay_feed__send_last(feed, &page, memfd, 10 * SECOND);
	close(memfd);
	return err;
}

static void pages_arrive_whole_and_losses_come_back(void **state)
{
	struct relay_feed_losses lost;

	(void)state;
	start("take");
	assert_int_equal(send_text("a", RELAY_LIVE, SEALED), 0);
	assert_int_equal(send_last("bc"), 0);
	relay_feed__losses(feed, &lost);
	assert_int_equal(lost.relay[RELAY_LOST_PUBLISH], 'a' + 'b' + 'c');
	assert_int_equal(lost.relay[RELAY_LOST_OTLP], RELAY_LIVE + RELAY_COMPLETE);
	assert_int_equal(lost.full + lost.gone, 0);
	assert_int_equal(relay_feed__next(feed), 3);
	/* and at the end of the feed it ends */
	relay_feed__close(feed);
	assert_int_equal(relay_link__wait(link_, 10 * SECOND), 0);
}

static void a_relay_that_takes_nothing_costs_two_pages(void **state)
{
	struct relay_feed_losses lost;

	(void)state;
	start("deaf");
	assert_int_equal(send_text("a", RELAY_LIVE, SEALED), 0);
	assert_int_equal(send_text("b", RELAY_LIVE, SEALED), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(send_text("c", RELAY_LIVE, SEALED), -EAGAIN);
	relay_feed__losses(feed, &lost);
	assert_int_equal(lost.full, 5);
}

/* Until its end has been noticed. */
static void await_end(void)
{
	for (int i = 0; i < 10000; i++) {
		int err = send_text("a", RELAY_LIVE, SEALED);

		if (err == -ENOTCONN)
			return;
		usleep(1000);
	}
	fail();
}

static void no_answer(void *arg, const struct relay_answer *answer)
{
	(void)arg;
	(void)answer;
}

static void one_that_died_is_fed_again_when_it_is_back(void **state)
{
	struct relay_feed_losses lost;
	pid_t first;

	(void)state;
	start("die");
	first = relay_link__pid(link_);
	await_end();
	relay_feed__losses(feed, &lost);
	assert_true(lost.gone >= 1);
	assert_int_equal(relay_link__wait(link_, 10 * SECOND), 0);
	relay_link__read(link_, no_answer, NULL, SECOND);
	assert_int_equal(relay_link__pid(link_), 0);
	assert_int_equal(relay_feed__tend(feed, link_), 0); /* nothing to do */
	relay_link__tick(link_, no_answer, NULL, 100 * SECOND);
	assert_true(relay_link__pid(link_) && relay_link__pid(link_) != first);
	assert_int_equal(relay_feed__tend(feed, link_), 0);
	await_end(); /* it was told, for it has died again */
}

static void what_it_says_of_pages_must_be_true(void **state)
{
	(void)state;
	start("lie");
	assert_int_equal(send_text("a", RELAY_LIVE, SEALED), 0);
	await_end();
}

static void memory_that_could_change_is_refused(void **state)
{
	(void)state;
	start("take");
	assert_int_equal(send_text("a", RELAY_LIVE, F_SEAL_WRITE | F_SEAL_GROW), 0);
	await_end();
}

static void settings_are_read_as_they_were_written(void **state)
{
	static char text[RELAY_SETTINGS_LEN];
	struct relay_settings settings;

	(void)state;
	relay_settings_init(&settings);
	assert_null(relay_settings_get(&settings, "a"));
	assert_int_equal(relay_settings_add(&settings, "ab", "1=2"), 0);
	assert_int_equal(relay_settings_add(&settings, "a", ""), 0);
	assert_int_equal(relay_settings_add_u64(&settings, "n", UINT64_MAX), 0);
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(relay_settings_add(&settings, "long", text), -E2BIG);
	assert_int_equal(relay_settings_check(&settings), 0);
	assert_string_equal(relay_settings_get(&settings, "a"), "");
	assert_string_equal(relay_settings_get(&settings, "ab"), "1=2");
	assert_true(relay_settings_get_u64(&settings, "n") == UINT64_MAX);
	assert_null(relay_settings_get(&settings, "long"));
	settings.len = sizeof(settings.text) + 1;
	assert_int_equal(relay_settings_check(&settings), -EPROTO);
	settings.len = 3; /* in the middle of a text */
	assert_int_equal(relay_settings_check(&settings), -EPROTO);
	link_ = NULL;
	feed = NULL;
}

int main(int argc, char **argv)
{
#define FEED_TEST(function) cmocka_unit_test_teardown(function, teardown)
	const struct CMUnitTest tests[] = {
		FEED_TEST(pages_arrive_whole_and_losses_come_back),
		FEED_TEST(a_relay_that_takes_nothing_costs_two_pages),
		FEED_TEST(one_that_died_is_fed_again_when_it_is_back),
		FEED_TEST(what_it_says_of_pages_must_be_true),
		FEED_TEST(memory_that_could_change_is_refused),
		FEED_TEST(settings_are_read_as_they_were_written),
	};

	if (argc && !strcmp(argv[0], "tapmeter-relay"))
		return lookups_serve(RELAY_FD, serve, NULL) ? 1 : 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
