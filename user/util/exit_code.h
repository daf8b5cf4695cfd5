/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_EXIT_CODE_H
#define TAPMETER_UTIL_EXIT_CODE_H

/* How every command of tapmeter ends. */
enum exit_code {
	EXIT_CODE_OK = 0,
	EXIT_CODE_FAILED = 1, /* failed at run time: port in use, ... */
	EXIT_CODE_USAGE = 2, /* wrong usage, config or profile */
	EXIT_CODE_HOST = 3, /* this host cannot do it: no privilege, no BTF, ... */
};

#endif
