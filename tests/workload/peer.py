#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A pyzmq program that does what it is told and says what it did: peer.c, in Python.

Commands come on stdin, a line each: `ACTOR VERB [ARGUMENT...]`. An actor is a thread with one
socket; its verbs are the methods do_VERB. `main` has one verb, `term`: the context ends, and every
actor's socket is closed as soon as the actor has noticed.

A message of P frames and size S has frames of S, S + 1, ... S + P - 1 bytes.
"""
import asyncio
import json
import os
import queue
import sys
import threading
import time

import zmq
import zmq.asyncio


def say(answer):
	sys.stdout.write(json.dumps(answer) + "\n")
	sys.stdout.flush()


def frames(size, parts):
	return [b"x" * (int(size) + part) for part in range(int(parts))]


class Socket(zmq.Socket):
	"""Counts what its calls of ZeroMQ do. `tally` is a function of the direction."""

	tally = None

	def count(self, direction, function, *args, **options):
		tally = self.tally(direction)
		start = time.monotonic()
		try:
			result = function(*args, **options)
		except zmq.Again:
			tally["again"] += 1
			raise
		except zmq.ZMQError as error:
			tally["failed"] += 1
			tally["error"] = zmq.Errno(error.errno).name
			raise
		finally:
			tally["seconds"] += time.monotonic() - start
		tally["frames"] += 1
		return result

	def send(self, data, flags=0, **options):
		result = self.count("send", super().send, data, flags, **options)
		self.tally("send")["bytes"] += len(data)
		return result

	def recv(self, flags=0, **options):
		data = self.count("receive", super().recv, flags, **options)
		self.tally("receive")["bytes"] += len(data)
		return data


class Actor(threading.Thread):
	def __init__(self, name, context):
		super().__init__(daemon=True)
		self.name, self.context = name, context
		self.commands = queue.Queue()
		self.socket = None
		self.socket_type, self.endpoint = "", "none"
		self.start()

	def run(self):
		while True:
			verb, *args = self.commands.get()
			self.tallies = {}
			getattr(self, "do_" + verb)(*args)
			self.read_endpoint()
			for tally in list(self.tallies.values()) or [self.tally("")]:
				say(
					dict(
						tally, actor=self.name, verb=verb, socket_type=self.socket_type,
						endpoint=self.endpoint,
					)
				)

	def tally(self, direction):
		return self.tallies.setdefault(
			direction,
			dict(
				direction=direction, messages=0, frames=0, bytes=0, again=0, failed=0,
				error="", seconds=0,
			),
		)

	def read_endpoint(self):
		try:
			self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT) or "none"
		except (AttributeError, zmq.ZMQError):
			pass  # no socket, or closed: it stays what it was

	def each(self, times, direction, function, *args):
		"""Messages: the calls that succeed, of so many."""
		for _ in range(int(times)):
			try:
				function(*args)
				self.tally(direction)["messages"] += 1
			except zmq.ContextTerminated:
				self.socket.close()
				return
			except zmq.ZMQError:
				pass  # counted

	def do_open(self, kind):
		self.socket = Socket(self.context, getattr(zmq, kind.upper()))
		self.socket.tally = self.tally
		self.socket.linger = 0
		self.socket.set_hwm(0)
		if kind == "sub":
			self.socket.subscribe(b"")
		self.socket_type, self.endpoint = kind, "none"

	def do_set(self, option, value):
		self.socket.setsockopt(getattr(zmq, option.upper()), int(value))

	def do_bind(self, address):
		self.socket.bind(address)

	def do_connect(self, address):
		self.socket.connect(address)

	def do_close(self):
		self.socket.close()

	def do_send(self, times, size, parts):
		self.each(times, "send", self.socket.send_multipart, frames(size, parts))

	def do_recv(self, times):
		self.each(times, "receive", self.socket.recv_multipart)

	def do_recv_now(self, times):
		self.each(times, "receive", self.socket.recv, zmq.NOBLOCK)

	def do_send_now(self, times, size):
		self.each(times, "send", self.socket.send, b"x" * int(size), zmq.NOBLOCK)

	def do_request(self, times, size, parts):
		"""Two answers: of the sending, then of the receiving."""
		for _ in range(int(times)):
			self.do_send(1, size, parts)
			self.do_recv(1)

	def do_reply(self, times, size, parts):
		"""Two answers: of the receiving, then of the sending."""
		for _ in range(int(times)):
			self.do_recv(1)
			self.do_send(1, size, parts)

	def do_async_recv(self, times):
		"""asyncio: so many messages, each awaited; before each, polls that find nothing."""

		async def receive():
			socket = zmq.asyncio.Socket.from_socket(self.socket)
			for _ in range(int(times)):
				try:
					await socket.recv_multipart(zmq.NOBLOCK)
				except zmq.Again:  # counted
					await socket.recv_multipart()
				self.tally("receive")["messages"] += 1

		asyncio.run(receive())

	def do_async_recv_now(self, times):
		"""asyncio: so many non-blocking calls."""

		async def receive():
			socket = zmq.asyncio.Socket.from_socket(self.socket)
			for _ in range(int(times)):
				try:
					await socket.recv(zmq.NOBLOCK)
					self.tally("receive")["messages"] += 1
				except zmq.Again:
					pass  # counted

		asyncio.run(receive())


def main():
	context = zmq.Context()
	actors = {}
	say({"actor": "main", "verb": "start", "pid": os.getpid()})
	for line in sys.stdin:
		name, *command = line.split()
		if [name, *command] == ["main", "term"]:
			context.term()
			say({"actor": "main", "verb": "term"})
		else:
			if name not in actors:
				actors[name] = Actor(name, context)
			actors[name].commands.put(command)
	os._exit(0)  # wherever the actors are


if __name__ == "__main__":
	main()
