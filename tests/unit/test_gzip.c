/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "serve/gzip.h"

/* Unpacks all of `packed`, which must be one gzip member and nothing more. */
static size_t unpack(const struct strbuf *packed, char *text, size_t size)
{
	z_stream z = { .next_in = (Bytef *)packed->data,
		       .avail_in = (uInt)packed->len,
		       .next_out = (Bytef *)text,
		       .avail_out = (uInt)size };

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	inflateEnd(&z);
	return size - z.avail_out;
}

static void what_goes_in_in_pieces_comes_out_whole(void **state)
{
	static const size_t size = 1 << 20;
	char *text = malloc(size), *back = malloc(size);
	struct strbuf out = STRBUF_INIT;
	struct gzip *gzip;
	unsigned seed = 1;

	(void)state;
	assert_non_null(text);
	assert_non_null(back);
	for (size_t i = 0; i < size; i++) {
		/* hardly compressible, so that the output needs many steps */
		seed = seed * 1103515245 + 12345;
		text[i] = (char)(seed >> 16);
	}
	assert_int_equal(gzip__new(&out, &gzip), 0);
	gzip__add(gzip, text, 1);
	gzip__add(gzip, text + 1, 0);
	gzip__add(gzip, text + 1, size / 2);
	gzip__add(gzip, text + 1 + size / 2, size - 1 - size / 2);
	assert_int_equal(gzip__finish(gzip), 0);
	gzip__free(gzip);
	assert_int_equal(unpack(&out, back, size), size);
	assert_memory_equal(text, back, size);
	strbuf_free(&out);
	free(back);
	free(text);
}

static void nothing_is_a_valid_member_too(void **state)
{
	struct strbuf out = STRBUF_INIT;
	struct gzip *gzip;
	char back[1];

	(void)state;
	assert_int_equal(gzip__new(&out, &gzip), 0);
	assert_int_equal(gzip__finish(gzip), 0);
	gzip__free(gzip);
	assert_int_equal(unpack(&out, back, sizeof(back)), 0);
	strbuf_free(&out);
}

static void an_output_that_is_too_small_is_an_error(void **state)
{
	struct strbuf out = { .max = 10 };
	struct gzip *gzip;

	(void)state;
	assert_int_equal(gzip__new(&out, &gzip), 0);
	gzip__add(gzip, "text", 4);
	assert_int_equal(gzip__finish(gzip), -E2BIG);
	gzip__free(gzip);
	strbuf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_in_pieces_comes_out_whole),
		cmocka_unit_test(nothing_is_a_valid_member_too),
		cmocka_unit_test(an_output_that_is_too_small_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
