/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program with variables to be read from outside. Each line of stdin, "NAME VALUE", sets one; the answer is {}.
 * tests/e2e/gauges builds it anew as a static program, and with -DPROGRAM and -DLIBRARY in two parts.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void set_in_library(long value);

#ifndef PROGRAM
static volatile long
	g_in_library; /* not exported, untouched at first; volatile: else the compiler leaves it out */

void set_in_library(long value)
{
	g_in_library = value;
}
#endif

#ifndef LIBRARY
struct pool {
	char name[16];
	int32_t busy;
	int32_t idle;
};

long g_active_jobs = 7;
long g_untouched[4096]; /* its middle is a page that nothing else is on */
struct pool *g_pool;
struct pool g_own_pool;
double g_load;
uint8_t g_small;
_Bool g_on;

static void set(const char *name, long long value)
{
	if (!strcmp(name, "jobs"))
		g_active_jobs = (long)value;
	else if (!strcmp(name, "untouched"))
		g_untouched[2048] = (long)value;
	else if (!strcmp(name, "library"))
		set_in_library((long)value);
	else if (!strcmp(name, "pool"))
		g_pool = value ? calloc(1, sizeof(*g_pool)) : NULL;
	else if (!strcmp(name, "wild"))
		g_pool = (struct pool *)(uintptr_t)value;
	else if (!strcmp(name, "busy") && g_pool)
		g_pool->busy = g_own_pool.busy = (int32_t)value;
	else if (!strcmp(name, "load"))
		g_load = (double)value / 8;
	else if (!strcmp(name, "small"))
		g_small = (uint8_t)value;
	else if (!strcmp(name, "on"))
		g_on = value != 0;
}

int main(void)
{
	char line[256], name[32];
	long long value;

	printf("{\"ready\": true}\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%31s %lli", name, &value) == 2)
			set(name, value);
		printf("{}\n");
		fflush(stdout);
	}
	return 0;
}
#endif
