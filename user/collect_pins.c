/* SPDX-License-Identifier: Apache-2.0 */
/* --bpf.pin-path: what a former agent has left is gone on with, what this one leaves is written down. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "collect_parts.h"
#include "notices.h"
#include "tap/adopt.h"
#include "tap/layout.h"
#include "util/log.h"

int collect_open_pins(struct collector *c, const struct profile *const *profiles, size_t count,
		      char *err, size_t err_len)
{
	const uint64_t parts[] = { adopted_settings(profiles, count), kept_layout() };

	c->pin_settings = layout_add(LAYOUT_START, parts, sizeof(parts));
	if (!c->config->bpf_pin_path)
		return 0;
	return pins__open(c->config->bpf_pin_path, err, err_len, &c->pins);
}

/* The series of streams that ended under a former agent. */
static int restore(void *arg, const struct series_labels *labels, const struct counters *totals)
{
	struct collector *c = arg;
	struct series *series;
	int err = series_table__open(c->series, labels, &series);

	return err ? err : series_table__retire(c->series, series, totals, c->now_ns);
}

static void on_expired(void *arg, const struct series_labels *labels)
{
	kept__forget(arg, labels);
}

static void tell_outcome(const struct collector *c)
{
	static const char *const reasons[] = {
		[PINS_OTHER_LAYOUT] = "another version, whose maps are laid out otherwise",
		[PINS_OTHER_SETTINGS] = "other flags or profiles",
		[PINS_INCOMPLETE] = "it had not pinned all",
	};
	enum pins_outcome outcome = probes__outcome(c->probes);

	if (outcome == PINS_ADOPTED)
		log_msg(LOG_INFO, "going on with the taps and counts of a former agent",
			LOG_STR("path", c->config->bpf_pin_path),
			LOG_STR("programs_of", probes__kept(c->probes)->version));
	else if (outcome != PINS_NONE)
		log_msg(LOG_WARN, "the taps and counts of a former agent are replaced",
			LOG_STR("path", c->config->bpf_pin_path),
			LOG_STR("reason", reasons[outcome]));
}

int collect_adopt(struct collector *c, uint64_t now_ns, char *err, size_t err_len)
{
	const uint64_t *losses = probes__losses(c->probes);
	int error;

	if (!c->pins)
		return 0;
	c->now_ns = now_ns;
	error = kept__new(c->pins, c->probes, (uint32_t)c->config->max_streams, &c->kept);
	if (!error)
		error = kept__each_total(c->kept, restore, c);
	if (error == -ENOMEM) {
		snprintf(err, err_len, "%s: %s", c->config->bpf_pin_path, strerror(ENOMEM));
		return error;
	}
	if (error) {
		snprintf(err, err_len,
			 "%s: what a former agent has left cannot be gone on with: %s: remove it: "
			 "tapmeter doctor --fix %s",
			 c->config->bpf_pin_path, strerror(-error), c->config->bpf_pin_path);
		return error;
	}
	series_table__on_expire(c->series, on_expired, c->kept);
	for (int i = 0; i < TM_LOST_COUNT; i++)
		c->lost_seen[i] = losses[i]; /* a former agent has told of them */
	tell_outcome(c);
	return 0;
}

/* Specs that are adopted say whether messages are recognised; a new measurement must not change that. */
int collect_kept_transit(struct collector *c, int transit)
{
	struct probes_kept *kept = probes__kept(c->probes);

	if (!kept)
		return transit;
	if (!kept->transit)
		kept->transit = transit ? 2 : 1;
	return kept->transit == 2;
}

void collect_end_gap(struct collector *c, uint64_t now_ns)
{
	uint64_t since_ns = probes__gap_since(c->probes);
	struct probes_kept *kept = probes__kept(c->probes);

	if (!since_ns || !kept || c->gap_told)
		return;
	c->gap_told = 1;
	kept->gap_ns += now_ns - since_ns;
	notice_gap(c->bus, now_ns, now_ns - since_ns);
}

uint64_t collect_gap(const struct collector *c, uint64_t now_ns)
{
	struct probes_kept *kept = probes__kept(c->probes);

	if (!kept)
		return 0;
	kept->alive_ns = now_ns;
	return kept->gap_ns;
}
