/* SPDX-License-Identifier: Apache-2.0 */
/* libtapmeter-tap: what a program links to be counted. It needs nothing but the C library. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <tapmeter/tap.h>
#include <tapmeter/tap_table.h>

/* Found by name, from outside. */
extern struct tap_table tapmeter_tap_table;
struct tap_table tapmeter_tap_table = { .magic = TAP_TABLE_MAGIC };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/*
 * What tapmeter taps. It must be a call of its own, with its arguments where the ABI has them; a no-op of five bytes is what
 * newer Linux kernels can turn into the cheapest tap.
 */
__attribute__((noipa, visibility("protected"))) void tapmeter_tap_event(const char *name,
									int64_t value);
void tapmeter_tap_event(const char *name, int64_t value)
{
	__asm__ volatile(".byte 0x0f, 0x1f, 0x44, 0x00, 0x00" : : "r"(name), "r"(value) : "memory");
}

/* A tap can only read what is in memory: the name's first byte is looked at, which brings its page in. */
void tap_event(const char *name, int64_t value)
{
	if (!name)
		return;
	__asm__ volatile("" : : "r"(*name));
	tapmeter_tap_event(name, value);
}

static int ends_with(const char *text, size_t len, const char *end)
{
	size_t end_len = strlen(end);

	return len >= end_len && !memcmp(text + len - end_len, end, end_len);
}

/* As gauge_name_valid() in tapmeter has it, which looks again. */
static int is_name(const char *name)
{
	static const char *const others[] = { "_total", "_count",   "_sum",	 "_bucket",
					      "_info",	"_created", "_timestamp" };
	size_t len = strnlen(name, TAP_TABLE_NAME);

	if (!len || len == TAP_TABLE_NAME)
		return 0;
	for (size_t i = 0; i < len; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= 'A' && name[i] <= 'Z') &&
		    !(name[i] >= '0' && name[i] <= '9') && name[i] != '_')
			return 0;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (ends_with(name, len, others[i]) || !strcmp(name, others[i] + 1))
			return 0;
	return 1;
}

/* Between these two, who reads from outside knows that the table is not whole. */
static void begin_change(void)
{
	__atomic_add_fetch(&tapmeter_tap_table.sequence, 1, __ATOMIC_SEQ_CST);
}

static void end_change(void)
{
	__atomic_add_fetch(&tapmeter_tap_table.sequence, 1, __ATOMIC_SEQ_CST);
}

static int add(const char *name, uint64_t address)
{
	struct tap_table *table = &tapmeter_tap_table;
	struct tap_table_gauge *place = NULL;

	for (uint32_t i = 0; i < table->count; i++) {
		struct tap_table_gauge *gauge = &table->gauges[i];

		if (gauge->address == address && !strcmp(gauge->name, name))
			return 0;
		if (!gauge->address && !place)
			place = gauge;
	}
	if (!place && table->count == TAP_TABLE_GAUGES)
		return -ENOSPC;
	begin_change();
	if (!place)
		place = &table->gauges[table->count++];
	memset(place->name, 0, sizeof(place->name));
	memcpy(place->name, name, strlen(name));
	place->address = address;
	end_change();
	return 0;
}

int tap_gauge(const char *name, const int64_t *value)
{
	int err;

	if (!name || !value || !is_name(name))
		return -EINVAL;
	(void)*(const volatile int64_t *)value; /* brings its page in: only what is there is read */
	pthread_mutex_lock(&lock);
	err = add(name, (uintptr_t)value);
	pthread_mutex_unlock(&lock);
	return err;
}

void tap_gauge_remove(const int64_t *value)
{
	struct tap_table *table = &tapmeter_tap_table;

	pthread_mutex_lock(&lock);
	begin_change();
	for (uint32_t i = 0; i < table->count; i++)
		if (table->gauges[i].address == (uintptr_t)value)
			table->gauges[i].address = 0;
	end_change();
	pthread_mutex_unlock(&lock);
}
