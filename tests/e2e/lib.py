# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: test points, child processes, and a running agent.

	import lib

	with lib.Agent("--pid=42") as agent:
		lib.ok(agent.get("/-/ready").status == 200, "is ready")
	lib.done()
"""
import atexit
import collections
import ctypes
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.abspath(os.environ.get("TAPMETER_BUILD") or os.path.join(ROOT, "build"))
TAPMETER = os.path.join(BUILD, "tapmeter")
WORKLOADS = os.path.join(BUILD, "tests", "workload")  # those in C
# Of a file system whose reads and writes go to a disk.
ON_DISK = os.environ.get("TAPMETER_ON_DISK", BUILD)
# How much longer to wait than usual before giving up: scripts/vmtest's machines are slow, sanitizers as well.
PATIENCE = float(os.environ.get("TAPMETER_PATIENCE", 1))


def _sanitized():
	try:
		with open(os.path.join(BUILD, "flags")) as flags:
			return "-fsanitize=" in flags.read()
	except OSError:
		return False


SANITIZED = _sanitized()

# ---- test points ------------------------------------------------------------------------------

_points = 0
_failures = 0


def ok(condition, text, why=None, depth=1):
	"""One test point. `why` is shown if it fails. Returns the condition as a bool."""
	global _points, _failures
	_points += 1
	_failures += not condition
	print(f"{'ok' if condition else 'not ok'} {_points} - {text}", flush=True)
	if not condition:
		caller = sys._getframe(depth)
		print(f"#   at {caller.f_code.co_filename}:{caller.f_lineno}")
		if why is not None:
			print("\n".join("#   " + line for line in str(why).split("\n")), flush=True)
	return bool(condition)


def skip(text, reason):
	"""A test point that cannot be tried here."""
	global _points
	_points += 1
	print(f"ok {_points} - {text} # SKIP {reason}", flush=True)


def ok_memory(condition, text, why=None):
	"""One about how much memory there is in use."""
	if SANITIZED:
		skip(text, "a sanitizer keeps back what is freed")
	else:
		ok(condition, text, why, depth=2)


def done():
	"""Ends the test: status 0 if nothing failed."""
	print(f"1..{_points}", flush=True)
	sys.exit(1 if _failures else 0)


def need_root():
	"""Without privileges nothing can be tapped: then the whole test is skipped."""
	if os.geteuid() != 0:
		print("1..0 # SKIP needs root", flush=True)
		sys.exit(0)


def wait_until(predicate, timeout=10):
	"""Asks until the answer is true, at most `timeout` seconds. Returns the last answer."""
	end = time.monotonic() + timeout * PATIENCE
	while True:
		answer = predicate()
		if answer or time.monotonic() > end:
			return answer
		time.sleep(0.02)


# ---- child processes --------------------------------------------------------------------------

_libc = ctypes.CDLL(None)
_children = []
PR_SET_PDEATHSIG = 1


def _die_with_parent():
	_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(argv, **options):
	"""subprocess.Popen of a child that never outlives the test. Call it from the main thread."""
	child = subprocess.Popen(argv, preexec_fn=_die_with_parent, **options)
	_children.append(child)
	return child


@atexit.register
def _kill_children():
	for child in _children:
		if child.poll() is None:
			child.kill()
			child.wait()


def traced_environment():
	"""Of a process that strace watches at its end: the leak sanitizer traces, too, and there is no room for two."""
	return {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


class Workload:
	"""A program that answers each line on stdin by one of JSON, and says {"ready": …} first."""

	def __init__(self, *argv, **options):
		self.process = spawn(
			argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
		)
		self.answer()

	@property
	def pid(self):
		return self.process.pid

	def answer(self):
		line = self.process.stdout.readline()
		if not line:
			raise RuntimeError(f"{self.process.args[0]} ended: {self.process.wait()}")
		return json.loads(line)

	def do(self, *command):
		self.process.stdin.write(" ".join(map(str, command)) + "\n")
		self.process.stdin.flush()
		return self.answer()

	def stop(self, timeout=30):
		"""Lets it come to its end, which has to be a good one."""
		self.process.stdin.close()
		status = self.process.wait(timeout * PATIENCE)
		assert status == 0, f"{self.process.args[0]} exit status is {status}"

	def __enter__(self):
		return self

	def __exit__(self, kind, *_):
		if kind is None and self.process.poll() is None:
			self.stop()
		elif self.process.poll() is None:
			self.process.kill()
			self.process.wait()


# ---- what the host can do ---------------------------------------------------------------------


def cannot_attach():
	"""{way: why} of the ways to attach that `doctor` says this Linux kernel does not have."""
	ran = subprocess.run([TAPMETER, "doctor"], stdout=subprocess.PIPE, text=True)
	return dict(re.findall(r"^  no +attach uprobes the (\w+) way: (.*)", ran.stdout, re.MULTILINE))


def children(pid):
	try:
		with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
			return [int(child) for child in file.read().split()]
	except OSError:
		return []


def relay_of(agent):
	"""Process id of the agent's running tapmeter-relay, a child of its starter; None: there is none."""
	for starter in children(agent.process.pid):
		for pid in children(starter):
			try:
				with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
					if comm.read() == "tapmeter-relay\n":
						return pid
			except OSError:
				pass
	return None


# ---- the agent --------------------------------------------------------------------------------

Answer = collections.namedtuple("Answer", "status headers body")
Answer.json = lambda answer: json.loads(answer.body)

_READY = re.compile(r"\bmsg=ready address=(\S+) (?:taps|engines)=(\d+)")
_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,|$)')
_UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def parse_labels(text):
	labels, at = {}, 0
	while at < len(text):
		label = _LABEL.match(text, at)
		if not label or label[1] in labels:
			raise ValueError(f"malformed labels: {text}")
		labels[label[1]] = re.sub(r"\\.", lambda escape: _UNESCAPED[escape[0]], label[2])
		at = label.end()
	return frozenset(labels.items())


def parse_metrics(text):
	"""Prometheus text to {(name, frozenset of (label, value)): number}. Malformed: ValueError."""
	metrics = {}
	for line in text.split("\n"):
		if not line or line.startswith("#"):
			continue
		sample = _SAMPLE.fullmatch(line)
		if not sample:
			raise ValueError(f"malformed sample: {line}")
		key = sample[1], parse_labels(sample[2] or "")
		if key in metrics:
			raise ValueError(f"sample twice: {line}")
		metrics[key] = float(sample[3])
	return metrics


def total(metrics, name, /, **labels):
	"""The sum of all samples of that name that have these labels."""
	return sum(
		value
		for (sample, sample_labels), value in metrics.items()
		if sample == name and labels.items() <= sample_labels
	)


def losses(metrics):
	"""{reason: number} of what the counts lack: all losses, but for those of delivery times."""
	return {
		dict(labels)["reason"]: value
		for (name, labels), value in metrics.items()
		if name == "tapmeter_lost_total" and value
		and not dict(labels)["reason"].startswith("transit_")
	}


class Agent:
	"""`tapmeter run` on a free port, ready. Its stderr is in .log, line by line.

	`before` is a command that execs the one that follows it; `command` another one to run.
	"""

	def __init__(self, *flags, timeout=30, before=(), command="run", program=TAPMETER, **options):
		self.log = []
		self.address = self.taps = None
		self._event = threading.Event()
		if SANITIZED and command == "run" and not any(flag.startswith("--max-age") for flag in flags):
			flags = ["--max-age=1ms", *flags]  # a snapshot takes so long that answers would be as old as they may be
		argv = [*before, program, command, "--web.listen-address=127.0.0.1:0", *flags]
		self.process = spawn(
			argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options
		)
		self._reader = threading.Thread(target=self._read_log, daemon=True)
		self._reader.start()
		if not self._event.wait(timeout * PATIENCE) or not self.address:
			self.process.kill()
			status = self.process.wait()  # -SIGKILL: it was still trying
			self._reader.join()
			raise RuntimeError(f"the agent did not get ready ({status}):\n" + "".join(self.log))

	def _read_log(self):
		for line in self.process.stderr:
			self.log.append(line)
			ready = _READY.search(line)
			if ready:
				self.address, self.taps = ready[1], int(ready[2])
				self._event.set()
		self._event.set()  # it has ended: nobody need wait for the time limit

	def request(self, method, path, body=None, headers=None):
		connection = http.client.HTTPConnection(self.address, timeout=30 * PATIENCE)
		try:
			connection.request(method, path, body, headers or {})
			answer = connection.getresponse()
			return Answer(answer.status, answer.headers, answer.read())
		finally:
			connection.close()

	def get(self, path, headers=None):
		return self.request("GET", path, headers=headers)

	def post(self, path, value):
		headers = {"Content-Type": "application/json"}
		return self.request("POST", path, json.dumps(value), headers)

	def metrics(self):
		answer = self.get("/metrics")
		assert answer.status == 200, answer
		return parse_metrics(answer.body.decode())

	def stop(self, timeout=30):
		"""Ends it as a service manager does. It has to exit with 0."""
		self.process.send_signal(signal.SIGTERM)
		status = self.process.wait(timeout * PATIENCE)
		self._reader.join()
		assert status == 0, f"the agent's exit status is {status}:\n" + "".join(self.log)

	def __enter__(self):
		return self

	def __exit__(self, kind, *_):
		if kind is None:
			self.stop()
			return
		self.process.kill()
		self.process.wait()
		self._reader.join()
		print("# the agent's log:\n" + "".join("#   " + line for line in self.log), flush=True)
