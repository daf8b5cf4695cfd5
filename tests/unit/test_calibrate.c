/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf_test.h"
#include "tap/calibrate.h"

struct fixture {
	struct probes *probes;
	char why_not[512];
};

static int load(void **state, enum attach_way way)
{
	struct probes_config config = { .way = way, .max_streams = 64 };
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	*state = f;
	return open_probes(&config, &f->probes, f->why_not);
}

static int load_session(void **state)
{
	return load(state, ATTACH_SESSION);
}

static int load_multi(void **state)
{
	return load(state, ATTACH_MULTI);
}

static int load_perf(void **state)
{
	return load(state, ATTACH_PERF);
}

static int unload(void **state)
{
	struct fixture *f = *state;

	probes__free(f->probes);
	free(f);
	return 0;
}

/* Unless it cannot be tried here. */
static struct probes *loaded(void **state)
{
	struct fixture *f = *state;

	skip_if(f->why_not);
	return f->probes;
}

static void a_run_costs_something_and_a_stepped_one_more(void **state)
{
	struct probes *probes = loaded(state);
	struct probe_cost cost = { 0 };

	assert_int_equal(probe_cost_measure(probes, &cost), 0);
	assert_true(cost.emulated_ns > 0);
	assert_true(cost.stepped_ns > cost.emulated_ns);
	assert_true(cost.transit_ns > 0);
}

static void measuring_leaves_no_stream_behind(void **state)
{
	struct probes *probes = loaded(state);
	const struct tm_slot *slots = probes__slots(probes);
	struct probe_cost cost;
	struct tm_stream_key key;

	/* more often than there are slots: they have to come back */
	for (int round = 0; round < 3; round++) {
		assert_int_equal(probe_cost_measure(probes, &cost), 0);
		for (int i = 0; i < 64; i++) {
			key = slots[i].key;
			assert_int_equal(slots[i].state, TM_SLOT_FREE);
			assert_int_equal(slots[i].hist[20], 0);
			assert_true(probes__forget(probes, &key) < 0);
		}
	}
	for (int i = 0; i < TM_LOST_COUNT; i++)
		assert_int_equal(probes__losses(probes)[i], 0);
}

#define BOTH(load)                                                                          \
	cmocka_unit_test_setup_teardown(a_run_costs_something_and_a_stepped_one_more, load, \
					unload),                                            \
		cmocka_unit_test_setup_teardown(measuring_leaves_no_stream_behind, load, unload)

int main(void)
{
	const struct CMUnitTest tests[] = { BOTH(load_session), BOTH(load_multi), BOTH(load_perf) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
