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

const pause = () => gap ? new Promise(done => setTimeout(done, gap / 1000)) : null

async function sendOne(i, records) {
	const data = Buffer.alloc(size)
	const sent = process.hrtime.bigint()
	if (i % 100 >= heartbeats) {
		data.writeBigInt64LE(sent, 0)
		data.writeBigInt64LE(BigInt(i), 8)
	}
	if (records) records.writeBigInt64LE(sent, i * 16)
	await socket.send([...id, data])
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
