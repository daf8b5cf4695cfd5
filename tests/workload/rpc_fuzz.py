#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Noise on a socket that requests are looked for on: rpc_fuzz.py ENDPOINT says {"ready": PID}, then takes lines on stdin:
random N, msgpack N or almost N sends N messages of that kind, always the same ones, and says how many of them fit the rules
for requests (docs/rpc.md), as they are written down here once more.
"""
import json
import os
import random
import re
import struct
import sys

import msgpack
import zmq

rng = random.Random(1)
NAMES = ["store", "lookup", "poll_kv_events", "Store", "sto re", "_x", "9x", "x" * 63, "x" * 64, ""]


def whole(frame):
	"""The value that the frame is, None if it is not one; a map or array may be cut off or have more behind it."""
	if not frame or frame[0] == 0xC1:
		return None
	unpacker = msgpack.Unpacker(raw=True, strict_map_key=False, max_buffer_size=1 << 20)
	unpacker.feed(frame)
	try:
		unpacker.skip()
	except msgpack.OutOfData:
		return None
	except Exception:
		return None
	return unpacker.tell() == len(frame)


def is_uid(frame):
	forms = {1: None, 2: 0xCC, 3: 0xCD, 5: 0xCE, 9: 0xCF}
	return len(frame) in forms and (frame[0] < 0x80 if len(frame) == 1 else frame[0] == forms[len(frame)])


def is_op(frame):
	if len(frame) == 1:
		return 0 < frame[0] < 0x80
	if len(frame) > 1 and frame[0] == 0xA0 | (len(frame) - 1) and len(frame) <= 32:
		name = frame[1:]
	elif len(frame) > 2 and frame[0] == 0xD9 and frame[1] == len(frame) - 2:
		name = frame[2:]
	else:
		return False
	return re.fullmatch(rb"[a-z][a-z0-9_]{0,62}", name) is not None


def can_be_value(frame):
	"""By its first bytes: what docs/rpc.md says of payloads."""
	if not frame or frame[0] == 0xC1:
		return False
	size, type_ = len(frame), frame[0]
	if type_ < 0x80 or type_ >= 0xE0:
		return size == 1
	if type_ < 0xA0:
		return size >= 1 + (type_ & 15) * (2 if type_ < 0x90 else 1)
	if type_ < 0xC0:
		return size == 1 + (type_ & 31)
	fixed = {0xC0: 1, 0xC2: 1, 0xC3: 1, 0xCA: 5, 0xCB: 9, 0xCC: 2, 0xCD: 3, 0xCE: 5, 0xCF: 9, 0xD0: 2, 0xD1: 3,
		0xD2: 5, 0xD3: 9, 0xD4: 3, 0xD5: 4, 0xD6: 6, 0xD7: 10, 0xD8: 18}
	if type_ in fixed:
		return size == fixed[type_]
	width = {0xC4: "B", 0xC5: "H", 0xC6: "I", 0xC7: "B", 0xC8: "H", 0xC9: "I", 0xD9: "B", 0xDA: "H", 0xDB: "I",
		0xDC: "H", 0xDD: "I", 0xDE: "H", 0xDF: "I"}[type_]
	head = 1 + struct.calcsize(">" + width) + (0xC7 <= type_ <= 0xC9)
	if size < head:
		return False
	length = struct.unpack_from(">" + width, frame, 1)[0]
	if type_ >= 0xDC:
		return size >= head + length * (2 if type_ >= 0xDE else 1)
	return size == head + length


def fits(frames):
	return len(frames) >= 2 and is_uid(frames[0]) and is_op(frames[1]) and all(map(can_be_value, frames[2:]))


def random_message():
	return [rng.randbytes(rng.choice((0, 1, 1, 2, 3, 5, 9, 12, 40))) for _ in range(rng.randint(1, 5))]


def random_value(depth=0):
	kind = rng.randint(0, 8 if depth < 2 else 5)
	if kind == 0:
		return rng.choice((None, True, False, 1.5))
	if kind < 3:
		return rng.getrandbits(rng.choice((4, 7, 8, 16, 32, 64))) - rng.choice((0, 0, 40))
	if kind == 3:
		return rng.choice(NAMES)
	if kind < 6:
		return rng.randbytes(rng.randint(0, 300))
	if kind == 6:
		return {str(i): random_value(depth + 1) for i in range(rng.randint(0, 20))}
	return [random_value(depth + 1) for _ in range(rng.randint(0, 20))]


def msgpack_message():
	return [msgpack.packb(random_value()) for _ in range(rng.randint(1, 5))]


def almost_message():
	frames = [msgpack.packb(rng.getrandbits(rng.choice((7, 8, 16, 32, 64)))), msgpack.packb(rng.choice([1, 6, 33, *NAMES]))]
	frames += [msgpack.packb(random_value()) for _ in range(rng.randint(0, 3))]
	at = rng.randrange(len(frames))
	frames[at] = rng.choice((
		frames[at] + b"\0", frames[at][:-1], b"", b"\xc1" + frames[at], bytes([rng.getrandbits(8)]) + frames[at][1:],
		msgpack.packb(-1), b"\0", frames[at],
	))
	if not rng.randrange(4):
		del frames[at]
	return frames or [b""]


def main():
	socket = zmq.Context.instance().socket(zmq.DEALER)
	socket.linger = 0
	socket.connect(sys.argv[1])
	print(json.dumps({"ready": os.getpid()}), flush=True)
	for line in sys.stdin:
		kind, count = line.split()
		fit = true = 0
		for _ in range(int(count)):
			frames = globals()[kind + "_message"]()
			good = fits(frames)
			fit += good
			true += good and all(map(whole, frames))
			socket.send_multipart(frames)
		print(json.dumps({"fit": fit, "of whole values": true}), flush=True)
	socket.close()


main()
