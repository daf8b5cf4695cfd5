# SPDX-License-Identifier: Apache-2.0
"""Many kernels (compute containers) at little cost: processes in cgroups as docker makes them.

	with kernels.Kernels(100) as crowd:
		with lib.Agent() as agent:
			crowd.do("go", 10, 64)
			agent.post("/api/v1/live-stat", {"kernel_ids": crowd.ids})

The crowd comes first: a process that is forked has the library mapped before it is in its cgroup.
"""
import contextlib
import os
import secrets

import lib

PROGRAM = os.path.join(lib.WORKLOADS, "kernels")
PARENT = "docker"  # what the engine calls it


def roots():
	"""Where each hierarchy that has a say in who a process is, or in what it uses, is mounted."""
	found = []
	with open("/proc/self/mountinfo") as mounts:
		for line in mounts:
			fields, _, rest = line.partition(" - ")
			kind, _, options = rest.split()[:3]
			wanted = {"memory", "cpuacct", "blkio"} & set(options.split(","))
			if kind == "cgroup2" or (kind == "cgroup" and wanted):
				found.append(fields.split()[4])
	return found


class Kernels(lib.Workload):
	"""So many processes, each alone in a cgroup named by one of .ids, ready for commands."""

	def __init__(self, count):
		prefix = secrets.token_hex(28)
		self.ids = [f"{prefix}{i:08x}" for i in range(count)]
		self.directories = [os.path.join(root, PARENT) for root in roots()]
		try:
			for directory in self.directories:
				os.makedirs(directory, exist_ok=True)
				for kernel_id in self.ids:
					os.mkdir(os.path.join(directory, kernel_id))
			super().__init__(PROGRAM, str(count), prefix, *self.directories)
		except BaseException:
			self.remove()
			raise

	def remove(self):
		for directory in self.directories:
			for path in [os.path.join(directory, kernel_id) for kernel_id in self.ids]:
				lib.wait_until(lambda: gone(path))
			with contextlib.suppress(OSError):  # somebody else's, or in use
				os.rmdir(directory)

	def __exit__(self, *why):
		super().__exit__(*why)
		self.remove()


def gone(path):
	"""A cgroup can be removed once its processes have been reaped."""
	with contextlib.suppress(OSError):
		os.rmdir(path)
	return not os.path.exists(path)
