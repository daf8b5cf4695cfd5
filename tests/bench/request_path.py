#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One end of FastDeploy's request path, with the metrics that it keeps itself and without.

	request_path.py send|recv

Says {"ready": PID}, then takes commands on stdin, each answered by one line:

	open ADDRESS                            binds (recv) or connects (send)
	run ADDRESS json|pickle on|off COUNT    sends or receives so many messages

A run says how many seconds it took (recv: from the first message to the last), and how many bytes
the messages had. "on" is tests/workload/fastdeploy.py: the envelope that carries the time, and its
metrics, in files if PROMETHEUS_MULTIPROC_DIR is set, as FastDeploy sets it. "off" is the message
alone.
"""
import json
import os
import pickle
import sys
import time

import zmq

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "workload"))
import fastdeploy as instrumented  # noqa: E402

CODECS = {
	"json": (lambda data: json.dumps(data).encode(), json.loads),
	"pickle": (lambda data: pickle.dumps(data, protocol=4), pickle.loads),
}
TOKENS = list(range(64))


class End:
	def __init__(self, role):
		self.sends = role == "send"
		self.context = zmq.Context()
		self.sockets = {}
		self.bytes = 0
		self.number = 0  # no two messages are equal

	def open(self, address):
		socket = self.context.socket(zmq.PUSH if self.sends else zmq.PULL)
		socket.set_hwm(0)
		(socket.connect if self.sends else socket.bind)(address)
		self.sockets[address] = socket
		return {}

	def counted(self, function):
		"""A codec's function that adds up the bytes of the messages."""

		def call(value):
			result = function(value)
			self.bytes += len(result if self.sends else value)
			return result

		return call

	def send(self, address, encode, metrics):
		self.number += 1
		data = {"request_id": f"cmpl-{self.number}", "max_tokens": 512, "prompt_token_ids": TOKENS}
		if metrics:
			instrumented.send(self.sockets[address], address, encode, data)
		else:
			self.sockets[address].send(encode(data))

	def receive(self, address, decode, metrics):
		if metrics:
			instrumented.recv(self.sockets[address], address, decode)
		else:
			decode(self.sockets[address].recv())

	def run(self, address, codec, metrics, count):
		function = self.counted(CODECS[codec][0 if self.sends else 1])
		once = self.send if self.sends else self.receive
		self.bytes = 0
		start = time.perf_counter()
		for i in range(int(count)):
			once(address, function, metrics == "on")
			if i == 0:
				start = time.perf_counter()  # a receiver has waited for the sender until now
		return {"seconds": time.perf_counter() - start, "bytes": self.bytes}


def main():
	end = End(sys.argv[1])
	print(json.dumps({"ready": os.getpid()}), flush=True)
	for line in sys.stdin:
		name, *arguments = line.split()
		answer = {"open": end.open, "run": end.run}[name](*arguments)
		print(json.dumps(answer), flush=True)
	end.context.destroy(linger=0)


main()
