/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_THREAD_H
#define TAPMETER_UTIL_THREAD_H
#include <pthread.h>

/* A condition whose time limits are by CLOCK_MONOTONIC. -errno. */
int thread_cond_init(pthread_cond_t *cond);

/* Starts a thread that gets no signals: these are for the one that waits for them. -errno. */
int thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg);

#endif
