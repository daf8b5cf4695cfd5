/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_PROGRAM_H
#define TAPMETER_UTIL_PROGRAM_H
/* Where the programs that belong to tapmeter lie: beside the running executable, else in libexec. */
#include <limits.h>

/* The path of tapmeter-NAME. 0, or -errno of the installed one, -ENAMETOOLONG. */
int program_path(const char *name, char path[PATH_MAX]);
/* Opens it to be executed (fexecve). Returns a descriptor (close-on-exec), or the errors above. */
int program_open(const char *name);

#endif
