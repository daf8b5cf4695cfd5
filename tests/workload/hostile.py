#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A process that wants to be taken for another one, or to break who looks at it: hostile.py DIRECTORY

Maps the files in DIRECTORY as programs; `go N` sends and receives a message at each of N endpoints with names that
would end a label, a line or a buffer if they were believed, under as many names of its own.
"""
import ctypes
import json
import mmap
import os
import sys

zmq = ctypes.CDLL("libzmq.so.5")
libc = ctypes.CDLL(None)
for name in ("zmq_ctx_new", "zmq_socket"):
	getattr(zmq, name).restype = ctypes.c_void_p
PAIR = 0
ZMQ_MAX_SOCKETS = 2
PR_SET_NAME = 15

TRICKS = [
	b'a"} 1\ntapmeter_messages_total{endpoint="forged',
	b"a\\",
	b'a\\"',
	b"a\r\n\r\nHTTP/1.1 200 OK",
	b"a\xff\xfe\xc0\xaf\xed\xa0\x80",
	b"a" * 200,
	b"a\x1b[2J\x01",
	b"# HELP forged\n# TYPE forged counter\nforged 1\n",
]


def talk(context, endpoint):
	sockets = [ctypes.c_void_p(zmq.zmq_socket(context, PAIR)) for _ in range(2)]
	buffer = ctypes.create_string_buffer(64)
	assert zmq.zmq_bind(sockets[0], endpoint) == 0 and zmq.zmq_connect(sockets[1], endpoint) == 0
	assert zmq.zmq_send(sockets[1], b"x", 1, 0) == 1 and zmq.zmq_recv(sockets[0], buffer, 64, 0) == 1
	for socket in sockets:
		zmq.zmq_close(socket)


def go(context, count):
	for i in range(count):
		trick = TRICKS[i % len(TRICKS)]
		libc.prctl(PR_SET_NAME, trick[:15])
		talk(context, b"inproc://%s%d" % (trick, i))
	return {"endpoints": count}


def main():
	mapped = []
	for name in os.listdir(sys.argv[1]):
		with open(os.path.join(sys.argv[1], name), "rb") as file:
			mapped.append(mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC))
	context = ctypes.c_void_p(zmq.zmq_ctx_new())
	zmq.zmq_ctx_set(context, ZMQ_MAX_SOCKETS, 8192)  # closed ones go when libzmq gets to it
	print(json.dumps({"ready": os.getpid()}), flush=True)
	for line in sys.stdin:
		print(json.dumps(go(context, int(line.split()[1]))), flush=True)


main()
