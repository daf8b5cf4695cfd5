/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include "cli/cli.h"
#include "serve/families.h"
#include "util/help.h"

static const struct {
	const char *name;
	const char *suffix; /* of the samples' names */
} types[] = {
	[FAMILY_COUNTER] = { "counter", "_total" },
	[FAMILY_GAUGE] = { "gauge", "" },
	[FAMILY_HISTOGRAM] = { "histogram", "" },
	[FAMILY_INFO] = { "info", "_info" },
};

static void print_family(FILE *out, const struct family_head *head, const struct strbuf *labels)
{
	fprintf(out, "\n%s%s (%s)\n", head->name, types[head->type].suffix, types[head->type].name);
	if (labels->len) {
		fputs("    labels: ", out);
		help_wrap(out, labels->data, 12);
	}
	fputs("    ", out);
	help_wrap(out, head->help, 4);
}

int help_metrics(FILE *out)
{
	const struct family_head *head;
	struct strbuf labels = STRBUF_INIT;
	int err = 0;

	fputs("What /metrics shows. Families and labels without a value are left out.\n", out);
	for (size_t i = 0; !err; i++) {
		strbuf_clear(&labels);
		err = families_describe(i, &head, &labels);
		if (!err)
			print_family(out, head, &labels);
	}
	strbuf_free(&labels);
	return err == -ENOENT ? 0 : err;
}
