/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>
#include "subject/cgroupfs.h"

#define UNTOUCHED 4711

static void a_number_is_a_decimal_of_64_bits(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint64_t value;
	} cases[] = {
		{ "0\n", 0, 0 },
		{ "123456\n", 0, 123456 },
		{ "  7", 0, 7 },
		{ "18446744073709551615\n", 0, UINT64_MAX },
		{ "18446744073709551616\n", -EPROTO, UNTOUCHED },
		{ "99999999999999999999999999\n", -EPROTO, UNTOUCHED },
		{ "", -EPROTO, UNTOUCHED },
		{ "\n", -EPROTO, UNTOUCHED },
		{ "-1\n", -EPROTO, UNTOUCHED },
		{ "+1\n", -EPROTO, UNTOUCHED },
		{ "12x\n", -EPROTO, UNTOUCHED },
		{ "0x10\n", -EPROTO, UNTOUCHED },
		{ "max\n", -EPROTO, UNTOUCHED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = UNTOUCHED;

		assert_int_equal(cgroupfs_number(cases[i].text, &value), cases[i].err);
		assert_true(value == cases[i].value);
	}
}

static void no_limit_is_max_or_a_number_nobody_has(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint64_t value;
	} cases[] = {
		{ "max\n", 0, CGROUPFS_UNLIMITED },
		{ "9223372036854771712\n", 0, CGROUPFS_UNLIMITED }, /* pages of 4 KiB */
		{ "9223372036854710272\n", 0, CGROUPFS_UNLIMITED }, /* of 64 KiB */
		{ "8589934592\n", 0, 8589934592 },
		{ "0\n", 0, 0 },
		{ "maximum\n", -EPROTO, UNTOUCHED },
		{ "", -EPROTO, UNTOUCHED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = UNTOUCHED;

		assert_int_equal(cgroupfs_limit(cases[i].text, &value), cases[i].err);
		assert_true(value == cases[i].value);
	}
}

static void a_line_is_found_by_its_whole_key(void **state)
{
	const char *text = "total_inactive_file 1\ninactive_file 22\ninactive_file_2 333\nlast 4";
	uint64_t value = UNTOUCHED;

	(void)state;
	assert_int_equal(cgroupfs_number(cgroupfs_after(text, "inactive_file"), &value), 0);
	assert_int_equal(value, 22);
	assert_int_equal(cgroupfs_number(cgroupfs_after(text, "last"), &value), 0);
	assert_int_equal(value, 4);
	assert_string_equal(cgroupfs_after(text, "inactive"), "");
	assert_string_equal(cgroupfs_after("", "inactive"), "");
	assert_int_equal(cgroupfs_number(cgroupfs_after("key\n3\n", "key"), &value), -EPROTO);
}

struct sums_case {
	const char *text;
	int err;
	uint64_t in, out;
};

static void check_sums(int (*parse)(const char *, uint64_t *, uint64_t *),
		       const struct sums_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t in = UNTOUCHED, out = UNTOUCHED;
		int err = parse(cases[i].text, &in, &out);

		if (err != cases[i].err)
			fail_msg("case %zu: %d", i, err);
		if (in != (err ? UNTOUCHED : cases[i].in) ||
		    out != (err ? UNTOUCHED : cases[i].out))
			fail_msg("case %zu: %lu, %lu", i, in, out);
	}
}

static void blkio_is_summed_over_disks(void **state)
{
	static const struct sums_case cases[] = {
		{ "8:0 Read 100\n8:0 Write 20\n8:0 Sync 7\n8:0 Async 7\n8:0 Discard 7\n8:0 Total 127\n"
		  "254:16 Read 1\n254:16 Write 2\n254:16 Total 3\nTotal 130\n",
		  0, 101, 22 },
		{ "8:0 Read 0\n8:0 Write 0\n8:0 Total 0\nTotal 0\n", 0, 0, 0 },
		{ "8:0 Read 18446744073709551615\n8:1 Read 5\n", 0, UINT64_MAX, 0 },
		{ "Total 0\n", -ENODATA, 0, 0 },
		{ "", -ENODATA, 0, 0 },
		{ "8:0 Read many\n", -EPROTO, 0, 0 },
		{ "8:0 Read", -EPROTO, 0, 0 },
		{ "8: Read 5\n:0 Read 5\nx8:0 Read 5\n", -ENODATA, 0, 0 },
	};

	(void)state;
	check_sums(cgroupfs_blkio, cases, sizeof(cases) / sizeof(cases[0]));
}

static void io_stat_is_summed_over_disks(void **state)
{
	static const struct sums_case cases[] = {
		{ "8:0 rbytes=100 wbytes=20 rios=1 wios=2 dbytes=50 dios=1\n"
		  "254:0 rbytes=1 wbytes=2 rios=1 wios=1 dbytes=0 dios=0\n",
		  0, 101, 22 },
		{ "", 0, 0, 0 },
		{ "8:0 \n", 0, 0, 0 },
		/* some Linux kernels leave out the newline of a disk that has done nothing */
		{ "8:0 8:16 rbytes=7 wbytes=8\n", 0, 7, 8 },
		{ "8:0 cost.usage=5 rbytes=3 wbytes=4", 0, 3, 4 },
		{ "8:0 rbytes=18446744073709551615 wbytes=1\n8:1 rbytes=1\n", 0, UINT64_MAX, 1 },
		{ "8:0 rbytes=x wbytes=1\n", -EPROTO, 0, 0 },
		{ "garbage\n", -EPROTO, 0, 0 },
	};

	(void)state;
	check_sums(cgroupfs_io_stat, cases, sizeof(cases) / sizeof(cases[0]));
}

#define HEAD                                                                                       \
	"Inter-|   Receive                                                |  Transmit\n"           \
	" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs " \
	"drop fifo colls carrier compressed\n"

static void interfaces_are_summed_but_for_lo(void **state)
{
	static const struct sums_case cases[] = {
		{ HEAD "    lo: 5000 1 0 0 0 0 0 0 6000 1 0 0 0 0 0 0\n"
		       "  eth0: 1000 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n"
		       "veth12345678:3 1 0 0 0 0 0 0 4 1 0 0 0 0 0 0\n",
		  0, 1003, 24 },
		{ HEAD "    lo: 5000 1 0 0 0 0 0 0 6000 1 0 0 0 0 0 0\n", 0, 0, 0 },
		{ HEAD "   lo2: 1 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0\n", 0, 1, 2 },
		{ HEAD "eth0:1: 1 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0", 0, 1, 2 },
		{ HEAD, 0, 0, 0 },
		{ HEAD "  eth0: 1000 1 0 0 0 0 0 0\n", -EPROTO, 0, 0 },
		{ HEAD "  eth0: a 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n", -EPROTO, 0, 0 },
		{ HEAD "  eth0 1000 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n", -EPROTO, 0, 0 },
		{ "", -EPROTO, 0, 0 },
		{ "  eth0: 1 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0\n", -EPROTO, 0, 0 },
	};

	(void)state;
	check_sums(cgroupfs_net_dev, cases, sizeof(cases) / sizeof(cases[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_a_decimal_of_64_bits),
		cmocka_unit_test(no_limit_is_max_or_a_number_nobody_has),
		cmocka_unit_test(a_line_is_found_by_its_whole_key),
		cmocka_unit_test(blkio_is_summed_over_disks),
		cmocka_unit_test(io_stat_is_summed_over_disks),
		cmocka_unit_test(interfaces_are_summed_but_for_lo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
