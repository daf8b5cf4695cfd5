# SPDX-License-Identifier: Apache-2.0
"""A Prometheus server of the test's own, that scrapes an agent."""
import json
import os
import re
import socket
import urllib.parse
import urllib.request

import lib


def free_port():
	with socket.socket() as probe:
		probe.bind(("127.0.0.1", 0))
		return probe.getsockname()[1]


class Prometheus:
	"""Scrapes the agent each second. Its files are in the directory, which it has for itself.

	`rules` are files of rules, evaluated each second.
	"""

	def __init__(self, agent, directory, *flags, rules=()):
		config = os.path.join(directory, "prometheus.yml")
		with open(config, "w") as file:
			file.write(
				"global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
				f"rule_files: {json.dumps(list(rules))}\n"
				"scrape_configs:\n"
				"  - job_name: tapmeter\n"
				"    honor_labels: true\n"
				f"    static_configs: [{{targets: ['{agent.address}']}}]\n"
			)
		self.port = free_port()
		self.log = os.path.join(directory, "prometheus.log")
		with open(self.log, "w") as log:
			self.process = lib.spawn(
				[
					"prometheus",
					f"--config.file={config}",
					f"--storage.tsdb.path={directory}/data",
					f"--web.listen-address=127.0.0.1:{self.port}",
					*flags,
				],
				stdout=log,
				stderr=log,
			)

	def api(self, path, **query):
		url = f"http://127.0.0.1:{self.port}/api/v1/{path}?" + urllib.parse.urlencode(query)
		with urllib.request.urlopen(url, timeout=10) as answer:
			return json.load(answer)["data"]

	def is_up(self):
		try:
			return self.value("up") == 1
		except OSError:
			return False  # does not listen yet

	def value(self, query):
		"""The only value of the query's answer; None if there is none."""
		result = self.api("query", query=query)["result"]
		assert len(result) < 2, result
		return float(result[0]["value"][1]) if result else None

	def scrape_error(self):
		(target,) = self.api("targets", state="active")["activeTargets"]
		return target["lastError"]

	def complaints(self):
		with open(self.log) as log:
			return [line for line in log if re.search(r"level=(warn|error)", line)]

	def stop(self):
		self.process.terminate()
		self.process.wait(30)
