// SPDX-License-Identifier: Apache-2.0
// A Node program that does what it is told and says what it did: peer.c, in JavaScript, with the
// verbs that are in `verbs`. An actor is a socket and a queue of commands.
"use strict"
const path = require("path")
const readline = require("readline")
const zmq = require(path.join(__dirname, "..", "node", "node_modules", "zeromq"))

const classes = { pub: zmq.Publisher, sub: zmq.Subscriber, push: zmq.Push, pull: zmq.Pull }
const actors = new Map()

function say(answer) {
	process.stdout.write(JSON.stringify(answer) + "\n")
}

const verbs = {
	open(actor, tally, type) {
		actor.socket = new classes[type]({ linger: 0 })
		actor.type = type
		if (type === "sub") actor.socket.subscribe()
	},
	async bind(actor, tally, address) {
		await actor.socket.bind(address)
	},
	connect(actor, tally, address) {
		actor.socket.connect(address)
	},
	// A message of P frames and size S has frames of S, S + 1, ... S + P - 1 bytes.
	async send(actor, tally, times, size, parts) {
		const frames = Array.from({ length: +parts }, (_, i) => Buffer.alloc(+size + i))
		tally.direction = "send"
		for (let i = 0; i < +times; i++) {
			await actor.socket.send(frames)
			count(tally, frames)
		}
	},
	async recv(actor, tally, times) {
		tally.direction = "receive"
		for (let i = 0; i < +times; i++) count(tally, await actor.socket.receive())
	},
}

function count(tally, frames) {
	tally.messages++
	for (const frame of frames) {
		tally.frames++
		tally.bytes += frame.length
	}
}

async function act(actor, verb, args) {
	const tally = { direction: "", messages: 0, frames: 0, bytes: 0 }
	await verbs[verb](actor, tally, ...args)
	const endpoint = actor.socket.lastEndpoint || "none"
	say({ actor: actor.name, verb, socket_type: actor.type, endpoint, ...tally })
}

function command(line) {
	const [name, verb, ...args] = line.split(" ")
	if (!actors.has(name)) actors.set(name, { name, last: Promise.resolve() })
	const actor = actors.get(name)
	actor.last = actor.last.then(() => act(actor, verb, args))
}

say({ actor: "main", verb: "start", pid: process.pid })
readline
	.createInterface({ input: process.stdin })
	.on("line", command)
	.on("close", () => process.exit(0))
