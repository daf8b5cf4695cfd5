# SPDX-License-Identifier: Apache-2.0
"""tapmeter-relay by itself: the test is its agent. See user/util/relay_proto.h."""
import array
import fcntl
import gzip
import http.server
import os
import socket
import struct
import subprocess
import threading
import time

import zmq

import lib

PROGRAM = os.path.join(lib.BUILD, "tapmeter-relay")
VERSION, LINK = 2, 3
LOOKUP, ANSWER, SETTINGS, PAGE, TAKEN = range(1, 6)
ENGINE = 1
INITIALIZE, LIVE = 0, 1
LOST = ("publish", "otlp", "sent", "failed", "dropped", "rejected")

_HEADER = struct.Struct("4I")
_LOOKUP = struct.Struct("II72s")
_ANSWER = struct.Struct("II72s128s128s256s64s")
_SETTINGS = struct.Struct("4I16352s")
_PAGE = struct.Struct("6QII")
_TAKEN = struct.Struct("7Q")


class Gone(OSError):
	"""The relay has ended."""


def _message(kind, layout, *values, number=0):
	return _HEADER.pack(VERSION, kind, number, _HEADER.size + layout.size) + layout.pack(*values)


def _send(link, message, *handles):
	rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", handles))]
	try:
		link.sendmsg([message], rights)
	except (BrokenPipeError, ConnectionResetError) as error:
		raise Gone from error


def _receive(link, layout):
	try:
		message = link.recv(4096)
	except ConnectionResetError as error:
		raise Gone from error
	if not message:
		raise Gone
	return layout.unpack(message[_HEADER.size :])


def _pair():
	ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	ours.settimeout(20 * lib.PATIENCE)
	return ours, theirs


def _sealed(data):
	handle = os.memfd_create("page", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
	os.write(handle, data)
	fcntl.fcntl(handle, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
	return handle


class Relay:
	"""What it writes is in .log."""

	def __init__(self, env=None):
		self.log, self.feed = [], None
		self.pages = self.full = 0  # put in; that were not empty
		self.link, theirs = _pair()
		spare = os.open("/dev/null", os.O_RDONLY)  # so that the link's number is taken, and Popen has none of its own there
		self.process = subprocess.Popen(
			[PROGRAM], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
			env=env, pass_fds=[LINK], preexec_fn=lambda: os.dup2(theirs.fileno(), LINK),
		)
		os.close(spare)
		theirs.close()
		self._reader = threading.Thread(target=lambda: self.log.extend(self.process.stdout), daemon=True)
		self._reader.start()

	def set_up(self, settings, listener=None):
		"""{name: value} of what it is to put out, and where it publishes."""
		text = "".join(f"{name}={value}\0" for name, value in settings.items()).encode()
		self.feed, theirs = _pair()
		handles = [theirs.fileno()] + ([listener.fileno()] if listener else [])
		with theirs:
			_send(self.link, _message(SETTINGS, _SETTINGS, len(text), 0, 0, 0, text), *handles)

	def look_up(self, answer, container):
		"""(status, name) of what an engine has said about it."""
		ours, theirs = socket.socketpair()
		with ours, theirs:
			_send(self.link, _message(LOOKUP, _LOOKUP, ENGINE, 0, container.encode(), number=1), theirs.fileno())
			ours.sendall(answer)
			ours.shutdown(socket.SHUT_WR)
			theirs.close()
			status, _, _, name, *_ = _receive(self.link, _ANSWER)
		return status, name.rstrip(b"\0").decode()

	def put(self, page, state=LIVE):
		"""A page to put out. Returns (when it was made, what was lost of those before)."""
		self.pages += 1
		self.full += bool(page)
		now = time.time_ns()
		handle = _sealed(page)
		try:
			message = _message(PAGE, _PAGE, self.pages, time.monotonic_ns(), now, now - 1, 0, len(page), state, 0)
			_send(self.feed, message, handle)
		finally:
			os.close(handle)
		_, *lost = _receive(self.feed, _TAKEN)
		return now, dict(zip(LOST, lost))

	def end(self):
		"""As the agent ends it: there is nothing more to put out. Returns its exit status."""
		for end in (self.feed, self.link):
			if end:
				end.close()
		try:
			return self.process.wait(20 * lib.PATIENCE)
		except subprocess.TimeoutExpired:
			self.process.kill()
			self.process.wait()
			return "does not end"
		finally:
			self._reader.join()


class Receiver:
	"""Of OTLP: keeps all that is pushed."""

	def __init__(self):
		self.bodies = bodies = []

		class Handler(http.server.BaseHTTPRequestHandler):
			protocol_version = "HTTP/1.1"

			def do_POST(self):
				body = self.rfile.read(int(self.headers["Content-Length"]))
				bodies.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
				self.send_response(200)
				self.send_header("Content-Length", "0")
				self.end_headers()

			def log_message(self, *_):
				pass

		class Server(http.server.ThreadingHTTPServer):
			def handle_error(self, *_):
				pass  # a sender that has gone

		server = Server(("127.0.0.1", 0), Handler)
		self.url = f"http://127.0.0.1:{server.server_address[1]}/v1/metrics"
		threading.Thread(target=server.serve_forever, daemon=True).start()

	def has(self, when):
		"""Whether the page that was made then has been pushed."""
		return any(struct.pack("<Q", when) in body for body in list(self.bodies))


class Subscriber:
	"""To what is published at .endpoint, where a relay gets .listener."""

	def __init__(self):
		self.listener = socket.create_server(("127.0.0.1", 0))
		self.endpoint = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
		self.socket = zmq.Context.instance().socket(zmq.SUB)
		self.socket.setsockopt(zmq.LINGER, 0)
		self.socket.connect(self.endpoint)
		self.socket.subscribe(b"")

	def take(self):
		"""The number of snapshots that have come since the last time."""
		count = 0
		while self.socket.poll(0):
			self.socket.recv()
			count += 1
		return count

	def close(self):
		self.listener.close()
		self.socket.close()
