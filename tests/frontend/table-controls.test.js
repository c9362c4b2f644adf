// The controls around the rows of a table.

import assert from "node:assert/strict"
import { test } from "node:test"
import { load } from "./front-end.js"
import { byId, change, tableData, tablePage } from "./table-page.js"

const { actionButton, pageControls, selectionBar, sortControl, tableHead } = await load("table-controls")

/** A view that records what is sent, on a new page. */
function recorded() {
  const { page } = tablePage()
  const sent = []
  const view = {
    selectAllBox: page.element("input"),
    send: (...event) => void sent.push(event),
    turn: (direction) => void sent.push(["turn", direction]),
  }
  return { page, sent, view }
}

test("a header that sorts is a button, and says the present order", () => {
  const { sent, view } = recorded()
  for (const [descending, order] of [[false, "ascending"], [true, "descending"]]) {
    const head = tableHead(view, tableData({ sort: { key: "seen", descending } }))
    const [, name, seen, actions] = head.querySelectorAll("th")
    assert.deepEqual([name.getAttribute("aria-sort"), seen.getAttribute("aria-sort")], [null, order])
    assert.deepEqual([actions.textContent, actions.children[0].className], ["Actions", "hidden-text"])
    byId(head, "sort-name").click()
  }
  assert.deepEqual(sent, [["sort", "name"], ["sort", "name"]])
})

test("the header has the roles of a table, and a column without an order no button", () => {
  const { view } = recorded()
  const columns = [{ key: "name", label: "<b>Name</b>" }, { key: "more", label: "More", hideLabel: true }]
  const head = tableHead(view, tableData({ columns, selects: false, rowActions: [] }))
  assert.equal(head.getAttribute("role"), "rowgroup")
  assert.equal(head.children[0].getAttribute("role"), "row")
  const cells = head.querySelectorAll("th")
  assert.deepEqual(cells.map((cell) => [cell.scope, cell.getAttribute("role"), cell.textContent]), [
    ["col", "columnheader", "<b>Name</b>"],
    ["col", "columnheader", "More"],
  ])
  assert.deepEqual(cells.map((cell) => cell.children[0].className), ["", "hidden-text"])
  assert.deepEqual(head.querySelectorAll("button"), [])
})

test("a narrow table sorts by a choice of its columns", () => {
  const { sent, view } = recorded()
  const [label, select] = sortControl(view, tableData())
  assert.equal(label.textContent, "Sort by")
  assert.deepEqual(select.children.map(({ value, selected, textContent }) => [value, selected, textContent]), [
    ["name", true, "Name"],
    ["seen", false, "Last seen"],
  ])
  change(select, { value: "seen" })
  assert.deepEqual(sent, [["sort", "seen"]])
})

test("the bar says how many rows are selected, and offers what can be done with them", () => {
  const { sent, view } = recorded()
  const [text, grant, clear] = selectionBar(view, tableData(), 1200)
  assert.deepEqual([text.textContent, text.getAttribute("role")], ["1,200 selected", "status"])
  assert.deepEqual([grant.id, clear.id], ["bulk-grant", "bulk-clear"])
  grant.click()
  clear.click()
  assert.deepEqual(sent, [["grant", ""], ["clear", ""]])
})

test("pages are turned, and sized, where there are several", () => {
  const { sent, view } = recorded()
  const [range, label, turn] = pageControls(view, tableData())
  assert.deepEqual([range.textContent, range.getAttribute("role")], ["1 to 3 of 9 people", "status"])
  const [previous, next] = turn.children
  assert.deepEqual([previous.getAttribute("aria-disabled"), next.getAttribute("aria-disabled")], ["true", null])
  assert.equal(previous.disabled, undefined, "a button that is disabled would lose the focus")
  previous.click()
  next.click()
  const size = byId(label, "page-size")
  assert.deepEqual(size.children.map(({ textContent, selected }) => [textContent, selected]), [["3", true], ["50", false]])
  change(size, { value: "50" })
  assert.deepEqual(sent, [["turn", "next"], ["size", "50"]])
})

test("one page shows its range only, and a table without pages nothing", () => {
  const { view } = recorded()
  const pages = { text: "3 people", previous: false, next: false, size: 3, sizes: [] }
  assert.deepEqual(pageControls(view, tableData({ pages })).map((part) => part.textContent), ["3 people"])
  assert.deepEqual(pageControls(view, tableData({ pages: null })), [])
})

test("a dangerous action looks like it, and its label is text", () => {
  recorded()
  const button = actionButton({ name: "x", label: "<i>Erase</i>", danger: true }, "x-1", () => {})
  assert.deepEqual([button.type, button.id, button.textContent], ["button", "x-1", "<i>Erase</i>"])
  assert.ok(button.classes.includes("danger"))
  const compact = actionButton({ name: "x", label: "Grant…", icon: "add", compact: true }, "x-2", () => {})
  assert.deepEqual([compact.title, compact.classes.includes("compact")], ["Grant…", true])
})

test("an action for a number of rows is offered only while so many are selected", () => {
  tablePage()
  const sent = []
  const view = { send: (...event) => sent.push(event) }
  const bulk = [{ name: "compare", label: "Compare", rows: 2 }, { name: "end", label: "End" }]
  const buttons = (count) => selectionBar(view, { bulk }, count).slice(1, 3)
  for (const count of [1, 2, 3]) for (const button of buttons(count)) button.click()
  assert.deepEqual(sent, [["end", ""], ["compare", ""], ["end", ""], ["end", ""]])
  assert.deepEqual([1, 2, 3].map((count) => buttons(count)[0].getAttribute("aria-disabled")), ["true", null, "true"])
  assert.equal(buttons(1)[0].title, "Select 2 rows")
})
