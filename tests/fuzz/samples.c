/* SPDX-License-Identifier: Apache-2.0 */
/* What a Prometheus answers to the gateway, and what an agent answers to a query of its kernels. */
#include <errno.h>
#include "fuzz.h"
#include "gateway/samples.h"

static void on_sample(void *arg, const struct sample *sample)
{
	size_t *count = arg;

	fuzz_expect(sample_label(sample, "kernel_id") && sample_label(sample, "no such label"));
	sample_value(sample);
	++*count;
}

static void on_warning(void *arg, const char *text)
{
	(void)arg;
	fuzz_expect(text != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count = 0, bad = 0;
	const struct samples_callbacks callbacks = { on_sample, on_warning, &count };
	char why[256] = "";
	char *text = malloc(size ? size : 1);

	fuzz_expect(text != NULL);
	memcpy(text, data, size);
	if (samples_read(text, size, &callbacks, &bad, why, sizeof(why)) == -EINVAL)
		fuzz_expect(why[0] && memchr(why, 0, sizeof(why)));
	free(text);
	return 0;
}
