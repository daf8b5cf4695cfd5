# SPDX-License-Identifier: Apache-2.0
"""What knowing the delivery times costs, on top of counting; and FastDeploy's own metrics."""
import harness
from harness import Row, added, ratios, show
from rows_call import attach

# Bytes of a message, and how many times as much as without it a tap may cost with it.
SIZES = {16: 1.6, 64: 1.6, 1024: 1.6, 16384: 2}


def tap_both(bench, variant, path):
	for symbol in ("zmq_msg_send", "zmq_msg_recv"):
		attach(bench.tapper(), variant, path, symbol)


def transit(bench):
	row = Row(
		"Delivery times",
		"A message is sent (PUSH) and received (PULL, inproc, one thread; no two are equal), both "
		"functions tapped: without delivery times, and with them.",
	)
	paths = {name: bench.copy() for name in ("plain", "full", "transit")}
	for variant in ("full", "transit"):
		tap_both(bench, variant, paths[variant])
	target = bench.target(*paths.values())
	lines = []
	for size, bound in SIZES.items():
		jobs = {name: f"pass,{i},{size}" for i, name in enumerate(paths)}
		times = harness.time_jobs(target, jobs, seconds=8, calls=100)
		costs = {name: added(times[name], times["plain"]) for name in ("full", "transit")}
		ratio = ratios(costs["transit"], costs["full"])
		lines.append([
			size, show(times["plain"]), show(costs["full"]), show(costs["transit"]), show(ratio, 2),
		])
		row.at_most(f"added with delivery times, {size} bytes, of without", ratio, bound, " x")
	row.table(
		[
			"bytes", "untapped ns", "tapped: added ns", "with delivery times: added ns", "ratio",
		],
		lines,
	)
	return row
