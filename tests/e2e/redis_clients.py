# SPDX-License-Identifier: Apache-2.0
"""Commands that C programs send to a real Redis server by a library's blocking calls are counted, each once."""
import os
import socket
import subprocess
import tempfile

import lib

OPERATIONS = "tapmeter_cache_operations_total"
SECONDS = "tapmeter_cache_operation_seconds"


class Library:
	"""A client library: the profile, its label `system`, and a program that uses it."""

	def __init__(self, profile, system, program, **options):
		self.profile, self.system, self.program, self.options = profile, system, program, options
		self.comm = os.path.basename(program)[:15]
		self.labels = {"system": system, "side": "client", "comm": self.comm}

	def client(self, socket):
		return lib.Workload(self.program, socket, **self.options)


class Server:
	"""A redis-server of our own, on a unix socket."""

	def __init__(self, directory):
		self.socket = os.path.join(directory, "redis.sock")
		self.process = lib.spawn(
			["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", ""],
			cwd=directory,
			stdout=subprocess.DEVNULL,
		)
		assert lib.wait_until(self.answers, 30), "redis-server does not answer"

	def answers(self):
		with socket.socket(socket.AF_UNIX) as client:
			try:
				client.connect(self.socket)
			except OSError:
				return False
			client.sendall(b"PING\r\n")
			return client.recv(16) == b"+PONG\r\n"

	def stop(self):
		self.process.terminate()
		self.process.wait(30)


class Counts:
	"""What the agent has counted since the last look."""

	def __init__(self, library, agent):
		self.library, self.agent = library, agent
		self.before = self.read()

	def read(self):
		metrics, labels = self.agent.metrics(), self.library.labels
		return {
			"ok": sum(
				lib.total(metrics, OPERATIONS, result=result, **labels) for result in ("ok", "hit", "miss")
			),
			"error": lib.total(metrics, OPERATIONS, result="error", **labels),
			"timed": lib.total(metrics, SECONDS + "_count", **labels),
			"of any kind": lib.total(metrics, OPERATIONS),
		}

	def more(self):
		now = self.read()
		return {name: now[name] - self.before[name] for name in now}

	def expect(self, text, ok, error):
		expected = {"ok": ok, "error": error, "timed": ok, "of any kind": ok + error}
		lib.ok(lib.wait_until(lambda: self.more() == expected, 5), text, (self.more(), expected))
		self.before = self.read()


def check_commands(when, client, counts):
	"""What each of the three functions does, for a client that was there before or came after."""
	answers = [
		client.do("command 100 SET key value"),
		client.do("command 7 INCR key"),
		client.do("vcommand 50 GET key"),
		client.do("vcommand 5 LPUSH key value"),
		client.do("argv 25 GET key"),
		client.do("argv 3 NONSENSE"),
	]
	lib.ok(
		[(answer["ok"], answer["error"], answer["none"]) for answer in answers]
		== [(100, 0, 0), (0, 7, 0), (50, 0, 0), (0, 5, 0), (25, 0, 0), (0, 3, 0)],
		f"the client that {when} has its replies",
		answers,
	)
	counts.expect(f"they are counted by result (the client {when})", ok=175, error=15)


def check_by_command(agent, client, counts):
	"""Operations are told apart, and of look-ups the hits and misses, with the bytes that were got."""
	def now():
		metrics = agent.metrics()
		results = {
			(operation, result): lib.total(
				metrics, OPERATIONS, operation=operation, result=result, **counts.library.labels
			)
			for operation in ("get", "set", "delete", "incr", "list", "command")
			for result in ("hit", "miss", "ok", "error")
		}
		results["bytes"] = lib.total(
			metrics, "tapmeter_cache_bytes_total", operation="get", direction="receive",
			**counts.library.labels
		)
		return results

	before = now()
	client.do("command 3 SET word " + "x" * 200), client.do("vcommand 20 get word")
	client.do("argv 10 GET word"), client.do("command 6 GET none"), client.do("argv 4 get none")
	client.do("command 2 DEL word"), client.do("command 5 ECHO text"), client.do("argv 2 HGET h none")
	client.do("command 1 INCR number"), client.do("command 1 GETSET number 7")
	counts.expect("every command once", ok=3 + 20 + 10 + 6 + 4 + 2 + 5 + 2 + 1 + 1, error=0)
	grown = {key: value - before[key] for key, value in now().items() if value != before[key]}
	expected = {
		("set", "ok"): 3, ("get", "hit"): 31, ("get", "miss"): 12, ("delete", "ok"): 2,
		("command", "ok"): 5, ("incr", "ok"): 1, "bytes": 30 * 200 + 1,
	}
	lib.ok(grown == expected, "by command and result, with the bytes of values", (grown, expected))


def check_blocked(agent, client, other, counts):
	"""A command that waits in the server is a call in flight, then one operation."""
	in_flight_labels = {"system": counts.library.system, "comm": counts.library.comm}
	client.process.stdin.write("command 1 BLPOP queue 0\n")
	client.process.stdin.flush()

	def in_flight():
		return lib.total(agent.metrics(), "tapmeter_calls_in_flight", **in_flight_labels)

	lib.ok(lib.wait_until(lambda: in_flight() == 1), "a command that waits is in flight")
	oldest = lib.total(agent.metrics(), "tapmeter_oldest_call_seconds", **in_flight_labels)
	lib.ok(oldest > 0, "its age is known", oldest)
	counts.expect("it is not counted yet", ok=0, error=0)
	other.do("command 1 LPUSH queue value")
	lib.ok(client.answer()["ok"] == 1, "it ends")
	counts.expect("then it is counted", ok=2, error=0)
	lib.ok(lib.wait_until(lambda: in_flight() == 0), "and no longer in flight")


def check_histogram(agent, library):
	metrics, labels = agent.metrics(), library.labels
	count = lib.total(metrics, SECONDS + "_count", **labels)
	lib.ok(
		lib.total(metrics, SECONDS + "_bucket", le="+Inf", **labels) == count
		and 0 < lib.total(metrics, SECONDS + "_bucket", le="0.0009765625", **labels) <= count
		and lib.total(metrics, SECONDS + "_sum", **labels) > 0,
		"the histogram of their times is complete",
	)
	messages = [found for name, found in metrics if "_message" in name]
	lib.ok(not any(("system", library.system) in found for found in messages), "they are no messages")


def processes(agent):
	"""How many processes are tapped."""
	return sum(kernel["processes"] for kernel in agent.get("/api/v1/kernels").json()["kernels"])


def streams(agent):
	"""The processes that have streams."""
	return {stream["pid"] for stream in agent.get("/api/v1/streams").json()["streams"]}


def check(directory, library):
	server = Server(directory)
	with library.client(server.socket) as before:
		with lib.Agent(f"--comm={library.comm}", f"--profile={library.profile}") as agent:
			counts = Counts(library, agent)
			check_commands("was there before", before, counts)
			with library.client(server.socket) as after:
				found = lib.wait_until(lambda: processes(agent) == 2)
				lib.ok(found, "a process that comes later is found")
				check_commands("came after", after, counts)
				check_by_command(agent, after, counts)
				check_blocked(agent, before, after, counts)
				server.stop()
				lib.ok(before.do("command 4 PING")["none"] == 4, "a stopped server gives no reply")
				lib.ok(after.do("argv 2 PING")["none"] == 2, "by no function")
				counts.expect("calls without a reply are errors", ok=0, error=6)
			ended = lib.wait_until(lambda: streams(agent) == {before.pid})
			lib.ok(ended, "the end of a client is seen")
			counts.expect("the counts stay when a client has ended", ok=0, error=0)
			check_histogram(agent, library)
