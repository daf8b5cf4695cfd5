#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The series of tapmeter's message streams, kept by prometheus_client in multiprocess mode.

	multiprocess.py write PROCESS STREAMS	one process's share
	multiprocess.py expose TIMES		{"seconds": [of each time], "samples": N}

PROMETHEUS_MULTIPROC_DIR has to be set.
"""
import json
import sys
import time

import prometheus_client
from prometheus_client import multiprocess

LABELS = ["comm", "direction", "endpoint", "kernel_id", "socket_type", "system"]
COUNTERS = ["messages", "bytes", "frames", "would_block", "timeouts"]
BOUNDS = [2.0**k for k in range(-23, 8)]


def write(process, streams):
	counters = [prometheus_client.Counter(f"client_{name}", name, LABELS) for name in COUNTERS]
	histogram = prometheus_client.Histogram("client_call_seconds", "time", LABELS, buckets=BOUNDS)
	for i in range(streams):
		labels = {
			"comm": "bench", "direction": "send", "endpoint": f"inproc://bench-{process}-{i}",
			"kernel_id": "host", "socket_type": "pub", "system": "zmq",
		}
		for counter in counters:
			counter.labels(**labels).inc()
		histogram.labels(**labels).observe(1e-6)


def expose(times):
	seconds = []
	for _ in range(times):
		start = time.perf_counter()
		registry = prometheus_client.CollectorRegistry()
		multiprocess.MultiProcessCollector(registry)
		text = prometheus_client.generate_latest(registry)
		seconds.append(time.perf_counter() - start)
	samples = sum(not line.startswith(b"#") for line in text.splitlines())
	print(json.dumps({"seconds": seconds, "samples": samples}))


if sys.argv[1] == "write":
	write(int(sys.argv[2]), int(sys.argv[3]))
else:
	expose(int(sys.argv[2]))
