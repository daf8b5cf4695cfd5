/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/samples.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util/json.h"

#define MAX_WARNINGS 8 /* that are passed on */

struct sample {
	const json_t *labels;
	double value;
};

const char *sample_label(const struct sample *sample, const char *name)
{
	const char *value = json_string_value(json_object_get(sample->labels, name));

	return value ? value : "";
}

double sample_value(const struct sample *sample)
{
	return sample->value;
}

/* "1.5", "NaN", "+Inf": the number is text, since JSON's numbers lack some of them. */
static int read_number(const json_t *json, double *number)
{
	const char *text = json_string_value(json);
	char *end;

	if (!text || !*text || *text == ' ')
		return -EINVAL;
	*number = strtod(text, &end);
	return *end ? -EINVAL : 0;
}

/* {"metric": {"a": "b"}, "value": [1793334567.1, "1.5"]} */
static int read_sample(const json_t *json, struct sample *sample)
{
	const json_t *value = json_object_get(json, "value");

	sample->labels = json_object_get(json, "metric");
	if (!json_is_object(sample->labels) || json_array_size(value) != 2)
		return -EINVAL;
	return read_number(json_array_get(value, 1), &sample->value);
}

static int read_vector(const json_t *data, const struct samples_callbacks *callbacks, size_t *bad,
		       char *why, size_t why_len)
{
	const char *type = json_string_value(json_object_get(data, "resultType"));
	const json_t *result = json_object_get(data, "result");

	if (!type || strcmp(type, "vector") != 0 || !json_is_array(result)) {
		snprintf(why, why_len, "the answer is no vector");
		return -EINVAL;
	}
	for (size_t i = 0; i < json_array_size(result); i++) {
		struct sample sample;

		if (read_sample(json_array_get(result, i), &sample))
			++*bad;
		else
			callbacks->sample(callbacks->arg, &sample);
	}
	return 0;
}

static void pass_warnings(const json_t *root, const struct samples_callbacks *callbacks)
{
	const json_t *warnings = json_object_get(root, "warnings");

	for (size_t i = 0; i < json_array_size(warnings) && i < MAX_WARNINGS; i++) {
		const char *text = json_string_value(json_array_get(warnings, i));

		if (text)
			callbacks->warning(callbacks->arg, text);
	}
}

/* The query has failed: what does the engine say? */
static int read_error(const json_t *root, char *why, size_t why_len)
{
	const char *type = json_string_value(json_object_get(root, "errorType"));
	const char *text = json_string_value(json_object_get(root, "error"));

	snprintf(why, why_len, "%s", text && text[0] ? text : "no answer to a query");
	return type && !strcmp(type, "timeout") ? -ETIMEDOUT : -EINVAL;
}

static int read_root(const json_t *root, const struct samples_callbacks *callbacks, size_t *bad,
		     char *why, size_t why_len)
{
	const char *status = json_string_value(json_object_get(root, "status"));

	if (!status || strcmp(status, "success") != 0)
		return read_error(root, why, why_len);
	pass_warnings(root, callbacks);
	return read_vector(json_object_get(root, "data"), callbacks, bad, why, why_len);
}

int samples_read(const char *text, size_t len, const struct samples_callbacks *callbacks,
		 size_t *bad, char *why, size_t why_len)
{
	json_t *root;
	int ret;

	root = json_read(text, len, 0, NULL);
	if (!root) {
		int no_memory = errno == ENOMEM;

		snprintf(why, why_len, no_memory ? "out of memory" : "the answer is not JSON");
		return no_memory ? -ENOMEM : -EINVAL;
	}
	ret = read_root(root, callbacks, bad, why, why_len);
	json_decref(root);
	return ret;
}
