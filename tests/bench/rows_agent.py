# SPDX-License-Identifier: Apache-2.0
"""Rows on the agent itself: its scrapes, its CPU and its memory."""
import glob
import json
import os
import re
import signal
import socket
import subprocess
import time

import harness
from harness import Row, lib, number, ratios, show

STREAMS_PER_PROCESS = 1000
RECEIVE_BUFFER = bytearray(1 << 20)


class Streams:
	"""An agent that counts so many streams, each with labels of its own."""

	def __init__(self, bench, count):
		self.count = count
		name = f"b{os.getpid()}-{count}"
		library = bench.copy()
		targets = [bench.target(library, name=name) for _ in range(count // STREAMS_PER_PROCESS)]
		self.agent = bench.agent(
			f"--comm={name}",
			f"--max-endpoints-per-kernel={count}",
			"--max-streams=65536",  # one kernel may have a quarter of them
		)
		self.pid = self.agent.process.pid
		for target in targets:
			target.do("streams", 0, STREAMS_PER_PROCESS)
		if not lib.wait_until(lambda: self.lines("tapmeter_messages_total{") >= count, 60):
			raise RuntimeError(f"the agent does not show {count} streams")

	def lines(self, beginning):
		body = self.agent.get("/metrics").body.decode()
		return sum(line.startswith(beginning) for line in body.split("\n"))

	def scrape(self):
		"""Seconds until the last byte, and how many there were; they are not kept."""
		address = self.agent.address
		host, port = address.rsplit(":", 1)
		request = f"GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
		size = 0
		start = time.monotonic()
		with socket.create_connection((host, int(port))) as connection:
			connection.sendall(request.encode())
			while received := connection.recv_into(RECEIVE_BUFFER):
				size += received
		return time.monotonic() - start, size


# ---- 8 ----------------------------------------------------------------------------------------


def time_scrapes(systems):
	"""The fastest of three scrapes in each turn, in seconds, and the size of one; by streams."""
	seconds, sizes = {system.count: [] for system in systems}, {}
	for _ in range(3 if harness.QUICK else 10):
		spent = {system.count: [] for system in systems}
		for _ in range(3):
			for system in systems:
				one, sizes[system.count] = system.scrape()
				spent[system.count].append(one)
		for count, values in spent.items():
			seconds[count].append(min(values))
	return seconds, sizes


def time_multiprocess(bench, processes, streams):
	"""prometheus_client with the same series: {"seconds": [of each time], "samples": N}."""
	folder = os.path.join(bench.directory, "multiprocess")
	os.mkdir(folder)
	program = os.path.join(harness.HERE, "multiprocess.py")
	options = {"env": {**os.environ, "PROMETHEUS_MULTIPROC_DIR": folder}, "check": True}
	for i in range(processes):
		subprocess.run([program, "write", str(i), str(streams)], **options)
	argv = [program, "expose", "1" if harness.QUICK else "3"]
	return json.loads(subprocess.run(argv, stdout=subprocess.PIPE, **options).stdout)


def trace_scrapes(bench, system, count):
	"""When each scrape was (start, end), and when the agent called bpf(2) or opened /proc."""
	path = os.path.join(bench.directory, "strace.log")
	argv = ["strace", "-f", "-ttt", "-e", "trace=bpf,open,openat,openat2", "-o", path]
	tracer = bench.spawn([*argv, "-p", str(system.pid)], stderr=subprocess.PIPE, text=True)
	tracer.stderr.readline()  # it is attached
	scrapes = []
	for _ in range(count):
		time.sleep(0.13)  # the last snapshot is older than --max-age then: a new one is taken
		start = time.time()
		system.scrape()
		scrapes.append((start, time.time()))
	tracer.send_signal(signal.SIGINT)
	tracer.communicate(timeout=30)
	with open(path) as log:
		calls = [line.split() for line in log if " bpf(" in line or '"/proc' in line]
	return scrapes, [float(call[1]) for call in calls]


def show_system_calls(bench, row, system):
	scrapes, calls = trace_scrapes(bench, system, 20)
	clean = sum(not any(start <= at <= end for at in calls) for start, end in scrapes)
	row.note(
		f"strace saw the agent call bpf(2) or open something below /proc {len(calls)} times during "
		f"{len(scrapes)} scrapes and between them: it looks for new processes all the time. What "
		"a scrape does would be seen during each one."
	)
	row.verdict(
		"scrapes during which there was no such call", f"{clean} of {len(scrapes)}",
		"more than a quarter", clean > len(scrapes) / 4,
	)


def scrape(bench):
	row = Row(
		"`/metrics`",
		"The time of a scrape until its last byte is read, uncompressed, with a new snapshot for "
		"each. Every stream has labels of its own.",
	)
	systems = [Streams(bench, count) for count in (1000, 4000, 16000)]
	seconds, sizes = time_scrapes(systems)
	row.table(["streams", "ms", "µs per stream", "MB"], [
		[
			number(count), show([1e3 * value for value in values], 1),
			show([1e6 * value / count for value in values], 1), number(sizes[count] / 1e6, 1),
		]
		for count, values in seconds.items()
	])
	theirs = time_multiprocess(bench, 4, 1000)
	best = min(theirs["seconds"])
	row.note(
		f"4 000 streams are {number(systems[1].lines('tapmeter_message'))} samples. "
		f"prometheus_client takes {number(1000 * best)} ms for {number(theirs['samples'])} samples "
		"of 4 000 label sets, which 4 processes have written."
	)
	show_system_calls(bench, row, systems[0])
	per_stream = {count: [value / count for value in seconds[count]] for count in seconds}
	row.at_most("a stream of 16 000, of 1 000", ratios(per_stream[16000], per_stream[1000]), 1.3)
	faster = [best / value for value in seconds[4000]]
	row.at_least("prometheus_client, of tapmeter at 4 000", faster, 50, " x", 0)
	return row


# ---- 9 ----------------------------------------------------------------------------------------


def cpu_seconds(pid):
	"""Of all threads, to the nanosecond."""
	total = 0
	for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
		with open(path) as stat:
			total += int(stat.read().split()[0])
	return total / 1e9


def cpu_percent(pid, seconds):
	start, before = time.monotonic(), cpu_seconds(pid)
	time.sleep(seconds)
	return 100 * (cpu_seconds(pid) - before) / (time.monotonic() - start)


def resident(pid):
	"""MiB of resident memory by what it is."""
	mib = {"BPF maps": 0, "programs and libraries": 0, "of its own": 0}
	kind = None
	with open(f"/proc/{pid}/smaps") as smaps:
		for line in smaps:
			mapping = re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)", line)
			if mapping and mapping[1].startswith("anon_inode:bpf"):
				kind = "BPF maps"
			elif mapping:
				kind = "programs and libraries" if mapping[1].startswith("/") else "of its own"
			elif line.startswith("Rss:"):
				mib[kind] += int(line.split()[1]) / 1024
	return mib


def peak(pid):
	"""MiB that were resident at most, BPF maps included."""
	with open(f"/proc/{pid}/status") as status:
		return int(re.search(r"VmHWM:\s*(\d+)", status.read())[1]) / 1024


def maps_of(pid):
	ids = set()
	for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
		with open(path) as info:
			ids.update(re.findall(r"^map_id:\s*(\d+)", info.read(), re.M))
	argv = ["bpftool", "-j", "map", "show"]
	shown = json.loads(subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout)
	own = [m for m in shown if str(m["id"]) in ids]
	return sorted(own, key=lambda m: -m["bytes_memlock"])


def show_cpu(bench, row):
	system = Streams(bench, 1000)
	time.sleep(2)  # what the first scrapes have left to do
	percents = [cpu_percent(system.pid, 5) for _ in range(1 if harness.QUICK else 6)]
	system.agent.stop()
	row.note(
		"CPU of an idle agent with 1 000 streams, in percent of one, during 5 s each: "
		+ ", ".join(number(percent, 2) for percent in percents)
		+ ". It looks at each process that starts on the machine, so that the least counts."
	)
	least = min(percents)
	row.verdict("CPU of an idle agent", f"{number(least, 2)} %", "at most 0.5 %", least <= 0.5)


def show_memory(bench, row):
	system = Streams(bench, 16000)
	mib = resident(system.pid)
	row.note(
		"Memory of an agent with 16 000 streams, after some scrapes: "
		+ ", ".join(f"{number(value, 1)} MiB {kind}" for kind, value in mib.items())
		+ f"; all together {number(peak(system.pid), 1)} MiB at the peak."
	)
	without = sum(mib.values()) - mib["BPF maps"]
	row.verdict(
		"resident without the maps", f"{number(without, 1)} MiB", "at most 24 MiB", without <= 24
	)
	return maps_of(system.pid)


def idle(bench):
	row = Row(
		"The agent itself",
		"With `--max-streams=65536`, so that one kernel may have 16 000.",
	)
	show_cpu(bench, row)
	maps = show_memory(bench, row)
	row.table(["BPF map", "type", "entries", "KiB"], [
		[m.get("name", "-"), m["type"], number(m["max_entries"]), number(m["bytes_memlock"] / 1024)]
		for m in maps
	])
	per_cpu = [m for m in maps if "percpu" in m["type"]]
	row.verdict("maps of a type that grows with the CPUs", len(per_cpu), "none", not per_cpu)
	return row
