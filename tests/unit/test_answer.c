/* SPDX-License-Identifier: Apache-2.0 */
/* LDLIBS: -ljansson */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "relay/answer.h"

#define ID "3f4e1a0c9b8d7e6f5a4b3c2d1e0f99887766554433221100ffeeddccbbaa9988"
#define OK_HEAD "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"
#define LABELS(text) OK_HEAD "{\"Id\":\"" ID "\",\"Config\":{\"Labels\":{" text "}}}"

static void parse(enum relay_source source, const char *container, const char *data, size_t len,
		  struct relay_answer *out)
{
	*out = (struct relay_answer){ .source = source };
	snprintf(out->container, sizeof(out->container), "%s", container);
	answer_parse(data, len, out);
}

static void an_inspected_container_has_name_and_labels(void **state)
{
	static const char text[] = LABELS(
		"\"ai.backend.kernel-id\":\"k1\",\"ai.backend.access-key\":\"secret\","
		"\"io.kubernetes.pod.name\":\"web-0\",\"io.kubernetes.pod.namespace\":\"shop\"");
	struct relay_answer answer;

	(void)state;
	parse(RELAY_ENGINE, ID, text, strlen(text), &answer);
	assert_int_equal(answer.status, RELAY_OK);
	assert_string_equal(answer.kernel_id, "k1");
	assert_string_equal(answer.pod, "web-0");
	assert_string_equal(answer.namespace, "shop");
	assert_string_equal(answer.name, "");
}

static void answers_are_understood_or_not(void **state)
{
	static const struct {
		enum relay_source source;
		const char *container, *text;
		enum relay_status status;
		const char *name;
	} cases[] = {
		{ RELAY_ENGINE, ID, OK_HEAD "{\"Id\":\"" ID "\",\"Name\":\"/web\"}", RELAY_OK,
		  "web" },
		{ RELAY_ENGINE, ID, OK_HEAD "{\"Id\":\"" ID "\",\"Name\":\"web\"}", RELAY_OK,
		  "web" },
		{ RELAY_ENGINE, "3f4e1a0c9b8d", OK_HEAD "{\"Id\":\"" ID "\"}", RELAY_OK, "" },
		{ RELAY_ENGINE, ID, OK_HEAD "{\"Id\":\"" ID "\",\"Name\":7,\"Config\":[]}",
		  RELAY_OK, "" },
		{ RELAY_ENGINE, ID, OK_HEAD "{\"Id\":\"" ID "\",\"Name\":\"/a\\u0007\"}", RELAY_OK,
		  "" },
		/* another container's */
		{ RELAY_ENGINE, ID, OK_HEAD "{\"Id\":\"4f4e1a0c9b8d\",\"Name\":\"/web\"}",
		  RELAY_BAD, "" },
		{ RELAY_ENGINE, ID, OK_HEAD "{\"Id\":\"3f4e1a0c9b8d\",\"Name\":\"/web\"}",
		  RELAY_BAD, "" },
		{ RELAY_ENGINE, ID, OK_HEAD "{\"Name\":\"/web\"}", RELAY_BAD, "" },
		{ RELAY_ENGINE, ID, OK_HEAD "{\"Id\":{}}", RELAY_BAD, "" },
		/* not HTTP, or not what was hoped for */
		{ RELAY_ENGINE, ID, "HTTP/1.0 404 Not Found\r\n\r\n{\"message\":\"no such\"}",
		  RELAY_UNKNOWN, "" },
		{ RELAY_ENGINE, ID, "HTTP/1.1 500 Oops\r\n\r\n", RELAY_BAD, "" },
		{ RELAY_ENGINE, ID, "HTTP/1.0 200 OK\r\n{\"Id\":\"" ID "\"}", RELAY_BAD, "" },
		{ RELAY_ENGINE, ID, "{\"Id\":\"" ID "\"}", RELAY_BAD, "" },
		{ RELAY_ENGINE, ID, "HTTP/1.0 \r\n\r\n", RELAY_BAD, "" },
		{ RELAY_ENGINE, ID, "\r\n\r\n", RELAY_BAD, "" },
		{ RELAY_ENGINE, ID, "", RELAY_BAD, "" },
		/* not JSON */
		{ RELAY_ENGINE, ID, OK_HEAD, RELAY_BAD, "" },
		{ RELAY_ENGINE, ID, OK_HEAD "{\"Id\":\"" ID "\"", RELAY_BAD, "" },
		{ RELAY_ENGINE, ID, OK_HEAD "{\"Id\":\"" ID "\"}x", RELAY_BAD, "" },
		{ RELAY_ENGINE, ID, OK_HEAD "{\"Id\":\"" ID "\",\"Id\":\"" ID "\"}", RELAY_BAD,
		  "" },
		{ RELAY_ENGINE, ID, OK_HEAD "{\"Id\":\"\xff\"}", RELAY_BAD, "" },
		{ RELAY_ENGINE, ID, OK_HEAD "[1,2]", RELAY_BAD, "" },
		/* state files */
		{ RELAY_STATE_FILE, ID,
		  "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"c\"}}", RELAY_OK, "c" },
		{ RELAY_STATE_FILE, ID,
		  "{\"annotations\":{\"io.kubernetes.container.name\":\"c\"}}", RELAY_OK, "c" },
		{ RELAY_STATE_FILE, ID, "{\"annotations\":{\"nerdctl/name\":\"c\"}}", RELAY_OK,
		  "c" },
		{ RELAY_STATE_FILE, ID, "{\"process\":{\"env\":[\"BACKENDAI_KERNEL_ID=k\"]}}",
		  RELAY_OK, "" },
		{ RELAY_STATE_FILE, ID, "{}", RELAY_OK, "" },
		{ RELAY_STATE_FILE, ID, "[]", RELAY_BAD, "" },
		{ RELAY_STATE_FILE, ID, "", RELAY_BAD, "" },
	};
	struct relay_answer answer;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		parse(cases[i].source, cases[i].container, cases[i].text, strlen(cases[i].text),
		      &answer);
		if (answer.status != cases[i].status || strcmp(answer.name, cases[i].name) != 0)
			fail_msg("case %zu: %u '%s'", i, answer.status, answer.name);
		assert_string_equal(answer.kernel_id, "");
	}
}

static void a_containerd_state_file_names_the_pod(void **state)
{
	static const char text[] = "{\"ociVersion\":\"1.1.0\",\"annotations\":{"
				   "\"io.kubernetes.cri.sandbox-name\":\"web-0\","
				   "\"io.kubernetes.cri.sandbox-namespace\":\"shop\","
				   "\"ai.backend.kernel-id\":\"not a label of an engine\"}}";
	struct relay_answer answer;

	(void)state;
	parse(RELAY_STATE_FILE, ID, text, strlen(text), &answer);
	assert_int_equal(answer.status, RELAY_OK);
	assert_string_equal(answer.pod, "web-0");
	assert_string_equal(answer.namespace, "shop");
	assert_string_equal(answer.kernel_id, "");
}

static void a_name_that_does_not_fit_is_left_out(void **state)
{
	struct relay_answer answer;
	char text[1024], name[200];

	(void)state;
	for (size_t len = 126; len <= 129; len++) {
		memset(name, 'k', len);
		name[len] = 0;
		snprintf(text, sizeof(text), LABELS("\"ai.backend.kernel-id\":\"%s\""), name);
		parse(RELAY_ENGINE, ID, text, strlen(text), &answer);
		assert_int_equal(answer.status, RELAY_OK);
		assert_string_equal(answer.kernel_id, len < 128 ? name : "");
	}
}

static void what_is_too_long_or_too_deep_is_bad(void **state)
{
	size_t len = ANSWER_MAX + 1;
	char *text = malloc(len);
	struct relay_answer answer;

	(void)state;
	assert_non_null(text);
	memset(text, '[', len);
	parse(RELAY_STATE_FILE, ID, text, len, &answer);
	assert_int_equal(answer.status, RELAY_BAD);
	parse(RELAY_STATE_FILE, ID, text, len - 1, &answer);
	assert_int_equal(answer.status, RELAY_BAD);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_inspected_container_has_name_and_labels),
		cmocka_unit_test(answers_are_understood_or_not),
		cmocka_unit_test(a_containerd_state_file_names_the_pod),
		cmocka_unit_test(a_name_that_does_not_fit_is_left_out),
		cmocka_unit_test(what_is_too_long_or_too_deep_is_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
