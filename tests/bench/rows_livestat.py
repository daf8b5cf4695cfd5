# SPDX-License-Identifier: Apache-2.0
"""Rows on the live-stat API: one request for many kernels, against the queries it replaces."""
import contextlib
import http.client
import json
import os
import selectors
import socket
import time
import urllib.parse

import harness
import kernels
from harness import Row, lib, number, show, spread

KERNELS = 1000
ASKED = 100
REQUESTS = 40 if harness.QUICK else 200
CLIENTS = 64
PATH = "/api/v1/live-stat"
FAMILY = "backendai_container_utilization"
BY = "sum by (kernel_id,container_metric_name,value_type)"


def start_prometheus(bench, address):
	"""One that scrapes the agent each second; its address."""
	config = os.path.join(bench.directory, "prometheus.yml")
	with open(config, "w") as file:
		file.write(
			"global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
			"scrape_configs:\n"
			"  - job_name: tapmeter\n"
			f"    static_configs: [{{targets: ['{address}']}}]\n"
		)
	with socket.socket() as probe:
		probe.bind(("127.0.0.1", 0))
		own = f"127.0.0.1:{probe.getsockname()[1]}"
	log = open(os.path.join(bench.directory, "prometheus.log"), "w")
	bench.spawn(
		[
			"prometheus",
			f"--config.file={config}",
			f"--storage.tsdb.path={bench.directory}/data",
			f"--web.listen-address={own}",
		],
		stdout=log,
		stderr=log,
	)
	return own


class Client:
	"""A connection that stays open."""

	def __init__(self, address):
		self.connection = http.client.HTTPConnection(address, timeout=60)

	def send(self, path, body, content_type):
		self.connection.request("POST", path, body, {"Content-Type": content_type})

	def receive(self):
		answer = self.connection.getresponse()
		body = answer.read()
		if answer.status != 200:
			raise RuntimeError(f"status {answer.status}: {body[:200]}")
		return body


# ---- what is compared ---------------------------------------------------------------------------


def live_stat_body(ids, **more):
	return json.dumps({"kernel_ids": ids, **more})


def time_live_stat(client, body):
	start = time.perf_counter()
	client.send(PATH, body, "application/json")
	client.receive()
	return time.perf_counter() - start


def queries(ids):
	"""Backend.AI's three: what is used, the rates, the CPU's share; as bodies of a form."""
	chosen = f'kernel_id=~"{"|".join(ids)}"'
	rated = f'{chosen},container_metric_name=~"%s",value_type="current"'
	return [
		urllib.parse.urlencode({"query": query})
		for query in (
			f"{BY}({FAMILY}{{{chosen}}})",
			f"{BY}(rate({FAMILY}{{{rated % 'net_rx|net_tx'}}}[10s]))",
			f"{BY}(rate({FAMILY}{{{rated % 'cpu_util'}}}[10s]))",
		)
	]


def ask(clients, bodies):
	"""All queries at the same time, each on a connection of its own; the answers."""
	for client, body in zip(clients, bodies):
		client.send("/api/v1/query", body, "application/x-www-form-urlencoded")
	return [client.receive() for client in clients]


def time_queries(clients, bodies):
	start = time.perf_counter()
	ask(clients, bodies)
	return time.perf_counter() - start


def has_all(clients, bodies):
	"""Each query has something to say of each kernel."""
	try:
		answers = [json.loads(answer)["data"]["result"] for answer in ask(clients, bodies)]
	except (OSError, RuntimeError):
		for client in clients:  # it does not listen yet, or says so itself
			client.connection.close()
		return False
	found = [{sample["metric"]["kernel_id"] for sample in answer} for answer in answers]
	return all(len(ids) == ASKED for ids in found)


# ---- 10 -----------------------------------------------------------------------------------------


def measure_against_prometheus(bench, row, agent, ids):
	prometheus = start_prometheus(bench, agent.address)
	clients = [Client(prometheus) for _ in range(3)]
	bodies = queries(ids[:ASKED])
	if not lib.wait_until(lambda: has_all(clients, bodies), 60):
		raise RuntimeError("Prometheus does not know the kernels' usage")
	client, body = Client(agent.address), live_stat_body(ids[:ASKED])
	ours, theirs = [], []
	for _ in range(REQUESTS):
		ours.append(time_live_stat(client, body))
		theirs.append(time_queries(clients, bodies))
	one, three = spread(ours).median, spread(theirs).median
	row.table(["what", "ms"], [
		[f"live-stat, {ASKED} kernels", show([1e3 * value for value in ours], 2)],
		["three PromQL queries at a time", show([1e3 * value for value in theirs], 2)],
	])
	row.verdict(
		f"{ASKED} kernels in one request, of three queries (p50 of {REQUESTS})",
		f"1/{number(three / one, 1)}", "at most 1/10", one * 10 <= three,
	)


def measure_sizes(row, agent, ids):
	"""In turns, as fast as one connection can ask, and with a new snapshot for each."""
	client, times = Client(agent.address), {}
	bodies = {count: live_stat_body(ids[:count]) for count in (1, ASKED, KERNELS)}
	for shape in ("backendai", "backendai-agent"):
		bodies[f"{ASKED}, shape={shape}"] = live_stat_body(ids[:ASKED], shape=shape)
	for _ in range(REQUESTS):
		for what, body in bodies.items():
			times.setdefault(what, []).append(time_live_stat(client, body))
	what = f"{ASKED}, each with a new snapshot"
	for _ in range(REQUESTS // 10):
		time.sleep(0.13)  # longer than --max-age
		times.setdefault(what, []).append(time_live_stat(client, bodies[ASKED]))
	row.table(["kernels in a request", "ms"], [
		[what, show([1e3 * value for value in values], 2)] for what, values in times.items()
	])
	small, large = (spread(times[count]).median for count in (ASKED, KERNELS))
	row.verdict(
		f"a request for {number(KERNELS)} kernels, of one for {ASKED} (p50)",
		f"{number(large / small, 1)} x", "at most 12 x", large <= 12 * small,
	)


class Asker:
	"""One of many clients: asks again as soon as it has the answer."""

	def __init__(self, address, request):
		host, port = address.rsplit(":", 1)
		self.socket = socket.create_connection((host, int(port)))
		self.request = request
		self.times = []
		self.errors = 0
		self.ask()

	def ask(self):
		self.received = b""
		self.start = time.perf_counter()
		self.socket.sendall(self.request)

	def read(self):
		"""Whether the answer is complete."""
		self.received += self.socket.recv(1 << 20)
		head, end, body = self.received.partition(b"\r\n\r\n")
		if not end:
			return False
		length = next(
			int(line.split(b":")[1])
			for line in head.split(b"\r\n")
			if line.lower().startswith(b"content-length:")
		)
		if len(body) < length:
			return False
		self.times.append(time.perf_counter() - self.start)
		self.errors += not head.startswith(b"HTTP/1.1 200 ")
		return True


def measure_clients(row, agent, ids):
	body = live_stat_body(ids[:ASKED])
	request = (
		f"POST {PATH} HTTP/1.1\r\nHost: {agent.address}\r\nContent-Type: application/json\r\n"
		f"Content-Length: {len(body)}\r\n\r\n{body}"
	).encode()
	each = REQUESTS // 4
	with contextlib.closing(selectors.DefaultSelector()) as selector:
		askers = [Asker(agent.address, request) for _ in range(CLIENTS)]
		for asker in askers:
			selector.register(asker.socket, selectors.EVENT_READ, asker)
		while selector.get_map():
			for key, _ in selector.select(60):
				if not key.data.read():
					continue
				if len(key.data.times) == each:
					selector.unregister(key.fileobj)
				else:
					key.data.ask()
	times = sorted(value for asker in askers for value in asker.times)
	errors = sum(asker.errors for asker in askers)
	for asker in askers:
		asker.socket.close()
	p99 = times[len(times) * 99 // 100]
	row.note(
		f"{CLIENTS} clients at a time, {ASKED} kernels in each request, {number(len(times))} "
		f"requests: p50 {number(1e3 * spread(times).median, 1)} ms, p99 {number(1e3 * p99, 1)} ms, "
		f"{errors} errors. The clients, one thread together, are on the same CPUs."
	)
	row.verdict(f"errors with {CLIENTS} clients", errors, "none", not errors)


def live_stat(bench):
	row = Row(
		"live-stat",
		f"{number(KERNELS)} kernels (processes in cgroups of their own, each with two sockets), one "
		"agent with `--view=backendai`, and a Prometheus that scrapes it each second. The queries "
		"are those of Backend.AI's manager: gauges, rates and the CPU's share of the same kernels, "
		"on three connections at the same time. Times are those of the client, from sending to the "
		"answer's last byte.",
	)
	with kernels.Kernels(KERNELS) as crowd:
		agent = bench.agent("--comm=kernels", "--view=backendai")
		crowd.do("go", 10, 64)
		client, body = Client(agent.address), live_stat_body(crowd.ids)

		def known():
			client.send(PATH, body, "application/json")
			return None not in json.loads(client.receive())["by_kernel"].values()

		if not lib.wait_until(known, 60):
			raise RuntimeError("the agent does not know all kernels")
		measure_sizes(row, agent, crowd.ids)
		measure_clients(row, agent, crowd.ids)
		measure_against_prometheus(bench, row, agent, crowd.ids)
		agent.stop()
	return row
