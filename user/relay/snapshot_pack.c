/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/snapshot_pack.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <msgpack.h>
#include "serve/measures.h"
#include "util/relay_state.h"

/* Remembers that there was no room for something: msgpack would go on behind the gap. */
struct sink {
	msgpack_sbuffer buffer;
	int failed;
};

struct packing {
	struct sink sink; /* the metrics, of which there are */
	msgpack_packer packer;
	size_t count;
};

static int sink_write(void *arg, const char *data, size_t len)
{
	struct sink *sink = arg;

	if (!sink->failed && msgpack_sbuffer_write(&sink->buffer, data, len))
		sink->failed = 1;
	return sink->failed ? -1 : 0;
}

static void pack_text(msgpack_packer *p, const char *text)
{
	size_t len = strlen(text);

	msgpack_pack_str(p, len);
	msgpack_pack_str_body(p, text, len);
}

static void pack_number(msgpack_packer *p, double value)
{
	uint64_t integer;

	if (measure_integer(value, &integer))
		msgpack_pack_uint64(p, integer);
	else
		msgpack_pack_double(p, value);
}

/* ["counter", name, value] */
static void pack_counter(msgpack_packer *p, const struct measure *measure)
{
	msgpack_pack_array(p, 3);
	pack_text(p, "counter");
	pack_text(p, measure->name);
	pack_number(p, measure->value);
}

/* ["series", name, count, total, min, max, sum_sq, percentiles, histogram] */
static void pack_series(msgpack_packer *p, const struct measure *measure)
{
	const struct measure_series *series = &measure->series;

	msgpack_pack_array(p, 9);
	pack_text(p, "series");
	pack_text(p, measure->name);
	msgpack_pack_uint64(p, series->count);
	pack_number(p, series->total);
	pack_number(p, series->min);
	pack_number(p, series->max);
	pack_number(p, series->sum_sq);
	msgpack_pack_map(p, series->count ? MEASURE_PERCENTILES : 0);
	for (int i = 0; series->count && i < MEASURE_PERCENTILES; i++) {
		pack_text(p, measure_percentiles[i]);
		/* floats, as the layout has them, even without a fraction */
		msgpack_pack_double(p, series->percentiles[i]);
	}
	msgpack_pack_array(p, series->bucket_count);
	for (size_t i = 0; i < series->bucket_count; i++) {
		msgpack_pack_array(p, 2);
		msgpack_pack_array(p, 2);
		pack_number(p, series->buckets[i].low);
		pack_number(p, series->buckets[i].high);
		msgpack_pack_uint64(p, series->buckets[i].count);
	}
}

static int pack_measure(void *arg, const struct measure *measure)
{
	struct packing *packing = arg;

	packing->count++;
	if (measure->is_series)
		pack_series(&packing->packer, measure);
	else
		pack_counter(&packing->packer, measure);
	return packing->sink.failed ? -ENOMEM : 0;
}

/* Topic and head: [counter, timestamp_ns, state, n_pending_tasks, metrics], up to the metrics. */
static void pack_head(struct sink *frame, const struct relay_page *page, size_t count)
{
	static const char topic[SNAPSHOT_TOPIC_LEN] = SNAPSHOT_TOPIC;
	msgpack_packer p;

	sink_write(frame, topic, sizeof(topic));
	msgpack_packer_init(&p, frame, sink_write);
	msgpack_pack_array(&p, 5);
	msgpack_pack_uint64(&p, page->number);
	msgpack_pack_uint64(&p, page->mono_ns);
	pack_text(&p, relay_state_name(page->state));
	msgpack_pack_uint64(&p, page->pending);
	msgpack_pack_array(&p, count);
}

int snapshot_pack(const struct feed_page *page, char **frame, size_t *len)
{
	struct packing packing = { .count = 0 };
	struct sink out = { .failed = 0 };
	int err;

	msgpack_sbuffer_init(&packing.sink.buffer);
	msgpack_sbuffer_init(&out.buffer);
	msgpack_packer_init(&packing.packer, &packing.sink, sink_write);
	err = measures_each(page->data, page->size, pack_measure, &packing);
	if (!err) {
		pack_head(&out, &page->head, packing.count);
		if (packing.sink.buffer.size)
			sink_write(&out, packing.sink.buffer.data, packing.sink.buffer.size);
		if (out.failed)
			err = -ENOMEM;
	}
	msgpack_sbuffer_destroy(&packing.sink.buffer);
	if (!err) {
		*len = out.buffer.size;
		*frame = msgpack_sbuffer_release(&out.buffer);
	}
	msgpack_sbuffer_destroy(&out.buffer);
	return err;
}
