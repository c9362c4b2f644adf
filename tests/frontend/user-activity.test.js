// Which input of the user is reported.

import assert from "node:assert/strict"
import { test } from "node:test"
import { load } from "./front-end.js"

const { UserActivity } = await load("user-activity")

/** Activity with a clock and a page that a test moves. */
function watched(t, report = async () => {}) {
  const listeners = new Map()
  const reports = []
  const state = { now: 0, visible: "visible", active: false, poll: () => {} }
  const activity = new UserActivity(
    () => {
      reports.push(state.now)
      return report()
    },
    () => state.now,
  )
  const over = new AbortController()
  t.mock.method(globalThis, "setInterval", (act) => void (state.poll = act))
  const navigator = { userActivation: { get isActive() { return state.active } } }
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: navigator })
  const target = { addEventListener: (name, listener) => listeners.set(name, listener) }
  activity.listen(target, { get visibilityState() { return state.visible } }, over.signal, (event) => !event.own)
  return { activity, reports, state, fire: (name, event) => listeners.get(name)(event) }
}

test("input of the user is reported, at most once a minute, and events that a script creates are not", (t) => {
  const { reports, state, fire } = watched(t)
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

test("with a short idle lifetime it is reported more often", (t) => {
  const { activity, reports, state, fire } = watched(t)
  activity.pauseMs = 6_000
  for (state.now = 0; state.now <= 12_000; state.now += 1_000) fire("click", { isTrusted: true })
  assert.deepEqual(reports, [0, 6_000, 12_000])
})

test("input inside a frame shows by the page's activation, while the page is visible", (t) => {
  const { reports, state } = watched(t)
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

test("after a report that failed, input is reported a little later", async (t) => {
  const { reports, state, fire } = watched(t, () => Promise.reject(new Error("offline")))
  fire("click", { isTrusted: true })
  await Promise.resolve()
  await Promise.resolve()
  state.now = 4_999
  fire("click", { isTrusted: true })
  state.now = 5_000
  fire("click", { isTrusted: true })
  assert.deepEqual(reports, [0, 5_000])
})
