// The other tabs of this browser.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage, setGlobal } from "./fake-page.js"
import { load } from "./front-end.js"

const { BrowserTabs, browserTabs } = await load("browser-tabs")

test("there is one channel for each name, and none without a name", () => {
  const page = fakePage()
  assert.equal(browserTabs(""), undefined)
  assert.equal(browserTabs("one"), browserTabs("one"))
  assert.notEqual(browserTabs("one"), browserTabs("two"))
  assert.deepEqual(page.channels.map(({ name }) => name), ["one", "two"])
})

test("a message of another tab reaches every listener until it stops, and what is no message reaches none", () => {
  const page = fakePage()
  const tabs = new BrowserTabs("one")
  const [first, second] = [[], []]
  const stopped = new AbortController()
  tabs.listen((message) => first.push(message), stopped.signal)
  tabs.listen((message) => second.push(message), new AbortController().signal)
  const arrive = (data) => page.channels[0].dispatchEvent(Object.assign(new Event("message"), { data }))
  for (const data of [null, "ended", { kind: 5 }, {}]) arrive(data)
  arrive({ kind: "ended" })
  stopped.abort()
  arrive({ kind: "rights", value: "b" })
  assert.deepEqual([first, second], [[{ kind: "ended" }], [{ kind: "ended" }, { kind: "rights", value: "b" }]])
  tabs.post({ kind: "signed-out" })
  assert.deepEqual(page.channels[0].posted, [{ kind: "signed-out" }])
})

test("without such channels, or with a closed one, nothing fails", () => {
  fakePage()
  setGlobal("BroadcastChannel", class {
    constructor() {
      throw new DOMException("", "SecurityError")
    }
  })
  new BrowserTabs("one").post({ kind: "ended" })
  setGlobal("BroadcastChannel", class extends EventTarget {
    postMessage() {
      throw new DOMException("", "InvalidStateError")
    }
  })
  new BrowserTabs("one").post({ kind: "ended" })
})
