/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/analysis.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tap/build.h"
#include "tap/find.h"
#include "tap/rpc_rules.h"

/*
 * Two probes in one function would count a call twice: aliases are tapped once. They may differ in the size
 * that the file says they have, and so in the place of the probe.
 */
static const char *already_tapped(const struct analysis *analysis,
				  const struct analysed_function *function)
{
	for (size_t i = 0; i < analysis->count; i++)
		if (!analysis->functions[i].refused &&
		    (analysis->functions[i].symbol.offset == function->symbol.offset ||
		     analysis->functions[i].placement.offset == function->placement.offset))
			return "another name of a function that is tapped already";
	return NULL;
}

/* Why the function must not be tapped; NULL if it may be. */
static const char *refusal(const struct analysis *analysis,
			   const struct analysed_function *function, int may_throw)
{
	if (may_throw)
		return "a C++ exception may pass through it, which a probe at return turns into an "
		       "abort; if none can, say so in the profile with may_throw: false";
	return already_tapped(analysis, function);
}

static void add_function(struct analysis *analysis, struct elf_file *elf,
			 const struct profile *profile, struct compile_context context,
			 const struct found_function *found)
{
	struct analysed_function *function = &analysis->functions[analysis->count];

	function->profile = profile;
	function->first_op = context.first_op;
	function->function = found->function;
	function->symbol = found->symbol;
	place_probe(elf, &function->symbol, &function->placement);
	context.skipped = function->placement.skipped;
	function->refused = refusal(analysis, function, found->may_throw);
	/* a spec that this build does not allow refuses the tap; `why` moves with the table */
	if (!function->refused && spec_compile(profile, found->function, elf, &found->symbol,
					       &context, &function->compiled))
		function->refused = "";
	analysis->count++;
}

static int add_found(struct analysis *analysis, struct elf_file *elf,
		     const struct analysis_profiles *profiles, size_t index,
		     const struct found_functions *found)
{
	const struct profile *profile = profiles->list[index];
	struct compile_context context = {
		.first_op = profiles->first_op[index],
		.transit = profiles->transit,
		.rpc = rpc_rules_over(profiles->list, profiles->count, profile),
	};
	struct analysed_function *grown;
	struct build build;

	build_examine(profile, elf, &build);
	context.build = &build;
	grown = realloc(analysis->functions, (analysis->count + found->count) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	memset(grown + analysis->count, 0, found->count * sizeof(*grown));
	analysis->functions = grown;
	for (size_t i = 0; i < found->count; i++)
		add_function(analysis, elf, profile, context, &found->items[i]);
	return 0;
}

static int add_profile(struct analysis *analysis, struct elf_file *elf,
		       const struct analysis_profiles *profiles, size_t index)
{
	struct found_functions *found;
	int err;

	if (!profiles->list[index]->function_count)
		return 0;
	found = calloc(1, sizeof(*found));
	if (!found)
		return -ENOMEM;
	err = find_functions(profiles->list[index], elf, found);
	/* a file that is broken somewhere: what was found before is there, and it is not looked into again */
	if (err == -EINVAL || err == -E2BIG)
		err = 0;
	if (!err && found->count && build_matches(profiles->list[index], elf))
		err = add_found(analysis, elf, profiles, index, found);
	free(found);
	return err;
}

int analysis__read(int fd, const struct analysis_profiles *profiles, struct analysis *out)
{
	struct elf_file *elf;
	char text[128];
	int err;

	memset(out, 0, sizeof(*out));
	err = elf_file__new(fd, &elf, text, sizeof(text));
	if (err)
		return err == -ENOMEM ? err :
					0; /* not an ELF file, or a broken one: nothing to tap */
	for (size_t i = 0; i < profiles->count && !err; i++)
		err = add_profile(out, elf, profiles, i);
	elf_file__free(elf);
	return err;
}

void analysis__clear(struct analysis *analysis)
{
	free(analysis->functions);
	memset(analysis, 0, sizeof(*analysis));
}
