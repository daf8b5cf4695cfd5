/* SPDX-License-Identifier: Apache-2.0 */
#include "tap/bpflog.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_BEGIN "-- BEGIN PROG LOAD LOG --\n"
#define LOG_END "-- END PROG LOAD LOG --"

static __thread struct {
	char line[240];
	int is_verdict;
} kept;

void bpflog__forget(void)
{
	kept.line[0] = 0;
	kept.is_verdict = 0;
}

/* Lines that follow the verdict in every log of the verifier. */
static int is_statistics(const char *line)
{
	static const char *const begins[] = { "processed ", "verification time ", "stack depth ",
					      "\n" };

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (!strncmp(line, begins[i], strlen(begins[i])))
			return 1;
	return 0;
}

/* The last line of the log that says something, "" if none does. */
static const char *find_verdict(char *log)
{
	char *end = strstr(log, LOG_END), *line;

	if (end)
		*end = 0;
	for (end = log + strlen(log); end > log; end = line) {
		line = end - 1;
		while (line > log && line[-1] != '\n')
			line--;
		if (!is_statistics(line))
			return line;
	}
	return "";
}

/* Whose verdict: libbpf begins the warning so, `libbpf: prog 'NAME': -- BEGIN`. */
static void keep_verdict(char *text, char *log)
{
	const char *verdict = find_verdict(log + strlen(LOG_BEGIN));

	if (!verdict[0] || kept.is_verdict)
		return;
	log[0] = 0;
	snprintf(kept.line, sizeof(kept.line), "%s%.*s", text, (int)strcspn(verdict, "\n"),
		 verdict);
	kept.is_verdict = 1;
}

static void keep_first(const char *text)
{
	if (kept.line[0])
		return;
	snprintf(kept.line, sizeof(kept.line), "%.*s", (int)strcspn(text, "\n"), text);
}

void bpflog__note(const char *format, va_list args)
{
	char *text, *log;

	if (vasprintf(&text, format, args) < 0)
		return;
	log = strstr(text, LOG_BEGIN);
	if (log)
		keep_verdict(text, log);
	else
		keep_first(text);
	free(text);
}

const char *bpflog__line(void)
{
	return kept.line;
}

int bpflog__is_verdict(void)
{
	return kept.is_verdict;
}
