# SPDX-License-Identifier: Apache-2.0
"""What tests with containers share: the bundle that runc is given, and what runc leaves behind."""
import contextlib
import os
import re


def mount(kind, source, *options):
	return {"type": kind, "source": source, "options": list(options)}


PROC = {"/proc": mount("proc", "proc")}
HOST_FILES = {
	path: mount("bind", path, "rbind", "ro")
	for path in ("/usr", "/lib", "/lib64", "/bin", "/etc")
	if os.path.exists(path)
}


def spec(cgroup, argv, mounts, env=()):
	"""A small config.json: everything but the network is the container's own."""
	return {
		"ociVersion": "1.0.2",
		"root": {"path": "rootfs"},
		"mounts": [{"destination": path, **how} for path, how in mounts.items()],
		"process": {
			"args": argv,
			"cwd": "/",
			"env": ["PATH=/usr/bin:/bin", *env],
			"user": {"uid": 0, "gid": 0},
		},
		"linux": {
			"cgroupsPath": cgroup,
			"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")],
		},
	}


def remove_cgroups(path):
	"""runc leaves the directories above its own. Those that are used are not empty, and stay."""
	with open("/proc/self/mountinfo") as file:
		roots = [line.split()[4] for line in file if re.search(r" - cgroup2? ", line)]
	for root in roots:
		below = os.path.dirname(path)
		while below != "/":
			with contextlib.suppress(OSError):
				os.rmdir(root + below)
			below = os.path.dirname(below)
