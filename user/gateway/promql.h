/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_GATEWAY_PROMQL_H
#define TAPMETER_GATEWAY_PROMQL_H
/*
 * Texts for Prometheus' query language. Pure. Ids come from whoever asks, and may hold anything:
 * here they are made to match themselves and nothing else.
 */
#include <stddef.h>
#include <stdint.h>
#include "util/strbuf.h"

/* Prometheus looks so many alternatives up one by one; of more it makes a real regular expression. */
#define PROMQL_MAX_IDS 250

/* Adds the id as it has to stand in a regular expression in a string, "a.b" as "a\\.b". */
void promql_add_id(struct strbuf *out, const char *id);
/* Bytes that promql_add_id() adds. */
size_t promql_id_len(const char *id);
/* Adds kernel_id=~"…|…", which matches each of the ids; there must be one, and none may be "". */
void promql_add_matcher(struct strbuf *out, const char *const *ids, size_t count);
/*
 * How many of the ids, from the first on, one matcher can hold: at most PROMQL_MAX_IDS, and its
 * alternatives not longer than max_len bytes. 0: not even the first one fits.
 */
size_t promql_batch(const char *const *ids, size_t count, size_t max_len);
/*
 * Adds the text with "$k" replaced by `matcher` and "$w" by the window, a duration. A '$' before
 * anything else stays.
 */
void promql_expand(struct strbuf *out, const char *text, const char *matcher, uint64_t window_ns);
/* Adds the text as it has to stand in a form (application/x-www-form-urlencoded). */
void promql_add_form(struct strbuf *out, const char *text, size_t len);

#endif
