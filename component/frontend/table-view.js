// @ts-check
/** The table in one place of the page: its rows, header, selection and pages, and the events of the user. */

import { createElement } from "./dom.js"
import { CLOCK_MS, writeTime } from "./table-cells.js"
import { pageControls, selectionBar, sortControl, tableHead } from "./table-controls.js"
import { tableBody } from "./table-rows.js"
import { TABLE_STYLE } from "./table-style.js"

/**
 * @typedef {object} Column
 * @property {string} key
 * @property {string} label
 * @property {boolean} [sorts] Whether its header sorts.
 * @property {"" | "number" | "short" | "mark" | "prose"} [kind] `short`: its text is never broken into lines; `mark`: in
 *   the middle; `prose`: sentences, not bold where they open the row.
 * @property {"" | "late" | "later"} [hides] Hidden in a narrow table, or already in one of middle width.
 * @property {boolean} [hideLabel] Whether only screen readers get the header.
 * @property {boolean} [opens] Whether its cells are the links of rows; without any, those of the first column are.
 *
 * @typedef {object} Action
 * @property {string} name
 * @property {string} label
 * @property {string} [icon]
 * @property {boolean} [danger]
 * @property {boolean} [compact] Whether a wide table shows its icon only.
 * @property {number} [rows] How many rows must be selected for it; 0: any number.
 *
 * @typedef {object} Row
 * @property {string} id
 * @property {string} label What the row is about, for screen readers.
 * @property {string} [href] The address that the row opens; without one the row does not open.
 * @property {import("./table-cells.js").Cell[]} cells One for each column.
 * @property {string[]} [actions] Names of `rowActions`.
 *
 * @typedef {object} TableData
 * @property {string} label The table's name.
 * @property {Column[]} columns
 * @property {Row[]} rows
 * @property {{ key: string, descending: boolean }} sort
 * @property {boolean} selects Whether rows can be selected.
 * @property {boolean} [scrolls] Whether it scrolls in its frame, below its header and beside its first column.
 * @property {string[]} selected Ids of this page's selected rows.
 * @property {number} selectedElsewhere How many rows of other pages are selected.
 * @property {Action[]} bulk
 * @property {Action[]} rowActions
 * @property {{ text: string, previous: boolean, next: boolean, size: number, sizes: number[] } | null} pages
 * @property {string} page Identifies the page of rows, so that a selection is not taken for that of another.
 * @property {string} handled Id of the last event that the server has handled.
 * @property {string} handledSelection Id of the last selection that the server has taken over.
 *
 * @typedef {{ id: string, kind: string, value: string }} TableEvent
 * @typedef {{ event?: TableEvent, selection?: { id: string, page: string, ids: string[] } }} State
 * @typedef {import("@streamlit/component-v2-lib").FrontendRendererArgs<State, TableData>} RendererArgs
 */

/** The user sees that something is waited for after this time, and reads it after the next. */
const BUSY_MS = 300
const WAITING_MS = 5_000
let events = 0

/** @returns {string} An id that no other event of this browser has. */
const eventId = () => `${Date.now().toString(36)}-${(events += 1)}`

export class TableView {
  /** @param {HTMLElement | ShadowRoot} parent */
  constructor(parent) {
    this.parent = parent
    this.style = document.createElement("style")
    this.style.textContent = TABLE_STYLE
    this.root = createElement("div", "gatehouse-table")
    this.sorting = createElement("label", "sorting")
    this.frame = createElement("div", "frame")
    this.bar = createElement("div", "bar")
    this.bar.setAttribute("role", "group")
    this.bar.setAttribute("aria-label", "Selected rows")
    this.foot = createElement("div", "foot")
    this.waiting = createElement("div", "waiting")
    this.waiting.setAttribute("role", "status")
    this.root.append(this.sorting, this.frame, this.foot, this.waiting)
    this.selectAllBox = createElement("input", "")
    this.selectAllBox.type = "checkbox"
    this.selectAllBox.id = "select-all"
    this.selectAllBox.setAttribute("aria-label", "Select all rows on this page")
    this.selectAllBox.addEventListener("change", () => this.selectAll(this.selectAllBox.checked))
    /** @type {RendererArgs | undefined} */
    this.args = undefined
    /** @type {Set<string>} */
    this.selected = new Set()
    this.sent = ""
    this.sentSelection = ""
    this.page = ""
    /** What the rows and the bar were drawn from: the same is not drawn again, see `draw`. */
    this.drawnRows = ""
    this.drawnBar = ""
    this.isTurning = false
    /** @type {ReturnType<typeof setTimeout>[]} */
    this.timers = []
    this.clock = setInterval(() => this.writeTimes(), CLOCK_MS)
    this.root.addEventListener("keydown", (event) => this.onKey(event))
  }

  /**
   * Elements that would be the same are kept: what the user began with a control, such as a press of Space or of the
   * mouse, is lost when another element takes its place.
   * @param {RendererArgs} args
   */
  draw(args) {
    this.args = args
    const { data } = args
    if (!this.root.isConnected) this.parent.append(this.style, this.root)
    const isNewPage = data.page !== this.page
    // A draw from before a selection that is still on its way to the server does not undo it.
    if (isNewPage || !this.sentSelection || data.handledSelection === this.sentSelection) {
      this.selected = new Set(data.selected)
      this.sentSelection = ""
    }
    this.page = data.page
    const focused = this.focusedId()
    // After an event the controls are drawn again in any case: one may show what the user chose and did not get.
    const rows = JSON.stringify({ ...data, selected: [], selectedElsewhere: 0, handledSelection: "" })
    if (rows !== this.drawnRows) this.drawRows(data)
    this.drawnRows = rows
    this.drawSelection()
    this.restoreFocus(focused)
    if (data.handled === this.sent) this.setWaiting(false)
    if (isNewPage && this.isTurning) this.root.scrollIntoView({ block: "start" })
    if (isNewPage) this.isTurning = false
  }

  /** @param {TableData} data */
  drawRows(data) {
    this.setScrolling(Boolean(data.scrolls), data.label)
    this.sorting.hidden = !data.columns.some((column) => column.sorts)
    this.sorting.replaceChildren(...(this.sorting.hidden ? [] : sortControl(this, data)))
    const table = createElement("table", "")
    table.setAttribute("role", "table")
    table.append(createElement("caption", "", data.label), tableHead(this, data), tableBody(this, data))
    this.frame.replaceChildren(table, ...(data.selects ? [this.bar] : []))
    this.foot.replaceChildren(...pageControls(this, data))
  }

  /**
   * @param {boolean} scrolls The frame gets the focus then, so that the arrow keys scroll it.
   * @param {string} label
   */
  setScrolling(scrolls, label) {
    this.root.className = `gatehouse-table ${scrolls ? "scrolls" : "folds"}`
    if (!scrolls) return
    this.frame.tabIndex = 0
    this.frame.setAttribute("role", "region")
    this.frame.setAttribute("aria-label", label)
  }

  /** Show which rows are selected, and the bar of what can be done with them. */
  drawSelection() {
    const data = this.args?.data
    if (!data?.selects) return
    for (const row of /** @type {NodeListOf<HTMLElement>} */ (this.frame.querySelectorAll("tr[data-row]"))) {
      const isSelected = this.selected.has(row.dataset.row ?? "")
      row.classList.toggle("selected", isSelected)
      const box = row.querySelector("input")
      if (box) box.checked = isSelected
    }
    const here = data.rows.filter((row) => this.selected.has(row.id)).length
    this.selectAllBox.checked = here > 0 && here === data.rows.length
    this.selectAllBox.indeterminate = here > 0 && here < data.rows.length
    const count = here + data.selectedElsewhere
    const bar = JSON.stringify([count, data.bulk])
    if (bar === this.drawnBar) return
    this.drawnBar = bar
    const focused = this.focusedId()
    this.bar.hidden = count === 0
    this.bar.replaceChildren(...(count ? selectionBar(this, data, count) : []))
    this.restoreFocus(focused)
  }

  /**
   * @param {string} id
   * @param {boolean} isSelected
   */
  select(id, isSelected) {
    if (isSelected) this.selected.add(id)
    else this.selected.delete(id)
    this.sendSelection()
  }

  /** @param {boolean} isSelected */
  selectAll(isSelected) {
    this.selected = new Set(isSelected ? this.args?.data.rows.map((row) => row.id) : [])
    this.sendSelection()
  }

  sendSelection() {
    this.drawSelection()
    this.sentSelection = eventId()
    this.args?.setStateValue("selection", { id: this.sentSelection, page: this.page, ids: [...this.selected] })
  }

  /**
   * @param {string} kind
   * @param {string} value
   */
  send(kind, value) {
    this.sent = eventId()
    this.args?.setStateValue("event", { id: this.sent, kind, value })
    this.setWaiting(true)
  }

  /** @param {string} direction */
  turn(direction) {
    this.isTurning = true
    this.send(direction, "")
  }

  /** @param {boolean} isWaiting */
  setWaiting(isWaiting) {
    this.timers.forEach(clearTimeout)
    this.timers = []
    this.frame.removeAttribute("aria-busy")
    this.waiting.textContent = ""
    if (!isWaiting) return
    this.timers = [
      setTimeout(() => this.frame.setAttribute("aria-busy", "true"), BUSY_MS),
      setTimeout(() => (this.waiting.textContent = "Still waiting for the server."), WAITING_MS),
    ]
  }

  writeTimes() {
    for (const element of this.frame.querySelectorAll("time")) writeTime(element, Date.now())
  }

  /** @returns {string} The id of the control that has the focus; empty if none of the table's has. */
  focusedId() {
    const { activeElement } = /** @type {Document | ShadowRoot} */ (this.root.getRootNode())
    return activeElement && this.root.contains(activeElement) ? activeElement.id : ""
  }

  /** @param {string} id The control that had the focus. Where it is gone another one gets it, never the whole page. */
  restoreFocus(id) {
    if (!id || this.focusedId() === id) return
    const controls = /** @type {HTMLElement[]} */ ([...this.root.querySelectorAll("[id]")])
    const control = controls.find((element) => element.id === id) ?? controls.find((element) => element.offsetParent)
    control?.focus({ preventScroll: true })
  }

  /** @param {KeyboardEvent} event The arrow keys move between the same controls of two rows. */
  onKey(event) {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0
    const id = this.focusedId()
    const kind = /^(select|open)-/.exec(id)?.[1]
    const rows = this.args?.data.rows ?? []
    const number = rows.findIndex((row) => id === `${kind}-${row.id}`)
    const target = step && number >= 0 ? rows[number + step] : undefined
    if (!target) return
    event.preventDefault()
    this.restoreFocus(`${kind}-${target.id}`)
  }

  stop() {
    this.setWaiting(false)
    clearInterval(this.clock)
    this.root.remove()
    this.style.remove()
  }
}
