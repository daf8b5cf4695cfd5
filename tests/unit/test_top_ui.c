/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -lm */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "top/batch.h"
#include "top/draw.h"
#include "top/keys.h"

#define MAX_ROWS 40
#define MAX_COLUMNS 120

/* A terminal of ASCII: each cell has a character and a style. */
struct paper {
	size_t rows, columns;
	char cells[MAX_ROWS][MAX_COLUMNS + 1];
	char styles[MAX_ROWS][MAX_COLUMNS + 1];
};

static struct paper paper;
static struct model model;
static struct ui ui;

static void put(void *to, size_t row, size_t column, enum style style, const char *text)
{
	struct paper *on = to;

	assert_true(row < on->rows);
	assert_true(column + strlen(text) <= on->columns);
	for (size_t i = 0; text[i]; i++) {
		assert_true(text[i] >= ' ' && text[i] < 0x7f);
		on->cells[row][column + i] = text[i];
		on->styles[row][column + i] = (char)('0' + style);
	}
}

static void show(size_t columns, size_t rows)
{
	struct canvas canvas = { .rows = rows, .columns = columns, .to = &paper, .put = put };

	paper.rows = rows;
	paper.columns = columns;
	for (size_t i = 0; i < rows; i++) {
		memset(paper.cells[i], ' ', columns);
		memset(paper.styles[i], '0', columns);
		paper.cells[i][columns] = paper.styles[i][columns] = '\0';
	}
	assert_int_equal(ui_arrange(&ui, &model, draw_width(columns), draw_height(rows)), 0);
	draw(&canvas, &ui, &model, "http://x", 1000);
}

static int sees(const char *text)
{
	for (size_t i = 0; i < paper.rows; i++)
		if (strstr(paper.cells[i], text))
			return 1;
	return 0;
}

static void expect(const char *text)
{
	if (sees(text))
		return;
	for (size_t i = 0; i < paper.rows; i++)
		print_error("%s\n", paper.cells[i]);
	fail_msg("'%s' is not seen", text);
}

/* The line of the n-th row of the table begins so. */
static void expect_row(size_t n, const char *begin)
{
	if (strncmp(paper.cells[4 + n], begin, strlen(begin)) != 0)
		fail_msg("'%s' does not begin with '%s'", paper.cells[4 + n], begin);
}

static void press(const char *text)
{
	for (; *text; text++) {
		struct input input = { .kind = INPUT_CHAR, .text = { *text } };

		assert_int_equal(ui_input(&ui, &input), 0);
		show(80, 24);
	}
}

static void press_key(enum input_kind kind)
{
	assert_int_equal(ui_input(&ui, &(struct input){ .kind = kind }), 0);
	show(80, 24);
}

static void take(enum part part, const char *first, const char *second)
{
	struct reading *reading = calloc(1, sizeof(*reading));

	reading->parts = PART_BIT(part);
	reading->answers[part] = json_array();
	json_array_append_new(reading->answers[part], json_loads(first, 0, NULL));
	if (second)
		json_array_append_new(reading->answers[part], json_loads(second, 0, NULL));
	assert_int_equal(json_array_size(reading->answers[part]), second ? 2 : 1);
	assert_int_equal(model_take(&model, reading, 1000), 0);
}

static void take_kernels(int a, int b)
{
	char live[512];

	snprintf(live, sizeof(live),
		 "{\"sampled_at\":%d,\"by_kernel\":{\"alpha\":{\"rate\":{\"zmq_send_messages\":"
		 "{\"current\":%d}}},\"be\\u001bta\":{\"rate\":{\"zmq_send_messages\":"
		 "{\"current\":%d},\"zmq_recv_messages\":{\"current\":5}}}}}",
		 a + b, a, b);
	take(PART_KERNELS,
	     "{\"kernels\":[{\"id\":\"alpha\",\"processes\":1,\"systems\":[\"zmq\"]},"
	     "{\"id\":\"be\\u001bta\",\"processes\":2},{\"id\":\"gamma\",\"pod\":\"web\"}]}",
	     live);
}

static int set_up(void **state)
{
	(void)state;
	ui_init(&ui, PART_KERNELS, 0);
	model = (struct model){ .max_gap = 10 };
	take_kernels(10, 20);
	take(PART_STREAMS,
	     "{\"sampled_at\":1,\"streams\":[{\"slot\":1,\"pid\":11,\"messages\":7,\"labels\":"
	     "{\"kernel_id\":\"alpha\",\"endpoint\":\"tcp://one\"}},{\"slot\":2,\"pid\":12,"
	     "\"labels\":{\"kernel_id\":\"gamma\",\"endpoint\":\"tcp://two\"}}]}",
	     NULL);
	take(PART_TAPS,
	     "{\"sampled_at\":1,\"taps\":[{\"function\":\"up_one\",\"up\":true},"
	     "{\"function\":\"lost\",\"up\":false,\"reason\":\"no such symbol\"}]}",
	     NULL);
	show(80, 24);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ui_free(&ui);
	model_free(&model);
	return 0;
}

/* ---- tests ------------------------------------------------------------------------------------- */

static void begins_with_the_busiest_kernel(void **state)
{
	(void)state;
	expect("3 kernels  send 30/s  recv 5/s");
	expect("[1 Kernels] 2 Streams  3 Taps  3 of 3 by SEND/s falling");
	expect_row(0, "be?ta ");
	expect_row(1, "alpha ");
	expect_row(2, "gamma ");
	/* the selected row, all across */
	assert_int_equal(strspn(paper.styles[4], "4"), 80);
	assert_int_equal(strspn(paper.styles[5], "4"), 0);
}

static void sorts_by_the_column_beside_and_the_other_way_round(void **state)
{
	(void)state;
	press("<");
	expect("by KERNEL rising");
	expect_row(0, "alpha ");
	press("r");
	expect("by KERNEL falling");
	expect_row(0, "gamma ");
	press(">>");
	expect("by RECV/s falling");
	press("<<<");
	/* the last one, which was out of sight */
	expect("by POD rising");
	expect("POD ");
	expect_row(0, "gamma ");
}

static void scrolls_columns(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++)
		press_key(INPUT_RIGHT);
	expect("POD ");
	assert_false(sees("SEND/s  RECV/s"));
	for (int i = 0; i < 40; i++)
		press_key(INPUT_LEFT);
	expect("SEND/s  RECV/s");
}

static void filters_while_it_is_typed(void **state)
{
	(void)state;
	press("/wEq");
	expect("/wEq_");
	expect("0 of 3");
	assert_false(ui.quit);
	press_key(INPUT_BACKSPACE);
	expect("1 of 3");
	expect_row(0, "gamma ");
	press_key(INPUT_ENTER);
	expect("/wE 1 of 3");
	press_key(INPUT_ESCAPE);
	expect("3 of 3");
	press("/x");
	press_key(INPUT_ESCAPE);
	expect("3 of 3");
	for (int i = 0; i < 2 * UI_FILTER_LEN; i++)
		press(i ? "a" : "/");
	assert_int_equal(strlen(ui.views[PART_KERNELS].filter), UI_FILTER_LEN - 1);
}

static void drills_down_and_comes_back(void **state)
{
	(void)state;
	press_key(INPUT_DOWN);
	press_key(INPUT_ENTER);
	expect("[2 Streams] 3 Taps  of alpha 1 of 2");
	expect_row(0, "tcp://one ");
	assert_false(sees("tcp://two"));
	press_key(INPUT_ENTER);
	expect("ENDPOINT      tcp://one");
	expect("MSGS          7");
	press_key(INPUT_ESCAPE);
	expect_row(0, "tcp://one ");
	press_key(INPUT_ESCAPE);
	expect("[1 Kernels]");
	press("2");
	expect("2 of 2");
	press_key(INPUT_TAB);
	expect("[3 Taps]");
	expect_row(0, "lost");
	expect("no such symbol");
	press_key(INPUT_TAB);
	expect("[1 Kernels]");
	/* still where it was */
	press("i");
	expect("KERNEL        alpha");
	press_key(INPUT_ESCAPE);
	press_key(INPUT_HOME);
	press("i");
	expect("KERNEL        be?ta");
}

static void follows_the_selected_row(void **state)
{
	(void)state;
	press("j");
	assert_string_equal(ui_selected(&ui)->key, "alpha");
	take_kernels(50, 20);
	show(80, 24);
	expect_row(0, "alpha ");
	assert_string_equal(ui_selected(&ui)->key, "alpha");
	press_key(INPUT_END);
	assert_string_equal(ui_selected(&ui)->key, "gamma");
	press("j");
	assert_string_equal(ui_selected(&ui)->key, "gamma");
	press_key(INPUT_HOME);
	/* the first place, whoever is there */
	take_kernels(1, 20);
	show(80, 24);
	assert_string_equal(ui_selected(&ui)->key, "be\x1bta");
	press("k");
	press_key(INPUT_PAGE_DOWN);
	assert_string_equal(ui_selected(&ui)->key, "gamma");
	press_key(INPUT_PAGE_UP);
	assert_int_equal(ui.views[PART_KERNELS].cursor, 0);
}

static void freezes_what_is_seen_but_not_what_is_not_there_yet(void **state)
{
	struct model empty = { 0 };

	(void)state;
	assert_int_equal(ui_takes(&ui, &model), ~0u);
	press(" ");
	expect("FROZEN");
	assert_int_equal(ui_takes(&ui, &model), 0);
	assert_int_equal(ui_takes(&ui, &empty), PART_BIT(PART_KERNELS));
	press(" ");
	assert_false(sees("FROZEN"));
	press("2");
	assert_int_equal(ui_wants(&ui), PART_BIT(PART_KERNELS) | PART_BIT(PART_STREAMS));
}

static void helps(void **state)
{
	(void)state;
	press("?");
	for (const struct key_help *help = key_helps; help->keys; help++)
		expect(help->keys);
	show(80, 12);
	assert_false(sees("q             quit"));
	for (int i = 0; i < 99; i++)
		ui_input(&ui, &(struct input){ .kind = INPUT_DOWN });
	show(80, 12);
	expect("q             quit");
	press("h");
	assert_false(sees("q             quit"));
	press("hq");
	assert_true(ui.quit);
}

static void says_that_nobody_answers_and_that_somebody_does_again(void **state)
{
	struct reading *lost = calloc(1, sizeof(*lost));

	(void)state;
	lost->parts = PART_BIT(PART_KERNELS);
	lost->err[PART_KERNELS] = -111;
	strcpy(lost->why[PART_KERNELS], "cannot reach http://x");
	assert_int_equal(model_take(&model, lost, 995), 0);
	show(80, 24);
	expect("no answer since ");
	expect("trying again: cannot reach http://x");
	expect_row(0, "be?ta ");
	take_kernels(3, 4);
	show(80, 24);
	expect("answers again, after 5 s");
}

/* Of whatever size it is, and whatever is shown: put() sees to it that nothing stands outside. */
static void fits_any_terminal(void **state)
{
	(void)state;
	for (enum part part = 0; part < PART_COUNT; part++)
		for (enum ui_mode mode = 0; mode <= UI_HELP; mode++)
			for (size_t rows = 1; rows < MAX_ROWS; rows += 3)
				for (size_t columns = 1; columns < MAX_COLUMNS; columns += 3) {
					ui.view = part;
					ui.mode = mode;
					show(columns, rows);
				}
	ui.view = PART_KERNELS;
	ui.mode = UI_TABLE;
	show(40, 10);
	expect("[1 Kernels]");
	expect_row(0, "be?ta ");
	expect("SEND/s");
	show(10, 3);
	expect("too small");
}

static void prints_plain_tables(void **state)
{
	struct strbuf out = STRBUF_INIT;

	(void)state;
	assert_int_equal(batch_write(&model, PART_BIT(PART_KERNELS) | PART_BIT(PART_TAPS),
				     "http://x", 0, &out),
			 0);
	assert_non_null(strstr(out.data,
			       "KERNEL  SEND/s  RECV/s  SENT/s  RECVD/s  FAIL/s  CALLS  OLDEST  "
			       "PROCS  SYSTEMS  POD\n"
			       "alpha       10       -       -        -       -      -       -  "
			       "    1  zmq      -\n"
			       "be?ta       20       5       -        -       -      -       -  "
			       "    2  -        -\n"
			       "gamma        -       -       -        -       -      -       -  "
			       "    -  -        web\n\n"));
	assert_non_null(strstr(out.data, "FUNCTION  TAP   PROCS  WHY NOT         FILE  PROFILE\n"
					 "lost      DOWN      -  no such symbol  -     -\n"));
	assert_null(strstr(out.data, "ENDPOINT"));
	strbuf_free(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(begins_with_the_busiest_kernel),
		TEST(sorts_by_the_column_beside_and_the_other_way_round),
		TEST(scrolls_columns),
		TEST(filters_while_it_is_typed),
		TEST(drills_down_and_comes_back),
		TEST(follows_the_selected_row),
		TEST(freezes_what_is_seen_but_not_what_is_not_there_yet),
		TEST(helps),
		TEST(says_that_nobody_answers_and_that_somebody_does_again),
		TEST(fits_any_terminal),
		TEST(prints_plain_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
