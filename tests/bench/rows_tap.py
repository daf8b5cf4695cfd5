# SPDX-License-Identifier: Apache-2.0
"""What tap_event() of libtapmeter-tap costs a program when nobody listens."""
import os
import subprocess
import tempfile

from harness import Row, lib

SOURCE = os.path.join(lib.ROOT, "tests", "workload", "tapping.c")


def events(_bench):
	row = Row(
		"Events of programs that cooperate",
		"tap_event() without an agent, of an empty function's call; the program takes turns between the two, "
		"and the fastest of its rounds count.",
	)
	with tempfile.TemporaryDirectory(prefix="tapmeter-bench-") as directory:
		path = os.path.join(directory, "tapping")
		subprocess.run([
			"cc", "-O2", "-DWITH_LIBRARY", f"-I{lib.ROOT}/include", "-o", path, SOURCE, f"-L{lib.BUILD}",
			"-ltapmeter-tap", f"-Wl,-rpath,{lib.BUILD}", "-pthread",
		], check=True)
		with lib.Workload(path) as program:
			measured = [program.do("cost")["ratio"] for _ in range(9)]
	row.at_most("tap_event(), nobody listens, of an empty call", measured, 3, " x")
	return row
