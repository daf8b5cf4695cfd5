#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A FUSE filesystem with one file, libzmq.so.5, and a process that maps it. Both say {"ready": …}, and answer commands.

	fuse_server.py serve MOUNTPOINT LIBRARY [pass]

Mounts it, and serves a copy of LIBRARY; with `pass` (Linux 6.9), what maps the file gets LIBRARY itself. At the end of stdin
it is unmounted. Commands, all answered by {"asked": [[thread id, opcode], …], "swallowed": N}:

	only PID	answers no one else any more; they are in `asked`
	asked
	swallow SECONDS	answers no more writes, and takes their number as `swallowed`: who waits for them may hold the lock
			of its memory, and with it others, so that the server kills itself after that time
	release		answers these, and all that follow

	fuse_server.py map

Commands: `map PATH`; `overlay LOWER ROOM` mounts an overlay on LOWER at ROOM/merged and has the
file copied up, so that it is mapped from what is not FUSE.

They must be two processes: at exit, who maps a file of its own filesystem waits for itself.
"""
import contextlib
import ctypes
import fcntl
import json
import mmap
import os
import signal
import struct
import sys
import threading

libc = ctypes.CDLL(None, use_errno=True)
NAME = "libzmq.so.5"
MNT_DETACH = 2
# include/uapi/linux/fuse.h
LOOKUP, FORGET, GETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FLUSH, INIT, OPENDIR, RELEASEDIR, BATCH_FORGET = (
	1, 2, 3, 14, 15, 16, 17, 18, 25, 26, 27, 29, 42,
)  # fmt: skip
ENOENT, ENOSYS = 2, 38
REQUEST = struct.Struct("<IIQQIIII")
ROOT_NODE, FILE_NODE = 1, 2
INIT_EXT, INIT_2_PASSTHROUGH, OPEN_PASSTHROUGH = 1 << 30, 1 << 5, 1 << 7
BACKING_OPEN = 1 << 30 | 16 << 16 | 229 << 8 | 1  # ioctl
VALID = 1000  # seconds


def say(**what):
	print(json.dumps(what), flush=True)


def mount(kind, where, options):
	if libc.mount(b"test", os.fsencode(where), kind, 0, options.encode()):
		raise OSError(ctypes.get_errno(), "mount", where)


class Server:
	def __init__(self, where, library, passes):
		self.library, self.passes = library, passes
		with open(library, "rb") as file:
			self.data = file.read()
		self.only, self.asked = None, []
		self.swallows, self.swallowed, self.lock = False, [], threading.Lock()
		self.device = os.open("/dev/fuse", os.O_RDWR)
		mount(b"fuse", where, f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other")
		threading.Thread(target=self.serve, daemon=True).start()

	def attributes(self, node):
		size, mode = (len(self.data), 0o100755) if node == FILE_NODE else (4096, 0o040755)
		return struct.pack("<6Q10I", node, size, size // 512 + 1, 1, 1, 1, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

	def answer(self, opcode, node, body):
		"""Bytes, or the number of an error."""
		if opcode == INIT:
			more = (INIT_2_PASSTHROUGH, 1) if self.passes else (0, 0)
			return struct.pack("<4I2H2I2H8I", 7, 40, 131072, INIT_EXT, 12, 9, 131072, 1, 32, 0, *more, *[0] * 6)
		if opcode == LOOKUP:
			if body.rstrip(b"\0").decode() != NAME:
				return ENOENT
			return struct.pack("<4Q2I", FILE_NODE, 0, VALID, 0, 0, 0) + self.attributes(FILE_NODE)
		if opcode == GETATTR:  # not known for long: each stat(2) asks
			return struct.pack("<Q2I", 0, 0, 0) + self.attributes(node)
		if opcode == OPEN and self.passes:
			with contextlib.suppress(OSError), open(self.library, "rb") as file:  # else as if it were not asked for
				what = bytearray(struct.pack("<iIQ", file.fileno(), 0, 0))
				return struct.pack("<QIi", 1, OPEN_PASSTHROUGH, fcntl.ioctl(self.device, BACKING_OPEN, what))
		if opcode in (OPEN, OPENDIR):
			return struct.pack("<Q2I", 1, 0, 0)
		if opcode == READ:
			at, size = struct.unpack_from("<QI", body, 8)
			return self.data[at : at + size]
		if opcode == WRITE:  # of which nothing is kept
			return struct.pack("<2I", struct.unpack_from("<I", body, 16)[0], 0)
		if opcode == STATFS:
			return struct.pack("<5Q4I24x", 1, 1, 1, 1, 1, 4096, 255, 4096, 0)
		return b"" if opcode in (RELEASE, FLUSH, RELEASEDIR) else ENOSYS

	def serve(self):
		while True:
			try:
				request = os.read(self.device, 1 << 18)
			except OSError:
				return  # it was unmounted
			_, opcode, _, _, _, _, pid, _ = REQUEST.unpack_from(request)
			if opcode in (FORGET, BATCH_FORGET):
				continue
			if self.only is not None and pid not in (0, self.only):
				self.asked.append((pid, opcode))
				continue
			with self.lock:
				if opcode == WRITE and self.swallows:
					self.swallowed.append(request)
					continue
			self.reply(request)

	def reply(self, request):
		_, opcode, unique, node, *_ = REQUEST.unpack_from(request)
		out = self.answer(opcode, node, request[REQUEST.size :])
		error, out = (-out, b"") if isinstance(out, int) else (0, out)
		os.write(self.device, struct.pack("<IiQ", 16 + len(out), error, unique) + out)

	def swallow(self, seconds):
		signal.signal(signal.SIGALRM, signal.SIG_DFL)
		signal.alarm(seconds)  # needs neither this interpreter nor a new process
		with self.lock:
			self.swallows = True

	def release(self):
		with self.lock:
			requests, self.swallowed, self.swallows = self.swallowed, [], False
		for request in requests:
			self.reply(request)
		signal.alarm(0)


def serve(where, library, passes=None):
	server = Server(where, library, passes)
	say(ready=os.getpid())
	for line in sys.stdin:
		command, *words = line.split()
		if command == "only":
			server.only = int(words[0])
		elif command == "swallow":
			server.swallow(int(words[0]))
		elif command == "release":
			server.release()
		say(asked=server.asked, swallowed=len(server.swallowed))
	libc.umount2(os.fsencode(where), MNT_DETACH)


def map_file(path, kept):
	with open(path, "rb") as file:
		kept.append(mmap.mmap(file.fileno(), 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC))


def overlay(lower, room):
	mount(b"tmpfs", room, "")
	upper, work, merged = (os.path.join(room, name) for name in ("upper", "work", "merged"))
	for path in (upper, work, merged):
		os.mkdir(path)
	mount(b"overlay", merged, f"lowerdir={lower},upperdir={upper},workdir={work}")
	os.utime(os.path.join(merged, NAME))


def map_files():
	kept = []
	say(ready=os.getpid())
	for line in sys.stdin:
		command, *words = line.split()
		if command == "map":
			map_file(words[0], kept)
		elif command == "overlay":
			overlay(*words)
		say(mapped=len(kept))


{"serve": serve, "map": map_files}[sys.argv[1]](*sys.argv[2:])
