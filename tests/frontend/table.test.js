// The component of a table.

import assert from "node:assert/strict"
import { test } from "node:test"
import { load } from "./front-end.js"
import { tablePage } from "./table-page.js"

const { default: drawTable } = await load("table")

test("a table is drawn again in its place, and removed with its timers", () => {
  const { args, page, parentElement } = tablePage()
  drawTable(args())
  const [style, root] = parentElement.children
  assert.deepEqual([style.tag, root.className], ["style", "gatehouse-table folds"])
  const cleanUp = drawTable(args({ rows: [] }))
  assert.deepEqual(parentElement.children, [style, root])
  assert.equal(root.querySelector("tr.opens"), null)
  cleanUp()
  assert.deepEqual([parentElement.children, page.timers.waiting.size], [[], 0])
})

test("after its removal a table is drawn as a new one", () => {
  const { args, page, parentElement } = tablePage()
  drawTable(args())()
  const cleanUp = drawTable(args())
  assert.equal(parentElement.children.length, 2)
  assert.equal(page.timers.waiting.size, 1)
  cleanUp()
})

test("two tables of a page keep to themselves", () => {
  const first = tablePage()
  const cleanUpFirst = drawTable(first.args())
  const place = first.page.element()
  first.page.body.append(place)
  const parentElement = place.attachShadow()
  const cleanUpSecond = drawTable({ ...first.args({ rows: [] }), parentElement })
  cleanUpFirst()
  assert.deepEqual([first.parentElement.children.length, parentElement.children.length], [0, 2])
  cleanUpSecond()
})
