#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A pyzmq program that measures its own calls, each one.

	timed.py ENDPOINT

The command `go SECONDS...` sends a message after each of the pauses; the answer has the seconds that
each of the blocking receives took.
"""
import json
import sys
import threading
import time

import zmq


def say(answer):
	print(json.dumps(answer), flush=True)


def send_paced(sender, pauses):
	for pause in pauses:
		time.sleep(pause)
		sender.send(b"x")


def measure(sender, receiver, pauses):
	seconds = []
	thread = threading.Thread(target=send_paced, args=(sender, pauses))
	thread.start()
	for _ in pauses:
		start = time.perf_counter()
		receiver.recv()
		seconds.append(time.perf_counter() - start)
	thread.join()
	return seconds


def main():
	context = zmq.Context()
	receiver, sender = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
	receiver.bind(sys.argv[1])
	sender.connect(sys.argv[1])
	say({"ready": True})
	for line in sys.stdin:
		_, *pauses = line.split()
		say({"seconds": measure(sender, receiver, [float(pause) for pause in pauses])})


if __name__ == "__main__":
	main()
