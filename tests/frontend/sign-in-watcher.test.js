// A page of an anonymous user notices a sign-in elsewhere.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"
import { settled } from "./timers.js"

const { BrowserTabs } = await load("browser-tabs")
const { SignInWatcher } = await load("sign-in-watcher")

const SIGNED_IN = { authenticated: true }

function watching() {
  const page = fakePage({ responses: { "GET /auth/session": { status: 401 } } })
  const tabs = new BrowserTabs("tabs")
  const watcher = new SignInWatcher(tabs, () => page.went.push("before"))
  return { page, tabs, watcher }
}

test("by its heartbeat, while the server says that the user is anonymous the page stays", async () => {
  const { page } = watching()
  page.timers.pass(20_000)
  await settled()
  assert.deepEqual([page.requests.length, page.went], [1, []])
  page.responses["GET /auth/session"] = new TypeError("offline")
  page.timers.pass(20_000)
  await settled()
  page.responses["GET /auth/session"] = SIGNED_IN
  page.timers.pass(20_000)
  await settled()
  assert.deepEqual([page.requests.length, page.went], [3, ["before", "reload"]])
})

test("at once when another tab reports a sign-in, and when the page is looked at again", async () => {
  const { page, tabs } = watching()
  const arrive = (kind) => page.channels[0].dispatchEvent(Object.assign(new Event("message"), { data: { kind } }))
  arrive("ended")
  assert.equal(page.requests.length, 0)
  arrive("signed-in")
  await settled()
  page.document.dispatchEvent(new Event("visibilitychange"))
  await settled()
  page.window.dispatchEvent(new Event("focus"))
  await settled()
  page.window.dispatchEvent(new Event("online"))
  await settled()
  assert.equal(page.requests.length, 4)
  assert.equal(tabs.listeners.size, 1)
})

test("never after it was stopped", async () => {
  const { page, tabs, watcher } = watching()
  page.responses["GET /auth/session"] = SIGNED_IN
  void watcher.check()
  watcher.stop()
  await settled()
  page.timers.pass(60_000)
  page.window.dispatchEvent(new Event("focus"))
  await settled()
  assert.deepEqual([page.requests.length, page.went, tabs.listeners.size], [1, [], 0])
})
