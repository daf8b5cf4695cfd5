# SPDX-License-Identifier: Apache-2.0
"""What the rows of the benchmark share: processes, turns, medians, and how a result is written."""
import collections
import ctypes
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "e2e"))
import lib  # noqa: E402

BUILD = os.path.join(lib.ROOT, os.environ.get("BUILD", "build"))
PROGRAMS = os.path.join(BUILD, "tests", "bench")
HERE = os.path.join(lib.ROOT, "tests", "bench")
ZMQ_PROFILE = os.path.join(lib.ROOT, "profiles", "zmq.yaml")
QUICK = os.environ.get("BENCH_QUICK", "") not in ("", "0")
# An untapped call does not take that long, not even with a cold cache; a tapped one always does.
TAPPED_NS = 400
lib.TAPMETER = os.path.join(BUILD, "tapmeter")

# ---- numbers ----------------------------------------------------------------------------------

Spread = collections.namedtuple("Spread", "median low high")


def spread(values):
	"""The median and the quartiles."""
	values = sorted(values)
	if len(values) < 2:
		return Spread(values[0], values[0], values[0])
	low, median, high = statistics.quantiles(values, n=4, method="inclusive")
	return Spread(median, low, high)


def added(times, plain):
	"""What a call cost more than the untapped one, turn by turn."""
	return [tapped - untapped for tapped, untapped in zip(times, plain)]


def ratios(first, second):
	"""Turn by turn, so that the machine's drift is in neither."""
	return [a / b for a, b in zip(first, second)]


def number(value, digits=0):
	return f"{value:,.{digits}f}".replace(",", " ")


def show(values, digits=0):
	"""Median (quartiles)."""
	median, low, high = (number(value, digits) for value in spread(values))
	return f"{median} ({low} to {high})"


# ---- results ----------------------------------------------------------------------------------


class Row:
	"""One row of the list: tables, what they show, and whether that meets the bound."""

	def __init__(self, title, text):
		self.title = title
		self.parts = [text]
		self.verdicts = []

	def note(self, text):
		self.parts.append(text)

	def table(self, head, lines):
		self.parts.append(table(head, lines))

	def verdict(self, what, measured, bound, meets):
		self.verdicts.append((what, measured, bound, "meets" if meets else "misses"))

	def at_most(self, what, values, bound, unit="", digits=2):
		"""The median of the values decides."""
		meets = spread(values).median <= bound
		self.verdict(what, show(values, digits) + unit, f"at most {bound}{unit}", meets)

	def at_least(self, what, values, bound, unit="", digits=2):
		meets = spread(values).median >= bound
		self.verdict(what, show(values, digits) + unit, f"at least {bound}{unit}", meets)

	def markdown(self, name):
		verdicts = "\n".join(
			f"- **{meets}** {what}: {measured}; {bound}"
			for what, measured, bound, meets in self.verdicts
		)
		return "\n\n".join([f"## {name}. {self.title}", *self.parts, verdicts])


def table(head, lines):
	"""As Markdown that can be read as it is."""
	widths = [max(len(str(line[i])) for line in [head, *lines]) for i in range(len(head))]
	rule = ["-" * width for width in widths]
	return "\n".join(
		"| " + " | ".join(str(cell).ljust(width) for cell, width in zip(line, widths)) + " |"
		for line in [head, rule, *lines]
	)


# ---- processes --------------------------------------------------------------------------------


class Bench:
	"""Owns the files and processes of one row; all are gone at its end."""

	def __init__(self):
		self.directory = tempfile.mkdtemp(prefix="tapmeter-bench-")
		self.copies = 0
		self.processes = []
		self.tappers = {}

	def __enter__(self):
		return self

	def __exit__(self, *_):
		for process in self.processes:
			if process.poll() is None:
				process.kill()
			process.wait()
		shutil.rmtree(self.directory)

	def copy(self, path=None):
		"""A file of its own, of libzmq by default: tapping it is tapping nobody else's."""
		path = path or zmq_path()
		self.copies += 1
		copy = os.path.join(self.directory, f"{self.copies}-{os.path.basename(path)}")
		shutil.copyfile(path, copy)
		return copy

	def start(self, *argv, **options):
		"""A program that takes commands."""
		program = lib.Workload(*argv, **options)
		self.processes.append(program.process)
		return program

	def spawn(self, argv, **options):
		process = lib.spawn(argv, **options)
		self.processes.append(process)
		return process

	def target(self, *libraries, name="bench-target"):
		return self.start(os.path.join(PROGRAMS, "target"), name, *libraries)

	def tapper(self, way="auto"):
		if way not in self.tappers:
			program, floor = (os.path.join(PROGRAMS, name) for name in ("tapper", "floor.bpf.o"))
			self.tappers[way] = self.start(program, way, floor, ZMQ_PROFILE)
		return self.tappers[way]

	def agent(self, *flags):
		agent = lib.Agent(*flags, timeout=60)
		self.processes.append(agent.process)
		return agent


def zmq_path():
	"""The libzmq of this machine."""
	ctypes.CDLL("libzmq.so.5")
	with open("/proc/self/maps") as maps:
		return next(line.split()[-1] for line in maps if "libzmq.so" in line)


# ---- turns ------------------------------------------------------------------------------------


class Disturbed(Exception):
	"""The row cannot be measured now."""


class Patience:
	"""For how long others may tap what is ours."""

	def __init__(self):
		self.end = time.monotonic() + (30 if QUICK else 120)

	def check(self):
		if time.monotonic() > self.end:
			raise Disturbed("another program has tapped ours nearly all the time")


def time_jobs(target, jobs, seconds, calls=200, rounds=25):
	"""Times per call in ns of each of `jobs` (name -> job of the target), one per turn.

	All jobs are done in every turn, one after the other in slices of `calls`; the fastest slice
	counts. The job "plain" is the untapped one. Turns in which somebody else tapped it do not
	count.
	"""
	if QUICK:
		seconds /= 5
	target.do("time", calls, 2, *jobs.values())  # streams begin, caches fill
	times = {name: [] for name in jobs}
	spent, patience = 0, Patience()
	while spent < seconds or len(times["plain"]) < 3:
		start = time.monotonic()
		turn = dict(zip(jobs, target.do("time", calls, rounds, *jobs.values())["ns"]))
		if turn["plain"] > TAPPED_NS:
			patience.check()
			continue
		spent += time.monotonic() - start
		for name in jobs:
			times[name].append(turn[name])
	return times


def take_turns(bench, count, turn):
	"""The results of so many turn(number) during which nobody else tapped: {name: [of each]}.

	For what cannot be done in one process. One that none of ours taps tells whether others do.
	"""
	watch = bench.target(bench.copy())
	results, patience = [], Patience()
	while len(results) < (max(3, count // 5) if QUICK else count):
		if is_quiet(watch):
			result = turn(len(results))
			if is_quiet(watch):
				results.append(result)
				continue
		patience.check()
	watch.stop()
	return {name: [result[name] for result in results] for name in results[0]}


def is_quiet(watch):
	return watch.do("time", 100, 5, "send,0")["ns"][0] < TAPPED_NS


# ---- the machine ------------------------------------------------------------------------------


def output_of(*argv):
	"""The first line that a command prints, "-" if it fails."""
	try:
		done = subprocess.run(argv, capture_output=True, text=True, check=True)
	except (OSError, subprocess.CalledProcessError):
		return "-"
	return done.stdout.strip().split("\n")[0]


def version_of(package):
	return output_of("dpkg-query", "-W", "-f", "${Version}", package)


def processor():
	with open("/proc/cpuinfo") as cpuinfo:
		names = [line.split(":")[1].strip() for line in cpuinfo if line.startswith("model name")]
	guest = output_of("systemd-detect-virt", "--vm")
	return f"{len(names)} x {names[0]}" + ("" if guest in ("-", "none") else f", {guest} guest")


def distribution():
	with open("/etc/os-release") as release:
		values = dict(line.rstrip().split("=", 1) for line in release if "=" in line)
	return values["PRETTY_NAME"].strip('"')


def machine():
	"""What the numbers belong to: (name, value) pairs."""
	return [
		("processor", processor()),
		("Linux", f"{os.uname().release} {os.uname().machine}"),
		("distribution", distribution()),
		("tapmeter", output_of(lib.TAPMETER, "version")),
		("libzmq", version_of("libzmq5")),
		("bpftrace", version_of("bpftrace")),
		("prometheus_client", version_of("python3-prometheus-client")),
		("Python, pyzmq", sys.version.split()[0] + ", " + version_of("python3-zmq")),
		("C compiler", output_of("cc", "--version")),
	]
