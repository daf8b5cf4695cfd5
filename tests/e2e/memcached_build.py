# SPDX-License-Identifier: Apache-2.0
"""A memcached that is not stripped, made from the distribution's source; it is kept in build/tests."""
import glob
import os
import re
import shutil
import subprocess
import tarfile
import tempfile

import lib

PLACE = os.path.join(lib.BUILD, "tests", "memcached")
FETCH_LIMIT = 30  # seconds, for the index of sources and the source each


class NotHere(Exception):
	"""Why there is none."""


def run(argv, **options):
	try:
		done = subprocess.run(argv, capture_output=True, text=True, check=False, **options)
	except (OSError, subprocess.TimeoutExpired) as error:
		raise NotHere(f"{argv[0]}: {error}") from error
	if done.returncode:
		last = (done.stderr or done.stdout).strip().split("\n")[-1]
		raise NotHere(f"{' '.join(argv[:1] + argv[-2:])}: {last}")
	return done.stdout


def installed_version():
	return run(["dpkg-query", "-W", "-f", "${Version}", "memcached"])


def sources(version):
	"""Lines for apt: where this machine has its memcached from, but for sources."""
	lines = []
	for line in run(["apt-cache", "madison", "memcached"]).splitlines():
		_, its_version, place = (part.strip() for part in line.split("|"))
		package = re.fullmatch(r"(\S+) (\S+)/(\S+) \S+ Packages", place)
		if package and its_version == version:
			lines.append("deb-src {}{} {} {}".format(signed_by(package[1]), *package.groups()))
	if not lines:
		raise NotHere(f"no package source has memcached {version}")
	return lines


def signed_by(uri):
	"""The key that this machine has for that source."""
	for path in glob.glob("/etc/apt/sources.list.d/*.sources"):
		with open(path) as file:
			for stanza in re.split(r"\n\s*\n", file.read()):
				key = re.search(r"^Signed-By:\s*(/\S+)", stanza, re.M | re.I)
				if key and re.search(rf"^URIs:.*{re.escape(uri.rstrip('/'))}/?\s*$", stanza, re.M | re.I):
					return f"[signed-by={key[1]}] "
	for path in ["/etc/apt/sources.list", *glob.glob("/etc/apt/sources.list.d/*.list")]:
		if os.path.exists(path):
			with open(path) as file:
				for line in file:
					key = re.search(r"signed-by=([^\s\]]+)", line)
					if key and line.startswith("deb") and uri.rstrip("/") in line:
						return f"[signed-by={key[1]}] "
	return ""


def fetch(version, directory):
	"""The source's archive, as apt-get gets it: with lists of its own, the machine's are not touched."""
	lists = os.path.join(directory, "lists")
	os.makedirs(os.path.join(lists, "partial"))
	os.makedirs(os.path.join(directory, "cache", "archives", "partial"))
	with open(os.path.join(directory, "sources.list"), "w") as file:
		file.write("\n".join(sources(version)) + "\n")
	apt = [
		"apt-get", "-q", "-o", f"Dir::Etc::SourceList={directory}/sources.list",
		"-o", "Dir::Etc::SourceParts=/dev/null", "-o", f"Dir::State::Lists={lists}",
		"-o", f"Dir::Cache={directory}/cache", "-o", "APT::Sandbox::User=root",
	]
	run([*apt, "update"], timeout=FETCH_LIMIT)
	run([*apt, "source", "--download-only", f"memcached={version}"], cwd=directory, timeout=FETCH_LIMIT)
	return glob.glob(os.path.join(directory, "memcached_*.orig.tar.*z"))[0]


def build(archive, directory):
	with tarfile.open(archive) as tar:
		tar.extractall(directory)
	source = glob.glob(os.path.join(directory, "memcached-*/"))[0]
	env = dict(os.environ, CFLAGS="-O2 -w")
	run(["./configure", "-q"], cwd=source, env=env)
	run(["make", "-j2", "memcached"], cwd=source)
	return os.path.join(source, "memcached")


def memcached():
	"""The path of the program. NotHere says why there is none."""
	version = installed_version()
	path = os.path.join(PLACE, re.sub(r"[^\w.+~-]", "_", version), "memcached")
	if os.path.exists(path):
		return path
	with tempfile.TemporaryDirectory(prefix="tapmeter-memcached-") as directory:
		program = build(fetch(version, directory), directory)
		os.makedirs(os.path.dirname(path), exist_ok=True)
		shutil.copy(program, path + ".new")
		os.rename(path + ".new", path)
	return path
