#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A container's process that maps what cannot be a library, and changes it while somebody looks: hostile_root.py DIRECTORY

Maps all there is in DIRECTORY as a program would. Then, until the end of stdin: the file `rewritten` gets other bytes,
`truncated` is empty and whole by turns, `renamed` is another file each time, and each is mapped anew.
"""
import contextlib
import json
import mmap
import os
import sys
import threading

LIBZMQ = "/usr/lib/x86_64-linux-gnu/libzmq.so.5"
ended = threading.Event()


def map_file(path):
	"""The mapping, or None: a directory has none, nor has a FIFO."""
	try:
		fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
	except OSError:
		return None
	try:
		return mmap.mmap(fd, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
	except (OSError, ValueError):
		return None
	finally:
		os.close(fd)


def rewrite(path, whole):
	junk = os.urandom(len(whole))
	with open(path, "r+b", 0) as file:
		for at in range(0, 65536, 4096):
			os.pwrite(file.fileno(), junk[at : at + 64], at)
		os.pwrite(file.fileno(), whole[:65536], 0)


def truncate(path, whole):
	with open(path, "r+b", 0) as file:
		file.truncate(0)
		file.write(whole)


def rename(path, whole):
	for content in (whole[: len(whole) // 2], whole):
		with open(path + ".new", "wb") as file:
			file.write(content)
		os.rename(path + ".new", path)


def change(directory):
	with open(LIBZMQ, "rb") as file:
		whole = file.read()
	mapped = {}
	for round_number in range(1 << 30):
		for name, how in (("rewritten", rewrite), ("truncated", truncate), ("renamed", rename)):
			path = os.path.join(directory, name, "libzmq.so.5")
			how(path, whole)
			mapped[name, round_number % 4] = map_file(path)
		if ended.wait(0.001):
			return


def main():
	directory = sys.argv[1]
	for name in ("rewritten", "truncated", "renamed"):
		os.makedirs(os.path.join(directory, name))
		with open(LIBZMQ, "rb") as file, open(os.path.join(directory, name, "libzmq.so.5"), "wb") as copy:
			copy.write(file.read())
	kept = {}
	for name in os.listdir(directory):
		kept[name] = map_file(os.path.join(directory, name, "libzmq.so.5"))
	memory = os.memfd_create("libzmq.so.5")
	with open(LIBZMQ, "rb") as file:
		os.write(memory, file.read())
	kept["memory"] = mmap.mmap(memory, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
	print(json.dumps({"ready": os.getpid(), "mapped": sorted(name for name in kept if kept[name])}), flush=True)
	thread = threading.Thread(target=change, args=(directory,))
	thread.start()
	with contextlib.suppress(KeyboardInterrupt):
		sys.stdin.read()
	ended.set()
	thread.join()


main()
