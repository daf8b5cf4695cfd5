/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOOLKIT_SECRET_H
#define TAPMETER_TOOLKIT_SECRET_H
/*
 * Secrets come from files: what is on a command line, everybody may read. And a program that has
 * some leaves no core file.
 */
#include <stddef.h>

/* A name and the password that goes with it. */
struct basic_auth {
	char *user;
	char *password;
};

/* Whether it has the form "USER:FILE". */
int is_basic_auth(const char *text);
/*
 * Takes "USER:FILE" apart and reads the password, the file's only line. -EINVAL, -ENOMEM, -errno of the file,
 * with the reason in `err`. basic_auth_free() has to follow, whatever it returns.
 */
int basic_auth_read(const char *text, struct basic_auth *out, char *err, size_t err_len);
void basic_auth_free(struct basic_auth *auth);
/*
 * The lines of a small text file, at most 64 KiB, in *text: cut up into `lines`, at most `max` of
 * them; empty ones are left out. Returns how many; -E2BIG, -EINVAL (control characters), -ENOMEM, -errno of the
 * file, with the reason in `err`. Free *text, the lines lie in it.
 */
int secret_read_lines(const char *path, char **text, const char **lines, size_t max, char *err,
		      size_t err_len);
/* No core file, and nobody may attach. A peer that goes away is no reason to die, either. */
void secret_keep(void);

#endif
