// The cells of a table.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"

const { cellContent } = await load("table-cells")

test("a mark is a sign to see, and a word to hear", () => {
  fakePage()
  for (const [mark, sign, word] of [[true, "check", "yes"], [false, "\u2013", "no"]]) {
    const [visible, hidden, ...more] = cellContent({ mark })
    assert.deepEqual([visible.textContent, visible.getAttribute("aria-hidden")], [sign, "true"])
    assert.deepEqual([hidden.textContent, hidden.className, more], [word, "hidden-text", []])
  }
  assert.deepEqual(cellContent({}), [])
})
