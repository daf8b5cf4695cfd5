#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""pair.c with pyzmq: a PUSH and a PULL socket at one endpoint, in one thread.

	pair.py ENDPOINT		says {"ready": PID}, then takes `go N SIZE` on stdin, like pair.c
	pair.py ENDPOINT N SECONDS	sends and receives N messages, ends SECONDS after its start
"""
import json
import os
import sys
import time

import zmq

start = time.monotonic()


def go(push, pull, count, size):
	for _ in range(count):
		push.send(b"x" * size)
		pull.recv()


def say(answer):
	print(json.dumps(answer), flush=True)


def main():
	context = zmq.Context()
	push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
	push.bind(sys.argv[1])
	pull.connect(sys.argv[1])
	if len(sys.argv) > 2:
		go(push, pull, int(sys.argv[2]), 10)
		time.sleep(max(0, start + float(sys.argv[3]) - time.monotonic()))
	else:
		say({"ready": os.getpid()})
		for line in sys.stdin:
			_, count, size = line.split()
			go(push, pull, int(count), int(size))
			say({"messages": int(count)})
	context.destroy(linger=0)


main()
