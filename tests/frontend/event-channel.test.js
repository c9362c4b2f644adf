// How events travel to the host, and how its replies reach them.

import assert from "node:assert/strict"
import { test } from "node:test"
import { load } from "./front-end.js"
import { Timers } from "./timers.js"

const { ChannelError, EventChannel } = await load("event-channel")

const ALL = ["onStatusUpdate", "onAdhocReport", "onActionRequest", "onError"]

function connected(message = {}) {
  const timers = new Timers()
  const sent = []
  const channel = new EventChannel((key, outgoing) => sent.push({ key, ...outgoing }), timers)
  channel.receive({ channel: "one", acknowledged: 0, answers: [], events: ALL, ...message })
  return { channel, sent, timers }
}

const receive = (channel, message) => channel.receive({ channel: "one", answers: [], events: ALL, ...message })

test("events sent in one go travel in one message, in order", () => {
  const { channel, sent, timers } = connected()
  for (const title of ["a", "b", "c"]) channel.emit("onAdhocReport", { title, text: "" })
  timers.pass(0)
  assert.equal(sent.length, 1)
  assert.equal(sent[0].key, "events")
  assert.deepEqual(
    sent[0].queue.map(({ seq, source, data }) => [seq, source, data.title]),
    [[1, "front-end", "a"], [2, "front-end", "b"], [3, "front-end", "c"]],
  )
})

test("an event that was not acknowledged is sent again, one that was is not", async () => {
  const { channel, sent, timers } = connected()
  const noted = channel.emit("onAdhocReport", { title: "a", text: "" })
  timers.pass(0)
  timers.pass(3_000)
  assert.equal(sent.length, 2)
  assert.notEqual(sent[0].sent, sent[1].sent)
  receive(channel, { acknowledged: 1 })
  assert.equal(await noted, null)
  timers.pass(60_000)
  assert.equal(sent.length, 2)
})

test("a reply reaches its event, once, and is acknowledged with the next message", async () => {
  const { channel, sent, timers } = connected()
  const first = channel.emit("onActionRequest", { action: "AppAuthRequest" })
  const second = channel.emit("onActionRequest", { action: "WebRequest" })
  timers.pass(0)
  const answers = [
    { number: 1, seq: 1, goTo: "/auth/login" },
    { number: 2, seq: 2, error: { code: "not-found", message: "No." } },
  ]
  receive(channel, { acknowledged: 2, answers })
  assert.equal((await first).goTo, "/auth/login")
  await assert.rejects(second, (error) => error instanceof ChannelError && error.code === "not-found")
  receive(channel, { acknowledged: 2, answers })
  channel.emit("onAdhocReport", { title: "a", text: "" })
  timers.pass(0)
  assert.equal(sent.at(-1).received, 2)
  assert.deepEqual(sent.at(-1).queue.map(({ seq }) => seq), [3])
})

test("a server that was restarted is sent nothing twice", async () => {
  const { channel, sent, timers } = connected()
  const lost = channel.emit("onActionRequest", { action: "WebRequest" })
  timers.pass(0)
  channel.receive({ channel: "two", acknowledged: 0, answers: [], events: ALL })
  await assert.rejects(lost, { code: "lost" })
  timers.pass(60_000)
  assert.equal(sent.length, 1)
  channel.emit("onAdhocReport", { title: "a", text: "" })
  timers.pass(0)
  assert.deepEqual([sent.at(-1).channel, sent.at(-1).queue[0].seq], ["two", 1])
})

test("numbers continue after events that another front end has sent", () => {
  const { channel, sent, timers } = connected()
  receive(channel, { acknowledged: 7 })
  channel.emit("onAdhocReport", { title: "a", text: "" })
  timers.pass(0)
  assert.equal(sent[0].queue[0].seq, 8)
})

test("an error that belongs to no event is reported, and the queue is empty again", async () => {
  const { channel, sent, timers } = connected()
  const codes = []
  channel.onChannelError = (error) => codes.push(error.code)
  const lost = channel.emit("onAdhocReport", { title: "a", text: "" })
  timers.pass(0)
  const answers = [{ number: 1, seq: 0, error: { code: "wrong-shape", message: "No." } }]
  receive(channel, { acknowledged: 0, answers })
  await assert.rejects(lost, { code: "wrong-shape" })
  assert.deepEqual(codes, ["wrong-shape"])
  channel.emit("onAdhocReport", { title: "b", text: "" })
  timers.pass(0)
  assert.equal(sent.at(-1).queue[0].seq, 1)
})

test("without a reply an event fails after its timeout", async () => {
  const { channel, timers } = connected()
  const waiting = channel.emit("onActionRequest", { action: "AppAuthRequest" }, { timeoutMs: 2_500 })
  timers.pass(2_500)
  await assert.rejects(waiting, { code: "no-answer" })
})

test("what the host does not take, what is too large, and too many are refused before they are sent", async () => {
  const { channel, timers } = connected({ events: ["onAdhocReport"] })
  await assert.rejects(channel.emit("onStatusUpdate", {}), { code: "not-allowed" })
  await assert.rejects(channel.emit("onAdhocReport", { title: "x".repeat(20_000) }), { code: "too-large" })
  for (let count = 0; count < 32; count++) channel.emit("onAdhocReport", { title: "a", text: "" }).catch(() => {})
  await assert.rejects(channel.emit("onAdhocReport", { title: "a", text: "" }), { code: "too-many" })
  timers.pass(0)
})

test("only events without an action of the user are background", () => {
  const { channel, sent, timers } = connected()
  channel.emit("onStatusUpdate", {}, { background: true })
  timers.pass(0)
  assert.equal(sent[0].key, "background")
  channel.emit("onAdhocReport", { title: "a", text: "" })
  timers.pass(0)
  assert.deepEqual([sent[1].key, sent[1].queue.length], ["events", 2])
  receive(channel, { acknowledged: 2 })
  channel.emit("onStatusUpdate", {}, { background: true })
  timers.pass(0)
  assert.equal(sent[2].key, "background")
})
