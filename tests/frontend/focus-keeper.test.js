// Where a lost focus goes.

import assert from "node:assert/strict"
import { test } from "node:test"
import { load } from "./front-end.js"

const { FocusKeeper } = await load("focus-keeper")

/** A page whose control with the focus a test removes. */
function kept(t, places = {}) {
  const listeners = new Map()
  const body = {}
  const state = { focused: [], running: false, mutated: () => {} }
  globalThis.document = {
    activeElement: body,
    addEventListener: (name, listener) => listeners.set(name, listener),
    body,
    querySelector: (selector) => (selector.includes("script-state") ? (state.running ? {} : null) : (places[selector] ?? null)),
  }
  globalThis.MutationObserver = class {
    constructor(callback) {
      state.mutated = callback
    }
    observe() {}
  }
  t.mock.timers.enable({ apis: ["setTimeout"] })
  const keeper = new FocusKeeper()
  keeper.start()
  const fire = (name, target) => listeners.get(name)({ target })
  const remove = (control) => {
    control.isConnected = false
    state.mutated()
    t.mock.timers.tick(1_000)
  }
  return { fire, remove, state }
}

const control = (key = "") => ({
  closest: () => (key ? { className: `element st-key-${key} other` } : null), isConnected: true, localName: "button",
})
const place = () => ({ focus() { this.isFocused = true } })
const [NOTICE, HEADING] = [".st-key-notice:not(:empty)", "[data-testid=stMain] h1"]

test("the focus goes to the same widget, to the notice, or to the heading", (t) => {
  const all = { ".st-key-block button": place(), [NOTICE]: place(), [HEADING]: place() }
  for (const name of Object.keys(all)) {
    const { fire, remove } = kept(t, all)
    const lost = control("block")
    fire("focusin", lost)
    remove(lost)
    assert.equal(all[name].isFocused, true, name)
    assert.equal(all[name].tabIndex, name.includes("button") ? undefined : -1)
    delete all[name]
    t.mock.timers.reset()
  }
})

test("it stays where it is while the page is drawn, when another has it, and for a user of a mouse", (t) => {
  const heading = place()
  const { fire, remove, state } = kept(t, { [HEADING]: heading })
  const [first, second, third] = [control(), control(), control()]
  fire("focusin", first)
  state.running = true
  remove(first)
  state.running = false
  fire("focusin", second)
  document.activeElement = {}
  remove(second)
  document.activeElement = document.body
  fire("focusin", third)
  fire("pointerdown", document.body)
  remove(third)
  assert.equal(heading.isFocused, undefined)
})

test("a focus that Streamlit returns in time is left alone", (t) => {
  const heading = place()
  const { fire, state } = kept(t, { [HEADING]: heading })
  const lost = control()
  fire("focusin", lost)
  lost.isConnected = false
  state.mutated()
  t.mock.timers.tick(100)
  fire("focusin", control())
  t.mock.timers.tick(1_000)
  assert.equal(heading.isFocused, undefined)
})
