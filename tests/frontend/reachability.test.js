// Whether the app answers.

import assert from "node:assert/strict"
import { test } from "node:test"
import { load } from "./front-end.js"
import { settled, Timers } from "./timers.js"

const { Reachability } = await load("reachability")

/** A `Reachability` whose requests end as `outcomes` says, the last one again and again; records them. */
function reaching(...outcomes) {
  const timers = new Timers()
  const paths = []
  const request = (path) => {
    paths.push(path)
    const outcome = outcomes.length > 1 ? outcomes.shift() : outcomes[0]
    return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome)
  }
  return { paths, timers, reachability: new Reachability(request, timers) }
}

test("only a request that fails proves that the app does not answer", async (context) => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator") ?? { configurable: true, value: undefined }
  context.after(() => Object.defineProperty(globalThis, "navigator", before))
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { onLine: false } })
  for (const status of [200, 401, 404, 502]) {
    assert.equal(await reaching({ status }).reachability.isReachable(), true)
  }
  for (const error of [new TypeError("Failed to fetch"), new DOMException("", "TimeoutError")]) {
    assert.equal(await reaching(error).reachability.isReachable(), false)
  }
})

test("an app that does not answer is probed again, until it does, and that is reported once", async () => {
  const { paths, timers, reachability } = reaching(new TypeError(), new TypeError(), { status: 401 })
  let calls = 0
  reachability.wait(() => calls++)
  for (const expected of [[1, 0], [2, 0], [3, 1], [3, 1]]) {
    timers.pass(3_000)
    await settled()
    assert.deepEqual([paths.length, calls], expected)
  }
  assert.deepEqual(new Set(paths), new Set(["/auth/session"]))
})

test("a network that comes back is probed at once, and not while nothing waits for it", async () => {
  const { paths, reachability } = reaching({ status: 200 })
  await reachability.probe()
  assert.equal(paths.length, 0)
  let calls = 0
  reachability.wait(() => calls++)
  await reachability.probe()
  assert.deepEqual([paths.length, calls], [1, 1])
  reachability.wait(() => calls++)
  const probe = reachability.probe()
  reachability.stop()
  await probe
  assert.equal(calls, 1)
})
