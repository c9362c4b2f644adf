// A table in its frame.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"

const { tableHead } = await load("table-controls")
const { TableView } = await load("table-view")

test("a table that scrolls has a frame with the focus, and whole headers on hover", () => {
  fakePage()
  const columns = [{ key: "name", label: "Page" }, { key: "role", label: "A role with a long name", kind: "mark" }]
  const head = tableHead({}, { columns, rowActions: [], scrolls: true })
  const [first, second] = head.children[0].children
  assert.deepEqual([first.classes, first.title], [["first"], "Page"])
  assert.deepEqual([second.classes, second.title], [["mark"], "A role with a long name"])
  const view = new TableView(fakePage().body)
  view.setScrolling(true, "Pages")
  assert.deepEqual([view.frame.tabIndex, view.frame.getAttribute("aria-label")], [0, "Pages"])
  assert.ok(view.root.classes.includes("scrolls"))
  view.setScrolling(false, "Pages")
  assert.ok(view.root.classes.includes("folds"))
  view.stop()
})
