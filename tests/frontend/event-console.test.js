// The event console.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"
import { settled } from "./timers.js"

const { ChannelError } = await load("event-channel")
const { EventConsole, readable } = await load("event-console")

test("a response is shown as it is, JSON with its lines broken", () => {
  assert.equal(readable('{"a":[1]}'), '{\n  "a": [\n    1\n  ]\n}')
  assert.equal(readable("<b>no</b>"), "<b>no</b>")
})

const CALLS = [{ name: "Pong", method: "GET", path: "/api/pong", body: "" }]

/** A console whose host replies as a test says. */
function drawn(reply = null) {
  const page = fakePage()
  const events = []
  const channel = {
    emit: async (name, data, options = {}) => {
      events.push([name, data, options])
      if (reply instanceof Error) throw reply
      return reply
    },
  }
  const view = new EventConsole(channel)
  view.draw({ account: null, console: { calls: CALLS } })
  const press = async (name) => {
    view.element.find(name).click()
    await settled()
    return view.status.textContent
  }
  return { channel, events, page, press, view }
}

test("the state of the session is reported when it changes, as a background event", () => {
  const { events, view } = drawn()
  view.draw({ account: null, console: { calls: CALLS } })
  view.draw({ account: { name: "Ann", validUntil: "2031" }, console: { calls: CALLS } })
  assert.deepEqual(events, [
    ["onStatusUpdate", { signedIn: false, person: "", validUntil: "" }, { background: true }],
    ["onStatusUpdate", { signedIn: true, person: "Ann", validUntil: "2031" }, { background: true }],
  ])
})

test("a call is requested with or without the token, and its response is shown", async () => {
  const web = { status: 200, contentType: "application/json", body: '{"a":1}', elapsedMs: 12.3, complete: false }
  const { events, press, view } = drawn({ web })
  assert.equal(view.call.textContent, "Pong (GET /api/pong)")
  view.call.value = "0"
  assert.equal(await press("ask"), "The API answered 200 after 12 ms. Only its beginning is shown.")
  assert.deepEqual([view.body.textContent, view.body.hidden], ['{\n  "a": 1\n}', false])
  view.token.checked = false
  await press("ask")
  const expected = { action: "WebRequest", method: "GET", path: "/api/pong", body: "" }
  const requests = events.slice(1).map(([, data]) => data)
  assert.deepEqual(requests, [{ ...expected, withToken: true }, { ...expected, withToken: false }])
})

test("reports, errors and requests for a sign-in are sent", async () => {
  const { events, page, press, view } = drawn()
  assert.equal(await press("report"), "The host has taken note.")
  view.element.find("title").value = " "
  assert.equal(await press("report"), "Give the report a title first.")
  await press("burst")
  await press("error")
  await press("auth")
  const names = events.slice(1).map(([name]) => name)
  assert.deepEqual(names, [...Array(6).fill("onAdhocReport"), "onError", "onActionRequest"])
  assert.deepEqual(events.at(-1)[1], { action: "AppAuthRequest", mode: "redirect", returnTo: "/reports?x=1" })
  assert.deepEqual(page.went, [])
})

test("the host's address is followed if it is one of this app", async () => {
  for (const [goTo, went] of [["/auth/login", ["assign /auth/login"]], ["https://evil.example", []]]) {
    const { page, press } = drawn({ goTo })
    await press("auth")
    assert.deepEqual(page.went, went)
  }
})

test("an error is shown in its own words, if it is one of the channel", async () => {
  const refused = drawn(new ChannelError("not-allowed", "Not that one."))
  assert.equal(await refused.press("error"), "Not that one.")
  assert.equal(await drawn(new TypeError("x is undefined")).press("error"), "That did not work.")
  refused.channel.onChannelError(new ChannelError("wrong-shape", "No."))
  assert.equal(refused.view.status.textContent, "No.")
})
