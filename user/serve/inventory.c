/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/inventory.h"
#include <string.h>
#include "serve/labels.h"

/* `key` comes with what stands around it, such as ",\"pod\":". */
static void add_string(struct strbuf *out, const char *key, const char *value)
{
	strbuf_addstr(out, key);
	strbuf_add_json(out, value);
}

static void add_number(struct strbuf *out, const char *key, uint64_t value)
{
	strbuf_addstr(out, key);
	strbuf_addu64(out, value);
}

static void add_seconds(struct strbuf *out, const char *key, uint64_t ns)
{
	strbuf_addstr(out, key);
	strbuf_add_seconds(out, ns);
}

/* ---- kernels ---- */

static void add_kernel(struct strbuf *out, const struct kernel_sample *kernel)
{
	add_string(out, "{\"id\":", kernel->kernel_id);
	add_string(out, ",\"container\":", kernel->container);
	add_string(out, ",\"name\":", kernel->name);
	add_string(out, ",\"pod\":", kernel->pod);
	add_string(out, ",\"namespace\":", kernel->namespace);
	add_number(out, ",\"processes\":", kernel->processes);
	strbuf_addstr(out, ",\"systems\":[");
	for (uint32_t i = 0; i < kernel->system_count; i++)
		add_string(out, i ? "," : "", kernel->systems[i]);
	strbuf_addstr(out, "]}");
}

void inventory_kernels(const struct snapshot *snapshot, struct strbuf *out)
{
	add_seconds(out, "{\"sampled_at\":", snapshot->real_ns);
	strbuf_addstr(out, ",\"kernels\":[");
	for (size_t i = 0; i < snapshot->kernel_count; i++) {
		strbuf_addstr(out, i ? ",\n" : "\n");
		add_kernel(out, &snapshot->kernels[i]);
	}
	strbuf_addstr(out, "]}\n");
}

/* ---- taps ---- */

static void add_tap(struct strbuf *out, const struct tap_sample *tap)
{
	add_string(out, "{\"profile\":", tap->profile);
	add_string(out, ",\"path\":", tap->path);
	add_string(out, ",\"function\":", tap->function);
	strbuf_addstr(out, tap->up ? ",\"up\":true" : ",\"up\":false");
	add_string(out, ",\"reason\":", tap->reason);
	add_string(out, ",\"attach\":", tap->attach);
	strbuf_addstr(out, tap->adopted ? ",\"adopted\":true" : ",\"adopted\":false");
	add_number(out, ",\"function_offset\":", tap->function_offset);
	add_number(out, ",\"offset\":", tap->offset);
	add_string(out, ",\"instruction\":", tap->instruction);
	add_string(out, ",\"placement\":", tap->placement);
	add_number(out, ",\"processes\":", tap->processes);
	strbuf_addch(out, '}');
}

void inventory_taps(const struct snapshot *snapshot, struct strbuf *out)
{
	add_seconds(out, "{\"sampled_at\":", snapshot->real_ns);
	strbuf_addstr(out, ",\"taps\":[");
	for (size_t i = 0; i < snapshot->tap_count; i++) {
		strbuf_addstr(out, i ? ",\n" : "\n");
		add_tap(out, &snapshot->taps[i]);
	}
	strbuf_addstr(out, "]}\n");
}

/* ---- streams ---- */

/* Empty labels are left out; all of them while they are not known. */
static void add_labels(struct strbuf *out, const struct series_labels *labels)
{
	int first = 1;

	if (!labels) {
		strbuf_addstr(out, ",\"labels\":null");
		return;
	}
	strbuf_addstr(out, ",\"labels\":{");
	for (enum label label = 0; label < LABEL_COUNT; label++) {
		const char *value = label_value(labels, label);

		if (!*value)
			continue;
		strbuf_addstr(out, first ? "\"" : ",\"");
		strbuf_addstr(out, label_name(label));
		add_string(out, "\":", value);
		first = 0;
	}
	strbuf_addch(out, '}');
}

/* An address does not fit into a JSON number exactly: it is text. */
static void add_object(struct strbuf *out, uint64_t object)
{
	if (object)
		strbuf_addf(out, ",\"object\":\"0x%llx\"", (unsigned long long)object);
	else
		strbuf_addstr(out, ",\"object\":null");
}

static void add_stream(struct strbuf *out, const struct stream_sample *stream)
{
	add_number(out, "{\"slot\":", stream->slot);
	add_number(out, ",\"pid\":", stream->tgid);
	add_string(out, ",\"profile\":", stream->profile);
	add_string(out, ",\"operation\":", stream->operation);
	add_object(out, stream->object);
	add_labels(out, stream->labels);
	add_seconds(out, ",\"age_seconds\":", stream->age_ns);
	add_number(out, ",\"frames\":", stream->frames);
	add_number(out, ",\"messages\":", stream->messages);
	add_number(out, ",\"bytes\":", stream->bytes);
	add_number(out, ",\"failures\":", stream->failures);
	add_number(out, ",\"would_block\":", stream->would_block);
	add_number(out, ",\"timeouts\":", stream->timeouts);
	add_seconds(out, ",\"call_seconds\":", stream->sum_ns);
	add_number(out, ",\"in_flight\":", stream->in_flight);
	add_seconds(out, ",\"oldest_call_seconds\":", stream->oldest_ns);
	strbuf_addch(out, '}');
}

static int is_of(const struct stream_sample *stream, const char *kernel_id)
{
	return !kernel_id || (stream->labels && !strcmp(stream->labels->kernel_id, kernel_id));
}

static size_t count_streams(const struct snapshot *snapshot, const char *kernel_id)
{
	size_t count = 0;

	for (size_t i = 0; i < snapshot->stream_count; i++)
		count += is_of(&snapshot->streams[i], kernel_id) != 0;
	return count;
}

/* Those from the first-th to before the end-th of the kernel's. */
static void add_streams(struct strbuf *out, const struct snapshot *snapshot, const char *kernel_id,
			size_t first, size_t end)
{
	size_t at = 0;

	for (size_t i = 0; i < snapshot->stream_count && at < end; i++) {
		if (!is_of(&snapshot->streams[i], kernel_id))
			continue;
		if (at >= first) {
			strbuf_addstr(out, at > first ? ",\n" : "\n");
			add_stream(out, &snapshot->streams[i]);
		}
		at++;
	}
}

void inventory_streams(const struct snapshot *snapshot, const char *kernel_id, size_t offset,
		       size_t limit, struct strbuf *out)
{
	size_t total = count_streams(snapshot, kernel_id);
	size_t first = offset < total ? offset : total;
	size_t end = limit < total - first ? first + limit : total;

	add_seconds(out, "{\"sampled_at\":", snapshot->real_ns);
	add_number(out, ",\"total\":", total);
	add_number(out, ",\"offset\":", offset);
	if (end < total)
		add_number(out, ",\"next_offset\":", end);
	else
		strbuf_addstr(out, ",\"next_offset\":null");
	strbuf_addstr(out, ",\"streams\":[");
	add_streams(out, snapshot, kernel_id, first, end);
	strbuf_addstr(out, "]}\n");
}
