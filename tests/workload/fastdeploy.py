#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""FastDeploy's request path rebuilt: its envelope from PUSH to PULL, with its own metrics.

	fastdeploy.py send|recv json|pickle ADDRESS COUNT [FAILING]

Metrics, envelope and what is timed are as in fastdeploy/metrics/metrics.py and
inter_communicator/zmq_server.py. FAILING sends are made before there is anybody to send to. Says
{"ready": …}, begins at a line on stdin, then says what its metrics are.
"""
import json
import os
import pickle
import sys
import time

import zmq
from prometheus_client import CollectorRegistry, Counter, Histogram

BUCKETS = (.001, .01, .02, .05, .1, .25, .5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
registry = CollectorRegistry()
names = ("msg_send_total", "msg_send_failed_total", "msg_bytes_send_total", "msg_recv_total",
	"msg_bytes_recv_total")
counters = {
	name: Counter(f"fastdeploy:zmq:{name}", name, ["address"], registry=registry) for name in names
}
latency = Histogram(
	"fastdeploy:zmq:latency", "ms", ["address"], buckets=BUCKETS, registry=registry
)


def send(socket, address, encode, data):
	message = encode({"__meta": {"send_ts": time.perf_counter()}, "data": data})
	try:
		socket.send(message)
		counters["msg_bytes_send_total"].labels(address).inc(len(message))
	except zmq.ZMQError:
		counters["msg_send_failed_total"].labels(address).inc()
	finally:
		counters["msg_send_total"].labels(address).inc()


def recv(socket, address, decode):
	message = socket.recv()
	envelope = decode(message)
	passed = (time.perf_counter() - envelope["__meta"]["send_ts"]) * 1000
	counters["msg_recv_total"].labels(address).inc()
	counters["msg_bytes_recv_total"].labels(address).inc(len(message))
	if passed > 0:
		latency.labels(address).observe(passed)


def samples(address):
	return {
		sample.name + sample.labels.get("le", ""): sample.value
		for family in registry.collect()
		for sample in family.samples
		if not sample.name.endswith("_created") and sample.labels["address"] == address
	}


def main():
	role, codec, address, count, failing = (sys.argv[1:] + ["0"])[:5]
	codecs = {
		"json": (lambda data: json.dumps(data).encode(), json.loads),
		"pickle": (lambda data: pickle.dumps(data, protocol=4), pickle.loads),
	}
	encode, decode = codecs[codec]
	context = zmq.Context()
	socket = context.socket(zmq.PUSH if role == "send" else zmq.PULL)
	socket.set_hwm(0)
	if role == "recv":
		socket.bind(address)
	print(json.dumps({"ready": os.getpid()}), flush=True)
	sys.stdin.readline()
	if role == "send":
		# not bound anywhere: the address is known, but nothing listens on a socket of HWM 1
		lonely = context.socket(zmq.PUSH)
		lonely.setsockopt(zmq.IMMEDIATE, 1)
		lonely.setsockopt(zmq.SNDTIMEO, 2)
		lonely.linger = 0
		lonely.connect(address + ".nobody")
		for i in range(int(failing)):
			send(lonely, address + ".nobody", encode, i)
		socket.connect(address)
	for i in range(int(count)):
		if role == "send":
			send(socket, address, encode, {"request_id": f"r-{i}", "prompt": "x" * (i % 3000)})
			if i % 50 == 0:
				time.sleep(0.002)
		else:
			recv(socket, address, decode)
	print(json.dumps({"samples": samples(address), "nobody": samples(address + ".nobody")}), flush=True)
	sys.stdin.read()
	context.destroy(linger=0)


main()
