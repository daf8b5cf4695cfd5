/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_HOST_H
#define TAPMETER_HOST_H
#include <stddef.h>

/*
 * Whether we are in the initial pid namespace, whose pids are the ones that BPF programs see. 0, or -EXDEV or the errno of
 * /proc, with cause and mend in err.
 */
int host_check_pid_namespace(char *err, size_t err_len);

/* Lets us open as many files as we may at most. Returns how many that is. */
size_t host_raise_open_files(void);

#endif
