/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/inventory.h"
#include "gateway/samples.h"

#define VECTOR(samples) \
	"{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[" samples "]}}"

static char seen[1024];
static size_t bad;
static char why[128];

static void on_sample(void *arg, const struct sample *sample)
{
	size_t len = strlen(seen);

	(void)arg;
	snprintf(seen + len, sizeof(seen) - len, "%s=%g;", sample_label(sample, "kernel_id"),
		 sample_value(sample));
}

static void on_warning(void *arg, const char *text)
{
	size_t len = strlen(seen);

	(void)arg;
	snprintf(seen + len, sizeof(seen) - len, "!%s;", text);
}

static int read_text(const char *text, size_t len)
{
	const struct samples_callbacks callbacks = { on_sample, on_warning, NULL };

	seen[0] = why[0] = '\0';
	bad = 0;
	return samples_read(text, len, &callbacks, &bad, why, sizeof(why));
}

static void reads_samples_of_every_number(void **state)
{
	static const char text[] =
		VECTOR("{\"metric\":{\"kernel_id\":\"a\"},\"value\":[1,\"1.5\"]},"
		       "{\"metric\":{},\"value\":[1.5,\"-2e3\"]},"
		       "{\"metric\":{\"kernel_id\":\"n\"},\"value\":[1,\"NaN\"]},"
		       "{\"metric\":{\"kernel_id\":\"i\"},\"value\":[1,\"+Inf\"]}");

	(void)state;
	assert_int_equal(read_text(text, strlen(text)), 0);
	assert_string_equal(seen, "a=1.5;=-2000;n=nan;i=inf;");
	assert_int_equal(bad, 0);
}

static void leaves_out_and_counts_what_is_no_sample(void **state)
{
	static const char text[] =
		VECTOR("1,null,[],{},{\"metric\":{}},{\"metric\":[],\"value\":[1,\"1\"]},"
		       "{\"metric\":{},\"value\":[1]},{\"metric\":{},\"value\":[1,2]},"
		       "{\"metric\":{},\"value\":[1,\"\"]},{\"metric\":{},\"value\":[1,\" 1\"]},"
		       "{\"metric\":{},\"value\":[1,\"1x\"]},{\"metric\":{},\"value\":[1,\"1\",1]},"
		       "{\"metric\":{\"kernel_id\":5},\"value\":[1,\"1\"]}");

	(void)state;
	assert_int_equal(read_text(text, strlen(text)), 0);
	assert_string_equal(seen, "=1;"); /* the label that is no text is none */
	assert_int_equal(bad, 12);
}

static void passes_warnings_on(void **state)
{
	static const char text[] = "{\"status\":\"success\",\"warnings\":[\"half\",3],\"data\":"
				   "{\"resultType\":\"vector\",\"result\":[]}}";

	(void)state;
	assert_int_equal(read_text(text, strlen(text)), 0);
	assert_string_equal(seen, "!half;");
}

static void refuses_what_is_no_answer(void **state)
{
	static const struct {
		const char *text, *why;
		int err;
	} table[] = {
		{ "", "the answer is not JSON", -EINVAL },
		{ "{", "the answer is not JSON", -EINVAL },
		{ "\xff", "the answer is not JSON", -EINVAL },
		{ "[]", "no answer to a query", -EINVAL },
		{ "{\"status\":1}", "no answer to a query", -EINVAL },
		{ "{\"status\":\"success\"}", "the answer is no vector", -EINVAL },
		{ "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[]}}",
		  "the answer is no vector", -EINVAL },
		{ "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":{}}}",
		  "the answer is no vector", -EINVAL },
		{ "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"no\"}", "no",
		  -EINVAL },
		{ "{\"status\":\"error\",\"errorType\":\"timeout\",\"error\":\"slow\"}", "slow",
		  -ETIMEDOUT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(read_text(table[i].text, strlen(table[i].text)), table[i].err);
		assert_string_equal(why, table[i].why);
		assert_string_equal(seen, "");
	}
	assert_int_equal(read_text(NULL, 0), -EINVAL);
}

static void does_not_follow_endless_nesting(void **state)
{
	char *text = malloc(1 << 20);

	(void)state;
	memset(text, '[', 1 << 20);
	assert_int_equal(read_text(text, 1 << 20), -EINVAL);
	free(text);
}

/* ---- kernels from samples ---- */

static void to_inventory(void *arg, const struct sample *sample)
{
	inventory__add(arg, sample);
}

static void makes_one_kernel_of_many_series(void **state)
{
	static const char text[] = VECTOR(
		"{\"metric\":{\"kernel_id\":\"b\",\"system\":\"zmq\",\"container\":\"agent\","
		"\"exported_container\":\"c\"},\"value\":[1,\"1\"]},"
		"{\"metric\":{\"kernel_id\":\"a\",\"pod\":\"p\"},\"value\":[1,\"1\"]},"
		"{\"metric\":{\"kernel_id\":\"b\",\"system\":\"redis\"},\"value\":[1,\"1\"]},"
		"{\"metric\":{\"kernel_id\":\"b\",\"system\":\"zmq\"},\"value\":[1,\"1\"]},"
		"{\"metric\":{\"system\":\"zmq\"},\"value\":[1,\"1\"]}");
	struct samples_callbacks callbacks = { to_inventory, on_warning, NULL };
	struct strbuf out = STRBUF_INIT;
	struct inventory *inventory;

	(void)state;
	assert_int_equal(inventory__new(&inventory), 0);
	callbacks.arg = inventory;
	assert_int_equal(samples_read(text, strlen(text), &callbacks, &bad, why, sizeof(why)), 0);
	assert_int_equal(inventory__write(inventory, &out), 0);
	assert_string_equal(
		out.data,
		"\n{\"id\":\"a\",\"container\":\"\",\"name\":\"\",\"pod\":\"p\",\"namespace\":\"\","
		"\"processes\":null,\"systems\":[]},"
		"\n{\"id\":\"b\",\"container\":\"c\",\"name\":\"\",\"pod\":\"\",\"namespace\":\"\","
		"\"processes\":null,\"systems\":[\"redis\",\"zmq\"]}");
	strbuf_free(&out);
	inventory__free(inventory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_samples_of_every_number),
		cmocka_unit_test(leaves_out_and_counts_what_is_no_sample),
		cmocka_unit_test(passes_warnings_on),
		cmocka_unit_test(refuses_what_is_no_answer),
		cmocka_unit_test(does_not_follow_endless_nesting),
		cmocka_unit_test(makes_one_kernel_of_many_series),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
