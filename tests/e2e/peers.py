# SPDX-License-Identifier: Apache-2.0
"""The programs tests/workload/peer.* under control, and what they say they did as tapmeter has to
show it.

	with peers.Directory() as directory:
		peer = peers.c(directory.program("mine"))	# its comm is like no other's
		peer.ask("a", "open", "push")
		...
		before = peers.settled(agent)
		account = peers.Account()
		account.add(peer, peer.ask("a", "send", 100, 64, 3))
		peers.ok_moved(before, peers.settled(agent), account, "counts what was sent")
"""
import collections
import itertools
import json
import os
import queue
import subprocess
import tempfile
import threading
import time

import lib

WORKLOADS = os.path.join(lib.ROOT, "tests", "workload")
C = os.path.join(lib.BUILD, "tests", "workload", "peer")
PYTHON = os.path.join(WORKLOADS, "peer.py")
JAVASCRIPT = os.path.join(WORKLOADS, "peer.js")
NODE = "/usr/bin/node"
ANSWER_TIME = 60 * lib.PATIENCE  # seconds; only a broken program takes that long


class Peer:
	"""A running program. `comm` is what the Linux kernel calls it."""

	def __init__(self, *argv):
		self._answers = collections.defaultdict(queue.Queue)
		self._ended = threading.Event()  # nothing comes any more
		self.process = lib.spawn(
			argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
		)
		self._reader = threading.Thread(target=self._read, daemon=True)
		self._reader.start()
		self.started()

	def _read(self):
		for line in self.process.stdout:
			answer = json.loads(line)
			self._answers[answer["actor"]].put(answer)
		self._ended.set()
		for answers in list(self._answers.values()):
			answers.put(None)

	def started(self):
		"""Waits for the program's first line: once more after an exec."""
		self.pid = self.answer("main")["pid"]
		with open(f"/proc/{self.pid}/comm", encoding="utf-8") as comm:
			self.comm = comm.read().strip()

	def tell(self, actor, *words):
		self.process.stdin.write(" ".join(map(str, (actor, *words))) + "\n")

	def answer(self, actor):
		"""The actor's next answer: when its verb is done."""
		answers = self._answers[actor]
		gone = self._ended.is_set() and answers.empty()
		answer = None if gone else answers.get(timeout=ANSWER_TIME)
		if answer is None:
			raise RuntimeError(f"{self.process.args[0]} ended: {self.process.wait()}")
		return answer

	def answered(self, actor):
		return not self._answers[actor].empty()

	def ask(self, actor, *words):
		self.tell(actor, *words)
		return self.answer(actor)

	def open(self, actor, socket_type, way="", address=""):
		"""A new socket for the actor; bound or connected if told so. Returns its endpoint."""
		answer = self.ask(actor, "open", socket_type)
		if way:
			answer = self.ask(actor, way, address)
		return answer["endpoint"]

	def end(self):
		if not self.process.stdin.closed:
			self.process.stdin.close()
		self.process.wait()


def c(program=C):
	return Peer(program)


def python(program=PYTHON):
	return Peer(program)


def node(program=NODE):
	return Peer(program, JAVASCRIPT)


class Directory(tempfile.TemporaryDirectory):
	"""Temporary names: of files, and of programs, whose comm then is like no other's."""

	def __init__(self):
		super().__init__(prefix="tapmeter-")
		self._numbers = itertools.count()
		self.prefix = f"tm{os.getpid() % 1000000:06}"  # a comm has 15 characters
		self.pattern = self.prefix + "-*"  # for --comm

	def __enter__(self):
		return self

	def path(self, name):
		return os.path.join(self.name, name)

	def program(self, name, file=C):
		"""The program `file` under a name of at most 6 characters that is only here."""
		path = self.path(f"{self.prefix}-{name}")
		os.symlink(file, path)
		return path


# ---- accounts -----------------------------------------------------------------------------------

COUNTERS = {
	"tapmeter_messages_total": "messages",
	"tapmeter_message_frames_total": "frames",
	"tapmeter_message_bytes_total": "bytes",
	"tapmeter_message_call_seconds_count": "frames",
	"tapmeter_message_would_block_total": None,
	"tapmeter_message_timeouts_total": None,
	"tapmeter_message_failures_total": None,
}


class Account(collections.Counter):
	"""{(name of the sample, its labels): number}, from answers of the programs."""

	def add(self, peer, answer):
		"""Returns the answer."""
		labels = {
			"kernel_id": "host",
			"comm": peer.comm,
			"system": "zmq",
			"direction": answer["direction"],
			"endpoint": answer["endpoint"],
			"socket_type": answer["socket_type"],
		}
		blocking = "now" not in answer["verb"] and "async" not in answer["verb"]
		again = "timeouts" if blocking else "would_block"
		for name, field in COUNTERS.items():
			if field:
				self[name, frozenset(labels.items())] += answer[field]
		self[f"tapmeter_message_{again}_total", frozenset(labels.items())] += answer.get("again", 0)
		if answer.get("error"):
			labels["error"] = answer["error"]
			labels = frozenset(labels.items())
			self["tapmeter_message_failures_total", labels] += answer["failed"]
		return answer


def moved(before, after, only):
	"""What the message counters have grown by, as an Account."""
	grown = Account()
	for key in {**before, **after}:
		if key[0] in COUNTERS and only.items() <= dict(key[1]).items():
			grown[key] = int(after.get(key, 0) - before.get(key, 0))
	return grown


def ok_moved(before, after, account, text, **only):
	"""The test point that exactly that, and nothing else, was counted between two scrapes; `only`:
	as far as samples with these labels go."""
	said = {key: value for key, value in account.items() if value}
	counted = {key: value for key, value in moved(before, after, only).items() if value}
	wrong = [
		f"{key[0]}{dict(sorted(key[1]))}: said {said.get(key, 0)}, counted {counted.get(key, 0)}"
		for key in {**said, **counted}
		if said.get(key) != counted.get(key)
	]
	if not said:
		wrong.append("the programs say that they did nothing")
	return lib.ok(not wrong, text, "\n".join(wrong))


# ---- the agent -----------------------------------------------------------------------------------


def streams(agent):
	"""All pages of /api/v1/streams: (sampled_at of the last, list of streams)."""
	found, offset = [], 0
	while offset is not None:
		page = agent.get(f"/api/v1/streams?offset={offset}").json()
		found += page["streams"]
		offset = page["next_offset"]
	return page["sampled_at"], found


def settled(agent):
	"""Metrics of a moment after this call, when the labels of all streams are known."""
	asked = time.time()

	def is_settled():
		sampled_at, found = streams(agent)
		return sampled_at > asked and all(stream["labels"] for stream in found)

	if not lib.wait_until(is_settled):
		print("# the streams have not settled", flush=True)
	return agent.metrics()


def find(metrics, name, **labels):
	"""The samples of that name that have these labels: [(labels, value)]."""
	return [
		(dict(found), value)
		for (sample, found), value in metrics.items()
		if sample == name and labels.items() <= dict(found).items()
	]
