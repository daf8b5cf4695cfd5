# SPDX-License-Identifier: Apache-2.0
"""Rows on what a tapped call costs the process that makes it."""
import os
import re
import signal
import subprocess

import harness
from harness import Row, added, lib, number, ratios, show

SYMBOL = "zmq_msg_send"

# Variants of tests/bench/tapper.c, each with one thing more than the one before it.
STEPS = {
	"floor": "nothing (the floor)",
	"calls": "the thread, the call in flight, the clock",
	"counters": "a slot: count, histogram",
	"identity": "the socket's own slot",
	"failures": "did it fail?",
	"bytes": "bytes",
	"full": 'the "more" flag: all',
}
# Nothing but this, in the program of tests/bench/floor.bpf.c.
PARTS = {
	"floor": "nothing (the floor)",
	"floor+thread": "find the thread's record at entry and at return",
	"floor+clock": "read the clock at entry and at return",
	"floor+clock+histogram": "that, and count the time in a histogram",
}
WAYS = ["session", "multi", "perf"]


def attach(tapper, variant, path, symbol=SYMBOL):
	"""Taps a function where the agent would."""
	skip = tapper.do("place", path, symbol)["skipped"]
	tapper.do("attach", variant, path, symbol, skip)


def tapped_copies(bench, variants):
	"""A copy of libzmq for each variant, by variant. "plain" is untapped."""
	paths = {variant: bench.copy() for variant in variants}
	for variant, path in paths.items():
		if variant != "plain":
			attach(bench.tapper(), variant, path)
	return paths


def jobs_of(paths, verb):
	return {name: f"{verb},{position}" for position, name in enumerate(paths)}


# ---- 1 ----------------------------------------------------------------------------------------


def show_steps(row, times):
	floor_ns = before = added(times["floor"], times["plain"])
	lines = []
	for variant, text in STEPS.items():
		cost = added(times[variant], times["plain"])
		lines.append([
			text, show(times[variant]), show(cost), show(added(cost, before)),
			show(ratios(cost, floor_ns), 2),
		])
		before = cost
	row.table(
		["what the probe does", "ns per call", "added ns", "more than before", "of the floor"],
		lines,
	)


def show_parts(row, times):
	row.note("Single parts, in a program that does nothing else:")
	row.table(["what the probe does", "added ns", "more than the floor"], [
		[
			text, show(added(times[variant], times["plain"])),
			show(added(times[variant], times["floor"])),
		]
		for variant, text in PARTS.items()
	])


def show_failing(bench, row):
	paths = tapped_copies(bench, ["plain", "no-errno", "full"])
	times = harness.time_jobs(bench.target(*paths.values()), jobs_of(paths, "fail"), seconds=5)
	row.note("Of a call that fails (ENOTSUP), errno is read:")
	row.table(["", "added ns"], [
		["counted as failed", show(added(times["no-errno"], times["plain"]))],
		["counted by its errno", show(added(times["full"], times["plain"]))],
		["errno adds", show(added(times["full"], times["no-errno"]))],
	])


def show_ways(bench, row):
	paths = {"plain": bench.copy()}
	for way in WAYS:
		for variant in ("floor", "full"):
			paths[variant, way] = bench.copy()
			attach(bench.tapper(way), variant, paths[variant, way])
	times = harness.time_jobs(bench.target(*paths.values()), jobs_of(paths, "send"), seconds=8)
	lines = []
	for way in WAYS:
		low, full = (added(times[variant, way], times["plain"]) for variant in ("floor", "full"))
		lines.append([way, show(low), show(full), show(ratios(full, low), 2)])
	row.note("The three ways to attach, each with its floor:")
	row.table(["way", "floor: added ns", "all: added ns", "of the floor"], lines)


def works(bench, way):
	"""Whether this Linux kernel can attach so."""
	try:
		return bench.tapper(way) is not None
	except RuntimeError:
		return False


def floor(bench):
	way = bench.tapper().do("way")["way"]
	row = Row(
		"The floor",
		f"`{SYMBOL}` of 16 bytes, attached as `{way}`. The floor is an empty program, attached the "
		"same way to the same instruction of another copy of the library, and called in the same "
		"thread.",
	)
	single = PARTS if way == "session" else {}  # the parts are for a session's program
	paths = tapped_copies(bench, ["plain", *STEPS, *(name for name in single if name != "floor")])
	times = harness.time_jobs(bench.target(*paths.values()), jobs_of(paths, "send"), seconds=30)
	show_steps(row, times)
	if single:
		show_parts(row, times)
	show_failing(bench, row)
	if all(works(bench, way) for way in WAYS):
		show_ways(bench, row)
	against = ratios(added(times["full"], times["plain"]), added(times["floor"], times["plain"]))
	row.at_most("a call tapped in full, of the floor", against, 1.3)
	row.at_most("the aim", against, 1.15)
	return row


# ---- 2 ----------------------------------------------------------------------------------------

BPFTRACE = """\
uprobe:LIBRARY:zmq_msg_send
{
	@start[tid] = nsecs;
	@socket[tid] = arg1;
}

uretprobe:LIBRARY:zmq_msg_send
/@start[tid]/
{
	$bytes = (int32)retval;
	if ($bytes >= 0) {
		@count[pid, @socket[tid]] = count();
		@bytes[pid, @socket[tid]] = sum($bytes);
		@ns[pid, @socket[tid]] = hist(nsecs - @start[tid]);
	}
	delete(@start[tid]);
	delete(@socket[tid]);
}
"""


def start_bpftrace(bench, path, is_ready):
	"""bpftrace says nothing when it has attached."""
	script = BPFTRACE.replace("LIBRARY", path)
	with open(os.path.join(bench.directory, "bpftrace.log"), "w") as log:
		process = bench.spawn(
			["bpftrace", "-e", script], stdout=subprocess.PIPE, stderr=log, text=True
		)
	if not lib.wait_until(is_ready, 60):
		raise harness.Disturbed("bpftrace has not attached within a minute")
	return process


def counted_by(process):
	process.send_signal(signal.SIGINT)
	out, _ = process.communicate(timeout=60)
	return sum(int(count) for count in re.findall(r"^@count\[.*\]: (\d+)$", out, re.M))


def bpftrace(bench):
	row = Row(
		"bpftrace",
		f"Count, sum of bytes and a histogram of the time of `{SYMBOL}`, by process and socket, "
		"collected by this script:",
	)
	row.note("```\n" + BPFTRACE.replace("LIBRARY", "/…/libzmq.so.5") + "```")
	paths = tapped_copies(bench, ["plain", "floor", "full"])
	paths["bpftrace"] = bench.copy()
	target, jobs = bench.target(*paths.values()), jobs_of(paths, "send")

	def is_ready():
		both = target.do("time", 100, 5, jobs["plain"], jobs["bpftrace"])["ns"]
		return both[0] < harness.TAPPED_NS < both[1]

	process = start_bpftrace(bench, paths["bpftrace"], is_ready)
	times = harness.time_jobs(target, jobs, seconds=20)
	costs = {name: added(times[name], times["plain"]) for name in jobs}
	row.table(["", "ns per call", "added ns", "of bpftrace"], [
		[
			text, show(times[name]), show(costs[name]),
			show(ratios(costs[name], costs["bpftrace"]), 2),
		]
		for name, text in [
			("floor", "empty program"), ("full", "tapmeter"), ("bpftrace", "bpftrace"),
		]
	])
	row.note(f"(bpftrace counted {number(counted_by(process))} calls.)")
	against = ratios(costs["full"], costs["bpftrace"])
	row.at_most("added by tapmeter, of what bpftrace adds", against, 0.85)
	row.at_most("the aim", against, 0.7)
	return row


# ---- 3 ----------------------------------------------------------------------------------------


def start_instrumented(bench, library):
	"""A Python process that maps this copy of libzmq."""
	folder, metrics = (os.path.join(bench.directory, name) for name in ("lib", "metrics"))
	os.mkdir(folder)
	os.mkdir(metrics)
	os.symlink(library, os.path.join(folder, "libzmq.so.5"))
	variables = {"LD_LIBRARY_PATH": folder, "PROMETHEUS_MULTIPROC_DIR": metrics}
	program = os.path.join(harness.HERE, "instrumented.py")
	return bench.start(program, env={**os.environ, **variables})


def instrumented(bench):
	row = Row(
		"Metrics kept by the application",
		"A Python process sends a small JSON document and receives it (PUSH, PULL, inproc, one "
		"thread): as it is; with metrics of its own as FastDeploy keeps them "
		"(tests/bench/instrumented.py: prometheus_client in multiprocess mode, five counters and a "
		"histogram with an `address` label); and with both functions tapped.",
	)
	library = bench.copy()
	program, tapper = start_instrumented(bench, library), bench.tapper()

	def turn(_):
		result = {
			"plain": program.do("plain", 100, 20)["ns"],
			"metrics": program.do("metrics", 50, 10)["ns"],
		}
		for variant in ("floor", "full"):
			attach(tapper, variant, library)
			attach(tapper, variant, library, "zmq_msg_recv")
			result[variant] = program.do("plain", 100, 20)["ns"]
			tapper.do("detach")
		return result

	times = harness.take_turns(bench, 60, turn)
	costs = {name: added(times[name], times["plain"]) for name in times}
	row.table(["", "ns per message", "added ns", "metrics of its own are"], [
		[
			text, show(times[name]), show(costs[name]),
			show(ratios(costs["metrics"], costs[name]), 1) + " x",
		]
		for name, text in [
			("metrics", "metrics of its own"), ("full", "tapped"), ("floor", "empty program"),
		]
	])
	row.note(
		"The last line is what is left if a tap does nothing at all: no tap of two functions at entry "
		"and return can come out better on this machine."
	)
	against = ratios(costs["metrics"], costs["full"])
	row.at_least("its own metrics, of what tapmeter adds", against, 10, " x", 1)
	row.at_least("the aim", against, 15, " x", 1)
	return row


# ---- 4 ----------------------------------------------------------------------------------------

SHAPES = {
	"shape_endbr64": "endbr64, push",
	"shape_test": "mov, test, je",
	"shape_fixed": "add to an argument, push",
}


def time_shape(bench, symbol, skip):
	"""What the probe adds to a call, at the entry and so many bytes behind it."""
	shapes = os.path.join(harness.PROGRAMS, "shapes.so")
	paths = {name: bench.copy(shapes) for name in ("plain", "entry", "placed")}
	bench.tapper().do("attach", "counters", paths["entry"], symbol, 0)
	bench.tapper().do("attach", "counters", paths["placed"], symbol, skip)
	jobs = {name: f"{job},{symbol}" for name, job in jobs_of(paths, "call").items()}
	times = harness.time_jobs(bench.target(*paths.values()), jobs, seconds=6)
	return tuple(added(times[name], times["plain"]) for name in ("entry", "placed"))


def placement(bench):
	row = Row(
		"Where the probe stands",
		"Functions that differ in how they begin (tests/bench/shapes.S), tapped at their entry and "
		"where tapmeter puts the probe. The Linux kernel has to single-step an instruction that it "
		"cannot emulate.",
	)
	lines = []
	for symbol, text in SHAPES.items():
		place = bench.tapper().do("place", os.path.join(harness.PROGRAMS, "shapes.so"), symbol)
		skip = place["skipped"]
		entry, placed = time_shape(bench, symbol, skip)
		lines.append([
			text, f"+{skip}", f"`{place['instruction']}`", place["reason"], show(entry),
			show(placed), show(ratios(placed, entry), 2),
		])
		if symbol == "shape_fixed":
			row.verdict(f"{text}: left at its entry", f"+{skip}", "+0", skip == 0)
		else:
			row.at_most(f"{text}: placed, of the entry", ratios(placed, entry), 0.25)
	row.table(
		[
			"function", "probe", "instruction", "why", "entry: added ns", "placed: added ns",
			"of the entry",
		],
		lines,
	)
	return row


# ---- 5 ----------------------------------------------------------------------------------------


def threads(bench):
	row = Row(
		"Threads and streams",
		f"`{SYMBOL}`: one thread; two threads at once, on a socket each; one thread on 64 sockets, "
		"a message to each in turn, so that no two calls in a row are of one stream.",
	)
	kinds = {
		"one": ("one thread, one socket", "send,{},1"),
		"two": ("two threads", "both,{}"),
		"many": ("64 sockets", "send,{},64"),
	}
	paths = tapped_copies(bench, ["plain", "full"])
	jobs = {"plain": "send,0,1"}
	for kind, (_, job) in kinds.items():
		jobs[kind, "untapped"], jobs[kind, "tapped"] = job.format(0), job.format(1)
	target = bench.target(*paths.values())
	times = harness.time_jobs(target, jobs, seconds=25, calls=1000, rounds=10)
	costs = {kind: added(times[kind, "tapped"], times[kind, "untapped"]) for kind in kinds}
	row.table(["", "untapped ns", "tapped ns", "added ns"], [
		[text, show(times[kind, "untapped"]), show(times[kind, "tapped"]), show(costs[kind])]
		for kind, (text, _) in kinds.items()
	])
	row.at_most("added in two threads, of one", ratios(costs["two"], costs["one"]), 1.15)
	row.at_most("added with 64 streams, of one", ratios(costs["many"], costs["one"]), 1.05)
	return row
