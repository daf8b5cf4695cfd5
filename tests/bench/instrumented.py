#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A PUSH and a PULL socket in one process, without and with metrics that the process keeps itself.

Says {"ready": PID}, then takes commands on stdin, each answered by {"ns": NUMBER}: the time of a
message, sent and received, in the fastest of the rounds.

	plain MESSAGES ROUNDS
	metrics MESSAGES ROUNDS

The metrics are kept as FastDeploy does it: each send and each receive touches five counters by
their label, a receive a histogram too, and the message is wrapped so that it carries its time.
PROMETHEUS_MULTIPROC_DIR has to be set.
"""
import dataclasses
import json
import os
import sys
import time

import prometheus_client
import zmq
from zmq.utils import jsonapi

ADDRESS = "ipc:///dev/shm/1234.socket"
BUCKETS_MS = [0.001, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
DOCUMENT = {"request_id": "cmpl-8c7b1e", "max_tokens": 512, "prompt_token_ids": list(range(32))}


def counter(name):
	return prometheus_client.Counter(f"zmq_{name}", name, ["address"])


sent, send_failed, sent_bytes = counter("sent"), counter("send_failed"), counter("sent_bytes")
received, received_bytes = counter("received"), counter("received_bytes")
latency = prometheus_client.Histogram("zmq_latency", "ms", ["address"], buckets=BUCKETS_MS)


@dataclasses.dataclass
class Call:
	"""What one call has done."""

	sent: int = 0
	send_failed: int = 0
	sent_bytes: int = 0
	received: int = 0
	received_bytes: int = 0
	latency: float = 0.0

	def record(self):
		sent.labels(address=ADDRESS).inc(self.sent)
		send_failed.labels(address=ADDRESS).inc(self.send_failed)
		sent_bytes.labels(address=ADDRESS).inc(self.sent_bytes)
		received.labels(address=ADDRESS).inc(self.received)
		received_bytes.labels(address=ADDRESS).inc(self.received_bytes)
		if self.latency > 0.0:
			latency.labels(address=ADDRESS).observe(self.latency * 1000)


def send_counted(socket, document):
	call = Call()
	try:
		message = jsonapi.dumps({"__meta": {"send_ts": time.perf_counter()}, "data": document})
		call.sent_bytes += len(message)
		socket.send(message)
	except Exception:
		call.send_failed += 1
		raise
	finally:
		call.sent += 1
		call.record()


def receive_counted(socket):
	call = Call()
	try:
		message = socket.recv()
		envelope = jsonapi.loads(message)
		call.received_bytes += len(message)
		call.received += 1
		call.latency = time.perf_counter() - envelope["__meta"]["send_ts"]
		return envelope["data"]
	finally:
		call.record()


def plain(push, pull, messages):
	for _ in range(messages):
		push.send(jsonapi.dumps(DOCUMENT))
		jsonapi.loads(pull.recv())


def metrics(push, pull, messages):
	for _ in range(messages):
		send_counted(push, DOCUMENT)
		receive_counted(pull)


def best(function, push, pull, messages, rounds):
	spent = []
	for _ in range(rounds):
		start = time.perf_counter_ns()
		function(push, pull, messages)
		spent.append(time.perf_counter_ns() - start)
	return min(spent) / messages


def main():
	context = zmq.Context()
	pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
	pull.bind("inproc://instrumented")
	push.connect("inproc://instrumented")
	print(json.dumps({"ready": os.getpid()}), flush=True)
	for line in sys.stdin:
		name, messages, rounds = line.split()
		function = {"plain": plain, "metrics": metrics}[name]
		ns = best(function, push, pull, int(messages), int(rounds))
		print(json.dumps({"ns": ns}), flush=True)
	os._exit(0)


main()
