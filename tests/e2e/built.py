# SPDX-License-Identifier: Apache-2.0
"""Programs and libraries as their own Makefiles make them, from the distribution's sources; what was made is kept in
build/tests."""
import glob
import os
import re
import shutil
import subprocess
import tarfile
import tempfile

import lib

PLACE = os.path.join(lib.BUILD, "tests", "built")
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


def installed_version(package):
	return run(["dpkg-query", "-W", "-f", "${Version}", package])


def places(package):
	"""[(version, URI, suite, component)] of where this machine can have the package from."""
	found = []
	for line in run(["apt-cache", "madison", package]).splitlines():
		_, version, place = (part.strip() for part in line.split("|"))
		parts = re.fullmatch(r"(\S+) (\S+)/(\S+) \S+ Packages", place)
		if parts:
			found.append((version, *parts.groups()))
	return found


def sources(package, version):
	"""Lines for apt: where this machine has that version of its package from, but for sources."""
	lines = [
		f"deb-src {signed_by(uri)}{uri} {suite} {component}"
		for its_version, uri, suite, component in places(package)
		if its_version == version
	]
	if not lines:
		raise NotHere(f"no package source has {package} {version}")
	return lines


def sources_of_suite(package, suite):
	"""The same for another suite of the archive that this release's own package comes from."""
	with open("/etc/os-release") as file:
		release = re.search(r"^VERSION_CODENAME=(\S+)", file.read(), re.M)
	for _, uri, its_suite, component in places(package):
		if release and its_suite == release[1]:
			return [f"deb-src {signed_by(uri)}{uri} {suite} {component}"]
	raise NotHere(f"no package source of this release has {package}")


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


def fetch(source, lines, directory):
	"""The source's archive, as apt-get gets it: with lists of its own, the machine's are not touched."""
	lists = os.path.join(directory, "lists")
	os.makedirs(os.path.join(lists, "partial"))
	os.makedirs(os.path.join(directory, "cache", "archives", "partial"))
	with open(os.path.join(directory, "sources.list"), "w") as file:
		file.write("\n".join(lines) + "\n")
	apt = [
		"apt-get", "-q", "-o", f"Dir::Etc::SourceList={directory}/sources.list",
		"-o", "Dir::Etc::SourceParts=/dev/null", "-o", f"Dir::State::Lists={lists}",
		"-o", f"Dir::Cache={directory}/cache", "-o", "APT::Sandbox::User=root",
	]
	run([*apt, "update"], timeout=FETCH_LIMIT)
	run([*apt, "source", "--download-only", source], cwd=directory, timeout=FETCH_LIMIT)
	name = source.partition("=")[0]
	return glob.glob(os.path.join(directory, f"{name}_*.orig.tar.*z"))[0]


def unpack(archive, directory):
	"""The directory that all of the archive is in."""
	with tarfile.open(archive) as tar:
		tar.extractall(directory)
		return os.path.join(directory, tar.getnames()[0].split("/")[0])


def kept(name, version, source, lines, build):
	"""The directory with what build(source directory) says was made, once. NotHere says why there is none."""
	place = os.path.join(PLACE, name, re.sub(r"[^\w.+~-]", "_", version))
	if os.path.isdir(place):
		return place
	with tempfile.TemporaryDirectory(prefix="tapmeter-built-") as directory:
		made = build(unpack(fetch(source, lines, directory), directory))
		os.makedirs(place + ".new", exist_ok=True)
		for path in made:
			shutil.copy(path, place + ".new")
		os.rename(place + ".new", place)
	return place


# ---- what there is ----------------------------------------------------------------------------


def memcached():
	"""The path of a memcached that is not stripped, of the version that is installed."""

	def build(source):
		env = dict(os.environ, CFLAGS="-O2 -w")
		run(["./configure", "-q"], cwd=source, env=env)
		run(["make", "-j2", "memcached"], cwd=source)
		return [os.path.join(source, "memcached")]

	version = installed_version("memcached")
	lines = sources("memcached", version)
	return os.path.join(kept("memcached", version, f"memcached={version}", lines, build), "memcached")


def server(kind, package):
	"""The path of a redis-server or valkey-server as its own Makefile makes it, of the version that is installed."""

	def build(source):
		program = f"{kind}-server"
		# Debian's source lacks some of what jemalloc needs
		run(["make", "-j2", "MALLOC=libc", program], cwd=os.path.join(source, "src"))
		return [os.path.join(source, "src", program)]

	version = installed_version(package)
	lines = sources(package, version)
	return os.path.join(kept(kind, version, f"{kind}={version}", lines, build), f"{kind}-server")


def libvalkey():
	"""The directory of libvalkey.so, the headers below it. It is a part of newer Valkeys' source."""

	def build(source):
		place = os.path.join(source, "deps", "libvalkey")
		if not os.path.isdir(place):
			raise NotHere("this Valkey's source has no libvalkey")
		run(["make", "-j2", "lib/libvalkey.so"], cwd=place)
		return [os.path.join(place, "lib", "libvalkey.so")] + glob.glob(os.path.join(place, "include", "valkey", "*.h"))

	lines = sources_of_suite("redis-server", "sid")
	return kept("libvalkey", "sid", "valkey", lines, build)
