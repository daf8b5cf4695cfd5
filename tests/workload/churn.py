#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What churn.c does, in Python: threads, sockets and a short life. The arguments are the same."""
import json
import sys
import threading

import zmq


def work(endpoint, rounds, messages):
	with zmq.Context() as context:
		for _ in range(rounds):
			with context.socket(zmq.PULL) as pull, context.socket(zmq.PUSH) as push:
				pull.bind(endpoint)
				push.connect(endpoint)
				for _ in range(messages):
					push.send(b"text")
					pull.recv()
				pull.unbind(endpoint)  # closing takes its time, and the name is needed again


def work_in_threads(count, *job):
	threads = [threading.Thread(target=work, args=job) for _ in range(count)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join()


def main():
	endpoint, threads, rounds, messages, end = sys.argv[1:]
	threads, rounds, messages = int(threads), int(rounds), int(messages)
	work_in_threads(threads, endpoint, rounds, messages)
	print(json.dumps({"messages": threads * rounds * messages}), flush=True)
	if end == "block":
		with zmq.Context() as context, context.socket(zmq.PULL) as socket:
			socket.bind("inproc://block")
			socket.recv()
	elif end == "busy":
		work_in_threads(threads, endpoint + "-busy", 1, sys.maxsize)


if __name__ == "__main__":
	main()
