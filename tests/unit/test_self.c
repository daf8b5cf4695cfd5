/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "util/self.h"

static struct self *self;

static int setup(void **state)
{
	(void)state;
	return self__new(&self);
}

static int teardown(void **state)
{
	(void)state;
	self__free(self);
	return 0;
}

static void counts_the_open_file_descriptors(void **state)
{
	struct self_sample before, after;
	int fd;

	(void)state;
	assert_int_equal(self__sample(self, &before), 0);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(self__sample(self, &after), 0);
	close(fd);
	assert_int_equal(after.open_fds, before.open_fds + 1);
}

static void needs_no_new_file_for_a_sample(void **state)
{
	struct rlimit limit, none;
	struct self_sample sample;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(self__sample(self, &sample), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(sample.max_fds, 0);
}

static void cpu_time_grows(void **state)
{
	struct self_sample before, now;

	(void)state;
	assert_int_equal(self__sample(self, &before), 0);
	do {
		assert_int_equal(self__sample(self, &now), 0);
		assert_true(now.cpu_ns >= before.cpu_ns);
	} while (now.cpu_ns == before.cpu_ns);
}

static void memory_and_start_time_are_plausible(void **state)
{
	struct self_sample sample;
	uint64_t now = (uint64_t)time(NULL) * 1000000000;

	(void)state;
	assert_int_equal(self__sample(self, &sample), 0);
	assert_in_range(sample.resident_bytes, 100 * 1024, sample.virtual_bytes);
	assert_in_range(sample.start_real_ns, now - 3600 * UINT64_C(1000000000),
			now + 2 * UINT64_C(1000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_the_open_file_descriptors),
		cmocka_unit_test(needs_no_new_file_for_a_sample),
		cmocka_unit_test(cpu_time_grows),
		cmocka_unit_test(memory_and_start_time_are_plausible),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
