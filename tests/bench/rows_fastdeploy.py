# SPDX-License-Identifier: Apache-2.0
"""FastDeploy's own metrics, switched off while tapmeter shows the same ones."""
import collections
import os

import harness
from harness import Row, lib, number, ratios, show

CODECS = ("json", "pickle")
MODES = ("on", "off")
COUNT = 2000 if harness.QUICK else 10000  # messages of a turn
PREFIX = "fastdeploy:zmq:"


class Pair:
	"""A sender and a receiver, an agent that watches them, and what has been sent."""

	def __init__(self, bench):
		program = os.path.join(harness.HERE, "request_path.py")
		files = os.path.join(bench.directory, "metrics")
		os.mkdir(files)
		environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": files}
		self.receiver, self.sender = (
			bench.start(program, role, env=environment) for role in ("recv", "send")
		)
		self.addresses = {
			(codec, mode): f"ipc://{bench.directory}/{codec}-{mode}" for codec in CODECS for mode in MODES
		}
		for address in self.addresses.values():
			self.receiver.do("open", address)
			self.sender.do("open", address)
		pids = [f"--pid={end.pid}" for end in (self.receiver, self.sender)]
		self.agent = bench.agent("--view=fastdeploy", *pids)
		self.sent = collections.Counter()  # by (codec, mode, "messages" or "bytes")

	def rate(self, codec, mode):
		"""Sends COUNT messages; how many arrive in a second."""
		line = f"run {self.addresses[codec, mode]} {codec} {mode} {COUNT}\n"
		ends = self.receiver, self.sender  # the receiver waits before anything is sent
		for end in ends:
			end.process.stdin.write(line)
			end.process.stdin.flush()
		received, sent = (end.answer() for end in ends)
		if received["bytes"] != sent["bytes"]:
			raise RuntimeError("not all that was sent was received")
		self.sent[codec, mode, "messages"] += COUNT
		self.sent[codec, mode, "bytes"] += sent["bytes"]
		return (COUNT - 1) / received["seconds"]

	def seen(self, metrics, codec, mode, name):
		return lib.total(metrics, PREFIX + name, address=self.addresses[codec, mode])


def measure(bench, pair):
	"""Messages per second, {(codec, mode): [of each turn]}."""
	jobs = [(codec, mode) for codec in CODECS for mode in MODES]

	def turn(i):
		return {job: pair.rate(*job) for job in sorted(jobs, reverse=i % 2)}

	turn(0)  # streams begin
	return harness.take_turns(bench, 15, turn)


def show_counters(row, pair):
	"""Whether tapmeter has counted what was sent, to the byte."""
	metrics = pair.agent.metrics()
	lines, wrong = [], 0
	for codec, mode in pair.addresses:
		messages, size = (pair.sent[codec, mode, what] for what in ("messages", "bytes"))
		seen = [
			pair.seen(metrics, codec, mode, name)
			for name in ("msg_send_total", "msg_recv_total", "msg_bytes_send_total", "msg_bytes_recv_total")
		]
		wrong += seen != [messages, messages, size, size]
		measured = pair.seen(metrics, codec, mode, "latency_count")
		lines.append([
			codec, mode, number(messages), number(seen[0]), number(seen[1]), number(size),
			number(seen[2]), number(seen[3]), number(measured),
		])
	row.note("What was sent, and what tapmeter's `fastdeploy:zmq:*` says of it:")
	row.table(
		[
			"", "its metrics", "messages", "msg_send", "msg_recv", "bytes", "msg_bytes_send",
			"msg_bytes_recv", "latency",
		],
		lines,
	)
	row.verdict(
		"counters that differ from what was sent", f"{wrong} of {len(lines)}", "none", not wrong
	)


def fastdeploy(bench):
	row = Row(
		"FastDeploy without its own metrics",
		"Its request path rebuilt (Python, PUSH to PULL over ipc, two processes, as fast as they "
		"can), with the envelope and the metrics that it keeps itself, and without; tapmeter runs "
		"with `--view=fastdeploy` all the time.",
	)
	pair = Pair(bench)
	rates = measure(bench, pair)
	lines = []
	for codec in CODECS:
		on, off = (rates[codec, mode] for mode in MODES)
		against = ratios(off, on)
		lines.append([codec, show(on), show(off), show(against, 2)])
		row.at_least(f"{codec}: messages/s without its metrics, of with", against, 1, " x")
	row.table(["", "with its metrics: messages/s", "without: messages/s", "ratio"], lines)
	show_counters(row, pair)
	return row
