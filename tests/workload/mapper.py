#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A process that keeps who looks at its files busy: mapper.py DIRECTORY LIBRARY

Maps ever new copies of LIBRARY, as fast as it can, and lets the older ones go, until the end of stdin. "maps" answers with
how many it has mapped.
"""
import json
import mmap
import os
import sys
import threading

KEPT = 200
ended = threading.Event()
maps = 0


def work(directory, data):
	global maps
	kept = []
	while not ended.is_set():
		path = os.path.join(directory, f"libzmq.so.5.{maps}")
		with open(path, "w+b") as file:
			file.write(data)
			file.flush()
			kept.append(mmap.mmap(file.fileno(), 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC))
		os.unlink(path)
		if len(kept) > KEPT:
			kept.pop(0).close()
		maps += 1


def main():
	directory, library = sys.argv[1:]
	os.makedirs(directory, exist_ok=True)
	with open(library, "rb") as file:
		data = file.read()
	thread = threading.Thread(target=work, args=(directory, data))
	thread.start()
	print(json.dumps({"ready": os.getpid()}), flush=True)
	for _ in sys.stdin:
		print(json.dumps({"maps": maps}), flush=True)
	ended.set()
	thread.join()


main()
