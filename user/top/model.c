/* SPDX-License-Identifier: Apache-2.0 */
#include "top/model.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include "top/taps.h"

/* Of the first answer that says something about the kernels' numbers, or of the only one. */
static double sampled_at(const struct reading *reading, enum part part)
{
	const json_t *answers = reading->answers[part];
	size_t place = part == PART_KERNELS && json_array_size(answers) > 1;

	return json_number_value(json_object_get(json_array_get(answers, place), "sampled_at"));
}

static void add_to_total(struct model *model)
{
	double send = model->totals.send, receive = model->totals.receive;

	if (send < 0 && receive < 0)
		trend_add(&model->total, -1);
	else
		trend_add(&model->total, fmax(send, 0) + fmax(receive, 0));
}

static int make_kernels(struct model *model, struct reading *reading, int is_new,
			struct sheet **out)
{
	struct totals totals;
	int err = kernels_sheet(reading->answers[PART_KERNELS], &model->views[PART_KERNELS].trends,
				is_new, out, &totals);

	if (err)
		return err;
	model->totals = totals;
	if (is_new)
		add_to_total(model);
	return 0;
}

static int make_streams(struct model *model, struct reading *reading, struct sheet **out)
{
	double passed = sampled_at(reading, PART_STREAMS) - model->views[PART_STREAMS].sampled_at;

	if (fabs(passed) > model->max_gap)
		streams_before_free(&model->before);
	return streams_sheet(reading->answers[PART_STREAMS], &model->before,
			     &model->views[PART_STREAMS].trends, out);
}

/* *out stays as it is if there is nothing new. */
static int make(struct model *model, struct reading *reading, enum part part, struct sheet **out)
{
	const struct model_view *view = &model->views[part];
	int is_new = !view->sheet || view->sampled_at != sampled_at(reading, part);

	if (part == PART_KERNELS)
		return make_kernels(model, reading, is_new, out);
	if (part == PART_TAPS)
		return taps_sheet(reading->answers[PART_TAPS], out);
	/* the same snapshot again says nothing about rates */
	return is_new ? make_streams(model, reading, out) : 0;
}

static int take_part(struct model *model, struct reading *reading, enum part part)
{
	struct model_view *view = &model->views[part];
	struct sheet *sheet = NULL;
	int err;

	if (!reading->answers[part])
		return 0;
	if (reading->err[part]) {
		snprintf(view->why, sizeof(view->why), "%s", reading->why[part]);
		return 0;
	}
	view->why[0] = '\0';
	err = make(model, reading, part, &sheet);
	if (err || !sheet)
		return err;
	sheet__free(view->sheet);
	view->sheet = sheet;
	view->sampled_at = sampled_at(reading, part);
	return 0;
}

/* Counters may have begun anew: nothing is to be subtracted from what was before. */
static void take_link(struct model *model, const struct reading *reading, time_t now)
{
	struct model_link *link = &model->link;

	if (!(reading->parts & PART_BIT(PART_KERNELS)))
		return;
	if (reading->err[PART_KERNELS]) {
		if (!link->lost)
			link->lost_at = now;
		link->lost = 1;
		snprintf(link->why, sizeof(link->why), "%s", reading->why[PART_KERNELS]);
		streams_before_free(&model->before);
	} else if (link->lost) {
		link->lost = 0;
		link->back_at = now;
		link->away = now - link->lost_at;
	}
}

int model_take(struct model *model, struct reading *reading, time_t now)
{
	int err = 0;

	take_link(model, reading, now);
	for (enum part part = 0; part < PART_COUNT && !model->link.lost && !err; part++)
		if (reading->parts & PART_BIT(part))
			err = take_part(model, reading, part);
	reading__free(reading);
	return err;
}

void model_free(struct model *model)
{
	for (enum part part = 0; part < PART_COUNT; part++) {
		sheet__free(model->views[part].sheet);
		trends_free(&model->views[part].trends);
	}
	streams_before_free(&model->before);
	*model = (struct model){ 0 };
}
