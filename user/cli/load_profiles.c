/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/load_profiles.h"
#include "util/exit_code.h"
#include "util/nearest.h"
#include "util/quote.h"

/* Says the errors and frees them. */
static int say_errors(const char *file, int err, struct yaml_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++)
		fprintf(stderr, "%s\n", errors->lines[i]);
	if (err == -ENOMEM)
		fprintf(stderr, "%s: no memory\n", file);
	yaml_errors_free(errors);
	return err == -ENOMEM ? EXIT_CODE_FAILED : EXIT_CODE_USAGE;
}

static int load_builtin(const struct builtin_profile *builtin, struct profile **out)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	int err = profile__parse("built-in", builtin->text, builtin->size, out, &errors);

	return err ? say_errors(builtin->name, err, &errors) : EXIT_CODE_OK;
}

int profile_load_file(const char *path, struct profile **out)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	int err = profile__load(path, out, &errors);

	return err ? say_errors(path, err, &errors) : EXIT_CODE_OK;
}

static void say_unknown(const char *name)
{
	const char **names = calloc(builtin_profiles_count + 1, sizeof(*names));
	const char *meant = NULL;

	for (size_t i = 0; names && i < builtin_profiles_count; i++)
		names[i] = builtin_profiles[i].name;
	if (names)
		meant = nearest(name, names, builtin_profiles_count);
	if (meant)
		fprintf(stderr, "unknown profile %s, did you mean %s?\n", quote(name).text, meant);
	else
		fprintf(stderr, "unknown profile %s, `tapmeter profiles` lists all\n",
			quote(name).text);
	free(names);
}

const struct builtin_profile *profile_find_builtin(const char *name)
{
	for (size_t i = 0; i < builtin_profiles_count; i++)
		if (!strcmp(builtin_profiles[i].name, name))
			return &builtin_profiles[i];
	say_unknown(name);
	return NULL;
}

static int is_path(const char *name)
{
	const char *dot = strrchr(name, '.');

	return strchr(name, '/') || (dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml")));
}

static int load_named(const char *name, struct profile **out)
{
	const struct builtin_profile *builtin;

	if (is_path(name))
		return profile_load_file(name, out);
	builtin = profile_find_builtin(name);
	return builtin ? load_builtin(builtin, out) : EXIT_CODE_USAGE;
}

/* Two profiles with one name would count every call twice. */
static int add(struct profile_list *list, struct profile *profile)
{
	for (size_t i = 0; i < list->count; i++) {
		if (!strcmp(list->items[i]->name, profile->name)) {
			fprintf(stderr, "%s: profile %s was given before, by %s\n", profile->file,
				quote(profile->name).text, list->items[i]->file);
			profile__free(profile);
			return EXIT_CODE_USAGE;
		}
	}
	list->items[list->count++] = profile;
	return EXIT_CODE_OK;
}

int profile_list__load(struct profile_list *list, char *const *names, size_t count)
{
	size_t all = count ? count : builtin_profiles_count;
	int result = EXIT_CODE_OK;

	list->count = 0;
	list->items = calloc(all + 1, sizeof(struct profile *));
	if (!list->items) {
		fprintf(stderr, "no memory for the profiles\n");
		return EXIT_CODE_FAILED;
	}
	/* to the end also after an error, so that all of them are seen */
	for (size_t i = 0; i < all; i++) {
		struct profile *profile = NULL;
		int code = count ? load_named(names[i], &profile) :
				   load_builtin(&builtin_profiles[i], &profile);

		if (!code)
			code = add(list, profile);
		if (code)
			result = code;
	}
	return result;
}

void profile_list__free(struct profile_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		profile__free(list->items[i]);
	free(list->items);
	*list = (struct profile_list){ 0 };
}
