/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/find.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tap/pattern.h"

static int add_found(struct found_functions *found, const struct profile_function *function,
		     const char *name, const struct elf_symbol *symbol)
{
	/* .symtab and .dynsym have the same function under the same name */
	for (size_t i = 0; i < found->count; i++)
		if (found->items[i].function == function &&
		    found->items[i].symbol.offset == symbol->offset)
			return 0;
	if (found->count == FOUND_MAX)
		return -E2BIG;
	found->items[found->count++] = (struct found_function){
		.function = function,
		.symbol = *symbol,
		.may_throw = function->may_throw == PROFILE_THROWS_BY_NAME ?
				     profile_is_mangled(name) :
				     function->may_throw,
	};
	return 0;
}

static int match_patterns(void *arg, const char *name, const struct elf_symbol *symbol)
{
	struct found_functions *found = arg;
	const struct profile *profile = found->profile;
	int err = 0;

	for (size_t i = 0; i < profile->function_count && !err; i++) {
		const struct profile_function *function = &profile->functions[i];

		if (pattern_kind(function->symbol) && pattern_matches(function->symbol, name))
			err = add_found(found, function, name, symbol);
	}
	return err;
}

static int has_patterns(const struct profile *profile)
{
	for (size_t i = 0; i < profile->function_count; i++)
		if (pattern_kind(profile->functions[i].symbol))
			return 1;
	return 0;
}

static int find_names(const struct profile *profile, struct elf_file *elf,
		      struct found_functions *out)
{
	const char **names = calloc(profile->function_count, sizeof(*names));
	struct elf_symbol *symbols = calloc(profile->function_count, sizeof(*symbols));
	int err = -ENOMEM;

	if (names && symbols) {
		for (size_t i = 0; i < profile->function_count; i++)
			names[i] = profile->functions[i].symbol;
		err = elf_file__functions(elf, names, profile->function_count, symbols);
		for (size_t i = 0; i < profile->function_count; i++)
			if (symbols[i].offset)
				add_found(out, &profile->functions[i], names[i], &symbols[i]);
	}
	free(names);
	free(symbols);
	return err < 0 ? err : 0;
}

int find_functions(const struct profile *profile, struct elf_file *elf, struct found_functions *out)
{
	int err;

	out->profile = profile;
	out->count = 0;
	err = find_names(profile, elf, out);
	if (!err && has_patterns(profile))
		err = elf_file__each_function(elf, match_patterns, out);
	return err < 0 ? err : 0;
}
