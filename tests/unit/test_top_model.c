/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lm */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "top/model.h"

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, 0, &error);

	if (!json)
		fail_msg("%s: %s", error.text, text);
	return json;
}

/* A reading of one part, with these answers. */
static struct reading *reading(enum part part, const char *first, const char *second)
{
	struct reading *made = calloc(1, sizeof(*made));

	made->parts = PART_BIT(part);
	made->answers[part] = json_array();
	json_array_append_new(made->answers[part], parse(first));
	if (second)
		json_array_append_new(made->answers[part], parse(second));
	return made;
}

static struct reading *failure(enum part part, const char *why)
{
	struct reading *made = calloc(1, sizeof(*made));

	made->parts = PART_BIT(part);
	made->answers[part] = json_array();
	made->err[part] = -5;
	snprintf(made->why[part], READING_ERR_LEN, "%s", why);
	return made;
}

static const struct value *cell(const struct model *model, enum part part, size_t row,
				const char *title)
{
	const struct sheet *sheet = model->views[part].sheet;

	assert_non_null(sheet);
	assert_true(row < sheet->count);
	assert_true(sheet__column(sheet, title) < sheet->column_count);
	return &sheet->rows[row].values[sheet__column(sheet, title)];
}

static void expect_number(const struct value *value, double number)
{
	assert_int_equal(value->kind, VALUE_NUMBER);
	if (fabs(value->number - number) > 1e-6)
		fail_msg("%g is not %g", value->number, number);
}

static int has(const struct model *model, enum part part, const char *title)
{
	const struct sheet *sheet = model->views[part].sheet;

	return sheet->has[sheet__column(sheet, title)];
}

/* ---- kernels ----------------------------------------------------------------------------------- */

#define KERNELS                                                                                 \
	"{\"sampled_at\":10,\"kernels\":[{\"id\":\"a\",\"processes\":2,\"pod\":\"p\","          \
	"\"systems\":[\"zmq\",\"redis\"]},{\"id\":\"b\",\"processes\":null},{\"id\":\"gone\"}," \
	"{\"no\":1},7]}"
#define LIVE                                                                                    \
	"{\"sampled_at\":11,\"by_kernel\":{\"gone\":null,"                                      \
	"\"a\":{\"gauge\":{\"mem\":{\"current\":512,\"capacity\":1024},"                        \
	"\"zmq_in_flight\":{\"current\":3},\"zmq_send_oldest_seconds\":{\"current\":2},"        \
	"\"zmq_recv_oldest_seconds\":{\"current\":5}},\"diff\":{\"cpu_util\":{\"current\":250," \
	"\"capacity\":1000}},\"rate\":{\"zmq_send_messages\":{\"current\":100},"                \
	"\"zmq_recv_messages\":{\"current\":20},\"zmq_failures\":{\"current\":1}}},"            \
	"\"b\":{\"gauge\":{\"mem\":{\"current\":1,\"capacity\":null}},\"rate\":"                \
	"{\"zmq_send_messages\":{\"current\":null}}}}}"

static void shows_what_live_stat_says(void **state)
{
	struct model model = { .max_gap = 10 };

	(void)state;
	assert_int_equal(model_take(&model, reading(PART_KERNELS, KERNELS, LIVE), 0), 0);
	assert_int_equal(model.views[PART_KERNELS].sheet->count, 3);
	assert_true(model.views[PART_KERNELS].sampled_at == 11);
	assert_string_equal(cell(&model, PART_KERNELS, 0, "KERNEL")->text, "a");
	assert_string_equal(cell(&model, PART_KERNELS, 0, "SYSTEMS")->text, "zmq redis");
	expect_number(cell(&model, PART_KERNELS, 0, "SEND/s"), 100);
	expect_number(cell(&model, PART_KERNELS, 0, "OLDEST"), 5);
	expect_number(cell(&model, PART_KERNELS, 0, "CPU"), 250);
	assert_true(cell(&model, PART_KERNELS, 0, "CPU")->part == 0.25);
	assert_true(cell(&model, PART_KERNELS, 0, "MEM")->part == 0.5);
	assert_true(model.views[PART_KERNELS].sheet->rows[0].bad);
	assert_int_equal(cell(&model, PART_KERNELS, 1, "SEND/s")->kind, VALUE_PENDING);
	assert_int_equal(cell(&model, PART_KERNELS, 1, "RECV/s")->kind, VALUE_NONE);
	assert_int_equal(cell(&model, PART_KERNELS, 1, "LIMIT")->kind, VALUE_UNLIMITED);
	assert_true(cell(&model, PART_KERNELS, 1, "MEM")->part < 0);
	assert_int_equal(cell(&model, PART_KERNELS, 1, "PROCS")->kind, VALUE_PENDING);
	assert_int_equal(cell(&model, PART_KERNELS, 2, "MEM")->kind, VALUE_NONE);
	model_free(&model);
}

static void adds_up_all_kernels(void **state)
{
	struct model model = { .max_gap = 10 };

	(void)state;
	assert_int_equal(model_take(&model, reading(PART_KERNELS, KERNELS, LIVE), 0), 0);
	assert_int_equal(model.totals.kernels, 3);
	assert_true(model.totals.send == 100 && model.totals.receive == 20);
	assert_true(model.totals.failures == 1 && model.totals.in_flight == 3);
	assert_true(model.totals.oldest == 5);
	assert_true(trend_at(&model.total, 0) == 120);
	/* the same snapshot again is no new point */
	assert_int_equal(model_take(&model, reading(PART_KERNELS, KERNELS, LIVE), 0), 0);
	assert_int_equal(model.total.count, 1);
	assert_int_equal(cell(&model, PART_KERNELS, 0, "TREND")->trend->count, 1);
	/* what nobody has is not 0 */
	assert_int_equal(model_take(&model, reading(PART_KERNELS, KERNELS, NULL), 0), 0);
	assert_true(model.totals.send < 0 && model.totals.oldest < 0);
	model_free(&model);
}

static void has_columns_of_rpc_and_cache_only_where_there_are_some(void **state)
{
	struct model model = { .max_gap = 10 };

	(void)state;
	assert_int_equal(model_take(&model, reading(PART_KERNELS, KERNELS, LIVE), 0), 0);
	assert_true(has(&model, PART_KERNELS, "CPU"));
	assert_false(has(&model, PART_KERNELS, "RPC/s"));
	assert_false(has(&model, PART_KERNELS, "HIT"));
	assert_false(has(&model, PART_KERNELS, "P99"));
	assert_int_equal(
		model_take(&model,
			   reading(PART_KERNELS, "{\"kernels\":[{\"id\":\"a\"},{\"id\":\"b\"}]}",
				   "{\"sampled_at\":12,\"by_kernel\":{\"a\":{\"gauge\":"
				   "{\"rpc_unanswered\":{\"current\":2},\"zmq_call_p99\":"
				   "{\"current\":0.5}},\"rate\":{\"rpc_requests\":{\"current\":7},"
				   "\"cache_hits\":{\"current\":30},\"cache_misses\":"
				   "{\"current\":10}}},\"b\":{\"rate\":{\"cache_hits\":"
				   "{\"current\":0},\"cache_misses\":{\"current\":0}}}}}"),
			   0),
		0);
	expect_number(cell(&model, PART_KERNELS, 0, "RPC/s"), 7);
	expect_number(cell(&model, PART_KERNELS, 0, "RPC OPEN"), 2);
	expect_number(cell(&model, PART_KERNELS, 0, "HIT"), 0.75);
	expect_number(cell(&model, PART_KERNELS, 0, "P99"), 0.5);
	/* of nothing there is no ratio */
	assert_int_equal(cell(&model, PART_KERNELS, 1, "HIT")->kind, VALUE_PENDING);
	assert_false(has(&model, PART_KERNELS, "CPU"));
	model_free(&model);
}

/* ---- streams ----------------------------------------------------------------------------------- */

/* A page with one stream. */
static struct reading *stream(double at, int pid, double age, int messages, double seconds)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"sampled_at\":%f,\"next_offset\":null,\"streams\":[{\"slot\":3,\"pid\":%d,"
		 "\"operation\":\"send\",\"object\":\"0x1\",\"labels\":{\"endpoint\":\"tcp://x\","
		 "\"kernel_id\":\"a\",\"direction\":\"send\"},\"age_seconds\":%f,"
		 "\"messages\":%d,\"frames\":%d,\"bytes\":%d,\"failures\":0,"
		 "\"call_seconds\":%f,\"in_flight\":1,\"oldest_call_seconds\":0}]}",
		 at, pid, age, messages, messages, messages * 10, seconds);
	return reading(PART_STREAMS, text, NULL);
}

static void computes_rates_from_two_readings(void **state)
{
	struct model model = { .max_gap = 10 };

	(void)state;
	assert_int_equal(model_take(&model, stream(100, 7, 50, 1000, 1), 0), 0);
	assert_int_equal(cell(&model, PART_STREAMS, 0, "MSG/s")->kind, VALUE_PENDING);
	expect_number(cell(&model, PART_STREAMS, 0, "MSGS"), 1000);
	assert_int_equal(model_take(&model, stream(102, 7, 52, 1500, 2), 0), 0);
	expect_number(cell(&model, PART_STREAMS, 0, "MSG/s"), 250);
	expect_number(cell(&model, PART_STREAMS, 0, "BYTES/s"), 2500);
	expect_number(cell(&model, PART_STREAMS, 0, "MEAN"), 1.0 / 500);
	assert_true(trend_at(cell(&model, PART_STREAMS, 0, "TREND")->trend, 0) == 250);
	assert_string_equal(cell(&model, PART_STREAMS, 0, "PID")->text, "7");
	assert_int_equal(cell(&model, PART_STREAMS, 0, "OLDEST")->kind, VALUE_NONE);
	/* the same snapshot once more: its rate is still what it was */
	assert_int_equal(model_take(&model, stream(102, 7, 52, 1500, 2), 0), 0);
	expect_number(cell(&model, PART_STREAMS, 0, "MSG/s"), 250);
	assert_int_equal(model_take(&model, stream(103, 7, 53, 1500, 2), 0), 0);
	expect_number(cell(&model, PART_STREAMS, 0, "MSG/s"), 0);
	assert_int_equal(cell(&model, PART_STREAMS, 0, "MEAN")->kind, VALUE_NONE);
	model_free(&model);
}

static void subtracts_nothing_from_another_stream(void **state)
{
	struct model model = { .max_gap = 10 };

	(void)state;
	model_take(&model, stream(100, 7, 50, 1000, 1), 0);
	/* another process in the same slot */
	model_take(&model, stream(101, 8, 51, 2000, 1), 0);
	assert_int_equal(cell(&model, PART_STREAMS, 0, "MSG/s")->kind, VALUE_PENDING);
	/* a new socket at the same address, younger */
	model_take(&model, stream(102, 8, 0.5, 3000, 1), 0);
	assert_int_equal(cell(&model, PART_STREAMS, 0, "MSG/s")->kind, VALUE_PENDING);
	/* one that has become older, but less than the time that has passed */
	model_take(&model, stream(106, 8, 2, 4000, 1), 0);
	assert_int_equal(cell(&model, PART_STREAMS, 0, "MSG/s")->kind, VALUE_PENDING);
	/* fewer than before */
	model_take(&model, stream(107, 8, 3, 10, 1), 0);
	assert_int_equal(cell(&model, PART_STREAMS, 0, "MSG/s")->kind, VALUE_PENDING);
	/* too long ago to be called now */
	model_take(&model, stream(137, 8, 33, 100, 1), 0);
	assert_int_equal(cell(&model, PART_STREAMS, 0, "MSG/s")->kind, VALUE_PENDING);
	/* there was no answer in between */
	model_take(&model, failure(PART_KERNELS, "no"), 0);
	model_take(&model, stream(138, 8, 34, 200, 1), 0);
	model_free(&model);
}

static void joins_pages_and_knows_a_stream_on_two_of_them(void **state)
{
	static const char page[] = "{\"sampled_at\":1,\"streams\":[{\"slot\":1,\"pid\":1,"
				   "\"labels\":null},{\"slot\":2,\"pid\":1,\"labels\":{}},9]}";
	static const char next[] = "{\"sampled_at\":2,\"streams\":[{\"slot\":2,\"pid\":1},"
				   "{\"slot\":4,\"pid\":1}]}";
	struct model model = { .max_gap = 10 };

	(void)state;
	assert_int_equal(model_take(&model, reading(PART_STREAMS, page, next), 0), 0);
	assert_int_equal(model.views[PART_STREAMS].sheet->count, 3);
	assert_string_equal(cell(&model, PART_STREAMS, 0, "ENDPOINT")->text, "(not known yet)");
	assert_string_equal(cell(&model, PART_STREAMS, 1, "ENDPOINT")->text, "(none)");
	model_free(&model);
}

/* ---- taps, and what is no answer --------------------------------------------------------------- */

static void shows_which_taps_are_down_and_why(void **state)
{
	struct model model = { .max_gap = 10 };

	(void)state;
	model_take(&model,
		   reading(PART_TAPS,
			   "{\"taps\":[{\"function\":\"zmq_send\",\"up\":true,\"reason\":\"x\","
			   "\"processes\":3},{\"function\":\"zmq_recv\",\"up\":false,"
			   "\"reason\":\"stripped\"}]}",
			   NULL),
		   0);
	assert_string_equal(cell(&model, PART_TAPS, 0, "TAP")->text, "up");
	assert_int_equal(cell(&model, PART_TAPS, 0, "WHY NOT")->kind, VALUE_NONE);
	assert_string_equal(cell(&model, PART_TAPS, 1, "TAP")->text, "DOWN");
	assert_string_equal(cell(&model, PART_TAPS, 1, "WHY NOT")->text, "stripped");
	assert_true(model.views[PART_TAPS].sheet->rows[1].bad);
	model_free(&model);
}

static void keeps_what_it_has_while_there_is_no_answer(void **state)
{
	struct model model = { .max_gap = 10 };

	(void)state;
	model_take(&model, reading(PART_KERNELS, KERNELS, LIVE), 100);
	assert_false(model.link.lost);
	assert_int_equal(model.link.back_at, 0);
	model_take(&model, failure(PART_KERNELS, "refused"), 101);
	model_take(&model, failure(PART_KERNELS, "refused"), 105);
	assert_true(model.link.lost && model.link.lost_at == 101);
	assert_string_equal(model.link.why, "refused");
	assert_int_equal(model.views[PART_KERNELS].sheet->count, 3);
	model_take(&model, reading(PART_KERNELS, KERNELS, LIVE), 108);
	assert_false(model.link.lost);
	assert_true(model.link.back_at == 108 && model.link.away == 7);
	/* one part fails: a gateway has no streams */
	model_take(&model, failure(PART_STREAMS, "404"), 109);
	assert_false(model.link.lost);
	assert_string_equal(model.views[PART_STREAMS].why, "404");
	model_free(&model);
}

static void takes_answers_that_are_something_else(void **state)
{
	static const char *const answers[] = {
		"{}",
		"{\"kernels\":{},\"streams\":5,\"taps\":\"x\"}",
		"{\"kernels\":[1,{\"id\":3},null],\"streams\":[1,null],\"taps\":[1,null,{}]}",
		"{\"kernels\":[{\"id\":\"x\",\"systems\":[1],\"name\":{}}],"
		"\"streams\":[{\"slot\":\"a\",\"labels\":[],\"age_seconds\":{}}],"
		"\"taps\":[{\"up\":3,\"function\":[]}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct model model = { .max_gap = 10 };

		for (enum part part = 0; part < PART_COUNT; part++)
			for (int again = 0; again < 2; again++)
				assert_int_equal(model_take(&model,
							    reading(part, answers[i],
								    "{\"by_kernel\":{\"x\":"
								    "{\"gauge\":7,\"rate\":"
								    "{\"cache_hits\":[]}}}}"),
							    0),
						 0);
		model_free(&model);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_what_live_stat_says),
		cmocka_unit_test(adds_up_all_kernels),
		cmocka_unit_test(has_columns_of_rpc_and_cache_only_where_there_are_some),
		cmocka_unit_test(computes_rates_from_two_readings),
		cmocka_unit_test(subtracts_nothing_from_another_stream),
		cmocka_unit_test(joins_pages_and_knows_a_stream_on_two_of_them),
		cmocka_unit_test(shows_which_taps_are_down_and_why),
		cmocka_unit_test(keeps_what_it_has_while_there_is_no_answer),
		cmocka_unit_test(takes_answers_that_are_something_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
