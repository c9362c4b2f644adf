// Which cell of a table's row is its link.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"

const { tableBody } = await load("table-rows")

/** The rows of a table with two columns, as lists of cells, and what is sent. */
function rowsOf(columns, row) {
  const page = fakePage()
  page.window.getSelection = () => null
  const sent = []
  const view = { send: (kind, value) => sent.push([kind, value]) }
  const data = { columns, rows: [{ id: "7", label: "Row", ...row }], rowActions: [], selects: false }
  const [body] = [tableBody(view, data)]
  const [cells] = body.children.map((element) => element.children)
  return { cells, sent }
}

const CELLS = [{ text: "first" }, { text: "second" }]

test("the first column opens the row unless another one does", () => {
  for (const [columns, opening] of [[[{ label: "A" }, { label: "B" }], 0], [[{ label: "A" }, { label: "B", opens: true }], 1]]) {
    const { cells, sent } = rowsOf(columns, { href: "?row=7", cells: CELLS })
    assert.deepEqual(cells.map((cell) => cell.find("open")?.textContent), opening ? [undefined, "second"] : ["first", undefined])
    assert.equal(cells[opening].find("open").href, "?row=7")
    assert.ok(cells[opening].classes.includes("first"))
    cells[opening].find("open").click()
    assert.deepEqual(sent, [["open", "7"]])
  }
})

test("neither the link nor the first cell of a narrow table has the column's name before it", () => {
  const columns = [{ label: "A" }, { label: "B", opens: true }, { label: "C" }]
  const { cells } = rowsOf(columns, { href: "?row=7", cells: [...CELLS, { text: "third" }] })
  assert.deepEqual(cells.map((cell) => cell.dataset.label), [undefined, undefined, "C"])
})

test("a row that does not open has no link", () => {
  const { cells } = rowsOf([{ label: "A" }, { label: "B", opens: true }], { cells: CELLS })
  assert.deepEqual(cells.map((cell) => cell.find("open")), [undefined, undefined])
})
