/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_FINAL_FILE_H
#define TAPMETER_FINAL_FILE_H
/* Writes final_snapshot.json, in a thread of its own: a disk may hang, and nothing else shall. One thread. */
#include <stdint.h>
#include "util/strbuf.h"

#define FINAL_FILE_NAME "final_snapshot.json"

/*
 * Writes *text, which is taken over and empty then, into the open folder, durably (util/durable.h). -ETIMEDOUT: it has not
 * ended in time, and may yet; -errno.
 */
int final_file_write(int folder, struct strbuf *text, uint64_t timeout_ns);

#endif
