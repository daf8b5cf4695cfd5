# SPDX-License-Identifier: Apache-2.0
"""FUSE filesystems of containers, those who map files of them, and pairs of sockets beside them."""
import contextlib
import os
import secrets
import subprocess

import kernels
import lib

MESSAGES = "tapmeter_messages_total"
LIBZMQ = "/usr/lib/x86_64-linux-gnu/libzmq.so.5"
SCRIPT = os.path.join(lib.ROOT, "tests", "workload", "fuse_server.py")
PRIVATE = ["unshare", "--mount", "--propagation", "private"]
SOON = 5  # s; while a server does not answer, others on this machine may wait for it, too
# goes into the cgroups, and becomes the command
ENTER = 'for cgroup in $CGROUPS; do echo 0 >"$cgroup/cgroup.procs" || exit; done; exec "$@"'


class Server(lib.Workload):
	"""Killed at the end, in any case: as long as it lives, who waits for it cannot be killed."""

	def __init__(self, where, before=(), library=LIBZMQ, how=()):
		self.where = where
		os.makedirs(where)
		super().__init__(*before, SCRIPT, "serve", where, library, *how)

	@property
	def file(self):
		return os.path.join(self.where, "libzmq.so.5")

	def __exit__(self, *_):
		self.process.kill()
		self.process.wait()
		subprocess.run(["umount", "-l", self.where], stderr=subprocess.DEVNULL)


class Contained(lib.Workload):
	"""Shares the server's mount namespace, as a container of its own."""

	def __init__(self, server, *argv):
		self.id = secrets.token_hex(32)
		self.cgroups = [os.path.join(root, kernels.PARENT, self.id) for root in kernels.roots()]
		for path in self.cgroups:
			os.makedirs(path)
		enter = ["nsenter", "--mount", "--target", str(server.pid), "sh", "-c", ENTER, "sh"]
		super().__init__(*enter, *argv, env={**os.environ, "CGROUPS": " ".join(self.cgroups)})

	def __exit__(self, *why):
		super().__exit__(*why)
		for path in self.cgroups:
			lib.wait_until(lambda: kernels.gone(path))
			with contextlib.suppress(OSError):  # somebody else's, or in use
				os.rmdir(os.path.dirname(path))


class Mapper(Contained):
	def __init__(self, server):
		super().__init__(server, SCRIPT, "map")


class Pair(lib.Workload):
	def __init__(self, name, **options):
		self.endpoint = f"inproc://{name}-{os.getpid()}"
		self.sent = 0
		super().__init__(os.path.join(lib.WORKLOADS, "pair"), self.endpoint, **options)

	def go(self, count):
		self.do("go", count, 10)
		self.sent += count

	def is_counted(self, agent):
		return is_counted(agent, self.endpoint, self.sent)


def is_counted(agent, endpoint, sent):
	metrics = agent.metrics()
	return all(
		lib.total(metrics, MESSAGES, endpoint=endpoint, direction=way) == sent for way in ("send", "receive")
	)


def lost(agent, reason):
	"""0 if there is no answer."""
	answer = agent.get("/metrics")
	if answer.status != 200:
		return 0
	return lib.total(lib.parse_metrics(answer.body.decode()), "tapmeter_lost_total", reason=reason)
