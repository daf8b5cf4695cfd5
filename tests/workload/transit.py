#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""transit.c, with pyzmq, copying or not in turns."""
import json
import os
import struct
import sys
import threading
import time

import zmq

PAIR = struct.Struct("=qq")


class Job:
	def __init__(self, socket, arguments):
		self.socket = socket
		self.count, self.size, self.gap_us, self.heartbeats = map(int, arguments)
		self.addressed = socket.type == zmq.ROUTER
		self.id = []
		self.records = []

	def rest(self):
		if self.gap_us:
			time.sleep(self.gap_us / 1e6)

	def send_one(self, number):
		data = bytearray(self.size)
		for frame in self.id:
			self.socket.send(frame, zmq.SNDMORE)
		sent = time.monotonic_ns()
		if number % 100 >= self.heartbeats:
			PAIR.pack_into(data, 0, sent, number)
		self.socket.send(data, copy=bool(number & 1))
		return sent, 0

	def recv_one(self, number):
		frames = [self.socket.recv(copy=bool(number & 1))]
		received = time.monotonic_ns()
		while self.addressed and self.socket.rcvmore:
			frames.append(self.socket.recv())
			received = time.monotonic_ns()
		if self.addressed:
			self.id = frames[:-1]  # of REQ, an empty frame comes too
		return PAIR.unpack_from(bytes(frames[-1]))[0], received

	def run_send(self):
		for number in range(self.count):
			self.records.append(self.send_one(number))
			self.rest()

	def run_recv(self):
		for number in range(self.count):
			self.records.append(self.recv_one(number))
			self.rest()

	def run_turns(self, asks):
		for number in range(self.count):
			if asks:
				self.send_one(number)
			self.records.append(self.recv_one(number))
			if not asks:
				self.send_one(number)
			self.rest()


def open_socket(context, kind, way, endpoint):
	socket = context.socket(getattr(zmq, kind.upper()))
	socket.set_hwm(0)
	socket.linger = 0
	if kind == "sub":
		socket.subscribe(b"")
	getattr(socket, way)(endpoint)
	return socket


def main():
	mode, kind, way, endpoint, *arguments, path = sys.argv[1:]
	context = zmq.Context()
	kinds = kind.split("/")
	socket = open_socket(context, kinds[-1], "bind" if mode == "both" else way, endpoint)
	job = Job(socket, arguments)
	bound = socket.last_endpoint.rstrip(b"\0").decode()
	print(json.dumps({"ready": os.getpid(), "endpoint": bound}), flush=True)
	sys.stdin.readline()
	if mode == "both":
		sender = Job(open_socket(context, kinds[0], "connect", endpoint), arguments)
		thread = threading.Thread(target=sender.run_send)
		thread.start()
		job.gap_us = 0
		job.run_recv()
		thread.join()
	elif mode in ("send", "recv"):
		job.run_send() if mode == "send" else job.run_recv()
	else:
		job.run_turns(mode == "ask")
	with open(path, "wb") as out:
		out.write(b"".join(PAIR.pack(*record) for record in job.records))
	print(json.dumps({"done": job.count}), flush=True)
	sys.stdin.read()
	context.destroy(linger=0)


main()
