// What the component shows in one place.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"
import { settled } from "./timers.js"

const { kindOf, View } = await load("view")

test("what is drawn", () => {
  assert.equal(kindOf({ returnTo: "/", account: null }), "sign-in")
  assert.equal(kindOf({ returnTo: "/", account: null, silent: true }), "silent")
  assert.equal(kindOf({ returnTo: "/", account: {} }), "account")
  assert.equal(kindOf({ returnTo: "/", account: {}, console: { calls: [] } }), "console")
})

const ANN = {
  name: "Ann", initials: "A", picture: "", roles: [], validUntil: "", expiresAt: "", idleSeconds: 0, warnSeconds: 0,
  session: "tag", rights: "a",
}
const HOST_CHANNEL = { channel: "one", acknowledged: 0, answers: [], events: ["onStatusUpdate", "onActionRequest"] }

/** A view, and what it sends to Streamlit. */
function viewed(t, data) {
  const page = fakePage({ responses: { "GET /auth/session": { status: 401 } } })
  const sent = []
  const view = new View(page.body, kindOf(data))
  const draw = (more = {}) =>
    view.draw({
      data: { ...data, ...more },
      setStateValue: (name, value) => sent.push([name, value]),
      setTriggerValue: (name, value) => sent.push([name, value]),
    })
  draw()
  t.after(() => view.stop())
  return { draw, page, sent, view }
}

test("sign-in is drawn once, again with each draw's address, and goes when it is stopped", (t) => {
  const { draw, page, view } = viewed(t, { returnTo: "/", account: null })
  draw({ returnTo: "/files" })
  assert.equal(page.body.all("st-key-sign-in").length, 1)
  assert.equal(page.body.find("st-key-sign-in").href, "/auth/login?return_to=%2Ffiles")
  view.stop()
  assert.equal(page.body.children.length, 0)
})

test("events travel as state, and background ones by a trigger", async (t) => {
  const inBackground = viewed(t, { returnTo: "/", account: null, console: { calls: [] }, channel: HOST_CHANNEL })
  inBackground.page.timers.pass(0)
  const names = inBackground.sent.map(([key, { queue }]) => [key, queue[0].name])
  assert.deepEqual(names, [["background", "onStatusUpdate"]])
  const { page, sent } = viewed(t, { returnTo: "/", account: null, channel: HOST_CHANNEL })
  page.body.find("st-key-sign-in").click()
  await settled()
  page.timers.pass(0)
  assert.deepEqual(sent.map(([name, { queue }]) => [name, queue[0].name]), [["events", "onActionRequest"]])
})

test("the account's summary is replaced with each draw, and the other tabs hear of changed rights", (t) => {
  const { draw, page, view } = viewed(t, { returnTo: "/", account: ANN, tabs: "summary" })
  draw({ account: { ...ANN, name: "Ann B", rights: "b" } })
  assert.deepEqual(page.body.all("name").map(({ textContent }) => textContent), ["Ann B"])
  assert.deepEqual(page.channels[0].posted, [{ kind: "signed-in", value: "tag" }, { kind: "rights", value: "b" }])
  view.stop()
  assert.equal(view.tabs.listeners.size, 0)
})

test("another tab's message makes this one ask: for a run where rights changed, else for the session", async (t) => {
  const { page, sent, view } = viewed(t, { returnTo: "/", account: ANN, tabs: "messages" })
  const arrive = (kind, value) => {
    page.channels[0].dispatchEvent(Object.assign(new Event("message"), { data: { kind, value } }))
  }
  arrive("rights", "a")
  arrive("signed-in", "tag")
  assert.deepEqual([sent, page.requests.length], [[], 0])
  arrive("rights", "b")
  arrive("rights", "c")
  assert.deepEqual(sent, [["background", null]])
  arrive("signed-out")
  await settled()
  assert.equal(page.requests.length, 1)
  assert.equal(view.tabs.listeners.size, 1)
})

test("signing out is announced by a trigger first", async (t) => {
  const { page, sent } = viewed(t, { returnTo: "/", account: ANN })
  page.body.find("st-key-sign-out").click()
  page.timers.pass(0)
  await settled()
  assert.deepEqual([sent, page.requests.map(({ target }) => target)], [[["signingOut", true]], ["POST /auth/logout"]])
})

test("a page of an anonymous user watches for a sign-in elsewhere, any other sign-in does not", async (t) => {
  const { page } = viewed(t, { returnTo: "/", account: null, anonymous: true })
  page.window.dispatchEvent(new Event("focus"))
  await settled()
  assert.equal(page.requests.length, 1)
  const other = viewed(t, { returnTo: "/", account: null })
  other.page.window.dispatchEvent(new Event("focus"))
  await settled()
  assert.equal(other.page.requests.length, 0)
})

test("a silent sign-in shows nothing and goes", (t) => {
  const { page } = viewed(t, { returnTo: "/files", account: null, silent: true })
  assert.deepEqual(page.went, ["replace /auth/login?silent=1&return_to=%2Ffiles"])
})
