/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include "cli/cli.h"
#include "cli/load_profiles.h"
#include "util/exit_code.h"
#include "util/nearest.h"
#include "util/quote.h"

static const char *const kind_names[] = {
	[PROFILE_MESSAGE] = "message",
	[PROFILE_CACHE] = "cache",
	[PROFILE_EVENT] = "event",
	[PROFILE_RPC] = "rpc",
};

static int list(int count, char **names)
{
	struct profile_list profiles;
	int code = profile_list__load(&profiles, NULL, 0);

	(void)count;
	(void)names;
	printf("%-12s %-8s %-12s %9s  %s\n", "NAME", "KIND", "SYSTEM", "FUNCTIONS", "DESCRIPTION");
	for (size_t i = 0; i < profiles.count; i++) {
		const struct profile *profile = profiles.items[i];

		printf("%-12s %-8s %-12s %9zu  %s\n", profile->name, kind_names[profile->kind],
		       profile->system, profile->function_count, profile->description);
	}
	profile_list__free(&profiles);
	return code;
}

static int show(int count, char **names)
{
	const struct builtin_profile *builtin = profile_find_builtin(names[0]);

	(void)count;
	if (!builtin)
		return EXIT_CODE_USAGE;
	fwrite(builtin->text, 1, builtin->size, stdout);
	return EXIT_CODE_OK;
}

static int check(int count, char **paths)
{
	int result = EXIT_CODE_OK;

	for (int i = 0; i < count; i++) {
		struct profile *profile = NULL;
		int code = profile_load_file(paths[i], &profile);

		if (code)
			result = code;
		else
			printf("%s: ok\n", paths[i]);
		profile__free(profile);
	}
	return result;
}

static const struct {
	const char *name;
	int min, max; /* words after it */
	int (*run)(int count, char **words);
	const char *usage;
} actions[] = {
	{ "list", 0, 0, list, "list" },
	{ "show", 1, 1, show, "show NAME" },
	{ "check", 1, 1 << 20, check, "check FILE..." },
};
#define ACTIONS (sizeof(actions) / sizeof(actions[0]))

static int unknown_action(const char *word)
{
	const char *names[ACTIONS], *meant;

	for (size_t i = 0; i < ACTIONS; i++)
		names[i] = actions[i].name;
	meant = nearest(word, names, ACTIONS);
	if (meant)
		fprintf(stderr, "unknown word %s, did you mean %s?\n", quote(word).text, meant);
	else
		fprintf(stderr, "unknown word %s, expected list, show or check\n",
			quote(word).text);
	return EXIT_CODE_USAGE;
}

int cmd_profiles(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "list";
	int count = argc > 2 ? argc - 2 : 0;

	for (size_t i = 0; i < ACTIONS; i++) {
		if (strcmp(actions[i].name, word) != 0)
			continue;
		if (count < actions[i].min || count > actions[i].max) {
			fprintf(stderr,
				"found %d words after '%s', expected: tapmeter profiles %s\n",
				count, word, actions[i].usage);
			return EXIT_CODE_USAGE;
		}
		return actions[i].run(count, argv + 2);
	}
	return unknown_action(word);
}
