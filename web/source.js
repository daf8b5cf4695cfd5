/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the numbers come from: the agent's events, and its other answers when an event says that there is something new.
 * A page that nobody looks at asks for nothing.
 */

const RETRY_MS = [1000, 2000, 5000, 10000];

const TYPES = [
	"tap.attached", "tap.failed", "tap.removed", "process.seen", "process.gone", "stream.opened", "stream.closed",
	"call.stuck", "call.slow", "request.unanswered", "eviction.burst", "counts.lost", "overhead.step", "snapshot.taken", "output.failed",
	"events.dropped",
];

/* onEvent(type, data); onState("live" | "lost" | "resting"). */
export class Events {
	constructor(onEvent, onState) {
		this.onEvent = onEvent;
		this.onState = onState;
		this.tries = 0;
		document.addEventListener("visibilitychange", () => this.look());
		this.look();
	}

	look() {
		if (document.hidden) {
			this.close();
			this.onState("resting");
		} else if (!this.stream) {
			this.open();
		}
	}

	open() {
		clearTimeout(this.timer);
		this.stream = new EventSource("/api/v1/events");
		this.stream.onopen = () => {
			this.tries = 0;
			this.onState("live");
		};
		this.stream.onerror = () => this.retry();
		for (const type of TYPES)
			this.stream.addEventListener(type, (event) => this.onEvent(type, JSON.parse(event.data)));
	}

	/* The browser's own retries end at the first answer that is not a stream, such as 503. */
	retry() {
		const wait = RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)];

		this.close();
		this.onState("lost");
		this.timer = setTimeout(() => this.look(), wait);
	}

	close() {
		clearTimeout(this.timer);
		if (this.stream)
			this.stream.close();
		this.stream = null;
	}
}

async function read(path, options) {
	const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(10000), ...options });

	if (!answer.ok)
		throw new Error(`${path}: ${answer.status}`);
	return answer.json();
}

/* One question of a kind at a time: null if the last one is not answered yet, or was not answered well. */
export class Question {
	constructor(ask) {
		this.ask = ask;
		this.isAsked = false;
	}

	async answer(...args) {
		if (this.isAsked)
			return null;
		this.isAsked = true;
		try {
			return await this.ask(...args);
		} catch (error) {
			return null; /* the events say whether the agent is there */
		} finally {
			this.isAsked = false;
		}
	}
}

export function kernels() {
	return read("/api/v1/kernels");
}

export function taps() {
	return read("/api/v1/taps");
}

export function streams(kernelId, offset, limit) {
	return read("/api/v1/streams?" + new URLSearchParams({ kernel_id: kernelId, offset, limit }));
}

export function liveStat(ids, metrics) {
	return read("/api/v1/live-stat", {
		method: "POST",
		headers: { "Content-Type": "application/json" },
		body: JSON.stringify({ kernel_ids: ids, ...(metrics && { metrics }) }),
	});
}
