#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A small ZeroMQ program that knows what it has sent and received.

Requests and replies go over tcp, jobs of two frames each over ipc. Commands come on stdin:

	warm-up		one message through every socket; answer: warm
	go		the work; answer: one line `direction socket_type endpoint messages` for each
			socket, then: done
	end (or EOF)	ends the program
"""
import os
import sys
import tempfile
import threading

import zmq

REQUESTS = 2000
JOBS = 5000


class Receiver(threading.Thread):
	"""One socket's thread: receives until an empty message, counts, and may reply."""

	def __init__(self, context, kind, address, reply):
		super().__init__(daemon=True)
		self.socket = context.socket(kind)
		self.socket.bind(address)
		self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)
		self.reply = reply
		self.count = 0
		self.changed = threading.Condition()
		self.start()

	def run(self):
		while self.socket.recv_multipart() != [b""]:
			if self.reply:
				self.socket.send(b"reply")
			with self.changed:
				self.count += 1
				self.changed.notify()

	def wait_for(self, count):
		with self.changed:
			self.changed.wait_for(lambda: self.count == count)


def sender(context, kind, endpoint):
	socket = context.socket(kind)
	socket.connect(endpoint)
	return socket


def say(text):
	print(text, flush=True)


def work(client, server, source, sink, requests, jobs):
	served, finished = server.count, sink.count
	for i in range(jobs):
		source.send_multipart([b"job", b"%d" % i])
	for i in range(requests):
		client.send(b"request %d" % i)
		client.recv()
	server.wait_for(served + requests)
	sink.wait_for(finished + jobs)


def main():
	with tempfile.TemporaryDirectory(prefix="tapmeter-demo-") as directory:
		context = zmq.Context()
		server = Receiver(context, zmq.REP, "tcp://127.0.0.1:*", reply=True)
		sink = Receiver(context, zmq.PULL, "ipc://" + os.path.join(directory, "jobs"), reply=False)
		client = sender(context, zmq.REQ, server.endpoint)
		source = sender(context, zmq.PUSH, sink.endpoint)
		say("up")
		for line in sys.stdin:
			if line == "warm-up\n":
				work(client, server, source, sink, 1, 1)
				say("warm")
			elif line == "go\n":
				work(client, server, source, sink, REQUESTS, JOBS)
				say(f"send req {server.endpoint} {REQUESTS}")
				say(f"receive rep {server.endpoint} {REQUESTS}")
				say(f"send rep {server.endpoint} {REQUESTS}")
				say(f"receive req {server.endpoint} {REQUESTS}")
				say(f"send push {sink.endpoint} {JOBS}")
				say(f"receive pull {sink.endpoint} {JOBS}")
				say("done")
			else:
				break
		client.send(b"")
		source.send(b"")
		server.join()
		sink.join()
		context.destroy()


if __name__ == "__main__":
	main()
