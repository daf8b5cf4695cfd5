/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/livestat.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "serve/livestat_write.h"

#define NS_PER_S 1000000000ull

static const struct shape {
	livestat_write_fn write;
	int with_stats; /* over the history */
} shapes[] = {
	[LIVESTAT_NATIVE] = { livestat_write_native, 0 },
	[LIVESTAT_BACKENDAI] = { livestat_write_backendai, 0 },
	[LIVESTAT_BACKENDAI_AGENT] = { livestat_write_agent, 1 },
};

/* The kernels asked for, and what was before; entries of one known kernel each. */
struct answer {
	size_t count;
	const struct kernel_sample **kernels; /* in the order of the ids */
	struct kernel_point *before; /* of each of them */
	struct kernel_point *history; /* of one at a time; NULL if it is not needed */
};

static void answer_free(struct answer *answer)
{
	free(answer->kernels);
	free(answer->before);
	free(answer->history);
}

static int answer_prepare(struct answer *answer, const struct livestat_request *request,
			  const struct snapshot *snapshot, struct store *store)
{
	answer->kernels = calloc(request->id_count + 1, sizeof(struct kernel_sample *));
	if (!answer->kernels)
		return -ENOMEM;
	for (size_t i = 0; i < request->id_count; i++) {
		const struct kernel_sample *kernel = snapshot__kernel(snapshot, request->ids[i]);

		if (kernel)
			answer->kernels[answer->count++] = kernel;
	}
	answer->before = reallocarray(NULL, answer->count + 1, sizeof(struct kernel_point));
	if (!answer->before)
		return -ENOMEM;
	if (shapes[request->shape].with_stats) {
		answer->history =
			reallocarray(NULL, HISTORY_MAX_POINTS, sizeof(struct kernel_point));
		if (!answer->history)
			return -ENOMEM;
	}
	store__before(store, answer->kernels, answer->count, request->window_ns,
		      LIVESTAT_MIN_SPAN_NS, answer->before);
	return 0;
}

static void add_quantiles(const struct kernel_sample *kernel, const struct kernel_point *before,
			  uint32_t wanted, struct store *store,
			  struct livestat_value values[LIVESTAT_METRICS])
{
	struct kernel_hists hists_now, hists_before;

	if (!before->mono_ns || !livestat_wants_quantiles(wanted) ||
	    store__histograms(store, kernel->kernel_id, before->mono_ns, &hists_before))
		return;
	kernel_hists_expand(kernel, &hists_now);
	livestat_quantiles(&hists_now, &hists_before, values);
}

static void write_kernel(const struct answer *answer, size_t i,
			 const struct livestat_request *request, struct store *store,
			 struct strbuf *out)
{
	const struct kernel_sample *kernel = answer->kernels[i];
	struct livestat_value values[LIVESTAT_METRICS];

	livestat_values(&kernel->point, &answer->before[i], request->metrics, values);
	add_quantiles(kernel, &answer->before[i], request->metrics, store, values);
	if (answer->history)
		livestat_stats(answer->history, store__points(store, kernel, answer->history),
			       &kernel->point, values);
	shapes[request->shape].write(out, values);
}

static void write_kernels(const struct answer *answer, const struct livestat_request *request,
			  struct store *store, struct strbuf *out)
{
	size_t next = 0;

	for (size_t i = 0; i < request->id_count; i++) {
		if (i)
			strbuf_addch(out, ',');
		strbuf_add_json(out, request->ids[i]);
		strbuf_addch(out, ':');
		/* both in the order of ids */
		if (next < answer->count &&
		    !strcmp(answer->kernels[next]->kernel_id, request->ids[i]))
			write_kernel(answer, next++, request, store, out);
		else
			strbuf_addstr(out, "null");
	}
}

static uint64_t widest_span(const struct answer *answer, uint32_t wanted)
{
	uint64_t widest = 0;

	for (size_t i = 0; i < answer->count; i++) {
		uint64_t ns = livestat_span(&answer->kernels[i]->point, &answer->before[i], wanted);

		widest = ns > widest ? ns : widest;
	}
	return widest;
}

void livestat_answer(const struct livestat_request *request, const struct snapshot *snapshot,
		     struct store *store, struct strbuf *out)
{
	struct answer answer = { 0 };
	int err = answer_prepare(&answer, request, snapshot, store);

	if (err) {
		out->err = err;
	} else {
		strbuf_addstr(out, "{\"sampled_at\":");
		livestat_add_json(out, livestat_scaled(snapshot->real_ns, NS_PER_S));
		strbuf_addstr(out, ",\"window_seconds\":");
		livestat_add_json(out, livestat_scaled(widest_span(&answer, request->metrics),
						       NS_PER_S));
		strbuf_addstr(out, ",\"by_kernel\":{");
		write_kernels(&answer, request, store, out);
		strbuf_addstr(out, "}}\n");
	}
	answer_free(&answer);
}
