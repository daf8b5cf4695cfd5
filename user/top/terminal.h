/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOP_TERMINAL_H
#define TAPMETER_TOP_TERMINAL_H
/* What kind of terminal it is. */

/*
 * 0, -ENOTTY: standard input or output is no terminal, -ENODEV: one of a type on which nothing can be put anywhere (a
 * printer, a log), or that nobody knows.
 */
int terminal_check(void);

#endif
