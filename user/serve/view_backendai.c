/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/view_backendai.h"
#include "util/strbuf.h"

#define NS_PER_MS 1000000u
#define MS_PER_S 1000u

static const struct family_head family = {
	"backendai_container_utilization",
	FAMILY_GAUGE,
	"",
	"What a container uses, as Backend.AI's agents say it: cpu_used and cpu_util (ms), net_* and "
	"io_* (bytes) only grow; mem (bytes) does not.",
};

struct page {
	struct exposition *exposition;
	struct strbuf labels;
	const char *kernel_id;
};

/*
 * Raw measures, as the agent exports them since 2026: cpu_util is the CPU time used, and a rate() of
 * it the utilization. What we do not know, it calls "undefined", too.
 */
static void add_sample(struct page *page, const char *metric, const char *value_type,
		       uint64_t value)
{
	struct strbuf *labels = &page->labels;

	strbuf_clear(labels);
	strbuf_addstr(labels, "container_metric_name=\"");
	strbuf_addstr(labels, metric);
	strbuf_addstr(labels, "\",agent_id=\"undefined\",kernel_id=\"");
	strbuf_add_label(labels, page->kernel_id);
	strbuf_addstr(labels, "\",session_id=\"undefined\",user_id=\"undefined\","
			      "project_id=\"undefined\",value_type=\"");
	strbuf_addstr(labels, value_type);
	strbuf_addch(labels, '"');
	if (labels->err)
		page->exposition->out->err = labels->err;
	else
		exposition_sample(page->exposition, labels->data, labels->len, NULL, NULL, value);
}

static void add_kernel(struct page *page, const struct kernel_usage *usage)
{
	if (usage->has & USAGE_CPU) {
		add_sample(page, "cpu_used", "current", usage->cpu_ns / NS_PER_MS);
		add_sample(page, "cpu_util", "current", usage->cpu_ns / NS_PER_MS);
		add_sample(page, "cpu_util", "capacity", MS_PER_S);
	}
	if (usage->has & USAGE_IO) {
		add_sample(page, "io_read", "current", usage->io_read_bytes);
		add_sample(page, "io_write", "current", usage->io_write_bytes);
	}
	if (usage->has & USAGE_MEMORY) {
		add_sample(page, "mem", "current", usage->memory_bytes);
		if (usage->memory_limit_bytes != USAGE_UNLIMITED)
			add_sample(page, "mem", "capacity", usage->memory_limit_bytes);
	}
	if (usage->has & USAGE_NETWORK) {
		add_sample(page, "net_rx", "current", usage->net_rx_bytes);
		add_sample(page, "net_tx", "current", usage->net_tx_bytes);
	}
}

void view_backendai_write(struct exposition *exposition, const struct snapshot *snapshot)
{
	struct page page = { .exposition = exposition, .labels = STRBUF_INIT };

	exposition_family(exposition, &family);
	for (size_t i = 0; i < snapshot->kernel_count; i++) {
		page.kernel_id = snapshot->kernels[i].kernel_id;
		add_kernel(&page, &snapshot->kernels[i].point.usage);
	}
	strbuf_free(&page.labels);
}
