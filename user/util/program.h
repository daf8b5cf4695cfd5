/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_PROGRAM_H
#define TAPMETER_UTIL_PROGRAM_H
/* Where the programs that belong to tapmeter lie: beside the running executable, else in libexec. */

/* Opens tapmeter-NAME to be executed (fexecve). Returns a descriptor (close-on-exec), -ENOENT, -errno. */
int program_open(const char *name);

#endif
