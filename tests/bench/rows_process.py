# SPDX-License-Identifier: Apache-2.0
"""Rows on applications under a running agent: those it taps, and those it does not."""
import os
import time

import harness
from harness import Row, added, number, ratios, show, spread

NAME = f"b{os.getpid()}"  # processes are named so, and a suffix; a name has 15 characters at most

# ---- 6 ----------------------------------------------------------------------------------------

# endpoint (N: the turn's number), bytes, messages
FLOWS = {
	"tcp, 16 KiB": ("tcp://127.0.0.1:*", 16384, 20000),
	"tcp, 64 B": ("tcp://127.0.0.1:*", 64, 200000),
	"inproc, 64 B": ("inproc://flow-N", 64, 200000),
}


def throughput(bench):
	row = Row(
		"Throughput",
		"PUSH to PULL in two threads as fast as they can, by `zmq_msg_send` and `zmq_msg_recv`; in "
		"two processes in turn, one of them tapped by a running agent.",
	)
	targets = {"tapped": bench.target(bench.copy()), "untapped": bench.target(bench.copy())}
	bench.agent(f"--pid={targets['tapped'].pid}")
	lines = []
	for name, (endpoint, size, messages) in FLOWS.items():

		def turn(i):
			command = ["flow", 0, endpoint.replace("N", str(i)), size, messages]
			order = sorted(targets, reverse=i % 2)
			return {which: targets[which].do(*command)["per_second"] for which in order}

		rates = harness.take_turns(bench, 15, turn)
		against = ratios(rates["tapped"], rates["untapped"])
		lines.append([name, show(rates["untapped"]), show(rates["tapped"]), show(against, 2)])
		if size == 16384:
			row.at_least(f"{name}: of untapped", against, 0.9)
	row.table(["", "untapped: messages/s", "tapped: messages/s", "of untapped"], lines)
	return row


# ---- 7 ----------------------------------------------------------------------------------------


def time_side_by_side(bench, jobs, count):
	"""Times per call of jobs of several targets in turn. `jobs`: name -> (target, job)."""
	return harness.take_turns(bench, count, lambda _: {
		name: target.do("time", 200, 25, job)["ns"][0] for name, (target, job) in jobs.items()
	})


def beside(bench, selected):
	"""What is added to a call that is tapped, and to one in a process that is not selected."""
	library, untouched = bench.copy(), bench.copy()
	chosen = [bench.target(library) for _ in range(selected)]
	other = bench.target(library, untouched)
	agent = bench.agent(*[f"--pid={target.pid}" for target in chosen])
	times = time_side_by_side(bench, {
		"tapped": (chosen[0], "send,0"), "other": (other, "send,0"), "plain": (other, "send,1"),
	}, 60)
	agent.stop()
	return added(times["tapped"], times["plain"]), added(times["other"], times["plain"])


def show_beside(bench, row):
	lines = []
	for selected, bound in ((1, 0.03), (8, 0.03), (9, 0.65)):
		full, other = beside(bench, selected)
		against = ratios(other, full)
		lines.append([selected, show(full), show(other), show(against, 2)])
		row.at_most(f"others, with --pid for {selected}: of the full cost", against, bound)
	row.table(
		["processes selected", "tapped: added ns", "others: added ns", "of the full cost"], lines
	)


def time_agent(bench, targets, untouched):
	"""How long an agent takes until it is ready, in ms, and what it adds to a call."""
	name = NAME + ("-many" if len(targets) > 1 else "-one")
	start = time.monotonic()
	agent = bench.agent(f"--comm={name}")
	ready = time.monotonic() - start
	for target in targets:
		target.do("time", 1, 1, "send,0")
	jobs = {"tapped": (targets[0], "send,0"), "plain": (untouched, "send,0")}
	times = time_side_by_side(bench, jobs, 20)
	agent.stop()
	return 1000 * ready, added(times["tapped"], times["plain"])


def time_attaching(bench, paths):
	"""How long it takes to set a probe on each of the files, in ms."""

	def turn(_):
		result = {}
		for count, path in paths.items():
			answer = bench.tapper().do("attach", "full", path, "zmq_msg_send", 0)
			result[count] = answer["attach_ms"]
			bench.tapper().do("detach")
		return result

	return harness.take_turns(bench, 40, turn)


def show_many(bench, row):
	many = 40 if harness.QUICK else 200
	paths = {1: bench.copy(), many: bench.copy()}
	targets = {1: [bench.target(paths[1], name=f"{NAME}-one")]}
	targets[many] = [bench.target(paths[many], name=f"{NAME}-many") for _ in range(many)]
	untouched = bench.target(bench.copy())
	ready, costs = {1: [], many: []}, {1: [], many: []}
	for _ in range(1 if harness.QUICK else 4):
		for count in targets:
			milliseconds, cost = time_agent(bench, targets[count], untouched)
			ready[count].append(milliseconds)
			costs[count] += cost
	attaching = time_attaching(bench, paths)
	row.note("Many processes that map one library, all of them tapped:")
	row.table(["processes", "set a probe: ms", "start of the agent: ms", "added ns"], [
		[count, show(attaching[count], 1), show(ready[count]), show(costs[count])]
		for count in targets
	])
	# Not turn by turn: one waits for the Linux kernel's grace periods, the next does not.
	slower = spread(attaching[many]).median / spread(attaching[1]).median
	row.verdict(
		f"to set a probe in {many} processes, of one", number(slower, 2), "at most 1.5",
		slower <= 1.5,
	)
	row.at_most(f"added with {many} processes, of one", ratios(costs[many], costs[1]), 1.05)


def bystanders(bench):
	row = Row(
		"Other processes",
		"What is added to a call in a process that was not selected, but maps the same library as "
		"one that was.",
	)
	show_beside(bench, row)
	show_many(bench, row)
	return row
