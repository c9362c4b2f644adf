// The component's styles.

import assert from "node:assert/strict"
import { test } from "node:test"
import { load } from "./front-end.js"

const { STYLE } = await load("style")

test("nothing is loaded for them, and every rule is closed", () => {
  assert.doesNotMatch(STYLE, /url\(|@import/)
  assert.equal(STYLE.split("{").length, STYLE.split("}").length)
})
