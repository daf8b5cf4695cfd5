/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_CONFIG_H
#define TAPMETER_UTIL_CONFIG_H
/*
 * All that `tapmeter run` can be told, by flags and by its config file. Filled once at start, then
 * constant. config.c has the meaning of each option, the limits and the defaults.
 */
#include <stdint.h>
#include "util/gauge_spec.h"
#include "util/options.h"
#include "util/strbuf.h"

/* In the order of the words of --transit. */
enum transit_choice {
	TRANSIT_AUTO, /* if it costs little on this host */
	TRANSIT_ON,
	TRANSIT_OFF,
};

struct config {
	/* Serving */
	struct option_texts web_listen_address; /* "HOST:PORT", at least one */
	char *web_config_file; /* NULL = none */
	uint64_t max_age_ns;
	struct option_texts views; /* names of other systems' views, each one known */
	/* What goes out by itself */
	char *snapshot_publish; /* "ipc://…" or "tcp://…"; NULL = nowhere */
	uint64_t snapshot_interval_ns;
	char *snapshot_dir; /* NULL = none */
	/* What is tapped: empty = no such condition */
	struct option_texts profiles; /* names of built-in ones, or paths; empty = all built-in */
	struct option_numbers pids;
	struct option_texts kernel_ids; /* patterns, fnmatch(3) */
	struct option_texts comms; /* patterns, fnmatch(3) */
	unsigned bpf_attach; /* enum attach_way */
	char *bpf_pin_path; /* NULL = nothing is pinned */
	unsigned transit; /* enum transit_choice */
	struct gauge_specs gauges; /* only in the config file */
	char *rpc_table; /* NULL = the profiles' own */
	struct option_numbers rpc_ports; /* empty = the profiles' own */
	/* Whose it is */
	struct option_texts kernel_map; /* "KEY=KERNEL_ID", see subject/kernel_map.h */
	struct option_texts engine_sockets; /* paths; empty = the usual ones; "none" = none */
	/* Limits and times */
	uint64_t max_streams;
	uint64_t max_endpoints_per_kernel;
	uint64_t series_expiry_ns;
	uint64_t sample_interval_ns;
	uint64_t stuck_after_ns;
	uint64_t slow_call_ns; /* 0 = no call is */
	uint64_t overhead_budget_ns; /* of CPU time per second; 0 = no limit */
	char *otlp_endpoint; /* NULL = as the OTEL_ variables say */
	/* The config file and the log */
	char *config_file; /* NULL = none */
	unsigned log_level; /* enum log_level */
	unsigned log_format; /* enum log_format */
};

/* The flags of `run`; ends with a NULL name. */
extern const struct option_spec config_options[];

/*
 * Fills *out: what the command line gives (argv[0] is skipped), then what the config file gives if
 * there is one, then the defaults. -EINVAL, -errno of the config file, -ENOMEM; *errors then has
 * the reasons, one to a line. Whatever it returns, config__free() has to follow.
 */
int config__load(int argc, char *const *argv, struct config *out, struct strbuf *errors);
void config__free(struct config *config);

#endif
