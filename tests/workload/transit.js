// SPDX-License-Identifier: Apache-2.0
// transit.c, in JavaScript: the modes send, recv, ask and answer.
"use strict"
const fs = require("fs")
const path = require("path")
const readline = require("readline")
const zmq = require(path.join(__dirname, "..", "node", "node_modules", "zeromq"))

const classes = {
	pub: zmq.Publisher, sub: zmq.Subscriber, push: zmq.Push, pull: zmq.Pull,
	dealer: zmq.Dealer, router: zmq.Router, req: zmq.Request, rep: zmq.Reply,
}
const [mode, type, way, endpoint, ...rest] = process.argv.slice(2)
const [count, size, gap, heartbeats] = rest.slice(0, 4).map(Number)
const options = { linger: 0 }
if (!["sub", "pull"].includes(type)) options.sendHighWaterMark = 0
if (!["pub", "push"].includes(type)) options.receiveHighWaterMark = 0
const socket = new classes[type](options)
const records = Buffer.alloc(count * 16)
let id = []

// A timer is off by a millisecond, and who has slept finds its caches cold: between a look at the
// clock and the call of libzmq passes more time then.
async function pause() {
	const end = process.hrtime.bigint() + BigInt(gap * 1000)
	while (process.hrtime.bigint() < end) await new Promise(setImmediate)
}

// Between the look at the clock and the call of libzmq is only what cannot be done before or after.
async function sendOne(i, records) {
	const data = Buffer.alloc(size)
	const frames = [...id, data]
	const distinct = i % 100 >= heartbeats
	if (distinct) data.writeBigInt64LE(BigInt(i), 8)
	const sent = process.hrtime.bigint()
	if (distinct) data.writeBigInt64LE(sent, 0)
	const done = socket.send(frames)
	if (records) records.writeBigInt64LE(sent, i * 16)
	await done
}

async function recvOne(i) {
	const frames = await socket.receive()
	const received = process.hrtime.bigint()
	if (type === "router") id = frames.slice(0, 1)
	records.writeBigInt64LE(frames[frames.length - 1].readBigInt64LE(0), i * 16)
	records.writeBigInt64LE(received, i * 16 + 8)
}

async function run() {
	for (let i = 0; i < count; i++) {
		if (mode === "send") await sendOne(i, records)
		if (mode === "ask") await sendOne(i)
		if (mode !== "send") await recvOne(i)
		if (mode === "answer") await sendOne(i)
		await pause()
	}
	fs.writeFileSync(rest[4], records)
	console.log(JSON.stringify({ done: count }))
}

async function main() {
	if (type === "sub") socket.subscribe()
	if (way === "bind") await socket.bind(endpoint)
	else socket.connect(endpoint)
	console.log(JSON.stringify({ ready: process.pid, endpoint: socket.lastEndpoint || "" }))
	readline
		.createInterface({ input: process.stdin })
		.once("line", run)
		.on("close", () => process.exit(0))
}

main()
