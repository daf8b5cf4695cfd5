/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_KEYS_H
#define TAPMETER_TOP_KEYS_H
/* What the help screen says. docs/top.md says the same. */

struct key_help {
	const char *keys; /* NULL ends the table */
	const char *does;
};

extern const struct key_help key_helps[];
/* What the signs in the tables mean; NULL ends it. */
extern const char *const help_notes[];

#endif
