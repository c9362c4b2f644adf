// Leaving the page, and loading it again.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"

const { currentPage, goToSessionEnd, reloadOnce } = await load("navigation")

test("a page is reloaded, but not again just after it was", (t) => {
  const page = fakePage()
  let [type, now] = ["navigate", 0]
  t.mock.method(performance, "getEntriesByType", () => [{ type }])
  t.mock.method(performance, "now", () => now)
  reloadOnce()
  assert.deepEqual(page.went, ["reload"])
  type = "reload"
  now = 10_000
  reloadOnce()
  assert.deepEqual(page.went, ["reload"])
  now = 10_001
  reloadOnce()
  assert.deepEqual(page.went, ["reload", "reload"])
})

test("the page that explains the end of a session leads back here, query included", () => {
  const page = fakePage({ pathname: "/reports", search: "?range=7+days" })
  assert.equal(currentPage(), "/reports?range=7+days")
  goToSessionEnd()
  assert.deepEqual(page.went, ["assign /auth/ended?return_to=%2Freports%3Frange%3D7%2Bdays"])
})
