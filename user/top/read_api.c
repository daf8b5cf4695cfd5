/* SPDX-License-Identifier: Apache-2.0 */
#include "top/read_api.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE 10000 /* streams, the most that the API allows */
#define MAX_PAGES 100

struct asking {
	const struct api *api;
	const char *window;
	json_t *answers;
	char *why;
};

static int keep(struct asking *asking, struct api_answer *answer)
{
	int failed = json_array_append(asking->answers, answer->root);

	api_answer_free(answer);
	if (failed)
		snprintf(asking->why, READING_ERR_LEN, "no memory");
	return failed ? -ENOMEM : 0;
}

static int get(struct asking *asking, const char *path)
{
	struct api_answer answer = { 0 };
	int err = api_get(asking->api, path, &answer, asking->why, READING_ERR_LEN);

	return err ? err : keep(asking, &answer);
}

static int get_live_stat(struct asking *asking, const char *const *ids, size_t count)
{
	static const struct option_texts all = { 0 };
	struct api_answer answer = { 0 };
	int err = api_live_stat(asking->api, ids, count, &all, asking->window, &answer, asking->why,
				READING_ERR_LEN);

	return err ? err : keep(asking, &answer);
}

static int get_kernels(struct asking *asking)
{
	const json_t *kernels;
	const char **ids;
	size_t count = 0;
	int err = get(asking, "/api/v1/kernels");

	if (err)
		return err;
	kernels = json_object_get(json_array_get(asking->answers, 0), "kernels");
	ids = calloc(json_array_size(kernels) + 1, sizeof(*ids));
	if (!ids) {
		snprintf(asking->why, READING_ERR_LEN, "no memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < json_array_size(kernels); i++) {
		const char *id =
			json_string_value(json_object_get(json_array_get(kernels, i), "id"));

		if (id)
			ids[count++] = id;
	}
	for (size_t at = 0; at < count && !err; at += API_MAX_IDS)
		err = get_live_stat(asking, ids + at,
				    count - at < API_MAX_IDS ? count - at : API_MAX_IDS);
	free(ids);
	return err;
}

/* Streams that come and go between two pages may be missing, or be on both. */
static int get_streams(struct asking *asking)
{
	json_int_t offset = 0;

	for (size_t page = 0; page < MAX_PAGES; page++) {
		const json_t *next;
		char path[128];
		int err;

		snprintf(path, sizeof(path), "/api/v1/streams?offset=%lld&limit=%d",
			 (long long)offset, PAGE);
		err = get(asking, path);
		if (err)
			return err;
		next = json_object_get(json_array_get(asking->answers, page), "next_offset");
		if (!json_is_integer(next) || json_integer_value(next) <= offset)
			return 0;
		offset = json_integer_value(next);
	}
	return 0;
}

static int get_taps(struct asking *asking)
{
	return get(asking, "/api/v1/taps");
}

struct reading *read_api(const struct api *api, unsigned parts, const char *window)
{
	static int (*const getters[PART_COUNT])(struct asking *) = {
		[PART_KERNELS] = get_kernels,
		[PART_STREAMS] = get_streams,
		[PART_TAPS] = get_taps,
	};
	struct reading *reading = calloc(1, sizeof(*reading));

	if (!reading)
		return NULL;
	reading->parts = parts;
	for (enum part part = 0; part < PART_COUNT; part++) {
		struct asking asking = { .api = api, .window = window, .why = reading->why[part] };

		if (!(parts & PART_BIT(part)))
			continue;
		reading->answers[part] = asking.answers = json_array();
		if (!asking.answers) {
			reading__free(reading);
			return NULL;
		}
		reading->err[part] = getters[part](&asking);
		if (reading->err[part] && part == PART_KERNELS)
			break;
	}
	return reading;
}
