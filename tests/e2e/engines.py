# SPDX-License-Identifier: Apache-2.0
"""Engines to ask: Prometheus, what it scrapes, some that misbehave, and a gateway before them."""
import contextlib
import http.server
import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import lib

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


def free_port():
	with socket.socket() as probe:
		probe.bind(("127.0.0.1", 0))
		return probe.getsockname()[1]


def escape(value):
	"""As a label value of the text format."""
	return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class Exporter:
	"""Serves samples, {(name, ((label, value), …)): number}, which may be changed at any time.

	`tick`, if given, is called with the samples at each scrape, before they are served.
	"""

	def __init__(self, samples, tick=None):
		exporter = self
		self.samples = samples

		class Handler(http.server.BaseHTTPRequestHandler):
			def do_GET(self):
				if tick:
					tick(exporter.samples)
				lines = (
					name + "{" + ",".join(f'{k}="{escape(v)}"' for k, v in labels) + f"}} {value}\n"
					for (name, labels), value in list(exporter.samples.items())
				)
				body = "".join(lines).encode()
				self.send_response(200)
				self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
				self.end_headers()
				self.wfile.write(body)

			def log_message(self, *_):
				pass

		self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
		self.address = f"127.0.0.1:{self.server.server_address[1]}"
		threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Prometheus:
	"""A Prometheus that scrapes the addresses each second, ready; with a --web.config.file's text,
	its url is https."""

	def __init__(self, directory, targets, web_config=None, opener=None):
		os.makedirs(directory)
		config = os.path.join(directory, "prometheus.yml")
		with open(config, "w") as file:
			file.write(
				"global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
				"scrape_configs:\n"
				"  - job_name: tapmeter\n"
				f"    static_configs: [{{targets: {json.dumps(list(targets))}}}]\n"
			)
		argv = [
			"prometheus",
			f"--config.file={config}",
			f"--storage.tsdb.path={directory}/data",
		]
		if web_config:
			argv.append(f"--web.config.file={directory}/web.yml")
			with open(os.path.join(directory, "web.yml"), "w") as file:
				file.write(web_config)
		port = free_port()
		argv.append(f"--web.listen-address=127.0.0.1:{port}")
		self.url = f"{'https' if web_config else 'http'}://127.0.0.1:{port}"
		self.targets = len(targets)
		self.opener = opener or urllib.request.build_opener(urllib.request.ProxyHandler({}))
		self.log = os.path.join(directory, "log")
		with open(self.log, "w") as log:
			self.process = lib.spawn(argv, stdout=log, stderr=log)
		if not lib.wait_until(self.is_up, 60):
			with open(self.log) as log:
				raise RuntimeError("Prometheus does not get up:\n" + log.read())

	def query(self, text):
		"""[({label: value}, number)]"""
		data = urllib.parse.urlencode({"query": text}).encode()
		with self.opener.open(self.url + "/api/v1/query", data, timeout=20) as answer:
			result = json.load(answer)["data"]["result"]
		return [(sample["metric"], float(sample["value"][1])) for sample in result]

	def is_up(self):
		try:
			return self.query("sum(up)") == [({}, self.targets)]
		except OSError:
			return False  # does not listen yet

	def stop(self):
		self.process.terminate()
		self.process.wait(30)

	def __enter__(self):
		return self

	def __exit__(self, *_):
		self.stop()


class Engine:
	"""An engine that does not do as it should: `behave` gets each connection, its request read."""

	def __init__(self, behave):
		self.behave = behave
		self.requests = []
		self.server = socket.create_server(("127.0.0.1", 0), backlog=256)
		self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"
		threading.Thread(target=self.run, daemon=True).start()

	def run(self):
		while True:
			connection, _ = self.server.accept()
			threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

	def serve(self, connection):
		with connection, contextlib.suppress(OSError):
			head = b""
			while b"\r\n\r\n" not in head:
				head += connection.recv(65536) or self.end()
			head, _, body = head.partition(b"\r\n\r\n")
			fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
			while len(body) < int(fields.get(b"content-length", 0)):
				body += connection.recv(65536) or self.end()
			query = urllib.parse.parse_qs(body.decode()).get("query", [""])[0]
			self.requests.append((fields, query))
			self.behave(connection, query)

	@staticmethod
	def end():
		raise OSError("closed")


def send(connection, body, status="200 OK"):
	head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
	connection.sendall(head.encode() + body)


def says(body, status="200 OK"):
	"""An engine that says this, whatever it is asked."""
	return Engine(lambda connection, _: send(connection, body, status))


def never_answers(connection, _):
	connection.recv(1)


def trickles(connection, _):
	connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
	while True:
		connection.sendall(b" ")
		time.sleep(0.1)  # slow is what it is


class Gateway(lib.Agent):
	"""`tapmeter gateway` before these engines, ready, and without privileges."""

	def __init__(self, *engines, flags=(), before=NOBODY):
		self.engines = [engine if isinstance(engine, str) else engine.url for engine in engines]
		if lib.PATIENCE > 1 and not any(flag.startswith("--prometheus.timeout=") for flag in flags):
			flags = [*flags, f"--prometheus.timeout={min(60, int(5 * lib.PATIENCE))}s"]
		super().__init__(
			*[f"--prometheus.url={url}" for url in self.engines],
			*flags,
			before=before if os.geteuid() == 0 else (),
			command="gateway",
		)

	def live_stat(self, ids, **fields):
		answer = self.post("/api/v1/live-stat", {"kernel_ids": list(ids), **fields})
		assert answer.status == 200, answer
		return answer.json()


def dead_url():
	return f"http://127.0.0.1:{free_port()}"


def run(*argv, **options):
	return subprocess.run(
		[lib.TAPMETER, *argv],
		stdin=subprocess.DEVNULL,
		stdout=subprocess.PIPE,
		stderr=subprocess.PIPE,
		text=True,
		timeout=60,
		**options,
	)
