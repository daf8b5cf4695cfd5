/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cli/cli.h"
#include "cli/load_profiles.h"
#include "requests.h"
#include "util/config.h"
#include "util/exit_code.h"
#include "util/log.h"
#include "util/otlp_settings.h"
#include "util/relay_settings.h"

/* Says what is wrong with the command line or the config file. */
static int load_config(int argc, char **argv, struct config *config)
{
	struct strbuf errors = STRBUF_INIT;
	int err = config__load(argc, argv, config, &errors);

	if (err)
		fputs(errors.err ? "no memory\n" : errors.data, stderr);
	strbuf_free(&errors);
	return err ? EXIT_CODE_USAGE : EXIT_CODE_OK;
}

/* What the flags say of requests must be possible with these profiles. */
static int check_rpc(const struct config *config, const struct profile_list *profiles)
{
	struct rpc_rules rules;
	char err[256];

	if (!requests_rules(config, (const struct profile *const *)profiles->items, profiles->count,
			    err, sizeof(err), &rules))
		return EXIT_CODE_OK;
	fprintf(stderr, "%s\n", err);
	return EXIT_CODE_USAGE;
}

static const char *variable(const char *name)
{
	return secure_getenv(name);
}

/* What OpenTelemetry's variables say must make sense, and fit. */
static int check_otlp(const struct config *config)
{
	struct otlp_host host = { 0 };
	struct relay_settings settings;
	uint64_t interval_ns;
	char why[256];
	int err;

	relay_settings_init(&settings);
	err = otlp_settings_add(config->otlp_endpoint, variable, &host, &settings, &interval_ns,
				why, sizeof(why));
	explicit_bzero(&settings, sizeof(settings));
	if (!err || err == -ENOENT)
		return EXIT_CODE_OK;
	fprintf(stderr, "%s\n", why);
	return EXIT_CODE_USAGE;
}

static int run_agent(const struct config *config)
{
	struct profile_list profiles;
	int code = profile_list__load(&profiles, config->profiles.items, config->profiles.count);

	if (!code)
		code = check_rpc(config, &profiles);
	if (!code)
		code = check_otlp(config);
	if (!code)
		code = agent_run(config, (const struct profile *const *)profiles.items,
				 profiles.count);
	profile_list__free(&profiles);
	return code;
}

int cmd_run(int argc, char **argv)
{
	struct config config;
	int code = load_config(argc, argv, &config);

	if (!code) {
		log_setup((enum log_level)config.log_level, (enum log_format)config.log_format);
		code = run_agent(&config);
	}
	config__free(&config);
	return code;
}
