/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "util/yaml.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct yaml_node *read_good(const char *text)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct yaml_node *root;

	assert_int_equal(yaml__parse("f", text, strlen(text), &root, &errors), 0);
	assert_int_equal(errors.count, 0);
	assert_non_null(root);
	yaml_errors_free(&errors);
	return root;
}

/* Asserts what the errors of a text are, a line each. has_tree: there is a tree all the same. */
static void expect_errors(const char *text, size_t size, const char *expected, int has_tree)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct yaml_node *root;
	char all[4096] = "";

	assert_int_equal(yaml__parse("f", text, size, &root, &errors), -EINVAL);
	assert_int_equal(!!root, has_tree);
	for (size_t i = 0; i < errors.count; i++) {
		strncat(all, errors.lines[i], sizeof(all) - strlen(all) - 1);
		strncat(all, "\n", sizeof(all) - strlen(all) - 1);
	}
	assert_string_equal(all, expected);
	yaml__free(root);
	yaml_errors_free(&errors);
}

static void a_file_becomes_a_tree_that_knows_its_places(void **state)
{
	struct yaml_node *root = read_good("# comment\n"
					   "name: tcp\n"
					   "list:\n"
					   "  - one\n"
					   "  - \"two\"\n"
					   "empty:\n"
					   "map: {k\xc3\xb6y: 'v', l: []}\n");
	const struct yaml_node *node;

	(void)state;
	assert_int_equal(root->kind, YAML_MAP);
	assert_int_equal(root->count, 4);
	assert_int_equal(root->line, 2);
	assert_int_equal(root->column, 1);
	node = yaml_get(root, "name");
	assert_int_equal(node->kind, YAML_TEXT);
	assert_string_equal(node->text, "tcp");
	assert_string_equal(node->key, "name");
	assert_int_equal(node->key_line, 2);
	assert_int_equal(node->key_column, 1);
	assert_int_equal(node->line, 2);
	assert_int_equal(node->column, 7);
	assert_false(node->quoted);
	node = yaml_get(root, "list");
	assert_int_equal(node->kind, YAML_LIST);
	assert_int_equal(node->count, 2);
	assert_int_equal(node->line, 4);
	assert_int_equal(node->column, 3);
	node = node->first->next;
	assert_string_equal(node->text, "two");
	assert_true(node->quoted);
	assert_null(node->key);
	assert_null(node->next);
	assert_int_equal(node->line, 5);
	assert_int_equal(node->column, 5);
	assert_string_equal(yaml_get(root, "empty")->text, "");
	node = yaml_get(root, "map");
	assert_int_equal(node->kind, YAML_MAP);
	assert_int_equal(node->line, 7);
	assert_int_equal(node->column, 6);
	assert_true(yaml_get(node, "k\xc3\xb6y")->quoted);
	/* columns are characters, not bytes */
	assert_int_equal(yaml_get(node, "l")->key_column, 17);
	assert_int_equal(yaml_get(node, "l")->count, 0);
	assert_null(yaml_get(root, "other"));
	assert_null(yaml_get(yaml_get(root, "list"), "one"));
	yaml__free(root);
}

static void the_top_may_be_of_any_kind(void **state)
{
	static const char *const nothing[] = { "", "# nothing\n" };
	struct yaml_node *root = read_good("just text");

	(void)state;
	assert_int_equal(root->kind, YAML_TEXT);
	yaml__free(root);
	root = read_good("[a]");
	assert_int_equal(root->kind, YAML_LIST);
	yaml__free(root);
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		root = read_good(nothing[i]);
		assert_true(root->kind == YAML_MAP && !root->count && root->line == 1);
		yaml__free(root);
	}
	root = read_good("\xef\xbb\xbf---\na: 1\n...\n");
	assert_string_equal(yaml_get(root, "a")->text, "1");
	yaml__free(root);
}

/* These end the reading: what comes after them cannot be understood. */
static const struct {
	const char *text, *errors;
} fatal[] = {
	{ "a: b: c", "f:1:5: not YAML: mapping values are not allowed in this context\n" },
	{ "a:\n\tb: 1\n",
	  "f:2:1: not YAML: found character that cannot start any token while scanning for the "
	  "next token\n" },
	{ "a: [1, 2\nb: 3\n",
	  "f:2:2: not YAML: did not find expected ',' or ']' while parsing a flow sequence\n" },
	{ "a: \"x\n",
	  "f:2:1: not YAML: found unexpected end of stream while scanning a quoted scalar\n" },
	{ "a: 1\n  b: 2\n", "f:2:4: not YAML: mapping values are not allowed in this context\n" },
	{ "a: 1\n---\nb: 2\n", "f:2:1: found a second document, expected the end\n" },
	{ "? [a]\n: b\n", "f:1:3: found something else, expected a text as the key\n" },
	{ "? {a: b}\n: b\n", "f:1:3: found something else, expected a text as the key\n" },
	{ "a: 1\n\xc3\xa4: \xff\n", "f:2:4: not YAML: invalid leading UTF-8 octet\n" },
	{ "a: \xc3", "f:1:4: not YAML: incomplete UTF-8 octet sequence\n" },
	{ "a: \xc0\x80", "f:1:4: not YAML: invalid length of a UTF-8 sequence\n" },
	{ "a: \xed\xa0\x80", "f:1:4: not YAML: invalid Unicode character\n" },
	{ "%TAG ! x\n--- a", "f:1:1: tags (%TAG) are not allowed\n" },
	{ "# x\n%TAG ! x\n--- a", "f:2:1: tags (%TAG) are not allowed\n" },
	{ "a: \x1b[31m", "f:1:4: not YAML: control characters are not allowed\n" },
};

static void text_that_is_not_yaml_is_refused_with_the_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(fatal); i++)
		expect_errors(fatal[i].text, strlen(fatal[i].text), fatal[i].errors, 0);
}

static void a_nul_byte_is_refused(void **state)
{
	(void)state;
	expect_errors("a: b\0c", 6, "f:1:5: not YAML: control characters are not allowed\n", 0);
	expect_errors("\0", 1, "f:1:1: not YAML: control characters are not allowed\n", 0);
	expect_errors("a: \"b\\0c\"", 9, "f:1:4: found a NUL byte in a text\n", 1);
	expect_errors("\"b\\0c\": 1", 9, "f:1:1: found a NUL byte in a text\n", 1);
}

static void other_encodings_than_utf_8_are_refused(void **state)
{
	(void)state;
	expect_errors("\xff\xfe"
		      "a\0:\0 \0b\0",
		      10, "f:1:1: not YAML: invalid leading UTF-8 octet\n", 0);
}

/* These are all reported, and the tree is there for further checks. */
static const struct {
	const char *text, *errors;
} tolerated[] = {
	{ "a: 1\nb: 2\na: 3\n", "f:3:1: key 'a' was given before, on line 1\n" },
	{ "a: 1\na: 2\na: 3\n", "f:2:1: key 'a' was given before, on line 1\n"
				"f:3:1: key 'a' was given before, on line 1\n" },
	{ "m: {x: 1, \"x\": 2}\n", "f:1:11: key 'x' was given before, on line 1\n" },
	{ "a: &x 1\nb: *x\n", "f:1:4: anchors and aliases (& and *) are not allowed\n"
			      "f:2:4: anchors and aliases (& and *) are not allowed\n" },
	{ "a: &x [1]\n", "f:1:4: anchors and aliases (& and *) are not allowed\n" },
	{ "a: &x {b: 1}\n", "f:1:4: anchors and aliases (& and *) are not allowed\n" },
	{ "&x a: 1\n", "f:1:1: anchors and aliases (& and *) are not allowed\n" },
	{ "a: !!str 1\n", "f:1:4: tags (!) are not allowed\n" },
	{ "a: !x [1]\n", "f:1:4: tags (!) are not allowed\n" },
	{ "!x {a: 1}\n", "f:1:1: tags (!) are not allowed\n" },
	{ "*x\n", "f:1:1: anchors and aliases (& and *) are not allowed\n" },
};

static void keys_given_twice_aliases_and_tags_are_all_reported(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(tolerated); i++)
		expect_errors(tolerated[i].text, strlen(tolerated[i].text), tolerated[i].errors, 1);
}

static void a_billion_laughs_are_refused(void **state)
{
	char text[2000] = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct yaml_node *root;

	(void)state;
	for (int i = 1; i < 20; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i,
			 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	assert_int_equal(yaml__parse("f", text, strlen(text), &root, &errors), -EINVAL);
	assert_int_equal(errors.count, 20 + 19 * 8);
	yaml__free(root);
	yaml_errors_free(&errors);
}

/* To be freed. */
static char *repeat(const char *piece, size_t count, const char *end)
{
	size_t size = count * strlen(piece) + strlen(end) + 1, len = 0;
	char *text = malloc(size);

	assert_non_null(text);
	for (size_t i = 0; i < count; i++)
		len += snprintf(text + len, size - len, "%s", piece);
	snprintf(text + len, size - len, "%s", end);
	return text;
}

static void sixteen_levels_are_the_deepest(void **state)
{
	char *text = repeat("[", 16, "]]]]]]]]]]]]]]]]");

	(void)state;
	yaml__free(read_good(text));
	free(text);
	text = repeat("[", 17, "]]]]]]]]]]]]]]]]]");
	expect_errors(text, strlen(text),
		      "f:1:17: found more than 16 maps and lists inside each other\n", 0);
	free(text);
	text = repeat("- ", 17, "x");
	expect_errors(text, strlen(text),
		      "f:1:33: found more than 16 maps and lists inside each other\n", 0);
	free(text);
	text = repeat("[", 1000000, "");
	expect_errors(text, strlen(text),
		      "f:1:17: found more than 16 maps and lists inside each other\n", 0);
	free(text);
	text = repeat("{a: ", 200000, "");
	expect_errors(text, strlen(text),
		      "f:1:65: found more than 16 maps and lists inside each other\n", 0);
	free(text);
}

static void ten_thousand_values_are_the_most(void **state)
{
	char *text = repeat("- x\n", 9999, "");

	(void)state;
	yaml__free(read_good(text));
	free(text);
	text = repeat("- x\n", 10000, "");
	expect_errors(text, strlen(text), "f:10000:3: found more than 10000 values\n", 0);
	free(text);
}

static void a_mebibyte_is_the_most(void **state)
{
	char *text = repeat("x", YAML_MAX_SIZE, "");

	(void)state;
	yaml__free(read_good(text));
	free(text);
	text = repeat("x", YAML_MAX_SIZE + 1, "");
	expect_errors(text, strlen(text), "f:1:1: found 1048577 bytes, expected at most 1048576\n",
		      0);
	free(text);
}

static void nine_thousand_keys_given_twice_are_reported_in_time(void **state)
{
	char *text = repeat("a: 1\n", 9000, "");
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct yaml_node *root;

	(void)state;
	assert_int_equal(yaml__parse("f", text, strlen(text), &root, &errors), -EINVAL);
	assert_int_equal(errors.count, 8999);
	yaml__free(root);
	yaml_errors_free(&errors);
	free(text);
}

static void errors_of_several_files_gather_in_one_list(void **state)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct yaml_node *root;

	(void)state;
	assert_int_equal(yaml__parse("one", "{", 1, &root, &errors), -EINVAL);
	assert_int_equal(yaml__parse("two", "a: 1", 4, &root, &errors), 0);
	yaml__free(root);
	assert_int_equal(yaml__parse("three", "}", 1, &root, &errors), -EINVAL);
	assert_int_equal(errors.count, 2);
	assert_non_null(strstr(errors.lines[0], "one:"));
	assert_non_null(strstr(errors.lines[1], "three:1:1: not YAML: did not find expected"));
	yaml_errors_free(&errors);
	assert_int_equal(errors.count, 0);
}

static void unknown_keys_are_reported_with_what_was_meant(void **state)
{
	static const char *const keys[] = { "symbol", "bytes" };
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct yaml_node *root = read_good("symbol: 1\nbites: 2\nwhatever: 3\n\"\\e[31m\": 4\n");

	(void)state;
	errors.file = "f";
	yaml_check_keys(&errors, root, keys, COUNT_OF(keys));
	assert_int_equal(errors.count, 3);
	assert_string_equal(errors.lines[0], "f:2:1: unknown key 'bites', did you mean 'bytes'?");
	assert_string_equal(errors.lines[1],
			    "f:3:1: unknown key 'whatever', expected one of: symbol, bytes");
	assert_string_equal(errors.lines[2],
			    "f:4:1: unknown key '?[31m', expected one of: symbol, bytes");
	yaml_check_keys(&errors, root->first, keys, COUNT_OF(keys));
	assert_int_equal(errors.count, 3);
	yaml_errors_free(&errors);
	yaml__free(root);
}

static void a_choice_is_one_of_its_words(void **state)
{
	static const char *const words[] = { "client", "server" };
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct yaml_node *root = read_good("[server, severs, both, '', [], {a: 1}]");
	struct yaml_node *node = root->first;

	(void)state;
	errors.file = "f";
	assert_int_equal(yaml_choice(&errors, node, words, 2), 1);
	assert_int_equal(errors.count, 0);
	for (node = node->next; node; node = node->next)
		assert_int_equal(yaml_choice(&errors, node, words, 2), -1);
	assert_int_equal(errors.count, 5);
	assert_string_equal(errors.lines[0],
			    "f:1:10: unknown value 'severs', did you mean 'server'?");
	assert_string_equal(errors.lines[1],
			    "f:1:18: unknown value 'both', expected one of: client, server");
	assert_string_equal(errors.lines[2],
			    "f:1:24: found nothing, expected one of: client, server");
	assert_string_equal(errors.lines[3],
			    "f:1:28: found a list, expected one of: client, server");
	assert_string_equal(errors.lines[4],
			    "f:1:32: found a map, expected one of: client, server");
	yaml_errors_free(&errors);
	yaml__free(root);
}

static void a_long_list_of_words_is_cut(void **state)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct yaml_node *root = read_good("k: nothing-like-it");
	const char *words[200];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(words); i++)
		words[i] = "xxxxxxxx";
	errors.file = "f";
	assert_int_equal(yaml_choice(&errors, root->first, words, COUNT_OF(words)), -1);
	assert_non_null(
		strstr(errors.lines[0], "unknown k 'nothing-like-it', expected one of: xxxx"));
	assert_true(strlen(errors.lines[0]) < 600);
	yaml_errors_free(&errors);
	yaml__free(root);
}

static void write_file(char *path, const void *data, size_t size)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

static void a_file_is_read_from_disk(void **state)
{
	char path[] = "/tmp/test_yaml.XXXXXX", line[100];
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct yaml_node *root;

	(void)state;
	write_file(path, "a: 1\na: 2\n", 10);
	assert_int_equal(yaml__load(path, &root, &errors), -EINVAL);
	unlink(path);
	assert_string_equal(yaml_get(root, "a")->text, "1");
	snprintf(line, sizeof(line), "%s:2:1: key 'a' was given before, on line 1", path);
	assert_string_equal(errors.lines[0], line);
	yaml__free(root);
	yaml_errors_free(&errors);
}

static void a_file_that_cannot_be_read_is_an_error_with_its_name(void **state)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct yaml_node *root;

	(void)state;
	assert_int_equal(yaml__load("/nowhere/x.yaml", &root, &errors), -ENOENT);
	assert_null(root);
	assert_int_equal(yaml__load("/", &root, &errors), -EISDIR);
	assert_null(root);
	/* endless */
	assert_int_equal(yaml__load("/dev/zero", &root, &errors), -EINVAL);
	assert_null(root);
	assert_int_equal(errors.count, 3);
	assert_string_equal(errors.lines[0], "/nowhere/x.yaml: No such file or directory");
	assert_string_equal(errors.lines[1], "/: Is a directory");
	assert_string_equal(errors.lines[2],
			    "/dev/zero:1:1: found 1048577 bytes, expected at most 1048576");
	yaml_errors_free(&errors);
}

/* Any bytes: no crash, no leak, and an error has a line. */
static void random_bytes_are_survived(void **state)
{
	static const char alphabet[] = "ab: -\n[]{},\"'&*!|>%#?\t\\0\xc3\xa4\xff";

	(void)state;
	srand(1);
	for (int round = 0; round < 50000; round++) {
		struct yaml_errors errors = YAML_ERRORS_INIT;
		struct yaml_node *root;
		char text[40];
		size_t len = rand() % sizeof(text);
		int err;

		for (size_t i = 0; i < len; i++)
			text[i] = alphabet[rand() % (sizeof(alphabet) - 1)];
		err = yaml__parse("f", text, len, &root, &errors);
		assert_true(err == 0 || err == -EINVAL);
		assert_int_equal(err == 0, errors.count == 0);
		assert_true(err || root);
		yaml__free(root);
		yaml_errors_free(&errors);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_becomes_a_tree_that_knows_its_places),
		cmocka_unit_test(the_top_may_be_of_any_kind),
		cmocka_unit_test(text_that_is_not_yaml_is_refused_with_the_place),
		cmocka_unit_test(a_nul_byte_is_refused),
		cmocka_unit_test(other_encodings_than_utf_8_are_refused),
		cmocka_unit_test(keys_given_twice_aliases_and_tags_are_all_reported),
		cmocka_unit_test(a_billion_laughs_are_refused),
		cmocka_unit_test(sixteen_levels_are_the_deepest),
		cmocka_unit_test(ten_thousand_values_are_the_most),
		cmocka_unit_test(a_mebibyte_is_the_most),
		cmocka_unit_test(nine_thousand_keys_given_twice_are_reported_in_time),
		cmocka_unit_test(errors_of_several_files_gather_in_one_list),
		cmocka_unit_test(unknown_keys_are_reported_with_what_was_meant),
		cmocka_unit_test(a_choice_is_one_of_its_words),
		cmocka_unit_test(a_long_list_of_words_is_cut),
		cmocka_unit_test(a_file_is_read_from_disk),
		cmocka_unit_test(a_file_that_cannot_be_read_is_an_error_with_its_name),
		cmocka_unit_test(random_bytes_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
