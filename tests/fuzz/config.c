/* SPDX-License-Identifier: Apache-2.0 */
/* The files of --config.file and --web.config.file. */
#include <stdio.h>
#include "fuzz.h"
#include "serve/web_config.h"
#include "util/config.h"

static void load_config(const char *path)
{
	struct strbuf errors = STRBUF_INIT;
	char flag[64], *argv[] = { "run", flag };
	struct config config;
	int err;

	snprintf(flag, sizeof(flag), "--config.file=%s", path);
	err = config__load(2, argv, &config, &errors);
	fuzz_expect(err ? errors.len > 0 : !errors.len);
	config__free(&config);
	strbuf_free(&errors);
}

static void load_web_config(const char *path)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	struct web_config *config = NULL;

	fuzz_expect(!web_config__load(path, &config, &errors) == (config != NULL));
	web_config__free(config);
	yaml_errors_free(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = fuzz_file(data, size);
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	load_config(path);
	load_web_config(path);
	close(fd);
	return 0;
}
