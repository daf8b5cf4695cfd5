/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_THREAD_H
#define TAPMETER_UTIL_THREAD_H
#include <pthread.h>

/* Starts a thread that gets no signals: these are for the one that waits for them. -errno. */
int thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg);

#endif
