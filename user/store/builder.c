/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a snapshot is filled. A stream's counters are over a kilobyte, most of it empty histogram
 * buckets, and there are up to 16 000 streams; so they are compacted the moment they come in
 * ("piece"), kept aside per series, and summed up at the end, one series after the other, straight
 * into the memory that the snapshot keeps. Pieces lie in an arena of their own that goes when the
 * snapshot is sealed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "store/labels.h"
#include "store/series_internal.h"
#include "store/snapshot_internal.h"

/*
 * One stream's counters, or the retired ones. The labels and what is known of live calls are not
 * used here.
 */
struct piece {
	struct piece *next;
	struct series_sample sample;
};

/* A series on its way into the snapshot. */
struct part {
	const struct series *series;
	const struct series_labels *labels; /* one reference, until it moves to the snapshot */
	struct piece *pieces;
	uint64_t oldest_ns;
	uint64_t backlog;
	uint64_t live_answers, live_results;
	uint32_t in_flight;
	uint32_t live_streams;
};

struct snapshot_builder {
	struct sealed *sealed;
	struct arena scratch;
	struct part *parts; /* in the order of appearance */
	size_t part_count, part_capacity;
	struct part **order; /* in the order of labels; made by add_retired, or at the end */
	size_t row_count, row_capacity; /* of sealed->rows */
	int rows_unsorted;
	struct tap_sample *taps;
	size_t tap_count, tap_capacity;
	struct function_sample *functions;
	size_t function_count, function_capacity;
	struct kernel_sample *kernels;
	size_t kernel_count, kernel_capacity;
	int err; /* of the first call that failed */
};

static int fail(struct snapshot_builder *b, int err)
{
	if (!b->err)
		b->err = err;
	return err;
}

int snapshot_builder__new(uint64_t mono_ns, uint64_t real_ns, uint64_t number,
			  struct snapshot_builder **out)
{
	struct snapshot_builder *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->sealed = calloc(1, sizeof(*b->sealed));
	if (!b->sealed) {
		free(b);
		return -ENOMEM;
	}
	atomic_init(&b->sealed->refs, 1);
	b->sealed->s.mono_ns = mono_ns;
	b->sealed->s.real_ns = real_ns;
	b->sealed->s.number = number;
	*out = b;
	return 0;
}

void snapshot_builder__free(struct snapshot_builder *b)
{
	size_t i;

	if (!b)
		return;
	for (i = 0; i < b->part_count; i++)
		labels__unref(b->parts[i].labels);
	free(b->parts);
	free(b->order);
	free(b->taps);
	free(b->functions);
	free(b->kernels);
	arena_free(&b->scratch);
	sealed_free(b->sealed);
	free(b);
}

struct snapshot *snapshot_builder__raw(struct snapshot_builder *b)
{
	return &b->sealed->s;
}

/* ---- compact form ---- */

static int compact_errors(struct arena *arena, const struct tm_errno_count *from,
			  struct series_sample *to)
{
	struct tm_errno_count *errors;
	uint16_t i, at, count = 0;

	to->errors = NULL;
	to->error_count = 0;
	while (count < TM_MAX_ERRNOS && from[count].error)
		count++;
	if (!count)
		return 0;
	errors = arena_array(arena, count, sizeof(*errors));
	if (!errors)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		for (at = i; at > 0 && errors[at - 1].error > from[i].error; at--)
			errors[at] = errors[at - 1];
		errors[at] = from[i];
	}
	to->errors = errors;
	to->error_count = count;
	return 0;
}

int compact_histogram(struct arena *arena, const uint64_t *from, struct hist_view *to)
{
	size_t first = 0, end = TM_HIST_BUCKETS;
	uint64_t *buckets;

	*to = (struct hist_view){ 0 };
	while (first < end && !from[first])
		first++;
	while (end > first && !from[end - 1])
		end--;
	if (first == end)
		return 0;
	buckets = arena_array(arena, end - first, sizeof(*buckets));
	if (!buckets)
		return -ENOMEM;
	memcpy(buckets, from + first, (end - first) * sizeof(*buckets));
	to->first = first;
	to->count = end - first;
	to->buckets = buckets;
	return 0;
}

static int compact_view(struct arena *arena, const struct counters *from, struct series_sample *to)
{
	uint64_t any = 0;
	void *view;

	to->view = NULL;
	for (size_t i = 0; i <= TM_VIEW_BOUNDS; i++)
		any |= from->view[i];
	if (!any)
		return 0;
	view = arena_alloc(arena, sizeof(from->view));
	if (!view)
		return -ENOMEM;
	to->view = memcpy(view, from->view, sizeof(from->view));
	return 0;
}

static int compact(struct arena *arena, const struct counters *from, struct series_sample *to)
{
	to->frames = from->frames;
	to->messages = from->messages;
	to->bytes = from->bytes;
	to->would_block = from->would_block;
	to->timeouts = from->timeouts;
	to->sum_ns = from->sum_ns;
	to->other_errors = from->other_errors;
	to->unknown_errors = from->unknown_errors;
	to->cache = from->cache;
	if (compact_errors(arena, from->errors, to) || compact_view(arena, from, to))
		return -ENOMEM;
	return compact_histogram(arena, from->hist, &to->hist);
}

static void expand(const struct series_sample *from, struct counters *to)
{
	*to = (struct counters){
		.frames = from->frames,
		.messages = from->messages,
		.bytes = from->bytes,
		.would_block = from->would_block,
		.timeouts = from->timeouts,
		.sum_ns = from->sum_ns,
		.other_errors = from->other_errors,
		.unknown_errors = from->unknown_errors,
		.cache = from->cache,
	};
	if (from->error_count)
		memcpy(to->errors, from->errors, from->error_count * sizeof(*to->errors));
	if (from->view)
		memcpy(to->view, from->view, sizeof(to->view));
	if (from->hist.count)
		memcpy(to->hist + from->hist.first, from->hist.buckets,
		       from->hist.count * sizeof(*to->hist));
}

/* ---- filling ---- */

static struct part *get_part(struct snapshot_builder *b, struct series *series)
{
	struct part *parts;

	if (series->builder_index < b->part_count &&
	    b->parts[series->builder_index].series == series)
		return &b->parts[series->builder_index];
	parts = array_grow(b->parts, b->part_count, &b->part_capacity, sizeof(*parts));
	if (!parts || b->part_count == UINT32_MAX)
		return NULL;
	b->parts = parts;
	series->builder_index = b->part_count;
	parts[b->part_count] = (struct part){
		.series = series,
		.labels = labels__ref(series->labels),
	};
	return &parts[b->part_count++];
}

static int add_piece(struct snapshot_builder *b, struct part *part, const struct counters *counters)
{
	struct piece *piece = arena_alloc(&b->scratch, sizeof(*piece));

	if (!piece || compact(&b->scratch, counters, &piece->sample))
		return -ENOMEM;
	piece->next = part->pieces;
	part->pieces = piece;
	return 0;
}

static int add_to_series(struct snapshot_builder *b, struct series *series,
			 const struct counters *counters, const struct stream_sample *row)
{
	struct part *part = get_part(b, series);
	struct counters admitted;

	if (!part)
		return -ENOMEM;
	if (counters->errors[0].error) {
		admitted = *counters;
		series__admit_errors(series, &admitted);
		counters = &admitted;
	}
	part->live_streams++;
	part->in_flight += row->in_flight;
	if (row->oldest_ns > part->oldest_ns)
		part->oldest_ns = row->oldest_ns;
	return add_piece(b, part, counters);
}

int snapshot_builder__add_stream(struct snapshot_builder *b, struct series *series,
				 const struct counters *counters, const struct stream_sample *row)
{
	struct stream_sample *rows = b->sealed->rows;

	if (b->order)
		return fail(b, -EINVAL);
	rows = array_grow(rows, b->row_count, &b->row_capacity, sizeof(*rows));
	if (!rows)
		return fail(b, -ENOMEM);
	b->sealed->rows = rows;
	if (b->row_count && rows[b->row_count - 1].slot > row->slot)
		b->rows_unsorted = 1;
	rows[b->row_count] = *row;
	rows[b->row_count++].labels = series ? series->labels : NULL;
	if (series && add_to_series(b, series, counters, row))
		return fail(b, -ENOMEM);
	return 0;
}

int snapshot_builder__add_counters(struct snapshot_builder *b, struct series *series,
				   const struct counters *counters)
{
	struct part *part = b->order ? NULL : get_part(b, series);

	if (!part || add_piece(b, part, counters))
		return fail(b, b->order ? -EINVAL : -ENOMEM);
	return 0;
}

int snapshot_builder__add_requests(struct snapshot_builder *b, struct series *series,
				   const struct counters *counters, uint32_t unanswered,
				   uint64_t oldest_ns)
{
	int err = snapshot_builder__add_counters(b, series, counters);
	struct part *part;

	if (err)
		return err;
	part = get_part(b, series);
	part->in_flight += unanswered;
	part->live_answers += counters->frames;
	part->live_results += counters->results;
	part->live_streams++;
	if (oldest_ns > part->oldest_ns)
		part->oldest_ns = oldest_ns;
	return 0;
}

int snapshot_builder__add_backlog(struct snapshot_builder *b, struct series *series,
				  uint64_t messages)
{
	struct part *part = b->order ? NULL : get_part(b, series);

	if (!part)
		return fail(b, b->order ? -EINVAL : -ENOMEM);
	part->backlog += messages;
	return 0;
}

int snapshot_builder__add_retired(struct snapshot_builder *b, struct series_table *table)
{
	size_t i, count = series_table__count(table);
	struct part *part;

	if (b->order)
		return fail(b, -EINVAL);
	for (i = 0; i < count; i++) {
		struct series *series = series_table__at(table, i);

		part = get_part(b, series);
		if (!part || (series->retired && add_piece(b, part, series->retired)))
			return fail(b, -ENOMEM);
	}
	if (b->part_count != count) /* a stream's series is of another table */
		return fail(b, -EINVAL);
	b->order = calloc(count + 1, sizeof(struct part *));
	if (!b->order)
		return fail(b, -ENOMEM);
	for (i = 0; i < count; i++)
		b->order[i] = &b->parts[series_table__at(table, i)->builder_index];
	return 0;
}

int snapshot_builder__add_tap(struct snapshot_builder *b, const struct tap_sample *tap)
{
	struct arena *arena = &b->sealed->arena;
	struct tap_sample *taps, copy = *tap;

	copy.profile = arena_string(arena, tap->profile);
	copy.path = arena_string(arena, tap->path);
	copy.function = arena_string(arena, tap->function);
	copy.attach = arena_string(arena, tap->attach);
	copy.instruction = arena_string(arena, tap->instruction);
	copy.placement = arena_string(arena, tap->placement);
	copy.reason = arena_string(arena, tap->reason);
	taps = array_grow(b->taps, b->tap_count, &b->tap_capacity, sizeof(*taps));
	if (taps)
		b->taps = taps;
	if (!taps || !copy.profile || !copy.path || !copy.function || !copy.attach ||
	    !copy.instruction || !copy.placement || !copy.reason)
		return fail(b, -ENOMEM);
	taps[b->tap_count++] = copy;
	return 0;
}

int snapshot_builder__add_function(struct snapshot_builder *b,
				   const struct function_sample *function)
{
	struct arena *arena = &b->sealed->arena;
	struct function_sample *functions, copy = *function;

	copy.profile = arena_string(arena, function->profile);
	copy.function = arena_string(arena, function->function);
	functions = array_grow(b->functions, b->function_count, &b->function_capacity,
			       sizeof(*functions));
	if (functions)
		b->functions = functions;
	if (!functions || !copy.profile || !copy.function)
		return fail(b, -ENOMEM);
	functions[b->function_count++] = copy;
	return 0;
}

int snapshot_builder__add_kernel(struct snapshot_builder *b, const struct kernel_sample *kernel)
{
	struct arena *arena = &b->sealed->arena;
	struct kernel_sample *kernels, copy = {
		.kernel_id = arena_string(arena, kernel->kernel_id),
		.container = arena_string(arena, kernel->container),
		.name = arena_string(arena, kernel->name),
		.pod = arena_string(arena, kernel->pod),
		.namespace = arena_string(arena, kernel->namespace),
		.processes = kernel->processes,
		.point.usage = kernel->point.usage,
	};

	kernels = array_grow(b->kernels, b->kernel_count, &b->kernel_capacity, sizeof(*kernels));
	if (kernels)
		b->kernels = kernels;
	if (!kernels || !copy.kernel_id || !copy.container || !copy.name || !copy.pod ||
	    !copy.namespace)
		return fail(b, -ENOMEM);
	kernels[b->kernel_count++] = copy;
	return 0;
}

/* ---- sealing ---- */

static int compare_parts(const void *a, const void *b)
{
	struct part *const *x = a, *const *y = b;

	return labels__compare((*x)->labels, (*y)->labels);
}

/* For a snapshot without retired totals; with them, the table has given the order. */
static int sort_parts(struct snapshot_builder *b)
{
	size_t i;

	if (b->order)
		return 0;
	b->order = calloc(b->part_count + 1, sizeof(struct part *));
	if (!b->order)
		return -ENOMEM;
	for (i = 0; i < b->part_count; i++)
		b->order[i] = &b->parts[i];
	qsort(b->order, b->part_count, sizeof(struct part *), compare_parts);
	return 0;
}

/* Copies into the snapshot's memory what lies in the scratch arena. */
static int keep(struct arena *arena, struct series_sample *sample)
{
	size_t errors_size = sample->error_count * sizeof(*sample->errors);
	size_t hist_size = sample->hist.count * sizeof(*sample->hist.buckets);

	if (errors_size) {
		void *errors = arena_alloc(arena, errors_size);

		if (!errors)
			return -ENOMEM;
		sample->errors = memcpy(errors, sample->errors, errors_size);
	}
	if (sample->view) {
		void *view = arena_alloc(arena, (TM_VIEW_BOUNDS + 1) * sizeof(*sample->view));

		if (!view)
			return -ENOMEM;
		sample->view =
			memcpy(view, sample->view, (TM_VIEW_BOUNDS + 1) * sizeof(*sample->view));
	}
	if (hist_size) {
		void *buckets = arena_alloc(arena, hist_size);

		if (!buckets)
			return -ENOMEM;
		sample->hist.buckets = memcpy(buckets, sample->hist.buckets, hist_size);
	}
	return 0;
}

static int sum_pieces(struct arena *arena, const struct piece *piece, struct series_sample *sample)
{
	struct counters total, one;

	expand(&piece->sample, &total);
	for (piece = piece->next; piece; piece = piece->next) {
		expand(&piece->sample, &one);
		counters_add(&total, &one);
	}
	return compact(arena, &total, sample);
}

static int seal_part(struct arena *arena, const struct part *part, struct series_sample *sample)
{
	int err = 0;

	*sample = (struct series_sample){ 0 };
	if (part->pieces && part->pieces->next) {
		err = sum_pieces(arena, part->pieces, sample);
	} else if (part->pieces) {
		*sample = part->pieces->sample;
		err = keep(arena, sample);
	}
	sample->backlog = part->backlog;
	sample->live_answers = part->live_answers;
	sample->live_results = part->live_results;
	sample->in_flight = part->in_flight;
	sample->oldest_ns = part->oldest_ns;
	sample->live_streams = part->live_streams;
	return err;
}

static int seal_series(struct snapshot_builder *b)
{
	struct snapshot *s = &b->sealed->s;
	struct series_sample *samples;
	size_t i;

	if (sort_parts(b))
		return -ENOMEM;
	samples = arena_array(&b->sealed->arena, b->part_count, sizeof(*samples));
	if (!samples)
		return -ENOMEM;
	s->series = samples;
	for (i = 0; i < b->part_count; i++) {
		struct part *part = b->order[i];

		if (seal_part(&b->sealed->arena, part, &samples[i]))
			return -ENOMEM;
		samples[i].labels = part->labels;
		part->labels = NULL; /* the reference has moved */
		s->series_count++;
	}
	return 0;
}

static int compare_rows(const void *a, const void *b)
{
	const struct stream_sample *x = a, *y = b;

	return x->slot < y->slot ? -1 : x->slot > y->slot;
}

static void seal_rows(struct snapshot_builder *b)
{
	struct sealed *sealed = b->sealed;
	struct stream_sample *trimmed;

	if (!b->row_count)
		return;
	if (b->rows_unsorted)
		qsort(sealed->rows, b->row_count, sizeof(*sealed->rows), compare_rows);
	trimmed = reallocarray(sealed->rows, b->row_count, sizeof(*trimmed));
	if (trimmed)
		sealed->rows = trimmed;
	sealed->s.streams = sealed->rows;
	sealed->s.stream_count = b->row_count;
}

static int seal_taps(struct snapshot_builder *b)
{
	struct tap_sample *taps;

	if (!b->tap_count)
		return 0;
	taps = arena_array(&b->sealed->arena, b->tap_count, sizeof(*taps));
	if (!taps)
		return -ENOMEM;
	memcpy(taps, b->taps, b->tap_count * sizeof(*taps));
	b->sealed->s.taps = taps;
	b->sealed->s.tap_count = b->tap_count;
	return 0;
}

static int seal_functions(struct snapshot_builder *b)
{
	struct function_sample *functions;

	if (!b->function_count)
		return 0;
	functions = arena_array(&b->sealed->arena, b->function_count, sizeof(*functions));
	if (!functions)
		return -ENOMEM;
	memcpy(functions, b->functions, b->function_count * sizeof(*functions));
	b->sealed->s.functions = functions;
	b->sealed->s.function_count = b->function_count;
	return 0;
}

static int seal(struct snapshot_builder *b)
{
	struct sealed *sealed = b->sealed;

	if (b->err)
		return b->err;
	if (seal_series(b) || seal_taps(b) || seal_functions(b))
		return -ENOMEM;
	seal_rows(b);
	return kernels_make(&sealed->s, &sealed->arena, b->kernels, b->kernel_count);
}

int snapshot_builder__seal(struct snapshot_builder *b, struct snapshot **out)
{
	int err = seal(b);

	if (!err) {
		*out = &b->sealed->s;
		b->sealed = NULL;
	}
	snapshot_builder__free(b);
	return err;
}
