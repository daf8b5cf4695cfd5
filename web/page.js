/* SPDX-License-Identifier: Apache-2.0 */
/* The page: brings what is known and what is shown together. */
import { Charts, forgetColours, sparkline } from "./charts.js";
import { fill, find, make, say, show } from "./dom.js";
import * as format from "./format.js";
import { Host, Kernels, METRICS } from "./model.js";
import * as source from "./source.js";
import { Table } from "./table.js";

const TREND_POINTS = 60;
const MAX_EVENTS = 200;
const STREAMS_PER_PAGE = 100;
const KERNELS_PER_TICK = 300; /* with more, all are asked about every second or third time only */
const MAX_ASKED = 10000; /* live-stat takes no more */
const LIST_EVERY = 10; /* ticks: of kernels and taps, if no event told of a change before */

const host = new Host();
const kernels = new Kernels();
let isPaused = false;
let ticks = 0;
let areKernelsStale = true;
let areTapsStale = true;

/* ---- charts ---- */

const chartList = [
	{ title: "Messages", write: format.rate, series: [["sent", "sent"], ["received", "received"]], fill: true, empty: "no messages yet" },
	{ title: "Bytes", write: format.byteRate, isBinary: true, series: [["sent", "sentBytes"], ["received", "receivedBytes"]], fill: true, empty: "no messages yet" },
	{ title: "Call latency", write: format.seconds, series: [["p50", "callP50"], ["p99", "callP99"]], empty: "no calls yet" },
	{ title: "Transit", write: format.seconds, series: [["p50", "transitP50"], ["p99", "transitP99"]], empty: "no delivery with both ends on this host yet" },
	{ title: "Backlog", write: format.count, series: [["messages", "backlog"]], fill: true, empty: "no path with both ends here" },
	{ title: "Cache hit ratio", write: format.percent, series: [["hits", "hitRatio"]], fill: true, range: [0, 1.02], empty: "no cache look-ups yet" },
];
const waiting = [
	{ title: "In flight", write: format.count, series: [["calls", "inFlight"], ["requests", "unanswered"]], empty: "nothing is under way" },
	{ title: "Oldest waiting", write: format.seconds, series: [["send", "oldestSend"], ["request", "oldestRequest"]], empty: "nothing waits" },
];
const hostCharts = new Charts(find("charts"), [
	...chartList,
	{
		title: "Requests by method",
		write: format.rate,
		series: () => host.methods(6).map((name) => [name, (point) => point.rpc.get(name)]),
		empty: "no requests yet",
	},
	...waiting,
]);
const kernelCharts = new Charts(find("kernel-charts"), [
	...chartList,
	{ title: "Requests", write: format.rate, series: [["requests", "requests"]], empty: "no requests yet" },
	...waiting,
]);

/* ---- the host ---- */

/* Some losses are of delivery times only: what was counted is complete. */
function isOfTimes(reason) {
	return reason.startsWith("transit_");
}

function drawTiles() {
	const { totals, agent, lost } = host.summary;
	const point = host.last() || {};
	const oldest = Math.max(totals.send_oldest_seconds, totals.rpc_oldest_seconds);
	const losses = Object.entries(lost).reduce((sum, [reason, value]) => sum + (isOfTimes(reason) ? 0 : value), 0);

	fill(find("tiles"), [
		["Kernels", format.count(kernels.byId.size)],
		["Streams", format.count(agent.streams)],
		["Sent", format.rate(point.sent)],
		["Received", format.rate(point.received)],
		["Call p99", format.seconds(point.callP99)],
		["Transit p99", format.seconds(point.transitP99)],
		["Oldest waiting", format.seconds(oldest)],
		["Lost counts", format.count(losses)],
	]);
}

function drawAgent() {
	const { agent } = host.summary;
	const point = host.last() || {};

	fill(find("agent-facts"), [
		["Own CPU", format.cpu(point.agentCpu)],
		["Taps' CPU, in all tapped processes", format.cpu(point.probeCpu)],
		["Memory", format.bytes(agent.resident_bytes)],
		["Streams", `${agent.streams} of ${agent.streams_limit}`],
		["Probe runs", format.count(agent.probe_runs)],
		["Running for", format.seconds(host.summary.sampled_at - agent.started_at)],
		["Label values beyond the cap", format.count(agent.series_capped)],
		["Events dropped", format.count(agent.bus_dropped)],
	]);
}

const lostTable = new Table(find("lost-table"), {
	key: ([reason]) => reason,
	isFixed: true,
	columns: [
		{ name: "Reason", value: ([reason]) => reason },
		{ name: "What is missing", value: ([reason]) => (isOfTimes(reason) ? "delivery times" : "counts") },
		{ name: "Count", isNumber: true, value: ([, number]) => number, write: (value) => value.toLocaleString("en") },
		{
			name: "Since you look",
			isNumber: true,
			value: ([reason, number]) => number - (host.lostAtFirst[reason] || 0),
			write: (value) => value.toLocaleString("en"),
		},
	],
});

function drawLosses() {
	const rows = Object.entries(host.summary.lost).sort((a, b) => b[1] - a[1]);

	show(find("lost-none"), rows.every(([reason]) => isOfTimes(reason)));
	lostTable.draw(rows);
}

/* ---- the table of kernels ---- */

function kernelAddress(kernel) {
	return "#kernel/" + encodeURIComponent(kernel.id);
}

function number(name, key, write, title) {
	return { name, title, isNumber: true, value: (kernel) => kernel.values[key], write };
}

function drawTrend(cell, kernel) {
	let canvas = cell.firstElementChild;

	if (!canvas) {
		canvas = make("canvas", "trend");
		canvas.setAttribute("aria-hidden", "true");
		cell.append(canvas);
	}
	sparkline(canvas, kernels.trend(kernel, TREND_POINTS));
}

const kernelTable = new Table(find("kernel-table"), {
	key: (kernel) => kernel.id,
	pager: find("kernel-pager"),
	sortBy: "Sent",
	columns: [
		{ name: "Kernel", className: "id", value: (kernel) => kernel.id, write: format.short, link: kernelAddress },
		{ name: "Name", className: "id", value: (kernel) => kernel.facts.name || kernel.facts.pod, title: "of the container, or its pod" },
		{ name: "Systems", value: (kernel) => kernel.systems },
		{ name: "Trend", draw: drawTrend, title: "messages per second" },
		number("Sent", "sent", format.rate, "messages per second"),
		number("Received", "received", format.rate, "messages per second"),
		number("Bytes", "bytes", format.byteRate, "sent and received"),
		number("p50", "callP50", format.seconds, "of calls"),
		number("p99", "callP99", format.seconds, "of calls"),
		number("Transit p99", "transitP99", format.seconds, "from the send's call to the receive's return"),
		number("Backlog", "backlog", format.count, "sent and not received yet"),
		number("In flight", "inFlight", format.count, "calls under way"),
		{
			...number("Oldest", "oldest", format.seconds, "send or request that waits"),
			state: (kernel) => (kernel.values.oldest >= 30 ? "bad" : ""),
		},
		number("Hits", "hitRatio", format.percent, "of cache look-ups"),
		number("Requests", "requests", format.rate),
		number("CPU", "cpu", format.cpu),
		number("Memory", "memory", format.bytes),
	],
});

function drawKernels() {
	const wanted = find("search").value.trim().toLowerCase();
	const all = [...kernels.byId.values()];
	const found = wanted ? all.filter((kernel) => kernel.text.includes(wanted)) : all;

	find("kernel-table").classList.toggle("nameless", all.every((kernel) => !kernel.facts.name && !kernel.facts.pod));
	kernelTable.draw(found);
	say(find("kernel-count"), wanted ? `${found.length} of ${format.plural(all.length, "kernel", "kernels")}` : format.plural(all.length, "kernel", "kernels"));
	show(find("kernel-empty"), !found.length);
	if (!found.length)
		say(find("kernel-empty"), wanted && all.length ? "No kernel matches." : "No tapped process is running. Kernels appear as soon as one is.");
}

find("search").addEventListener("input", () => {
	kernelTable.first();
	drawKernels();
});

/* ---- taps ---- */

const tapTable = new Table(find("tap-table"), {
	key: (file) => file.key,
	isFixed: true,
	pageSize: 1000,
	columns: [
		{ name: "File", className: "path", value: (file) => file.path },
		{ name: "Profile", value: (file) => file.profile },
		{ name: "Tapped", value: (file) => file, write: (file) => (file.up ? `${file.up} of ${file.functions}` : "no"), state: (file) => (file.up ? "good" : "bad") },
		{ name: "Way", value: (file) => [...file.ways].sort().join(" ") },
		{ name: "Processes", isNumber: true, value: (file) => file.processes },
		{ name: "What is not, and why", className: "why", value: (file) => [...file.reasons].map(([reason, names]) => (names.length === file.functions ? reason : `${names.join(", ")}: ${reason}`)).join("; ") },
	],
});

function filesOf(taps) {
	const files = new Map();

	for (const tap of taps) {
		const key = tap.profile + "\n" + tap.path;
		const file = files.get(key) ||
			{ key, path: tap.path, profile: tap.profile, functions: 0, up: 0, processes: 0, ways: new Set(), reasons: new Map() };

		files.set(key, file);
		file.functions++;
		file.up += tap.up;
		file.processes = Math.max(file.processes, tap.processes);
		if (tap.up)
			file.ways.add(tap.attach);
		else
			file.reasons.set(tap.reason, [...(file.reasons.get(tap.reason) || []), tap.function]);
	}
	/* what needs a look comes first */
	return [...files.values()].sort((a, b) => (a.up > 0) - (b.up > 0) || (a.key < b.key ? -1 : 1));
}

const askTaps = new source.Question(source.taps);

async function updateTaps() {
	const answer = await askTaps.answer();

	if (!answer)
		return;
	const files = filesOf(answer.taps);
	const up = answer.taps.filter((tap) => tap.up).length;

	areTapsStale = false;
	tapTable.draw(files);
	show(find("tap-empty"), !files.length);
	say(find("tap-count"), files.length ? `${up} of ${answer.taps.length} functions in ${format.plural(files.length, "file", "files")}` : "");
}

/* ---- events ---- */

const QUIET = ["process.seen", "process.gone", "stream.opened", "stream.closed"];
const LOUD = ["call.stuck", "request.unanswered", "counts.lost", "tap.failed", "overhead.step", "output.failed", "events.dropped"];
const events = [];
let areEventsStale = false;

function describe(data) {
	const facts = Object.entries(data.attributes).map(([name, value]) =>
		name === "age_ms" ? "for " + format.seconds(value / 1000) : name === "duration_us" ? "took " + format.seconds(value / 1e6) : name === "bytes" ? format.bytes(value) : `${name.replace("_", " ")} ${value}`);

	if (data.pid)
		facts.unshift("pid " + data.pid);
	if (data.kernel_id)
		facts.unshift("kernel " + data.kernel_id);
	return facts.join(" · ");
}

function keepEvent(type, data) {
	if (type === "events.dropped")
		events.unshift({ type, time: Date.now() / 1000, text: format.plural(data.count, "event was", "events were") + " not sent: this page was too slow" });
	else
		events.unshift({ type, time: data.time, text: describe(data) });
	/* what is seldom is not to be pushed out by what is not */
	if (events.length > MAX_EVENTS) {
		const i = events.findLastIndex((event) => QUIET.includes(event.type));

		events.splice(i > MAX_EVENTS / 2 ? i : MAX_EVENTS, 1);
	}
	areEventsStale = true;
}

function eventElement(event) {
	const item = make("li", LOUD.includes(event.type) ? "loud" : "");

	item.append(make("time", "", format.clock(event.time)), make("span", "type", event.type.replace(".", " ")), make("span", "text", event.text));
	return item;
}

function drawEvents() {
	const isAll = find("all-events").checked;
	const shown = events.filter((event) => isAll || !QUIET.includes(event.type)).slice(0, 100);

	areEventsStale = false;
	find("event-list").replaceChildren(...shown.map(eventElement));
	show(find("event-empty"), !shown.length);
}

find("all-events").addEventListener("change", drawEvents);

/* ---- one kernel ---- */

let opened = null; /* its id */
let streamOffset = 0;
let lastStreams = null;

const NAMES = {
	cpu_used: (value) => format.seconds(value / 1000), cpu_util: format.cpu, mem: format.bytes, io_read: format.bytes, io_write: format.bytes,
	net_rx: format.byteRate, net_tx: format.byteRate,
};

function write(group, name, value) {
	if (value === null)
		return format.NONE;
	if (NAMES[name])
		return NAMES[name](value);
	if (/_bytes$/.test(name))
		return group === "rate" ? format.byteRate(value) : format.bytes(value);
	if (/_seconds$|_p50$|_p99$/.test(name))
		return format.seconds(value);
	return group === "rate" ? format.rate(value) : format.count(value);
}

const streamTable = new Table(find("stream-table"), {
	key: (stream) => stream.slot,
	pageSize: STREAMS_PER_PAGE,
	columns: [
		{ name: "Process", value: (stream) => `${stream.labels?.comm || "?"} ${stream.pid}` },
		{ name: "Operation", value: (stream) => stream.operation },
		{ name: "Endpoint", className: "path", value: (stream) => stream.labels?.endpoint || "" },
		{ name: "Socket", value: (stream) => stream.labels?.socket_type || stream.labels?.system || "" },
		{ name: "Rate", isNumber: true, value: (stream) => stream.rate, write: format.rate, title: "messages per second" },
		{ name: "Messages", isNumber: true, value: (stream) => stream.messages, write: (value) => value.toLocaleString("en") },
		{ name: "Bytes", isNumber: true, value: (stream) => stream.bytes, write: format.bytes },
		{ name: "Failures", isNumber: true, value: (stream) => stream.failures, write: format.count },
		{ name: "Would block", isNumber: true, value: (stream) => stream.would_block, write: format.count },
		{ name: "In flight", isNumber: true, value: (stream) => stream.in_flight, write: format.count },
		{ name: "Oldest", isNumber: true, value: (stream) => stream.oldest_call_seconds || undefined, write: format.seconds },
		{ name: "Open for", isNumber: true, value: (stream) => stream.age_seconds, write: format.seconds },
	],
});

const askStreams = new source.Question(source.streams);
const askKernel = new source.Question((id) => source.liveStat([id]));

function addRates(answer) {
	const span = lastStreams ? answer.sampled_at - lastStreams.sampled_at : 0;
	const before = new Map((lastStreams?.streams || []).map((stream) => [stream.slot, stream]));

	for (const stream of answer.streams) {
		const old = before.get(stream.slot);

		if (span > 0 && old && old.object === stream.object && old.pid === stream.pid && stream.messages >= old.messages)
			stream.rate = (stream.messages - old.messages) / span;
	}
	lastStreams = answer;
}

async function updateStreams() {
	const id = opened;
	const answer = await askStreams.answer(id, streamOffset, STREAMS_PER_PAGE);
	const pager = find("stream-pager");

	if (!answer || id !== opened || answer.offset !== streamOffset)
		return;
	addRates(answer);
	streamTable.draw(answer.streams);
	show(find("stream-empty"), !answer.total);
	say(find("stream-count"), format.plural(answer.total, "stream", "streams"));
	show(pager, answer.total > STREAMS_PER_PAGE);
	say(pager.querySelector("span"), `${answer.offset + 1} to ${answer.offset + answer.streams.length} of ${answer.total}`);
	pager.querySelector("[data-step='-1']").disabled = !answer.offset;
	pager.querySelector("[data-step='1']").disabled = answer.next_offset === null;
}

find("stream-pager").addEventListener("click", (event) => {
	streamOffset = Math.max(0, streamOffset + Number(event.target.dataset.step || 0) * STREAMS_PER_PAGE);
	updateStreams();
});

async function updateFacts() {
	const id = opened;
	const answer = await askKernel.answer(id);
	const facts = [];

	if (!answer || id !== opened)
		return;
	for (const [group, metrics] of Object.entries(answer.by_kernel[id] || {})) {
		for (const [name, value] of Object.entries(metrics)) {
			const limit = value.capacity && name === "mem" ? " of " + format.bytes(value.capacity) : "";

			facts.push([name, write(group, name, value.current) + limit]);
		}
	}
	fill(find("kernel-facts"), facts.sort((a, b) => (a[0] < b[0] ? -1 : 1)));
}

function drawKernel() {
	const kernel = kernels.byId.get(opened);

	show(find("kernel-gone"), !kernel && !areKernelsStale);
	if (!kernel)
		return;
	const { name, pod, namespace, container, processes } = kernel.facts;

	say(find("kernel-meta"), [
		name, pod && `pod ${namespace ? namespace + "/" : ""}${pod}`, container && "container " + container.slice(0, 12),
		format.plural(processes, "tapped process", "tapped processes"), kernel.systems,
	].filter(Boolean).join(" · "));
	kernelCharts.draw(kernels.points(kernel));
}

function updateKernel() {
	updateFacts();
	updateStreams();
}

function clearKernel() {
	streamOffset = 0;
	lastStreams = null;
	streamTable.draw([]);
	fill(find("kernel-facts"), []);
	kernelCharts.draw([]);
	say(find("kernel-meta"), "");
	say(find("stream-count"), "");
}

/* ---- which view ---- */

function route() {
	const match = location.hash.match(/^#kernel\/(.+)$/);
	let id = null;

	try {
		id = match && decodeURIComponent(match[1]);
	} catch (error) {
		/* not an address of ours */
	}
	const isNew = id !== opened;

	opened = id;
	show(find("view-overview"), !opened);
	show(find("view-kernel"), Boolean(opened));
	document.title = opened ? `${opened} – tapmeter` : "tapmeter";
	if (!isNew)
		return;
	if (opened) {
		say(find("kernel-title"), opened);
		clearKernel();
		drawKernel();
		updateKernel();
		window.scrollTo(0, 0);
		find("kernel-title").focus();
		return;
	}
	draw();
	document.getElementById(location.hash.slice(1) || "overview")?.scrollIntoView();
}

window.addEventListener("hashchange", route);

/* ---- themes ---- */

const THEMES = ["auto", "light", "dark"];

function theme() {
	return document.documentElement.dataset.theme || "auto";
}

function repaint() {
	forgetColours();
	hostCharts.paint();
	kernelCharts.paint();
	if (!opened)
		drawKernels();
}

function chooseTheme(name) {
	if (name === "auto")
		delete document.documentElement.dataset.theme;
	else
		document.documentElement.dataset.theme = name;
	try {
		localStorage.setItem("tapmeter-theme", name);
	} catch (error) {
		/* then it lasts as long as the page */
	}
	say(find("theme"), "Theme: " + name);
	repaint();
}

find("theme").addEventListener("click", () => chooseTheme(THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
say(find("theme"), "Theme: " + theme());

/* ---- what happens ---- */

const askKernels = new source.Question(source.kernels);
const askLiveStat = new source.Question(source.liveStat);

async function updateKernels() {
	if (areKernelsStale) {
		const answer = await askKernels.answer();

		if (answer) {
			areKernelsStale = false;
			kernels.know(answer);
		}
	}
	const ids = [...kernels.byId.keys()].slice(0, MAX_ASKED);
	const answer = ids.length && ticks % Math.ceil(ids.length / KERNELS_PER_TICK) === 0 ? await askLiveStat.answer(ids, METRICS) : null;

	if (isPaused)
		return;
	if (answer)
		kernels.add(answer);
	if (opened)
		drawKernel();
	else if (answer || !ids.length)
		drawKernels();
}

function draw() {
	if (!host.summary)
		return;
	drawTiles();
	drawAgent();
	drawLosses();
	hostCharts.draw(host.points);
	drawKernels();
}

function onSnapshot(data) {
	if (data.attributes.kernels !== kernels.byId.size || ticks % LIST_EVERY === 0)
		areKernelsStale = true;
	if (ticks % LIST_EVERY === 0)
		areTapsStale = true;
	if (data.summary)
		host.add(data.summary);
	if (!opened && host.summary) {
		drawTiles();
		drawAgent();
		drawLosses();
		hostCharts.draw(host.points);
	}
	if (areTapsStale)
		updateTaps();
	updateKernels();
	if (opened)
		updateKernel();
	if (areEventsStale)
		drawEvents();
	ticks++;
}

function onEvent(type, data) {
	if (isPaused)
		return;
	if (type === "snapshot.taken") {
		onSnapshot(data);
		return;
	}
	if (type.startsWith("tap."))
		areTapsStale = true;
	keepEvent(type, data);
}

const STATES = {
	live: ["live", ""],
	lost: ["not connected", "The agent does not answer. What you see is what was last known; this page goes on by itself when it is back."],
	resting: ["resting", ""],
};
let state = "connecting";

function drawState() {
	const [name, notice] = isPaused ? ["paused", ""] : STATES[state] || [state, ""];

	find("status").dataset.state = isPaused ? "paused" : state;
	say(find("status"), name);
	say(find("notice"), notice);
	show(find("notice"), Boolean(notice));
	document.body.classList.toggle("stale", state === "lost");
}

find("pause").addEventListener("click", () => {
	isPaused = !isPaused;
	find("pause").setAttribute("aria-pressed", String(isPaused));
	say(find("pause"), isPaused ? "Go on" : "Pause");
	drawState();
});

window.addEventListener("DOMContentLoaded", () => {
	route();
	new source.Events(onEvent, (now) => {
		state = now;
		if (now === "live")
			areKernelsStale = areTapsStale = true;
		drawState();
	});
});
