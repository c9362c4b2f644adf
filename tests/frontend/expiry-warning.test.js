// The warning before a session ends.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"
import { settled } from "./timers.js"

const { ExpiryWarning, warningDelay, warningText } = await load("expiry-warning")

test("when the server is target, by a clock that is right, five minutes fast or slow, or hours slow", () => {
  const ends = { expiresAt: "2031-05-06T08:00:00+00:00", idleSeconds: 3600, warnSeconds: 120 }
  const at = (time) => warningDelay(ends, Date.parse(`2031-05-06T${time}+00:00`))
  assert.equal(at("07:30:00"), 28 * 60_000)
  assert.equal(at("07:35:00"), 23 * 60_000)
  assert.equal(at("07:25:00"), 33 * 60_000)
  assert.equal(at("07:59:00"), 0)
  assert.equal(at("09:59:00"), 0)
  assert.equal(at("02:00:00"), 58 * 60_000)
  assert.equal(warningDelay({ ...ends, expiresAt: "" }, 0), null)
  assert.equal(warningDelay({ ...ends, idleSeconds: 0 }, 0), null)
})

test("the text of the warning", () => {
  assert.match(warningText(true, 0), /will be signed out at/)
  assert.ok(warningText(false, 0).includes("have to sign in again at"))
})

/** A warning for Ann, an hour before the end of her session, with the clock of the page's timers. */
function warned(t, status) {
  const page = fakePage({ responses: { "GET /auth/session": status } })
  t.mock.method(Date, "now", () => page.timers.now)
  const posted = []
  const warning = new ExpiryWarning(() => ({ post: ({ kind }) => posted.push(kind) }))
  const account = { session: "tag", expiresAt: new Date(3_600_000).toISOString(), idleSeconds: 3_600, warnSeconds: 120 }
  warning.update(account)
  t.after(() => warning.stop())
  return { account, page, posted, warning }
}

const left = (seconds, more = {}) => ({ authenticated: true, session: "tag", expires_in_seconds: seconds, ...more })

test("it is shown when the server says that the session ends soon, and goes when it does not", async (t) => {
  const { page, warning } = warned(t, left(100, { can_stay: true }))
  await warning.check()
  assert.match(warning.message.textContent, /will be signed out at/)
  assert.deepEqual([warning.element.classes, warning.stay.hidden], [["warning", "shown"], false])
  page.responses["GET /auth/session"] = left(3_000)
  page.timers.pass(5_000)
  await settled()
  assert.deepEqual([warning.message.textContent, warning.element.classes, warning.stay.hidden], ["", ["warning"], true])
})

test("a visible page asks once a minute, a hidden one only when the warning is due", async (t) => {
  const { page } = warned(t, left(3_000))
  page.timers.pass(60_000)
  await settled()
  assert.equal(page.requests.length, 1)
  page.visibilityState = "hidden"
  page.timers.pass(600_000)
  await settled()
  assert.equal(page.requests.length, 1)
  page.timers.pass(3_480_000 - page.timers.now)
  await settled()
  assert.equal(page.requests.length, 2)
})

test("staying signed in removes the warning, and is confirmed meanwhile", async (t) => {
  const { page, warning } = warned(t, left(100, { can_stay: true }))
  await warning.check()
  page.responses["POST /auth/stay"] = left(3_600)
  warning.stay.focus()
  warning.stay.click()
  await settled()
  assert.deepEqual([warning.message.textContent, warning.stay.hidden], ["You stay signed in.", true])
  assert.equal(page.focused, warning.message)
  page.timers.pass(4_000)
  assert.equal(warning.message.textContent, "")
})

test("a request to stay signed in that failed is reported", async (t) => {
  const { page, warning } = warned(t, left(100, { can_stay: true }))
  await warning.check()
  page.responses["POST /auth/stay"] = new TypeError("offline")
  warning.stay.click()
  await settled()
  assert.match(warning.message.textContent, /That did not work/)
  assert.equal(warning.stay.getAttribute("aria-disabled"), null)
})

test("a session that has ended leads to the page that explains it, and the other tabs are notified", async (t) => {
  const { page, posted, warning } = warned(t, { status: 401 })
  await warning.check()
  assert.deepEqual([posted, page.went], [["ended"], ["assign /auth/ended?return_to=%2Freports%3Fx%3D1"]])
})

test("a session that has expired and can be resumed locks the page", async (t) => {
  const { page, warning } = warned(t, { authenticated: false, expired: true })
  await warning.check()
  assert.deepEqual([page.body.find("st-key-expiry-overlay")?.isConnected, page.went], [true, []])
  const { hideOverlay } = await load("expiry-overlay")
  hideOverlay()
})

test("another session in this browser reloads the page", async (t) => {
  const { page, warning } = warned(t, left(3_000, { session: "another" }))
  await warning.check()
  assert.deepEqual(page.went, ["reload"])
})

test("input is reported with the page to which it led, a moment later", async (t) => {
  const { page, warning } = warned(t, left(3_000))
  page.responses["POST /auth/active"] = left(3_600)
  void warning.reportActivity()
  page.window.location.pathname = "/files"
  page.timers.pass(1_000)
  await settled()
  assert.deepEqual(page.requests.map(({ target, body }) => [target, body]), [["POST /auth/active", '{"page":"/files"}']])
})

test("nothing is target after it was stopped", async (t) => {
  const { page, warning } = warned(t, left(3_000))
  warning.stop()
  page.timers.pass(600_000)
  page.window.dispatchEvent(new Event("online"))
  page.document.dispatchEvent(new Event("visibilitychange"))
  await settled()
  assert.equal(page.requests.length, 0)
})
