/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TAP_BPFLOG_H
#define TAPMETER_TAP_BPFLOG_H
/*
 * What the BPF library complains of in one step, made one line for an error message: the Linux kernel's
 * verdict on a program if there is one, else the first warning. Kept per thread.
 */
#include <stdarg.h>

/* Begins a step: nothing was complained of. */
void bpflog__forget(void);

/* Notes a warning, in the words of printf. */
void bpflog__note(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* The line, "" if there is none. It stays until the thread's next bpflog__forget() or bpflog__note(). */
const char *bpflog__line(void);

/* Whether the line is the verifier's verdict: then it is the program that was refused, not us. */
int bpflog__is_verdict(void);

#endif
