/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_TOOLKIT_URL_H
#define TAPMETER_TOOLKIT_URL_H
/* URLs of servers, to which paths are appended. */

#define URL_MAX 1024
#define URL_EXPECTED "http://HOST[:PORT][/PATH] or https://..., without a password in it"

/*
 * Whether it is such a URL. No credentials: they would show up on the command line and in error messages.
 * No query either.
 */
int url_is_base(const char *text);
/* Takes the slashes at the end away. */
void url_trim(char *url);

#endif
