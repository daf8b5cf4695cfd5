/* SPDX-License-Identifier: Apache-2.0 */
/* What the page knows: the last minutes of the host and of each kernel. Knows nothing of the document. */

const HOST_POINTS = 300;
const KERNEL_POINTS = 120;
/* the bounds of the agent's histograms are 2^(k/4) seconds from k = -92 on, see include/tapmeter/abi.h */
const FIRST_BOUND = -92;

/* ---- the host, from summaries ---- */

/* The q-quantile of what two readings differ in, as store/quantile.c has it. null: nothing has come. */
function quantileBetween(before, now, q) {
	const counts = now.counts.map((value, i) => value - (before.counts[i + now.first - before.first] || 0));
	const total = counts.reduce((sum, value) => sum + value, 0);
	let below = 0;

	if (total <= 0 || counts.some((value) => value < 0))
		return null;
	for (let i = 0; i < counts.length; i++) {
		if (counts[i] && below + counts[i] >= q * total) {
			const place = (q * total - below) / counts[i];

			return 2 ** ((FIRST_BOUND + now.first + i - 1 + place) / 4);
		}
		below += counts[i];
	}
	return null;
}

function increases(before, now) {
	return Object.fromEntries(Object.entries(now).map(([name, value]) => [name, value - before[name]]));
}

/* A request whose both sides are on this host is counted on each: the side that has more of a method counts. */
function rpcRates(before, now, span) {
	const key = (method) => [method.system, method.side, method.method].join("\n");
	const old = new Map(before.map((method) => [key(method), method.requests]));
	const rates = new Map();

	for (const method of now) {
		const rate = Math.max(0, method.requests - (old.get(key(method)) || 0)) / span;

		rates.set(method.method, Math.max(rate, rates.get(method.method) || 0));
	}
	return rates;
}

/* The rates between two summaries; null if there are none. */
function pointBetween(before, now) {
	const span = now.sampled_at - before.sampled_at;
	const totals = now.totals;
	const more = increases(before.totals, totals);
	const looked = more.cache_hits + more.cache_misses;
	/* a series that has expired takes its counts along */
	const perSecond = (value) => (value < 0 ? null : value / span);

	if (!(span > 0) || now.agent.started_at !== before.agent.started_at)
		return null;
	return {
		time: now.sampled_at * 1000,
		sent: perSecond(more.send_messages),
		received: perSecond(more.recv_messages),
		sentBytes: perSecond(more.send_bytes),
		receivedBytes: perSecond(more.recv_bytes),
		failures: perSecond(more.failures),
		callP50: quantileBetween(before.histograms.call, now.histograms.call, 0.5),
		callP99: quantileBetween(before.histograms.call, now.histograms.call, 0.99),
		transitP50: quantileBetween(before.histograms.transit, now.histograms.transit, 0.5),
		transitP99: quantileBetween(before.histograms.transit, now.histograms.transit, 0.99),
		backlog: totals.backlog,
		hitRatio: looked > 0 ? more.cache_hits / looked : null,
		rpc: rpcRates(before.rpc, now.rpc, span),
		inFlight: totals.in_flight,
		unanswered: totals.rpc_unanswered,
		oldestSend: totals.send_oldest_seconds,
		oldestRequest: totals.rpc_oldest_seconds,
		agentCpu: perSecond((now.agent.cpu_seconds - before.agent.cpu_seconds) * 1000),
		probeCpu: perSecond((now.agent.probe_seconds - before.agent.probe_seconds) * 1000),
	};
}

export class Host {
	constructor() {
		this.points = [];
		this.summary = null;
		this.lostAtFirst = null;
	}

	add(summary) {
		const point = this.summary && pointBetween(this.summary, summary);

		if (!this.lostAtFirst || (this.summary && this.summary.agent.started_at !== summary.agent.started_at))
			this.lostAtFirst = { ...summary.lost };
		this.summary = summary;
		if (!point)
			return;
		this.points.push(point);
		if (this.points.length > HOST_POINTS)
			this.points.shift();
	}

	last() {
		return this.points[this.points.length - 1] || null;
	}

	/* The methods of most requests lately. */
	methods(limit) {
		const sums = new Map();

		for (const point of this.points)
			for (const [name, value] of point.rpc)
				sums.set(name, (sums.get(name) || 0) + value);
		return [...sums].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, limit)
			.map(([name]) => name).sort();
	}
}

/* ---- kernels, from live-stat ---- */

/* What is asked for of all kernels. */
export const METRICS = [
	"zmq_send_messages", "zmq_recv_messages", "zmq_send_bytes", "zmq_recv_bytes", "zmq_call_p50", "zmq_call_p99",
	"zmq_transit_p50", "zmq_transit_p99", "zmq_backlog", "zmq_in_flight", "zmq_send_oldest_seconds", "cache_hits",
	"cache_misses", "rpc_requests", "rpc_unanswered", "rpc_oldest_seconds", "cpu_util", "mem",
];

/* {metric: current}, whatever group it is in; what does not apply is not there, what is not known yet is null. */
export function currents(answer) {
	const values = {};

	for (const group of Object.values(answer || {}))
		for (const [name, value] of Object.entries(group))
			values[name] = value.current;
	return values;
}

function sum(...values) {
	const known = values.filter((value) => typeof value === "number");

	return known.length ? known.reduce((all, value) => all + value, 0) : undefined;
}

function highest(...values) {
	const known = values.filter((value) => typeof value === "number");

	return known.length ? Math.max(...known) : undefined;
}

/* What the table and the charts show of a kernel. */
function derive(values) {
	const looked = sum(values.cache_hits, values.cache_misses);

	return {
		sent: values.zmq_send_messages,
		received: values.zmq_recv_messages,
		sentBytes: values.zmq_send_bytes,
		receivedBytes: values.zmq_recv_bytes,
		bytes: sum(values.zmq_send_bytes, values.zmq_recv_bytes),
		callP50: values.zmq_call_p50,
		callP99: values.zmq_call_p99,
		transitP50: values.zmq_transit_p50,
		transitP99: values.zmq_transit_p99,
		backlog: values.zmq_backlog,
		hitRatio: looked > 0 ? values.cache_hits / looked : undefined,
		requests: values.rpc_requests,
		unanswered: values.rpc_unanswered,
		inFlight: values.zmq_in_flight,
		oldestSend: values.zmq_send_oldest_seconds,
		oldestRequest: values.rpc_oldest_seconds,
		oldest: highest(values.zmq_send_oldest_seconds, values.rpc_oldest_seconds),
		cpu: values.cpu_util,
		memory: values.mem,
	};
}

/* Kept of each kernel, as long as the page is open. */
const KEPT = [
	"sent", "received", "sentBytes", "receivedBytes", "callP50", "callP99", "transitP50", "transitP99", "backlog", "hitRatio",
	"requests", "unanswered", "inFlight", "oldestSend", "oldestRequest",
];

class Kernel {
	constructor(facts) {
		this.values = derive({});
		this.kept = new Float32Array(KERNEL_POINTS * KEPT.length).fill(NaN);
		this.know(facts);
	}

	know(facts) {
		this.facts = facts;
		this.id = facts.id;
		this.systems = facts.systems.join(" ");
		this.text = [facts.id, facts.name, facts.pod, facts.namespace, facts.container, this.systems].join("\n").toLowerCase();
	}
}

export class Kernels {
	constructor() {
		this.byId = new Map();
		this.times = new Float64Array(KERNEL_POINTS).fill(NaN);
		this.next = 0; /* the place of the next point; each kernel has the same */
	}

	/* An answer of /api/v1/kernels. */
	know(answer) {
		const known = new Set();

		for (const facts of answer.kernels) {
			known.add(facts.id);
			if (this.byId.has(facts.id))
				this.byId.get(facts.id).know(facts);
			else
				this.byId.set(facts.id, new Kernel(facts));
		}
		for (const id of this.byId.keys())
			if (!known.has(id))
				this.byId.delete(id);
	}

	/* An answer of live-stat, of all kernels. */
	add(answer) {
		const at = this.next;

		this.next = (this.next + 1) % KERNEL_POINTS;
		this.times[at] = answer.sampled_at * 1000;
		for (const kernel of this.byId.values()) {
			kernel.values = derive(currents(answer.by_kernel[kernel.id]));
			KEPT.forEach((name, i) => {
				kernel.kept[at * KEPT.length + i] = kernel.values[name] ?? NaN;
			});
		}
	}

	/* The kernel's last points, the oldest first. */
	points(kernel) {
		const points = [];

		for (let i = 0; i < KERNEL_POINTS; i++) {
			const at = (this.next + i) % KERNEL_POINTS;

			if (Number.isNaN(this.times[at]))
				continue;
			const point = { time: this.times[at] };

			KEPT.forEach((name, k) => {
				const value = kernel.kept[at * KEPT.length + k];

				point[name] = Number.isNaN(value) ? null : value;
			});
			points.push(point);
		}
		return points;
	}

	/* Messages per second of the kernel's last points; NaN where not known. */
	trend(kernel, length) {
		const values = [];

		for (let i = KERNEL_POINTS - length; i < KERNEL_POINTS; i++) {
			const at = ((this.next + i) % KERNEL_POINTS) * KEPT.length;

			values.push((kernel.kept[at] || 0) + (kernel.kept[at + 1] || 0));
		}
		return values;
	}
}
