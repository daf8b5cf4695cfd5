/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <tapmeter/abi.h>
#include "util/config.h"
#include "util/otlp_settings.h"
#include "util/plausible.h"

#define MS 1000000ull /* nanoseconds */
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

/* Linux's largest process id: PID_MAX_LIMIT, include/linux/threads.h. */
#define PID_LIMIT (4ull * 1024 * 1024)

#define KERNEL_ID_SIZE 128 /* NUL included, as in struct subject */

/*
 * "HOST:PORT", "[IPV6]:PORT" or ":PORT". Whether there is such a host is found out when listening;
 * an address that can never be one is wrong usage.
 */
static int is_address(const char *text)
{
	const char *colon = strrchr(text, ':'), *digit;
	unsigned port = 0;

	if (!colon || !colon[1] || strlen(colon + 1) > 5)
		return 0;
	for (digit = colon + 1; *digit; digit++) {
		if (*digit < '0' || *digit > '9')
			return 0;
		port = port * 10 + (unsigned)(*digit - '0');
	}
	if (port > UINT16_MAX)
		return 0;
	if (text[0] == '[')
		return colon[-1] == ']' && colon - text > 2;
	/* without brackets, nobody can tell where an IPv6 address ends */
	return strchr(text, ':') == colon;
}

/* "ipc://PATH", "ipc://@NAME", "tcp://ADDRESS", where "*" is all addresses. */
static int is_publish_endpoint(const char *text)
{
	if (!strncmp(text, "ipc://", 6))
		return text[6] && strlen(text + 6) < 108;
	if (strncmp(text, "tcp://", 6) != 0)
		return 0;
	return is_address(text + 6);
}

/* A longer name can never be one; a pattern can be longer than what it fits. */
static int is_comm(const char *text)
{
	return strpbrk(text, "*?[") || strlen(text) < TM_COMM_LEN;
}

static int is_view(const char *text)
{
	return !strcmp(text, "backendai") || !strcmp(text, "fastdeploy") ||
	       !strcmp(text, "lmcache");
}

/* "/PATTERN=KERNEL_ID" or "CONTAINER_ID=KERNEL_ID" */
static int is_kernel_mapping(const char *text)
{
	const char *equals = strrchr(text, '=');
	size_t digits = strspn(text, "0123456789abcdef");

	if (!equals || !plausible_name(equals + 1, KERNEL_ID_SIZE))
		return 0;
	return text[0] == '/' || (text + digits == equals && digits >= 12 && digits <= 64);
}

static int is_absolute(const char *text)
{
	return text[0] == '/';
}

/* A longer path does not fit into struct sockaddr_un. */
static int is_socket_path(const char *text)
{
	return !strcmp(text, "none") || (text[0] == '/' && strlen(text) < 108);
}

#define FIELD(name) .offset = offsetof(struct config, name)

const struct option_spec config_options[] = {
	{
		.name = "web.listen-address",
		.type = OPTION_TEXTS,
		FIELD(web_listen_address),
		.argument = "HOST:PORT",
		.value = "127.0.0.1:9752",
		.valid = is_address,
		.expected = "HOST:PORT or [IPV6]:PORT, port 0 to 65535",
		.group = "Serving",
		.help = "Where to answer HTTP requests. No HOST means all addresses, port 0 any "
			"free one.",
	},
	{
		.name = "web.config.file",
		.type = OPTION_TEXT,
		FIELD(web_config_file),
		.argument = "FILE",
		.help = "A YAML file with TLS, client certificates, users and headers, as "
			"Prometheus' exporters have it (docs/web.md). SIGHUP has it read again.",
	},
	{
		.name = "max-age",
		.type = OPTION_DURATION,
		FIELD(max_age_ns),
		.argument = "DURATION",
		.value = "100ms",
		.min = 1 * MS,
		.max = 1 * MINUTE,
		.help = "No answer is older than this.",
	},
	{
		.name = "view",
		.type = OPTION_TEXTS,
		FIELD(views),
		.argument = "NAME",
		.valid = is_view,
		.expected = "backendai, fastdeploy or lmcache",
		.help = "Adds to /metrics the same facts under the names that another system's "
			"dashboards read: backendai (backendai_container_utilization), fastdeploy "
			"(fastdeploy:zmq:*; turns --transit on), lmcache (lmcache_mp_*).",
	},
	{
		.name = "snapshot.publish",
		.type = OPTION_TEXT,
		FIELD(snapshot_publish),
		.argument = "ENDPOINT",
		.valid = is_publish_endpoint,
		.expected = "ipc://PATH or tcp://HOST:PORT",
		.group = "What goes out by itself",
		.help = "Where snapshots are published over ZeroMQ, as mlcommons/endpoints does "
			"(docs/snapshots.md): ipc://PATH, tcp://HOST:PORT, tcp://*:PORT.",
	},
	{
		.name = "snapshot.interval",
		.type = OPTION_SECONDS,
		FIELD(snapshot_interval_ns),
		.argument = "SECONDS",
		.value = "0.25",
		.min = 20 * MS,
		.max = 1 * HOUR,
		.help = "Time between two published snapshots.",
	},
	{
		.name = "snapshot.dir",
		.type = OPTION_TEXT,
		FIELD(snapshot_dir),
		.argument = "FOLDER",
		.help = "Where the last snapshot is written at the end: final_snapshot.json. The folder "
			"must be there.",
	},
	{
		.name = "otlp.endpoint",
		.type = OPTION_TEXT,
		FIELD(otlp_endpoint),
		.argument = "URL",
		.valid = otlp_is_url,
		.expected = OTLP_URL_EXPECTED,
		.help = "Push metrics to this OpenTelemetry receiver, by OTLP over HTTP, at URL/v1/metrics. "
			"The OTEL_ variables say the rest, or all (docs/otlp.md).",
	},
	{
		.name = "profile",
		.type = OPTION_TEXTS,
		FIELD(profiles),
		.argument = "NAME|FILE",
		.group = "What is tapped (a repeated flag means or, different flags mean and)",
		.help = "What to tap: the name of a built-in profile, or a file (with a / in it, "
			"or .yaml at its end). Without this flag: all built-in ones.",
	},
	{
		.name = "pid",
		.type = OPTION_NUMBERS,
		FIELD(pids),
		.argument = "PID",
		.min = 1,
		.max = PID_LIMIT,
		.help = "Only this process.",
	},
	{
		.name = "kernel-id",
		.type = OPTION_TEXTS,
		FIELD(kernel_ids),
		.argument = "KERNEL_ID",
		.help = "Only processes of this kernel (compute container). May be a pattern.",
	},
	{
		.name = "comm",
		.type = OPTION_TEXTS,
		FIELD(comms),
		.argument = "NAME",
		.valid = is_comm,
		.expected = "a name as in /proc/PID/comm, at most 15 bytes, or a pattern",
		.help = "Only processes with this name (as in /proc/PID/comm). May be a pattern, "
			"as the shell's: 'python*'.",
	},
	{
		.name = "bpf.attach",
		.type = OPTION_CHOICE,
		FIELD(bpf_attach),
		.argument = "auto|session|multi|perf", /* in the order of enum attach_way */
		.value = "auto",
		.help = "How the taps are set; auto takes the first of the three that works here.",
	},
	{
		.name = "bpf.pin-path",
		.type = OPTION_TEXT,
		FIELD(bpf_pin_path),
		.argument = "DIR",
		.valid = is_absolute,
		.expected = "a path that begins with /",
		.help = "Taps and counts live on in this directory of a bpffs when the agent is restarted or "
			"killed; the next one with the same directory goes on with them. They stay until "
			"`tapmeter doctor --fix`, and a tap keeps its file's filesystem busy.",
	},
	{
		.name = "transit",
		.type = OPTION_CHOICE,
		FIELD(transit),
		.argument = "auto|on|off", /* in the order of enum transit_choice */
		.value = "auto",
		.help = "Delivery times: how long each message takes from the sender's call to the "
			"receiver's hand. auto: on, unless a tap costs more than 1.6 times as much "
			"with it as without, measured at start.",
	},
	{
		.name = "rpc.table",
		.type = OPTION_TEXT,
		FIELD(rpc_table),
		.argument = "NAME",
		.help = "Which of a profile's tables says what the numbers of operations mean; lmcache has "
			"frozen (the default), early-2026 and late-2025.",
	},
	{
		.name = "rpc.port",
		.type = OPTION_NUMBERS,
		FIELD(rpc_ports),
		.argument = "PORT",
		.min = 1,
		.max = UINT16_MAX,
		.help = "On sockets of this TCP port requests are looked for, instead of where the profile "
			"says (lmcache: 5555).",
	},
	{
		.name = "kernel-map",
		.type = OPTION_TEXTS,
		FIELD(kernel_map),
		.argument = "CONTAINER=KERNEL_ID",
		.valid = is_kernel_mapping,
		.expected = "CONTAINER_ID=KERNEL_ID (12 to 64 lower-case hex digits before the "
			    "=) or /CGROUP_PATTERN=KERNEL_ID",
		.group = "Whose it is",
		.help = "This container is the kernel KERNEL_ID, whatever it says itself. CONTAINER is "
			"the beginning of its id, or a pattern of its cgroup path, as the shell's, that "
			"begins with a /: '/system.slice/llm.service=llm'. The first that fits counts.",
	},
	{
		.name = "engine.socket",
		.type = OPTION_TEXTS,
		FIELD(engine_sockets),
		.argument = "PATH",
		.valid = is_socket_path,
		.expected = "an absolute path of at most 107 bytes, or none",
		.help = "Where a container engine (docker, podman) answers, which is asked for names and "
			"labels. Without this flag: /var/run/docker.sock and /run/podman/podman.sock, if "
			"they are there. 'none': no engine is asked.",
	},
	{
		.name = "max-streams",
		.type = OPTION_NUMBER,
		FIELD(max_streams),
		.argument = "N",
		.value = "16384",
		.min = TM_BLOCK,
		.max = TM_STREAMS_MAX,
		.group = "Limits and times",
		.help = "Streams (of a process: each operation on each socket) counted at a time.",
	},
	{
		.name = "max-endpoints-per-kernel",
		.type = OPTION_NUMBER,
		FIELD(max_endpoints_per_kernel),
		.argument = "N",
		.value = "64",
		.min = 1,
		.max = 65536,
		.help = "Endpoints told apart in each kernel; more are counted together, as "
			"'other'.",
	},
	{
		.name = "overhead.budget",
		.type = OPTION_PERCENT,
		FIELD(overhead_budget_ns),
		.argument = "P%",
		.min = 10 * MS / 1000, /* 0.001% */
		.max = 1024 * SECOND,
		.help = "What the taps may cost the tapped processes, in percent of one CPU. Over it for "
			"10 s, the dearest file is given up for a while. Without it: no limit.",
	},
	{
		.name = "series.expiry",
		.type = OPTION_DURATION,
		FIELD(series_expiry_ns),
		.argument = "DURATION",
		.value = "10m",
		.min = 1 * SECOND,
		.max = 24 * HOUR,
		.help = "How long counters are still served after their last stream has ended.",
	},
	{
		.name = "sample.interval",
		.type = OPTION_DURATION,
		FIELD(sample_interval_ns),
		.argument = "DURATION",
		.value = "1s",
		.min = 100 * MS,
		.max = 1 * MINUTE,
		.help = "Time between the samples that rates are computed from.",
	},
	{
		.name = "stuck-after",
		.type = OPTION_DURATION,
		FIELD(stuck_after_ns),
		.argument = "DURATION",
		.value = "30s",
		.min = 1 * MS,
		.max = 24 * HOUR,
		.help = "A call under way for so long, other than a receive, is an event: call.stuck. A "
			"request without response as well: request.unanswered.",
	},
	{
		.name = "slow-call",
		.type = OPTION_DURATION,
		FIELD(slow_call_ns),
		.argument = "DURATION",
		.min = 1000,
		.max = 24 * HOUR,
		.help = "A call that took as long, other than a receive, is an event: call.slow. "
			"Without it: none is.",
	},
	{
		.name = "config.file",
		.type = OPTION_TEXT,
		FIELD(config_file),
		.argument = "FILE",
		.not_in_file = 1,
		.group = "General",
		.help = "A YAML file with any of these flags as keys, without the dashes: "
			"'web.listen-address: X', or 'web: {listen-address: X}', repeated ones as "
			"lists. The command line beats the file.",
	},
	{
		.name = "log.level",
		.type = OPTION_CHOICE,
		FIELD(log_level),
		.argument = "debug|info|warn|error", /* in the order of enum log_level */
		.value = "info",
		.help = "What is logged: this and worse.",
	},
	{
		.name = "log.format",
		.type = OPTION_CHOICE,
		FIELD(log_format),
		.argument = "logfmt|json", /* in the order of enum log_format */
		.value = "logfmt",
		.help = "How it is written.",
	},
	{ .name = NULL },
};

static void read_gauges(void *arg, const struct yaml_node *node, struct yaml_errors *errors)
{
	gauge_specs_read(node, arg, errors);
}

static int load_file(struct options *options, const char *path, struct strbuf *errors)
{
	struct yaml_errors found = YAML_ERRORS_INIT;
	int err = options_parse_file(options, path, &found);

	for (size_t i = 0; i < found.count; i++) {
		strbuf_addstr(errors, found.lines[i]);
		strbuf_addch(errors, '\n');
	}
	if (found.no_memory)
		strbuf_addf(errors, "%s: no memory\n", path);
	yaml_errors_free(&found);
	return err;
}

int config__load(int argc, char *const *argv, struct config *out, struct strbuf *errors)
{
	struct options options;
	char line[512];
	int err;

	memset(out, 0, sizeof(*out));
	err = options_init(&options, config_options, out);
	options.other_key = "gauges";
	options.read_other = read_gauges;
	options.other_arg = &out->gauges;
	if (err) {
		strbuf_addstr(errors, "no memory\n");
		return err;
	}
	err = options_parse_args(&options, argc, argv, line, sizeof(line));
	if (err) {
		strbuf_addf(errors, "%s\n", line);
		return err;
	}
	return out->config_file ? load_file(&options, out->config_file, errors) : 0;
}

void config__free(struct config *config)
{
	const struct options options = { .specs = config_options, .target = config };

	options_free(&options);
	gauge_specs_free(&config->gauges);
}
