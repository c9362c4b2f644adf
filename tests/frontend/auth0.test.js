// The entry, which Streamlit calls.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"

const { default: draw } = await load("auth0")

const drawn = (parentElement, data) => draw({ parentElement, data: { returnTo: "/", account: null, ...data } })

test("it is a function", () => {
  assert.equal(typeof draw, "function")
})

test("one view is drawn in one place until it is of another kind", () => {
  const page = fakePage({ responses: { "GET /auth/session": { status: 401 } } })
  drawn(page.body, {})
  const link = page.body.find("st-key-sign-in")
  drawn(page.body, {})
  assert.equal(page.body.find("st-key-sign-in"), link)
  const cleanup = drawn(page.body, { anotherAccount: true })
  assert.deepEqual([page.body.all("st-key-sign-in").length, page.body.all("st-key-another-account").length], [0, 1])
  cleanup()
  assert.equal(page.body.children.length, 0)
})

test("the overlay is shown and removed as the server says", () => {
  const page = fakePage()
  drawn(page.element(), { locked: true })
  assert.equal(page.body.all("st-key-expiry-overlay").length, 1)
  drawn(page.element(), { locked: false })
  assert.equal(page.body.all("st-key-expiry-overlay").length, 0)
})

test("an overlay whose element a run removes asks the server", () => {
  const page = fakePage({ responses: { "GET /auth/session": { authenticated: false, expired: true } } })
  const cleanup = drawn(page.element(), { locked: true })
  assert.equal(page.requests.length, 0)
  cleanup()
  assert.deepEqual(page.requests.map(({ target }) => target), ["GET /auth/session"])
  drawn(page.element(), { locked: false })
})
