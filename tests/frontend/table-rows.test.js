// The rows of a table.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"
import { byId, change, tableData, tablePage } from "./table-page.js"

const { tableBody } = await load("table-rows")

/** The rows of a table on a new page, and what they send. */
function drawn(more = {}) {
  const { page } = tablePage()
  const sent = []
  const view = { send: (...event) => void sent.push(event), select: (...event) => void sent.push(["select", ...event]) }
  const body = tableBody(view, tableData(more))
  return { body, page, sent, rows: body.children }
}

test("rows and cells have the roles of a table, also where it is laid out as blocks", () => {
  const { body, rows } = drawn()
  assert.equal(body.getAttribute("role"), "rowgroup")
  assert.deepEqual(rows.map((row) => [row.getAttribute("role"), row.dataset.row]), [["row", "1"], ["row", "2"], ["row", "3"]])
  for (const cell of body.querySelectorAll("td")) assert.equal(cell.getAttribute("role"), "cell")
})

test("a narrow table names the column before each cell but the first", () => {
  const { rows } = drawn()
  const [, first, seen] = rows[0].children
  assert.deepEqual([first.dataset.label, seen.dataset.label], [undefined, "Last seen"])
  assert.deepEqual([first.classes, seen.classes], [["first"], ["short", "labelled", "late"]])
  assert.ok(rows[2].children[2].classes.includes("blank"))
})

test("a cell beyond the columns is not shown", () => {
  const { rows } = drawn({ columns: [{ key: "name", label: "Name" }], selects: false, rowActions: [] })
  assert.deepEqual(rows.map((row) => row.children.length), [1, 1, 1])
})

test("a box selects its row, and says which", () => {
  const { rows, sent } = drawn()
  const box = rows[1].querySelector("input")
  assert.deepEqual([box.type, box.id, box.getAttribute("aria-label")], ["checkbox", "select-2", "Select Bob"])
  change(box, { checked: true })
  change(box, { checked: false })
  assert.deepEqual(sent, [["select", "2", true], ["select", "2", false]])
  assert.equal(drawn({ selects: false }).body.querySelector("input"), null)
})

test("the link of a row opens it, and a click with a modifier or another button is the browser's", () => {
  const { rows, sent } = drawn()
  const link = byId(rows[0], "open-1")
  assert.deepEqual([link.tag, link.href, link.textContent], ["a", "?person=1", "Ann"])
  for (const key of ["ctrlKey", "metaKey", "shiftKey", "altKey"]) assert.equal(link.click({ [key]: true }), false)
  assert.equal(link.click({ button: 1 }), false)
  assert.deepEqual(sent, [])
  assert.equal(link.click(), true)
  assert.deepEqual(sent, [["open", "1"]])
})

test("a click anywhere in a row opens it, but not one in a control, nor the end of selecting text", () => {
  const { page, rows, sent } = drawn()
  const clicked = (row, ...path) => row.click({ composedPath: () => [...path, row] })
  for (const selector of ["a", "button", "label", "td.select"]) clicked(rows[0], rows[0].querySelector(selector))
  page.selectedText = "Ann"
  clicked(rows[0], rows[0].querySelector("td.first"))
  page.selectedText = ""
  clicked(rows[2], rows[2].querySelector("td.first"))
  assert.deepEqual(sent, [])
  clicked(rows[0], rows[0].querySelector("td.first"))
  assert.deepEqual(sent, [["open", "1"]])
})

test("a row that opens nothing has no link", () => {
  const { rows } = drawn()
  assert.deepEqual([rows[2].querySelector("a"), rows[2].classes], [null, []])
  assert.ok(rows[0].classes.includes("opens"))
})

test("a row offers its own actions only, named with what it is about", () => {
  const { rows, sent } = drawn()
  assert.deepEqual(rows.map((row) => row.querySelectorAll("button").length), [1, 0, 0])
  const button = rows[0].querySelector("button")
  assert.deepEqual([button.id, button.getAttribute("aria-label")], ["revoke-1", "Revoke: Ann"])
  button.click()
  assert.deepEqual(sent, [["revoke", "1"]])
  assert.deepEqual(drawn({ rowActions: [] }).body.querySelectorAll("button"), [])
})

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
