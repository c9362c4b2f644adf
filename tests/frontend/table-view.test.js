// The table in one place of the page.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"
import { byId, change, tablePage } from "./table-page.js"

const { TableView } = await load("table-view")
const { tableHead } = await load("table-controls")

/** A table that is drawn, and drawn again by `draw`. */
function drawn(t, more = {}) {
  const { args, page, parentElement, sent } = tablePage()
  const view = new TableView(parentElement)
  t.after(() => view.stop())
  const draw = (values) => view.draw(args({ ...more, ...values }))
  draw({})
  const control = (id) => byId(view.root, id)
  const press = (key) => {
    const event = Object.assign(new Event("keydown", { cancelable: true }), { key })
    view.root.dispatchEvent(event)
    return event.defaultPrevented
  }
  return { control, draw, page, press, sent, view }
}

const selectedRows = (view) => view.frame.querySelectorAll("tr.selected").map((row) => row.dataset.row)
const checked = (view) => [view.selectAllBox.checked, view.selectAllBox.indeterminate]

test("the table has a name and the role of a table, and its labels are text", (t) => {
  const { view } = drawn(t, { label: "<b>People</b>" })
  const table = view.frame.querySelector("table")
  assert.equal(table.getAttribute("role"), "table")
  assert.deepEqual([table.children[0].tag, table.children[0].textContent], ["caption", "<b>People</b>"])
  assert.deepEqual([view.bar.getAttribute("role"), view.bar.getAttribute("aria-label")], ["group", "Selected rows"])
})

test("each event has an id of its own", (t) => {
  const { control, sent } = drawn(t)
  control("sort-seen").click()
  control("sort-seen").click()
  control("revoke-1").click()
  assert.deepEqual(sent.map(({ name, kind, value }) => [name, kind, value]), [
    ["event", "sort", "seen"], ["event", "sort", "seen"], ["event", "revoke", "1"],
  ])
  assert.equal(new Set(sent.map(({ id }) => id)).size, 3)
})

test("rows are selected one by one or all, and the box of all says which", (t) => {
  const { control, sent, view } = drawn(t)
  assert.deepEqual([checked(view), view.bar.hidden], [[false, false], true])
  change(control("select-2"), { checked: true })
  assert.deepEqual([selectedRows(view), checked(view)], [["2"], [false, true]])
  assert.deepEqual([view.bar.hidden, view.bar.children[0].textContent], [false, "1 selected"])
  change(view.selectAllBox, { checked: true })
  assert.deepEqual([selectedRows(view), checked(view)], [["1", "2", "3"], [true, false]])
  change(control("select-1"), { checked: false })
  assert.deepEqual(checked(view), [false, true])
  change(view.selectAllBox, { checked: false })
  assert.deepEqual([selectedRows(view), checked(view), view.bar.hidden], [[], [false, false], true])
  assert.deepEqual(sent.map(({ name, page, ids }) => [name, page, ids]), [
    ["selection", "0", ["2"]], ["selection", "0", ["1", "2", "3"]], ["selection", "0", ["2", "3"]], ["selection", "0", []],
  ])
  assert.equal(new Set(sent.map(({ id }) => id)).size, 4)
})

test("the bar counts the selected rows of other pages too", (t) => {
  const { draw, view } = drawn(t, { selected: ["1"], selectedElsewhere: 25 })
  assert.equal(view.bar.children[0].textContent, "26 selected")
  draw({ selected: [] })
  assert.deepEqual([view.bar.children[0].textContent, view.bar.hidden], ["25 selected", false])
})

test("a draw from before a selection does not undo it, one from after it does", (t) => {
  const { control, draw, sent, view } = drawn(t)
  change(control("select-2"), { checked: true })
  draw({ selected: [] })
  assert.deepEqual([selectedRows(view), control("select-2").checked], [["2"], true])
  draw({ selected: ["2"], handledSelection: sent[0].id })
  draw({ selected: [], handledSelection: sent[0].id })
  assert.deepEqual([selectedRows(view), control("select-2").checked], [[], false])
})

test("a draw of the same rows keeps their elements, so that a press that started ends where it started", (t) => {
  const { control, draw, sent, view } = drawn(t)
  change(control("select-2"), { checked: true })
  const ids = ["select-1", "open-1", "sort-name", "page-size", "bulk-grant"]
  const elements = ids.map(control)
  draw({ selected: ["2"], handledSelection: sent[0].id })
  assert.deepEqual([selectedRows(view), control("select-2").checked], [["2"], true])
  ids.forEach((id, number) => assert.equal(control(id), elements[number], id))
  change(control("select-1"), { checked: true })
  assert.equal(view.bar.children[0].textContent, "2 selected")
})

test("rows that differ are drawn again, and so is everything after an event", (t) => {
  const { control, draw, view } = drawn(t, { selected: ["2"] })
  const first = control("select-1")
  draw({ rows: [{ id: "1", label: "Ann", href: "", cells: [{ text: "Ann B." }, {}], actions: [] }] })
  assert.notEqual(control("select-1"), first)
  assert.ok(view.frame.querySelector("table").textContent.includes("Ann B."))
  const size = control("page-size")
  draw({ handled: "an-event" })
  assert.notEqual(control("page-size"), size)
  const grant = control("bulk-grant")
  draw({ handled: "an-event", bulk: [{ name: "grant", label: "Grant…", rows: 2 }] })
  assert.notEqual(control("bulk-grant"), grant)
  assert.equal(control("bulk-grant").title, "Select 2 rows")
})

test("the selection of a page is not taken for that of the next", (t) => {
  const { control, draw, sent, view } = drawn(t)
  change(control("select-2"), { checked: true })
  draw({ page: "1", selected: [], selectedElsewhere: 1 })
  assert.deepEqual(selectedRows(view), [])
  change(control("select-3"), { checked: true })
  assert.deepEqual([sent[1].page, sent[1].ids], ["1", ["3"]])
})

test("a table that selects nothing has neither boxes nor a bar", (t) => {
  const { view } = drawn(t, { selects: false })
  assert.equal(view.root.contains(view.bar), false)
  assert.equal(view.root.querySelector("input"), null)
})

test("the focus stays on its control over draws, and the page is not scrolled for it", (t) => {
  const { control, draw, page } = drawn(t)
  for (const id of ["sort-name", "open-2", "select-2", "select-all", "revoke-1", "page-size", "next", "sort-by"]) {
    control(id).focus()
    draw({})
    assert.equal(page.focused, control(id), id)
  }
  assert.deepEqual(page.scrolledTo, [])
})

test("the focus goes to another control of the table where its own is gone, never to the whole page", (t) => {
  const { control, draw, page, view } = drawn(t, { selected: ["1"] })
  for (const id of ["bulk-clear", "open-2"]) {
    draw({ selected: ["1"] })
    control(id).focus()
    draw({ rows: [], selected: [] })
    assert.ok(page.focused && view.root.contains(page.focused) && page.focused.offsetParent, id)
  }
})

test("unselecting by the bar keeps the focus in the table", (t) => {
  const { control, page, view } = drawn(t)
  change(control("select-1"), { checked: true })
  control("bulk-clear").focus()
  change(control("select-1"), { checked: false })
  assert.ok(page.focused && view.root.contains(page.focused))
})

test("a draw takes the focus from no other element", (t) => {
  const { draw, page } = drawn(t)
  const other = page.element("button")
  page.body.append(other)
  other.focus()
  draw({})
  assert.equal(page.focused, other)
  page.focused = undefined
  draw({})
  assert.equal(page.focused, undefined)
})

test("the arrow keys move between the same controls of two rows", (t) => {
  const { control, page, press } = drawn(t)
  control("select-1").focus()
  assert.equal(press("ArrowDown"), true)
  assert.equal(page.focused, control("select-2"))
  press("ArrowDown")
  assert.equal(page.focused, control("select-3"))
  assert.equal(press("ArrowDown"), false, "there is no further row")
  press("ArrowUp")
  assert.equal(page.focused, control("select-2"))
  control("open-2").focus()
  press("ArrowUp")
  assert.equal(page.focused, control("open-1"))
  assert.equal(press("ArrowUp"), false)
  for (const id of ["page-size", "sort-name", "select-all", "revoke-1"]) {
    control(id).focus()
    assert.equal(press("ArrowDown"), false, id)
    assert.equal(page.focused, control(id), id)
  }
  control("open-1").focus()
  assert.equal(press("Enter"), false)
})

test("the rows are busy after 300 ms, and after 5 s a sentence says what is waited for", (t) => {
  const { control, draw, page, sent, view } = drawn(t)
  control("sort-seen").click()
  const state = () => [view.frame.getAttribute("aria-busy"), view.waiting.textContent]
  page.timers.pass(299)
  assert.deepEqual(state(), [null, ""])
  page.timers.pass(1)
  assert.deepEqual(state(), ["true", ""])
  page.timers.pass(4_699)
  assert.deepEqual(state(), ["true", ""])
  page.timers.pass(1)
  assert.deepEqual(state(), ["true", "Still waiting for the server."])
  assert.equal(view.waiting.getAttribute("role"), "status")
  draw({ handled: "another" })
  assert.deepEqual(state(), ["true", "Still waiting for the server."])
  draw({ handled: sent[0].id })
  assert.deepEqual(state(), [null, ""])
  page.timers.pass(10_000)
  assert.deepEqual(state(), [null, ""])
})

test("a second event waits from its own time", (t) => {
  const { control, page, view } = drawn(t)
  control("sort-seen").click()
  page.timers.pass(200)
  control("sort-name").click()
  page.timers.pass(200)
  assert.equal(view.frame.getAttribute("aria-busy"), null)
  page.timers.pass(100)
  assert.equal(view.frame.getAttribute("aria-busy"), "true")
})

test("turning a page shows its beginning, and another draw does not scroll", (t) => {
  const { control, draw, page, sent, view } = drawn(t)
  control("next").click()
  draw({})
  assert.deepEqual(page.scrolledTo, [])
  draw({ page: "1", handled: sent[0].id })
  assert.deepEqual(page.scrolledTo, [view.root])
  draw({ page: "2" })
  assert.equal(page.scrolledTo.length, 1)
})

test("relative times are written again by the clock, until the table is removed", (t) => {
  const { page, view } = drawn(t, { handled: "" })
  const time = view.frame.querySelector("time")
  t.mock.method(Date, "now", () => Date.parse("2031-05-06T07:05:00+00:00") + page.timers.now)
  page.timers.pass(30_000)
  assert.equal(time.textContent, "5 minutes ago")
  page.timers.pass(30_000)
  assert.equal(time.textContent, "6 minutes ago")
  view.send("sort", "name")
  view.stop()
  assert.equal(page.timers.waiting.size, 0)
  assert.deepEqual([view.root.isConnected, view.style.isConnected], [false, false])
})

test("a table without an order offers none to a narrow one", (t) => {
  const { view } = drawn(t, { columns: [{ key: "name", label: "Name" }], sort: { key: "", descending: false } })
  assert.deepEqual([view.sorting.hidden, view.sorting.children], [true, []])
})

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
