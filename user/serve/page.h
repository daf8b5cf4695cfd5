/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_PAGE_H
#define TAPMETER_SERVE_PAGE_H
/*
 * The web page at / and what it is made of, all of it in the program: nothing is read from disk, and by its policy
 * the page asks no other host for anything. Any thread.
 */
#include <stdbool.h>
#include "serve/exchange.h"

/* Whether the page has something at this path. */
bool page_has(const char *path);
/* Answers with the file at the request's path, which there must be; 304 if the client has it already. */
void page_answer(const struct http_request *request, struct http_response *response);

#endif
