/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine or a runtime says of a container, as tapmeter-relay reads it. */
#include "fuzz.h"
#include "relay/answer.h"
#include "util/plausible.h"

static void read_answer(const uint8_t *data, size_t size, uint32_t source)
{
	struct relay_answer answer = { .source = source };
	char *text = malloc(size ? size : 1);

	fuzz_expect(text != NULL);
	memcpy(text, data, size);
	memset(answer.container, 'a', 64);
	answer_parse(text, size, &answer);
	free(text);
	fuzz_expect(!answer.name[0] || plausible_name(answer.name, sizeof(answer.name)));
	fuzz_expect(!answer.kernel_id[0] ||
		    plausible_name(answer.kernel_id, sizeof(answer.kernel_id)));
	fuzz_expect(!answer.pod[0] || plausible_name(answer.pod, sizeof(answer.pod)));
	fuzz_expect(!answer.namespace[0] ||
		    plausible_name(answer.namespace, sizeof(answer.namespace)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_answer(data, size, RELAY_ENGINE);
	read_answer(data, size, RELAY_STATE_FILE);
	return 0;
}
