/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "util/options.h"

#define MS 1000000ull
#define SECOND (1000 * MS)
#define MAX_ARGS 8

struct target {
	char *text;
	struct option_texts texts;
	uint64_t number;
	struct option_numbers numbers;
	uint64_t duration, seconds;
	unsigned choice;
	int yes;
};

static int is_lower(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyz") == strlen(text);
}

static const struct option_spec specs[] = {
	{ "text", OPTION_TEXT, offsetof(struct target, text), .argument = "TEXT" },
	{ "web.texts", OPTION_TEXTS, offsetof(struct target, texts), .argument = "WORD",
	  .value = "first", .valid = is_lower, .expected = "a word in lower case" },
	{ "number", OPTION_NUMBER, offsetof(struct target, number), .argument = "N", .value = "7",
	  .min = 1, .max = 100 },
	{ "numbers", OPTION_NUMBERS, offsetof(struct target, numbers), .argument = "N",
	  .max = UINT64_MAX },
	{ "web.the-duration", OPTION_DURATION, offsetof(struct target, duration),
	  .argument = "DURATION", .value = "10s", .min = 100 * MS, .max = 90 * SECOND },
	{ "seconds", OPTION_SECONDS, offsetof(struct target, seconds), .argument = "SECONDS",
	  .value = "0.25", .min = 100 * MS, .max = 60 * SECOND },
	{ "choice", OPTION_CHOICE, offsetof(struct target, choice), .argument = "red|green|blue",
	  .value = "green" },
	{ "yes", OPTION_BOOL, offsetof(struct target, yes), .argument = NULL },
	{ "config", OPTION_TEXT, offsetof(struct target, text), .argument = "FILE",
	  .not_in_file = 1 },
	{ .name = NULL },
};

static struct target target;
static struct options options;

static int set_up(void **state)
{
	(void)state;
	memset(&target, 0, sizeof(target));
	return options_init(&options, specs, &target);
}

static int tear_down(void **state)
{
	(void)state;
	options_free(&options);
	return 0;
}

/* The arguments end with NULL. Returns the error's text, "" if there is none. */
static const char *parse(const char *const args[MAX_ARGS])
{
	static char err[512];
	char *argv[MAX_ARGS + 1] = { (char *)"run" };
	int argc = 1, ret;

	for (; args[argc - 1]; argc++)
		argv[argc] = (char *)args[argc - 1];
	err[0] = '\0';
	ret = options_parse_args(&options, argc, argv, err, sizeof(err));
	assert_int_equal(ret, err[0] ? -EINVAL : 0);
	return err;
}
#define PARSE(...) parse((const char *const[MAX_ARGS]){ __VA_ARGS__ })

/* Reads `text` as the file "t.yaml". Returns all errors, each with a newline. */
static const char *parse_file(const char *text)
{
	static char all[2048];
	struct yaml_errors errors = YAML_ERRORS_INIT;
	FILE *file = fopen("t.yaml", "w");
	int ret;

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	ret = options_parse_file(&options, "t.yaml", &errors);
	all[0] = '\0';
	for (size_t i = 0; i < errors.count; i++) {
		strncat(all, errors.lines[i], sizeof(all) - strlen(all) - 1);
		strncat(all, "\n", sizeof(all) - strlen(all) - 1);
	}
	assert_int_equal(ret, errors.count ? -EINVAL : 0);
	yaml_errors_free(&errors);
	return all;
}

/* ---- the command line -------------------------------------------------------------------- */

static void without_arguments_the_defaults_hold(void **state)
{
	(void)state;
	assert_string_equal(PARSE(NULL), "");
	assert_null(target.text);
	assert_int_equal(target.texts.count, 1);
	assert_string_equal(target.texts.items[0], "first");
	assert_int_equal(target.number, 7);
	assert_int_equal(target.numbers.count, 0);
	assert_int_equal(target.duration, 10 * SECOND);
	assert_int_equal(target.seconds, 250 * MS);
	assert_int_equal(target.choice, 1);
	assert_int_equal(target.yes, 0);
}

static void a_value_follows_an_equals_sign_or_is_the_next_argument(void **state)
{
	(void)state;
	assert_string_equal(PARSE("--text=a=b", "--number", "8", "--web.the-duration=1.5s",
				  "--seconds", "2", "--choice=blue"),
			    "");
	assert_string_equal(target.text, "a=b");
	assert_int_equal(target.number, 8);
	assert_int_equal(target.duration, 1500 * MS);
	assert_int_equal(target.seconds, 2 * SECOND);
	assert_int_equal(target.choice, 2);
}

static void a_list_on_the_command_line_replaces_its_default(void **state)
{
	(void)state;
	assert_string_equal(PARSE("--web.texts=a", "--numbers=1", "--web.texts", "b",
				  "--numbers=18446744073709551615"),
			    "");
	assert_int_equal(target.texts.count, 2);
	assert_string_equal(target.texts.items[0], "a");
	assert_string_equal(target.texts.items[1], "b");
	assert_int_equal(target.numbers.count, 2);
	assert_int_equal(target.numbers.items[0], 1);
	assert_true(target.numbers.items[1] == UINT64_MAX);
}

static void of_an_option_that_is_no_list_the_last_one_counts(void **state)
{
	(void)state;
	assert_string_equal(PARSE("--text=a", "--text=b", "--number=1", "--number=2"), "");
	assert_string_equal(target.text, "b");
	assert_int_equal(target.number, 2);
}

static void a_bool_needs_no_value_and_takes_none_from_the_next_argument(void **state)
{
	(void)state;
	assert_string_equal(PARSE("--yes", "--number=2"), "");
	assert_int_equal(target.yes, 1);
	assert_string_equal(PARSE("--yes=false"), "");
	assert_int_equal(target.yes, 0);
	assert_string_equal(PARSE("--yes=true"), "");
	assert_int_equal(target.yes, 1);
	assert_string_equal(PARSE("--yes", "true"),
			    "unexpected argument 'true', expected flags only");
}

static void values_at_the_limits_are_allowed(void **state)
{
	(void)state;
	assert_string_equal(PARSE("--number=1", "--web.the-duration=100ms", "--seconds=60"), "");
	assert_string_equal(PARSE("--number=100", "--web.the-duration=90s", "--seconds=0.1"), "");
}

static void every_wrong_argument_is_explained_in_one_line(void **state)
{
	static const struct {
		const char *first, *second, *err;
	} cases[] = {
		{ "--web.text=a", NULL, "unknown flag --web.text, did you mean --web.texts?" },
		{ "--web.the-durations", "x",
		  "unknown flag --web.the-durations, did you mean --web.the-duration?" },
		{ "-number=1", NULL, "unknown flag -number, did you mean --number?" },
		{ "--zzzzzzzz=1", NULL, "unknown flag --zzzzzzzz, --help lists all" },
		{ "--no\nsense=\n", NULL, "unknown flag --no?sense, --help lists all" },
		{ "-x", NULL, "unknown flag -x, --help lists all" },
		{ "-", NULL, "unknown flag -, --help lists all" },
		{ "--", NULL, "unknown flag --, --help lists all" },
		{ "--=1", NULL, "unknown flag --, --help lists all" },
		{ "", NULL, "unexpected argument '', expected flags only" },
		{ "text", NULL, "unexpected argument 'text', expected flags only" },
		{ "--text", NULL, "--text: found nothing, expected TEXT" },
		{ "--text=", NULL, "--text: found nothing, expected TEXT" },
		{ "--text", "--number=1", "--text: found nothing, expected TEXT" },
		{ "--web.texts=ABC", NULL,
		  "--web.texts: found 'ABC', expected a word in lower case" },
		{ "--number", NULL,
		  "--number: found nothing, expected a whole number from 1 to 100" },
		{ "--number=0", NULL,
		  "--number: found '0', expected a whole number from 1 to 100" },
		{ "--number=101", NULL,
		  "--number: found '101', expected a whole number from 1 to 100" },
		{ "--number=-1", NULL,
		  "--number: found '-1', expected a whole number from 1 to 100" },
		{ "--number", "-1", "--number: found '-1', expected a whole number from 1 to 100" },
		{ "--number=+1", NULL,
		  "--number: found '+1', expected a whole number from 1 to 100" },
		{ "--number= 1", NULL,
		  "--number: found ' 1', expected a whole number from 1 to 100" },
		{ "--number=0x10", NULL,
		  "--number: found '0x10', expected a whole number from 1 to 100" },
		{ "--number=1.5", NULL,
		  "--number: found '1.5', expected a whole number from 1 to 100" },
		/* 2^64 + 7 */
		{ "--number=18446744073709551623", NULL,
		  "--number: found '18446744073709551623', expected a whole number from 1 to 100" },
		{ "--numbers=18446744073709551616", NULL,
		  "--numbers: found '18446744073709551616', expected a whole number from 0 to "
		  "18446744073709551615" },
		{ "--web.the-duration=10", NULL,
		  "--web.the-duration: found '10', expected a duration from 100ms to 90s" },
		{ "--web.the-duration=99ms", NULL,
		  "--web.the-duration: found '99ms', expected a duration from 100ms to 90s" },
		{ "--web.the-duration=91s", NULL,
		  "--web.the-duration: found '91s', expected a duration from 100ms to 90s" },
		{ "--seconds=1s", NULL,
		  "--seconds: found '1s', expected a number of seconds from 0.1 to 60" },
		{ "--seconds=1m", NULL,
		  "--seconds: found '1m', expected a number of seconds from 0.1 to 60" },
		{ "--seconds=.5", NULL,
		  "--seconds: found '.5', expected a number of seconds from 0.1 to 60" },
		{ "--seconds=60.1", NULL,
		  "--seconds: found '60.1', expected a number of seconds from 0.1 to 60" },
		{ "--seconds=1111111111111111111111111111111111111111", NULL,
		  "--seconds: found '1111111111111111111111111111111111111111', expected a number "
		  "of seconds from 0.1 to 60" },
		{ "--choice=gre", NULL, "--choice: found 'gre', expected red, green or blue" },
		{ "--choice=red|green", NULL,
		  "--choice: found 'red|green', expected red, green or blue" },
		{ "--choice=", NULL, "--choice: found nothing, expected red, green or blue" },
		{ "--yes=1", NULL, "--yes: found '1', expected true or false" },
		{ "--yes=", NULL, "--yes: found nothing, expected true or false" },
		{ "--choice=a\x1b[2J\xff", NULL,
		  "--choice: found 'a?[2J\xef\xbf\xbd', expected red, green or blue" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(PARSE(cases[i].first, cases[i].second), cases[i].err);
}

static void a_very_long_argument_is_cut_in_the_error(void **state)
{
	char arg[5000] = "--";

	(void)state;
	memset(arg + 2, 'x', sizeof(arg) - 3);
	assert_string_equal(PARSE(arg),
			    "unknown flag "
			    "--xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..."
			    ", --help lists all");
}

static void a_default_that_is_not_valid_is_an_error(void **state)
{
	const struct option_spec bad[] = {
		{ "number", OPTION_NUMBER, offsetof(struct target, number), .value = "9",
		  .max = 8 },
		{ .name = NULL },
	};
	struct target unused = { 0 };
	struct options o;

	(void)state;
	assert_int_equal(options_init(&o, bad, &unused), -EINVAL);
	options_free(&o);
}

/* ---- the file ---------------------------------------------------------------------------- */

static void a_file_has_the_same_keys_dotted_or_nested(void **state)
{
	static const char *const files[] = {
		"web.texts: [a, b]\nweb.the-duration: 20s\nnumber: 9\nseconds: 0.5\nchoice: blue\n"
		"yes: true\nnumbers: [4, 5]\ntext: hello\n",
		"web:\n  texts:\n  - a\n  - b\n  the-duration: 20s\nnumber: '9'\nseconds: 0.5\n"
		"choice: blue\nyes: true\nnumbers: [4, 5]\ntext: hello\n",
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		tear_down(NULL);
		set_up(NULL);
		assert_string_equal(parse_file(files[i]), "");
		assert_int_equal(target.texts.count, 2);
		assert_string_equal(target.texts.items[0], "a");
		assert_string_equal(target.texts.items[1], "b");
		assert_int_equal(target.duration, 20 * SECOND);
		assert_int_equal(target.number, 9);
		assert_int_equal(target.seconds, 500 * MS);
		assert_int_equal(target.choice, 2);
		assert_int_equal(target.yes, 1);
		assert_int_equal(target.numbers.count, 2);
		assert_int_equal(target.numbers.items[1], 5);
		assert_string_equal(target.text, "hello");
	}
}

static void a_list_of_one_needs_no_brackets(void **state)
{
	(void)state;
	assert_string_equal(parse_file("web.texts: a\nnumbers: 3\n"), "");
	assert_int_equal(target.texts.count, 1);
	assert_string_equal(target.texts.items[0], "a");
	assert_int_equal(target.numbers.count, 1);
	assert_int_equal(target.numbers.items[0], 3);
}

static void the_command_line_beats_the_file(void **state)
{
	(void)state;
	assert_string_equal(PARSE("--number=5", "--web.texts=x"), "");
	assert_string_equal(parse_file("number: 6\nweb: {texts: [y, z]}\nchoice: red\n"), "");
	assert_int_equal(target.number, 5);
	assert_int_equal(target.texts.count, 1);
	assert_string_equal(target.texts.items[0], "x");
	assert_int_equal(target.choice, 0);
}

static void the_file_is_checked_even_where_the_command_line_beats_it(void **state)
{
	(void)state;
	assert_string_equal(PARSE("--number=5"), "");
	assert_string_equal(parse_file("number: 600\n"),
			    "t.yaml:1:9: found '600', expected a whole number from 1 to 100\n");
}

static void every_error_of_a_file_is_told_with_its_place(void **state)
{
	static const struct {
		const char *file, *errors;
	} cases[] = {
		{ "numbr: 1\nchoice: pink\nweb:\n  the-durtion: 1s\n  texts: [a, B]\n",
		  "t.yaml:1:1: unknown key 'numbr', did you mean 'number'?\n"
		  "t.yaml:2:9: found 'pink', expected red, green or blue\n"
		  "t.yaml:4:3: unknown key 'web.the-durtion', did you mean 'web.the-duration'?\n"
		  "t.yaml:5:14: found 'B', expected a word in lower case\n" },
		{ "zzzzzzzzz: 1\n",
		  "t.yaml:1:1: unknown key 'zzzzzzzzz', expected the name of a flag "
		  "without its dashes\n" },
		{ "--number: 1\n", "t.yaml:1:1: unknown key '--number', did you mean 'number'?\n" },
		{ "number:\n",
		  "t.yaml:1:8: found nothing, expected a whole number from 1 to 100\n" },
		{ "number: [1]\n",
		  "t.yaml:1:9: found a list, expected a whole number from 1 to 100\n" },
		{ "number: {a: 1}\n",
		  "t.yaml:1:9: found a map, expected a whole number from 1 to 100\n" },
		{ "numbers: []\n",
		  "t.yaml:1:10: found an empty list, expected a whole number from 0 "
		  "to 18446744073709551615\n" },
		{ "numbers: [[1]]\n",
		  "t.yaml:1:11: found a list, expected a whole number from 0 to "
		  "18446744073709551615\n" },
		{ "web: x\n", "t.yaml:1:6: found 'x', expected a map\n" },
		{ "web: [x]\n", "t.yaml:1:6: found a list, expected a map\n" },
		{ "- number\n", "t.yaml:1:1: found a list, expected a map\n" },
		{ "web: {texts: a}\nweb.texts: b\n",
		  "t.yaml:2:1: 'web.texts' was given before, on line 1\n" },
		{ "number: 1\nnumber: 2\n", "t.yaml:2:1: key 'number' was given before, on line 1\n"
					    "t.yaml:2:1: 'number' was given before, on line 1\n" },
		{ "config: other.yaml\n", "t.yaml:1:1: 'config' is only for the command line\n" },
		{ "text: ''\n", "t.yaml:1:7: found nothing, expected TEXT\n" },
		{ "yes: yes\n", "t.yaml:1:6: found 'yes', expected true or false\n" },
		{ "'': 1\n", "t.yaml:1:1: unknown key '', expected the name of a flag without its "
			     "dashes\n" },
		{ "web: {'': 1}\n", "t.yaml:1:7: unknown key 'web.', expected the name of a flag "
				    "without its dashes\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(parse_file(cases[i].file), cases[i].errors);
}

static void a_key_of_any_length_is_only_unknown(void **state)
{
	char key[1001] = "", file[1010];

	(void)state;
	memset(key, 'k', sizeof(key) - 1);
	snprintf(file, sizeof(file), "%s: 1\n", key);
	assert_non_null(strstr(parse_file(file), "t.yaml:1:1: unknown key 'kkkk"));
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;

	(void)state;
	assert_int_equal(options_parse_file(&options, "no/such.yaml", &errors), -ENOENT);
	assert_int_equal(errors.count, 1);
	assert_string_equal(errors.lines[0], "no/such.yaml: No such file or directory");
	yaml_errors_free(&errors);
}

/* ---- the tests --------------------------------------------------------------------------- */

static char directory[] = "/tmp/test_options.XXXXXX";

static int enter_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) && !chdir(directory) ? 0 : -1;
}

static int leave_directory(void **state)
{
	(void)state;
	unlink("t.yaml");
	return chdir("/") || rmdir(directory) ? -1 : 0;
}

static void takes_letters_and_arguments_where_there_is_a_place_for_them(void **state)
{
	static const struct option_spec with_letters[] = {
		{ "output", OPTION_CHOICE, offsetof(struct target, choice), .letter = 'o',
		  .argument = "table|json" },
		{ "yes", OPTION_BOOL, offsetof(struct target, yes), .letter = 'y' },
		{ .name = NULL },
	};
	char *const argv[] = { "stat", "a", "-o", "json", "-y", "b", "--", "-o", "--yes", "--" };
	char *const wrong[] = { "stat", "-oy" };
	struct option_texts arguments = { 0 };
	struct target t = { 0 };
	struct options o;
	char err[256] = "";

	(void)state;
	assert_int_equal(options_init(&o, with_letters, &t), 0);
	o.arguments = &arguments;
	assert_int_equal(options_parse_args(&o, 10, argv, err, sizeof(err)), 0);
	assert_int_equal(t.choice, 1);
	assert_int_equal(t.yes, 1);
	assert_int_equal(arguments.count, 5);
	assert_string_equal(arguments.items[0], "a");
	assert_string_equal(arguments.items[1], "b");
	assert_string_equal(arguments.items[2], "-o");
	assert_string_equal(arguments.items[4], "--");
	option_texts_free(&arguments);
	assert_int_equal(options_parse_args(&o, 2, wrong, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "unknown flag -oy, --help lists all");
	options_free(&o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(takes_letters_and_arguments_where_there_is_a_place_for_them),
		TEST(without_arguments_the_defaults_hold),
		TEST(a_value_follows_an_equals_sign_or_is_the_next_argument),
		TEST(a_list_on_the_command_line_replaces_its_default),
		TEST(of_an_option_that_is_no_list_the_last_one_counts),
		TEST(a_bool_needs_no_value_and_takes_none_from_the_next_argument),
		TEST(values_at_the_limits_are_allowed),
		TEST(every_wrong_argument_is_explained_in_one_line),
		TEST(a_very_long_argument_is_cut_in_the_error),
		TEST(a_default_that_is_not_valid_is_an_error),
		TEST(a_file_has_the_same_keys_dotted_or_nested),
		TEST(a_list_of_one_needs_no_brackets),
		TEST(the_command_line_beats_the_file),
		TEST(the_file_is_checked_even_where_the_command_line_beats_it),
		TEST(every_error_of_a_file_is_told_with_its_place),
		TEST(a_key_of_any_length_is_only_unknown),
		TEST(a_file_that_cannot_be_read_says_why),
	};

	return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
