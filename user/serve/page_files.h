/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_SERVE_PAGE_FILES_H
#define TAPMETER_SERVE_PAGE_FILES_H
/* The files of web/ and the charting library, as scripts/embed-web puts them into the program. */
#include <stddef.h>

struct page_file {
	const char *path; /* in the URL */
	const char *content_type;
	const char *etag; /* a weak one: compressed or not, it is the same file */
	const char *text;
	size_t len;
};

extern const struct page_file page_files[];
extern const size_t page_files_count;

#endif
