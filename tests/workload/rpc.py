#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""LMCache's multiprocess requests, as its mq.py sends them: DEALER [uid][op][payload…], ROUTER with the identity first.

	rpc.py server [ENDPOINT]	says {"endpoint": …} and answers; a line on stdin: {"requests": …, "answers": …}
	rpc.py client ENDPOINT…		one client for each; says {"ready": PID}, then takes lines of JSON on stdin

A line is a list of [client, op, options, payload sizes, count]: all are sent, then the answers awaited, but for those to
requests that ask for none. The server does what the first payload says: {"reply": "none" | "value" | "never",
"delay": seconds}, or {"raw": [[hex, …], …]}: sends messages of these frames. {"raw": [client, [hex, …], count]} sends such a
message and takes so many; {"close": client} closes its socket.
"""
import json
import os
import sys
import threading
import time

import msgpack
import zmq


def say(answer):
	print(json.dumps(answer), flush=True)


class Server:
	def __init__(self, endpoint):
		self.socket = zmq.Context.instance().socket(zmq.ROUTER)
		self.socket.set_hwm(0)
		self.socket.bind(endpoint)
		self.requests = self.answers = 0

	def serve(self):
		while True:
			self.socket.poll()  # not in a receive that began before the tap was there
			frames = self.socket.recv_multipart()
			self.requests += 1
			if len(frames) < 3:
				continue
			identity, uid, op, *payload = frames
			try:
				options = msgpack.unpackb(payload[0])
			except Exception:
				continue
			if isinstance(options, dict) and "raw" in options:
				for answer in options["raw"]:
					self.socket.send_multipart([identity, *map(bytes.fromhex, answer)])
				continue
			if not isinstance(options, dict) or options.get("reply", "never") == "never":
				continue
			if options.get("delay"):
				time.sleep(options["delay"])
			answer = [msgpack.packb([b"handle", True])] if options["reply"] == "value" else []
			self.socket.send_multipart([identity, uid, op, *answer])
			self.answers += 1


class Client:
	def __init__(self, endpoint):
		self.socket = zmq.Context.instance().socket(zmq.DEALER)
		self.socket.set_hwm(0)
		self.socket.linger = 0
		self.socket.connect(endpoint)
		self.uid = 0
		self.sent = {}
		self.times = []

	def request(self, op, options, sizes):
		uid, self.uid = self.uid, self.uid + 1
		payload = [msgpack.packb(options), *(msgpack.packb(os.urandom(size)) for size in sizes)]
		if options["reply"] != "never":
			self.sent[uid] = time.monotonic()
		self.socket.send_multipart([msgpack.packb(uid), msgpack.packb(op), *payload])

	def collect(self):
		while self.sent:
			uid, _, *_ = self.socket.recv_multipart()
			self.times.append(time.monotonic() - self.sent.pop(msgpack.unpackb(uid)))


def run_client(endpoints):
	clients = [Client(endpoint) for endpoint in endpoints]
	say({"ready": os.getpid()})
	for line in sys.stdin:
		todo = json.loads(line)
		if isinstance(todo, list):
			for client, op, options, sizes, count in todo:
				for _ in range(count):
					clients[client].request(op, options, sizes)
			for client in clients:
				client.collect()
		elif "raw" in todo:
			client, frames, count = todo["raw"]
			clients[client].socket.send_multipart([bytes.fromhex(frame) for frame in frames])
			for _ in range(count):
				clients[client].socket.recv_multipart()
		else:
			clients[todo["close"]].socket.close()
		say({"times": [client.times for client in clients]})
		for client in clients:
			client.times = []


def run_server(endpoint):
	server = Server(endpoint)
	threading.Thread(target=server.serve, daemon=True).start()
	say({"endpoint": server.socket.last_endpoint.rstrip(b"\0").decode()})
	for _ in sys.stdin:
		say({"requests": server.requests, "answers": server.answers})
	os._exit(0)


if sys.argv[1] == "server":
	run_server(sys.argv[2] if len(sys.argv) > 2 else "tcp://127.0.0.1:*")
else:
	run_client(sys.argv[2:])
