// What can be done with the selected rows of a table.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"

const { selectionBar } = await load("table-controls")

test("an action for a number of rows is offered only while so many are selected", () => {
  fakePage()
  const sent = []
  const view = { send: (...event) => sent.push(event) }
  const bulk = [{ name: "compare", label: "Compare", rows: 2 }, { name: "end", label: "End" }]
  const buttons = (count) => selectionBar(view, { bulk }, count).slice(1, 3)
  for (const count of [1, 2, 3]) for (const button of buttons(count)) button.click()
  assert.deepEqual(sent, [["end", ""], ["compare", ""], ["end", ""], ["end", ""]])
  assert.deepEqual([1, 2, 3].map((count) => buttons(count)[0].getAttribute("aria-disabled")), ["true", null, "true"])
  assert.equal(buttons(1)[0].title, "Select 2 rows")
})
