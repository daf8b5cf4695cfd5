/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/livestat_request.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util/duration.h"
#include "util/json.h"
#include "util/utf8.h"

#define ALL_METRICS ((1u << LIVESTAT_METRICS) - 1)

static int add_metric(struct livestat_request *request, const char *name, char *err, size_t err_len)
{
	for (size_t i = 0; i < LIVESTAT_METRICS; i++) {
		if (!strcmp(name, livestat_metrics[i].name)) {
			request->metrics |= 1u << i;
			return 0;
		}
	}
	snprintf(err, err_len, "metrics: unknown metric \"%.64s\"", name);
	return -EINVAL;
}

static int set_window(struct livestat_request *request, const char *text, char *err, size_t err_len)
{
	uint64_t ns;

	if (duration_parse(text, &ns) || ns < LIVESTAT_MIN_WINDOW_NS ||
	    ns > LIVESTAT_MAX_WINDOW_NS) {
		snprintf(err, err_len,
			 "window: \"%.64s\" is not a duration between 1s and 600s, such as 10s",
			 text);
		return -EINVAL;
	}
	request->window_ns = ns;
	return 0;
}

static int set_shape(struct livestat_request *request, const char *name, char *err, size_t err_len)
{
	static const char *const shapes[] = {
		[LIVESTAT_NATIVE] = "native",
		[LIVESTAT_BACKENDAI] = "backendai",
		[LIVESTAT_BACKENDAI_AGENT] = "backendai-agent",
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		if (!strcmp(name, shapes[i])) {
			request->shape = (enum livestat_shape)i;
			return 0;
		}
	}
	snprintf(err, err_len,
		 "shape: unknown shape \"%.64s\", known are native, backendai and backendai-agent",
		 name);
	return -EINVAL;
}

static int reserve_ids(struct livestat_request *request, size_t count, size_t max, char *err,
		       size_t err_len)
{
	if (!count) {
		snprintf(err, err_len, "kernel_ids: at least one is needed");
		return -EINVAL;
	}
	if (count > max) {
		snprintf(err, err_len, "kernel_ids: %zu ids, at most %zu are allowed", count, max);
		return -E2BIG;
	}
	request->ids = reallocarray(NULL, count, sizeof(request->ids[0]));
	return request->ids ? 0 : -ENOMEM;
}

static int compare_ids(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* What was left out gets its default, and every id is kept once. */
static void complete(struct livestat_request *request)
{
	size_t kept = 0;

	if (!request->metrics)
		request->metrics = ALL_METRICS;
	if (!request->window_ns)
		request->window_ns = LIVESTAT_DEFAULT_WINDOW_NS;
	qsort(request->ids, request->id_count, sizeof(request->ids[0]), compare_ids);
	for (size_t i = 0; i < request->id_count; i++) {
		if (!kept || strcmp(request->ids[kept - 1], request->ids[i]) != 0)
			request->ids[kept++] = request->ids[i];
	}
	request->id_count = kept;
}

static int wrong_type(const char *field, const char *expected, char *err, size_t err_len)
{
	snprintf(err, err_len, "%s: must be %s", field, expected);
	return -EINVAL;
}

static int read_ids(const json_t *value, struct livestat_request *request, char *err,
		    size_t err_len)
{
	static const char expected[] = "a list of strings";
	int ret;

	if (!json_is_array(value))
		return wrong_type("kernel_ids", expected, err, err_len);
	ret = reserve_ids(request, json_array_size(value), LIVESTAT_MAX_IDS, err, err_len);
	if (ret)
		return ret;
	for (size_t i = 0; i < json_array_size(value); i++) {
		const char *id = json_string_value(json_array_get(value, i));

		if (!id)
			return wrong_type("kernel_ids", expected, err, err_len);
		request->ids[request->id_count++] = id;
	}
	return 0;
}

static int read_metrics(const json_t *value, struct livestat_request *request, char *err,
			size_t err_len)
{
	static const char expected[] = "a list of at least one string";
	int ret = 0;

	if (!json_is_array(value) || !json_array_size(value))
		return wrong_type("metrics", expected, err, err_len);
	for (size_t i = 0; i < json_array_size(value) && !ret; i++) {
		const char *name = json_string_value(json_array_get(value, i));

		ret = name ? add_metric(request, name, err, err_len) :
			     wrong_type("metrics", expected, err, err_len);
	}
	return ret;
}

static int read_field(const char *field, const json_t *value, struct livestat_request *request,
		      char *err, size_t err_len)
{
	const char *text = json_string_value(value);

	if (!strcmp(field, "kernel_ids"))
		return read_ids(value, request, err, err_len);
	if (!strcmp(field, "metrics"))
		return read_metrics(value, request, err, err_len);
	if (strcmp(field, "window") != 0 && strcmp(field, "shape") != 0) {
		snprintf(err, err_len, "%.64s: unknown field", field);
		return -EINVAL;
	}
	if (!text)
		return wrong_type(field, "a string", err, err_len);
	return !strcmp(field, "window") ? set_window(request, text, err, err_len) :
					  set_shape(request, text, err, err_len);
}

int livestat_parse_body(const char *body, size_t len, struct livestat_request *request, char *err,
			size_t err_len)
{
	json_error_t where;
	json_t *root, *value;
	const char *field;
	int ret = 0;

	*request = (struct livestat_request){ 0 };
	root = json_read(body, len, JSON_REJECT_DUPLICATES, &where);
	if (!root) {
		if (errno == ENOMEM)
			return -ENOMEM;
		snprintf(err, err_len, "body: not valid JSON: %s (line %d, column %d)", where.text,
			 where.line, where.column);
		return -EINVAL;
	}
	request->document = root;
	if (!json_is_object(root))
		return wrong_type("body", "an object", err, err_len);
	json_object_foreach(root, field, value) {
		ret = read_field(field, value, request, err, err_len);
		if (ret)
			return ret;
	}
	if (!request->ids)
		return reserve_ids(request, 0, LIVESTAT_MAX_IDS, err, err_len);
	complete(request);
	return 0;
}

/* Parameters that may appear only once. */
static int read_single(const struct http_parameter *p, struct livestat_request *request,
		       int *has_shape, char *err, size_t err_len)
{
	int is_window = !strcmp(p->name, "window");

	if (!is_window && strcmp(p->name, "shape") != 0) {
		snprintf(err, err_len, "%.64s: unknown parameter", p->name);
		return -EINVAL;
	}
	if (is_window ? request->window_ns != 0 : *has_shape) {
		snprintf(err, err_len, "%s: given twice", p->name);
		return -EINVAL;
	}
	if (is_window)
		return set_window(request, p->value, err, err_len);
	*has_shape = 1;
	return set_shape(request, p->value, err, err_len);
}

static int read_parameter(const struct http_parameter *p, struct livestat_request *request,
			  int *has_shape, char *err, size_t err_len)
{
	size_t len = strlen(p->value);

	/* every byte that is not UTF-8 would be replaced by three */
	if (!strcmp(p->name, "kernel_id") && utf8_copy(NULL, 0, p->value, len) != len)
		return wrong_type("kernel_id", "UTF-8", err, err_len);
	if (!strcmp(p->name, "kernel_id")) {
		request->ids[request->id_count++] = p->value;
		return 0;
	}
	if (!strcmp(p->name, "metric"))
		return add_metric(request, p->value, err, err_len);
	return read_single(p, request, has_shape, err, err_len);
}

int livestat_parse_query(const struct http_parameter *parameters, size_t count,
			 struct livestat_request *request, char *err, size_t err_len)
{
	size_t ids = 0;
	int ret, has_shape = 0;

	*request = (struct livestat_request){ 0 };
	for (size_t i = 0; i < count; i++)
		ids += !strcmp(parameters[i].name, "kernel_id");
	ret = reserve_ids(request, ids, LIVESTAT_MAX_QUERY_IDS, err, err_len);
	for (size_t i = 0; i < count && !ret; i++)
		ret = read_parameter(&parameters[i], request, &has_shape, err, err_len);
	if (!ret)
		complete(request);
	return ret;
}

void livestat_request_free(struct livestat_request *request)
{
	free(request->ids);
	json_decref(request->document);
	*request = (struct livestat_request){ 0 };
}
