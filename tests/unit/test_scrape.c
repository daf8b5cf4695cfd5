/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "serve/scrape.h"

#define SERIES 300 /* a page of some 2 MB */

static uint64_t now;
static unsigned done_count;
static uint64_t done_ns;

static uint64_t ticking_ns(void)
{
	return now += 1000;
}

static void note_done(void *arg, uint64_t spent_ns)
{
	(void)arg;
	done_count++;
	done_ns = spent_ns;
}

static struct snapshot *make_snapshot(size_t count)
{
	struct counters counters = { .frames = 7, .hist[10] = 7 };
	struct snapshot_builder *b;
	struct series_table *table;
	struct snapshot *s;

	assert_int_equal(series_table__new(count, &table), 0);
	assert_int_equal(snapshot_builder__new(1, 2, 3, &b), 0);
	for (size_t i = 0; i < count; i++) {
		struct stream_sample row = { .profile = "zmq",
					     .operation = "send",
					     .slot = (uint32_t)i };
		char endpoint[64];
		struct series_labels labels = { .kind = SERIES_MESSAGE,
						.kernel_id = "k",
						.system = "zmq",
						.endpoint = endpoint };
		struct series *series;

		snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%zu", i);
		assert_int_equal(series_table__open(table, &labels, &series), 0);
		assert_int_equal(snapshot_builder__add_stream(b, series, &counters, &row), 0);
	}
	assert_int_equal(snapshot_builder__seal(b, &s), 0);
	series_table__free(table);
	return s;
}

static struct scrape *start(size_t series, int gzip)
{
	struct scrape_config config = {
		.snapshot = make_snapshot(series),
		.version = "1.2.3",
		.revision = "abc",
		.gzip = gzip,
		.waited_ns = 5000,
		.now_ns = ticking_ns,
		.done = note_done,
	};
	struct scrape *scrape;

	done_count = 0;
	assert_int_equal(scrape__new(&config, &scrape), 0);
	return scrape;
}

/* All pieces; how many there were. */
static size_t read_all(struct scrape *scrape, struct strbuf *all)
{
	struct strbuf piece = STRBUF_INIT;
	size_t count = 0;
	int more;

	do {
		assert_int_equal(done_count, 0);
		strbuf_clear(&piece);
		more = scrape__next(scrape, &piece);
		assert_true(more >= 0);
		strbuf_add(all, piece.data, piece.len);
		count++;
	} while (more);
	assert_int_equal(done_count, 1);
	strbuf_free(&piece);
	return count;
}

static void a_small_page_is_one_piece(void **state)
{
	struct scrape *scrape = start(1, 0);
	struct strbuf all = STRBUF_INIT;

	(void)state;
	assert_int_equal(read_all(scrape, &all), 1);
	assert_non_null(strstr(all.data, "\ntapmeter_message_frames_total{"));
	scrape__free(scrape);
	strbuf_free(&all);
}

static void the_time_it_took_is_that_of_waiting_and_of_making_all_pieces(void **state)
{
	struct scrape *scrape = start(SERIES, 0);
	struct strbuf all = STRBUF_INIT;
	size_t pieces = read_all(scrape, &all);

	(void)state;
	assert_true(pieces > 10);
	assert_int_equal(done_ns, 5000 + pieces * 1000);
	scrape__free(scrape);
	strbuf_free(&all);
}

static void inflate_all(const struct strbuf *packed, struct strbuf *text)
{
	z_stream z = { .next_in = (Bytef *)packed->data, .avail_in = (uInt)packed->len };
	char buffer[65536];
	int ret;

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	do {
		z.next_out = (Bytef *)buffer;
		z.avail_out = sizeof(buffer);
		ret = inflate(&z, Z_NO_FLUSH);
		assert_true(ret == Z_OK || ret == Z_STREAM_END);
		strbuf_add(text, buffer, sizeof(buffer) - z.avail_out);
	} while (ret != Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	inflateEnd(&z);
}

static void the_compressed_page_is_the_same_page(void **state)
{
	static const size_t sizes[] = { 0, 1, SERIES };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct strbuf all = STRBUF_INIT, packed = STRBUF_INIT, text = STRBUF_INIT;
		struct scrape *plain = start(sizes[i], 0);
		struct scrape *compressed;

		read_all(plain, &all);
		compressed = start(sizes[i], 1);
		read_all(compressed, &packed);
		assert_true(packed.len < all.len / 2);
		inflate_all(&packed, &text);
		assert_string_equal(text.data, all.data);
		scrape__free(plain);
		scrape__free(compressed);
		strbuf_free(&all);
		strbuf_free(&packed);
		strbuf_free(&text);
	}
}

static void a_scrape_may_be_given_up_at_any_time(void **state)
{
	struct strbuf piece = STRBUF_INIT;

	(void)state;
	scrape__free(NULL);
	for (int gzip = 0; gzip < 2; gzip++) {
		struct scrape *scrape = start(SERIES, gzip);

		scrape__free(scrape);
		scrape = start(SERIES, gzip);
		strbuf_clear(&piece);
		assert_int_equal(scrape__next(scrape, &piece), 1);
		scrape__free(scrape);
		assert_int_equal(done_count, 0);
	}
	strbuf_free(&piece);
}

static void more_streams_take_more_memory(void **state)
{
	struct scrape *few = start(1, 0), *many = start(SERIES, 0);

	(void)state;
	assert_true(scrape__memory(many) >= scrape__memory(few) + (SERIES - 1) * 500ul);
	scrape__free(few);
	scrape__free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_page_is_one_piece),
		cmocka_unit_test(the_time_it_took_is_that_of_waiting_and_of_making_all_pieces),
		cmocka_unit_test(the_compressed_page_is_the_same_page),
		cmocka_unit_test(a_scrape_may_be_given_up_at_any_time),
		cmocka_unit_test(more_streams_take_more_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
