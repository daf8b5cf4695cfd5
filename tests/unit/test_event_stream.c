/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include "serve/event_stream.h"

#define LIFE UINT64_C(0x18abc)
#define HELLO ": tapmeter\n\n"

static void publish(struct bus *bus, size_t count)
{
	const struct event event = { .type = EVENT_COUNTS_LOST };

	for (size_t i = 0; i < count; i++)
		bus__publish(bus, &event);
}

/* What a client that says `last_id` is sent at once. */
static struct strbuf sent(struct bus *bus, const char *last_id)
{
	struct http_response response = { 0 };
	struct strbuf text = STRBUF_INIT, piece = STRBUF_INIT;

	assert_int_equal(event_stream_answer(bus, LIFE, last_id, &response), 0);
	strbuf_addstr(&text, response.body.data);
	while (response.producer.next(response.producer.arg, &piece) == HTTP_MORE) {
		strbuf_addstr(&text, piece.data);
		strbuf_free(&piece);
		piece = (struct strbuf)STRBUF_INIT;
	}
	strbuf_free(&piece);
	http_response_free(&response);
	return text;
}

static void assert_sent(struct bus *bus, const char *last_id, const char *expected)
{
	struct strbuf text = sent(bus, last_id);

	assert_string_equal(text.data, expected);
	strbuf_free(&text);
}

#define EVENT(number)                                                           \
	"id: 18abc-" #number "\nevent: counts.lost\ndata: {\"number\":" #number \
	",\"type\":\"counts.lost\",\"time\":0,\"kernel_id\":\"\",\"attributes\":{}}\n\n"

static void a_client_that_says_its_last_id_gets_what_came_after_it(void **state)
{
	struct bus *bus;

	(void)state;
	assert_int_equal(bus__new(BUS_ROOM, &bus), 0);
	publish(bus, 3);
	assert_sent(bus, "18abc-1", HELLO EVENT(2) EVENT(3));
	assert_sent(bus, "18abc-3", HELLO);
	/* of an agent that was there before: all of this one's */
	assert_sent(bus, "17fff-2", HELLO EVENT(1) EVENT(2) EVENT(3));
	bus__stop(bus, 0);
	bus__free(bus);
}

static void what_is_no_id_counts_as_none(void **state)
{
	static const char *const texts[] = { NULL, "",	       "1",	   "18abc",    "18abc-",
					     "-1", "18abc-1x", "nonsense", "18abc-1 ", "18abc:1" };
	struct bus *bus;

	(void)state;
	assert_int_equal(bus__new(BUS_ROOM, &bus), 0);
	publish(bus, 3);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_sent(bus, texts[i], HELLO);
	bus__stop(bus, 0);
	bus__free(bus);
}

static void a_client_is_told_first_how_many_are_gone(void **state)
{
	const char *expected = HELLO "event: events.dropped\ndata: {\"count\":7}\n\nid: 18abc-9\n";
	size_t events = 0;
	struct strbuf text;
	struct bus *bus;

	(void)state;
	assert_int_equal(bus__new(BUS_ROOM, &bus), 0);
	publish(bus, BUS_KEPT + 8);
	text = sent(bus, "18abc-1");
	assert_memory_equal(text.data, expected, strlen(expected));
	for (const char *at = text.data; (at = strstr(at, "id: ")); at++)
		events++;
	assert_int_equal(events, BUS_KEPT);
	strbuf_free(&text);
	bus__stop(bus, 0);
	bus__free(bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_that_says_its_last_id_gets_what_came_after_it),
		cmocka_unit_test(what_is_no_id_counts_as_none),
		cmocka_unit_test(a_client_is_told_first_how_many_are_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
