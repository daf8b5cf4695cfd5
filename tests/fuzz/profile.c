/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles that users write, and rules of requests. */
#include <errno.h>
#include "fuzz.h"
#include "tap/profile.h"
#include "tap/rpc_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yaml_errors errors = YAML_ERRORS_INIT;
	char *text = fuzz_text(data, size);
	const struct rpc_choice choice = { 0 };
	struct profile *profile = NULL;
	const struct profile *list[1];
	struct rpc_rules rules;
	char why[256];
	int err = profile__parse("fuzz.yaml", text, size, &profile, &errors);

	/* what is refused has a reason, what is taken has none */
	fuzz_expect(err ? !profile : profile && !errors.count);
	fuzz_expect(err != -EINVAL || errors.count);
	free(text);
	list[0] = profile;
	if (profile)
		rpc_rules_fill(list, 1, &choice, why, sizeof(why), &rules);
	profile__free(profile);
	yaml_errors_free(&errors);
	return 0;
}
