# SPDX-License-Identifier: Apache-2.0
"""Rows on a cache's server under load."""
import os
import subprocess

import harness
from harness import Row, lib, ratios, show

# What profiles/redis.yaml does, as far as bpftrace can: calls and times by command, hits and misses.
# The name of the command: client.realcmd at 0x80, redisCommand.fullname at 0x190.
BPFTRACE = """
uprobe:{path}:call {{
	@start[tid] = nsecs;
	@name[tid] = str(*(uint64 *)(*(uint64 *)(arg0 + 0x80) + 0x190));
}}
uretprobe:{path}:call /@start[tid]/ {{
	@calls[pid, @name[tid]] = count();
	@seconds[pid, @name[tid]] = hist(nsecs - @start[tid]);
	delete(@start[tid]);
	delete(@name[tid]);
}}
uretprobe:{path}:lookupKey {{ @lookups[pid, retval != 0] = count(); }}
BEGIN {{ printf("attached\\n"); }}
"""


REQUESTS = 50000  # per turn


class Server:
	"""A redis-server from a file of its own."""

	def __init__(self, bench, name):
		path = bench.copy(os.path.realpath("/usr/bin/redis-server"))
		self.path = os.path.join(bench.directory, f"redis-server-{name}")
		os.rename(path, self.path)
		os.chmod(self.path, 0o755)
		self.socket = os.path.join(bench.directory, f"{name}.sock")
		command = [self.path, "--port", "0", "--unixsocket", self.socket, "--save", ""]
		self.process = bench.spawn(command, cwd=bench.directory, stdout=subprocess.DEVNULL)
		if not lib.wait_until(lambda: os.path.exists(self.socket), 30):
			raise harness.Disturbed("redis-server has not started")

	def cpu_seconds(self):
		"""What the server has used of its CPU."""
		with open(f"/proc/{self.process.pid}/stat") as stat:
			fields = stat.read().rpartition(")")[2].split()
		return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

	def per_second(self, what, count):
		"""Requests per second of redis-benchmark, one at a time on each of 50 connections."""
		command = ["redis-benchmark", "-s", self.socket, "-n", str(count), "-c", "50", "-d", "64"]
		command += ["-r", "10000", "-t", what, "--csv"]
		text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
		return float(text.strip().split("\n")[-1].split(",")[1].strip('"'))


def trace(bench, server):
	script = BPFTRACE.format(path=server.path)
	process = bench.spawn(
		["bpftrace", "-e", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
	)
	if "Attaching" not in process.stdout.readline():
		raise harness.Disturbed("bpftrace has not attached")
	process.stdout.readline()


def redis(bench):
	row = Row(
		"Redis server",
		"`redis-benchmark` without pipelining, 50 connections, on three redis-servers in turn: "
		"untapped, tapped by a running agent, and traced by a bpftrace script that counts calls "
		"and times by command, and look-ups.",
	)
	servers = {name: Server(bench, name) for name in ("untapped", "tapped", "bpftrace")}
	agent = bench.agent("--profile=redis", f"--pid={servers['tapped'].process.pid}")
	trace(bench, servers["bpftrace"])
	before = {name: server.cpu_seconds() for name, server in servers.items()}
	requests, lines = 0, []
	for what in ("get", "set"):

		def turn(i):
			nonlocal requests
			order = sorted(servers, reverse=i % 2)
			requests += REQUESTS
			return {name: servers[name].per_second(what, REQUESTS) for name in order}

		rates = harness.take_turns(bench, 15, turn)
		tapped = ratios(rates["tapped"], rates["untapped"])
		traced = ratios(rates["bpftrace"], rates["untapped"])
		lines.append([what, *(show(rates[name]) for name in servers), show(tapped, 2), show(traced, 2)])
		row.at_least(f"{what}: tapped, of untapped", tapped, 0.9)
	row.table(
		["", "untapped: requests/s", "tapped", "bpftrace", "tapped of untapped", "bpftrace of untapped"],
		lines,
	)
	used = {
		name: (server.cpu_seconds() - before[name]) / requests * 1e6
		for name, server in servers.items()
	}
	row.note("CPU of the server per request: " + ", ".join(
		f"{name} {us:.1f} us" for name, us in used.items()
	) + ".")
	counted = lib.total(agent.metrics(), "tapmeter_cache_operation_seconds_count", system="redis")
	if counted < requests:
		raise harness.Disturbed(f"only {counted:.0f} of {requests} requests were counted")
	return row
