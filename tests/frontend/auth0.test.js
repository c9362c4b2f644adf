// What can be said of the front end without a browser: where it sends people, when it asks, and how its events travel.

import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { test } from "node:test"

// As text, because a `.js` file beside no `package.json` is not taken for a module by every node.
const source = await readFile(new URL("../../component/frontend/auth0.js", import.meta.url), "utf8")
const {
  default: draw,
  askIn,
  kindOf,
  Link,
  LinkError,
  ownAddress,
  popupFeatures,
  Presence,
  Reach,
  readable,
  signedOutAddress,
  signInAddress,
  stepUpQuery,
  validUntil,
  warningText,
} = await import(`data:text/javascript,${encodeURIComponent(source)}`)

/** Timers that run when a test says so. */
class Timers {
  constructor() {
    this.now = 0
    this.next = 1
    this.waiting = new Map()
  }

  setTimeout(act, delay) {
    this.waiting.set(this.next, { at: this.now + delay, act })
    return this.next++
  }

  clearTimeout(timer) {
    this.waiting.delete(timer)
  }

  pass(ms) {
    const until = this.now + ms
    for (;;) {
      const due = [...this.waiting].filter(([, { at }]) => at <= until).sort((a, b) => a[1].at - b[1].at)[0]
      if (!due) break
      this.waiting.delete(due[0])
      this.now = due[1].at
      due[1].act()
    }
    this.now = until
  }
}

const ALL = ["onStatusUpdate", "onAdhocReport", "onActionRequest", "onError"]

function linked(told = {}) {
  const timers = new Timers()
  const sent = []
  const link = new Link((lane, what) => sent.push({ lane, ...what }), timers)
  link.hear({ channel: "one", done: 0, answers: [], events: ALL, ...told })
  return { link, sent, timers }
}

const hear = (link, told) => link.hear({ channel: "one", answers: [], events: ALL, ...told })

test("events sent in one go travel in one message, in order", () => {
  const { link, sent, timers } = linked()
  for (const title of ["a", "b", "c"]) link.emit("onAdhocReport", { title, text: "" })
  timers.pass(0)
  assert.equal(sent.length, 1)
  assert.equal(sent[0].lane, "events")
  assert.deepEqual(
    sent[0].queue.map(({ seq, source, data }) => [seq, source, data.title]),
    [[1, "front-end", "a"], [2, "front-end", "b"], [3, "front-end", "c"]],
  )
})

test("what was not acknowledged is sent again, what was is not", async () => {
  const { link, sent, timers } = linked()
  const noted = link.emit("onAdhocReport", { title: "a", text: "" })
  timers.pass(0)
  timers.pass(3_000)
  assert.equal(sent.length, 2)
  assert.notEqual(sent[0].sent, sent[1].sent)
  hear(link, { done: 1 })
  assert.equal(await noted, null)
  timers.pass(60_000)
  assert.equal(sent.length, 2)
})

test("an answer reaches its event, once, and is acknowledged with the next message", async () => {
  const { link, sent, timers } = linked()
  const first = link.emit("onActionRequest", { action: "AppAuthRequest" })
  const second = link.emit("onActionRequest", { action: "WebRequest" })
  timers.pass(0)
  const answers = [{ no: 1, seq: 1, goTo: "/auth/login" }, { no: 2, seq: 2, error: { code: "not-found", message: "No." } }]
  hear(link, { done: 2, answers })
  assert.equal((await first).goTo, "/auth/login")
  await assert.rejects(second, (error) => error instanceof LinkError && error.code === "not-found")
  hear(link, { done: 2, answers })
  link.emit("onAdhocReport", { title: "a", text: "" })
  timers.pass(0)
  assert.equal(sent.at(-1).heard, 2)
  assert.deepEqual(sent.at(-1).queue.map(({ seq }) => seq), [3])
})

test("a server that was started anew is sent nothing twice", async () => {
  const { link, sent, timers } = linked()
  const lost = link.emit("onActionRequest", { action: "WebRequest" })
  timers.pass(0)
  link.hear({ channel: "two", done: 0, answers: [], events: ALL })
  await assert.rejects(lost, { code: "lost" })
  timers.pass(60_000)
  assert.equal(sent.length, 1)
  link.emit("onAdhocReport", { title: "a", text: "" })
  timers.pass(0)
  assert.deepEqual([sent.at(-1).channel, sent.at(-1).queue[0].seq], ["two", 1])
})

test("after events that were not ours the numbers go on behind them", () => {
  const { link, sent, timers } = linked()
  hear(link, { done: 7 })
  link.emit("onAdhocReport", { title: "a", text: "" })
  timers.pass(0)
  assert.equal(sent[0].queue[0].seq, 8)
})

test("an error that belongs to no event is told, and the queue begins anew", async () => {
  const { link, sent, timers } = linked()
  const told = []
  link.onBreach = (error) => told.push(error.code)
  const lost = link.emit("onAdhocReport", { title: "a", text: "" })
  timers.pass(0)
  hear(link, { done: 0, answers: [{ no: 1, seq: 0, error: { code: "wrong-shape", message: "No." } }] })
  await assert.rejects(lost, { code: "wrong-shape" })
  assert.deepEqual(told, ["wrong-shape"])
  link.emit("onAdhocReport", { title: "b", text: "" })
  timers.pass(0)
  assert.equal(sent.at(-1).queue[0].seq, 1)
})

test("without an answer the wait ends, and says so", async () => {
  const { link, timers } = linked()
  const waits = link.emit("onActionRequest", { action: "AppAuthRequest" }, { timeoutMs: 2_500 })
  timers.pass(2_500)
  await assert.rejects(waits, { code: "no-answer" })
})

test("what the host does not take, too much, and too many are refused here already", async () => {
  const { link, timers } = linked({ events: ["onAdhocReport"] })
  await assert.rejects(link.emit("onStatusUpdate", {}), { code: "not-allowed" })
  await assert.rejects(link.emit("onAdhocReport", { title: "x".repeat(20_000) }), { code: "too-large" })
  for (let count = 0; count < 32; count++) link.emit("onAdhocReport", { title: "a", text: "" }).catch(() => {})
  await assert.rejects(link.emit("onAdhocReport", { title: "a", text: "" }), { code: "too-many" })
  timers.pass(0)
})

test("only what nobody did is quiet", () => {
  const { link, sent, timers } = linked()
  link.emit("onStatusUpdate", {}, { quiet: true })
  timers.pass(0)
  assert.equal(sent[0].lane, "quiet")
  link.emit("onAdhocReport", { title: "a", text: "" })
  timers.pass(0)
  assert.deepEqual([sent[1].lane, sent[1].queue.length], ["events", 2])
  hear(link, { done: 2 })
  link.emit("onStatusUpdate", {}, { quiet: true })
  timers.pass(0)
  assert.equal(sent[2].lane, "quiet")
})

test("where signing in leads", () => {
  const here = { pathname: "/reports", search: "?region=emea&x=1" }
  assert.equal(signInAddress("/", here), "/auth/login?return_to=%2Freports%3Fregion%3Demea%26x%3D1")
  assert.equal(signInAddress("/files", here), "/auth/login?return_to=%2Ffiles")
  assert.equal(signInAddress("/", { pathname: "/", search: "" }, true), "/auth/login?silent=1&return_to=%2F")
  assert.equal(stepUpQuery({ fresh: true, acr: "a b" }), "&step_up=1&max_age=0&acr_values=a%20b")
})

test("only an address of this app is gone to", () => {
  assert.equal(ownAddress("/auth/login?x=1"), "/auth/login?x=1")
  for (const other of ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", null, 5]) {
    assert.equal(ownAddress(other), undefined)
  }
})

test("where signing out leads", () => {
  assert.deepEqual(["https://id.example/x", "http://localhost:9000/x", "/x"].map(signedOutAddress), [
    "https://id.example/x",
    "http://localhost:9000/x",
    "/x",
  ])
  for (const other of ["//evil.example", "/\\evil.example", "javascript:alert(1)", "JAVASCRIPT:x", "data:x", "", null, {}]) {
    assert.equal(signedOutAddress(other), "/")
  }
})

test("when the server is asked, by a clock that is right, five minutes fast or slow, or hours slow", () => {
  const ends = { expiresAt: "2031-05-06T08:00:00+00:00", idleSeconds: 3600, warnSeconds: 120 }
  const at = (time) => askIn(ends, Date.parse(`2031-05-06T${time}+00:00`))
  assert.equal(at("07:30:00"), 28 * 60_000)
  assert.equal(at("07:35:00"), 23 * 60_000)
  assert.equal(at("07:25:00"), 33 * 60_000)
  assert.equal(at("07:59:00"), 0)
  assert.equal(at("09:59:00"), 0)
  assert.equal(at("02:00:00"), 58 * 60_000)
  assert.equal(askIn({ ...ends, expiresAt: "" }, 0), null)
  assert.equal(askIn({ ...ends, idleSeconds: 0 }, 0), null)
})

test("what is said of the session's end", () => {
  assert.match(warningText(true, 0), /will be signed out at/)
  assert.match(warningText(false, 0), /have to sign in again at/)
  assert.equal(validUntil("nonsense"), "")
  assert.match(validUntil("2031-05-06T07:08:09+00:00"), /^Signed in until .*2031/)
})

test("a popup stands in the middle, and is never larger than the window", () => {
  const at = { screenX: 100, screenY: 50, outerWidth: 1280, outerHeight: 900 }
  assert.equal(popupFeatures(at), "popup,width=480,height=680,left=500,top=160")
  assert.equal(popupFeatures({ ...at, outerWidth: 320, outerHeight: 500 }), "popup,width=320,height=500,left=100,top=50")
})

test("what is drawn", () => {
  assert.equal(typeof draw, "function")
  assert.equal(kindOf({ returnTo: "/", account: null }), "sign-in")
  assert.equal(kindOf({ returnTo: "/", account: null, silent: true }), "silent")
  assert.equal(kindOf({ returnTo: "/", account: {} }), "account")
  assert.equal(kindOf({ returnTo: "/", account: {}, console: { calls: [] } }), "console")
})

test("an answer is shown as it is, JSON with its lines broken", () => {
  assert.equal(readable('{"a":[1]}'), '{\n  "a": [\n    1\n  ]\n}')
  assert.equal(readable("<b>no</b>"), "<b>no</b>")
})

/** A presence with a clock and a page that a test moves. */
function present(t, report = async () => {}) {
  const listeners = new Map()
  const reports = []
  const state = { now: 0, visible: "visible", active: false, poll: () => {} }
  const presence = new Presence(
    () => {
      reports.push(state.now)
      return report()
    },
    () => state.now,
  )
  const over = new AbortController()
  t.mock.method(globalThis, "setInterval", (act) => void (state.poll = act))
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { userActivation: { get isActive() { return state.active } } } })
  const target = { addEventListener: (name, listener) => listeners.set(name, listener) }
  presence.listen(target, { get visibilityState() { return state.visible } }, over.signal, (event) => !event.own)
  return { presence, reports, state, fire: (name, event) => listeners.get(name)(event) }
}

test("input of a person is reported, at most once a minute, and what a script made up is not", (t) => {
  const { reports, state, fire } = present(t)
  fire("click", { isTrusted: false })
  fire("keydown", { isTrusted: true, own: true })
  assert.deepEqual(reports, [])
  for (const name of ["pointerdown", "keydown", "click", "input", "wheel", "touchstart"]) fire(name, { isTrusted: true })
  assert.deepEqual(reports, [0])
  state.now = 59_999
  fire("wheel", { isTrusted: true })
  state.now = 60_000
  fire("wheel", { isTrusted: true })
  assert.deepEqual(reports, [0, 60_000])
})

test("with a short idle limit it is reported more often", (t) => {
  const { presence, reports, state, fire } = present(t)
  presence.pauseMs = 6_000
  for (state.now = 0; state.now <= 12_000; state.now += 1_000) fire("click", { isTrusted: true })
  assert.deepEqual(reports, [0, 6_000, 12_000])
})

test("what is done inside a frame shows by the page's activation, while the page is looked at", (t) => {
  const { reports, state } = present(t)
  state.poll()
  assert.deepEqual(reports, [])
  state.active = true
  state.visible = "hidden"
  state.poll()
  assert.deepEqual(reports, [])
  state.visible = "visible"
  state.poll()
  assert.deepEqual(reports, [0])
})

test("a report that did not arrive is made again a little later", async (t) => {
  const { reports, state, fire } = present(t, () => Promise.reject(new Error("offline")))
  fire("click", { isTrusted: true })
  await Promise.resolve()
  await Promise.resolve()
  state.now = 4_999
  fire("click", { isTrusted: true })
  state.now = 5_000
  fire("click", { isTrusted: true })
  assert.deepEqual(reports, [0, 5_000])
})

/** A `Reach` whose requests end as `outcomes` says, the last one again and again; counts them. */
function reaching(...outcomes) {
  const timers = new Timers()
  const asked = []
  const ask = (path) => {
    asked.push(path)
    const outcome = outcomes.length > 1 ? outcomes.shift() : outcomes[0]
    return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome)
  }
  return { asked, timers, reach: new Reach(ask, timers) }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test("only a request that fails proves that the app does not answer", async (context) => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator") ?? { configurable: true, value: undefined }
  context.after(() => Object.defineProperty(globalThis, "navigator", before))
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { onLine: false } })
  for (const status of [200, 401, 404, 502]) {
    assert.equal(await reaching({ status }).reach.answers(), true)
  }
  for (const error of [new TypeError("Failed to fetch"), new DOMException("", "TimeoutError")]) {
    assert.equal(await reaching(error).reach.answers(), false)
  }
})

test("while the app does not answer it is asked again, until it does, and that is told once", async () => {
  const { asked, timers, reach } = reaching(new TypeError(), new TypeError(), { status: 401 })
  let back = 0
  reach.wait(() => back++)
  for (const expected of [[1, 0], [2, 0], [3, 1], [3, 1]]) {
    timers.pass(3_000)
    await settled()
    assert.deepEqual([asked.length, back], expected)
  }
  assert.deepEqual(new Set(asked), new Set(["/auth/session"]))
})

test("a network that comes back is tried at once, and one that nobody waits for is not", async () => {
  const { asked, reach } = reaching({ status: 200 })
  await reach.again()
  assert.equal(asked.length, 0)
  let back = 0
  reach.wait(() => back++)
  await reach.again()
  assert.deepEqual([asked.length, back], [1, 1])
  reach.wait(() => back++)
  const again = reach.again()
  reach.stop()
  await again
  assert.equal(back, 1)
})
