// @ts-check
/** The controls around the rows of a table: header, order, bar of bulk actions, pages. */

import { createElement } from "./dom.js"
import { icon } from "./table-cells.js"

/** @typedef {import("./table-view.js").TableView} TableView */
/** @typedef {import("./table-view.js").TableData} TableData */
/** @typedef {import("./table-view.js").Action} Action */

/**
 * @param {TableView} view
 * @param {TableData} data
 * @returns {HTMLElement}
 */
export function tableHead(view, data) {
  const row = createElement("tr", "")
  row.setAttribute("role", "row")
  if (data.selects) {
    const cell = headerCell("select")
    const tick = createElement("label", "tick")
    tick.append(view.selectAllBox)
    cell.append(tick)
    row.append(cell)
  }
  data.columns.forEach((column, number) => {
    const cell = headerCell(`${column.kind ?? ""} ${column.hides ?? ""} ${number ? "" : "first"}`)
    if (column.sorts) cell.append(sortButton(view, data, column, cell))
    else cell.append(createElement("span", column.hideLabel ? "hidden-text" : "", column.label))
    if (data.scrolls) cell.title = column.label
    row.append(cell)
  })
  if (data.rowActions.length) {
    const cell = headerCell("actions")
    cell.append(createElement("span", "hidden-text", "Actions"))
    row.append(cell)
  }
  const head = createElement("thead", "")
  head.setAttribute("role", "rowgroup")
  head.append(row)
  return head
}

/** @param {string} className */
function headerCell(className) {
  const cell = createElement("th", className)
  cell.scope = "col"
  cell.setAttribute("role", "columnheader")
  return cell
}

/**
 * @param {TableView} view
 * @param {TableData} data
 * @param {import("./table-view.js").Column} column
 * @param {HTMLElement} cell
 */
function sortButton(view, data, column, cell) {
  const sorted = data.sort.key === column.key
  const button = createElement("button", "sort", column.label)
  button.type = "button"
  button.id = `sort-${column.key}`
  button.append(icon(sorted && data.sort.descending ? "arrow_downward" : "arrow_upward"))
  if (sorted) cell.setAttribute("aria-sort", data.sort.descending ? "descending" : "ascending")
  button.addEventListener("click", () => view.send("sort", column.key))
  return button
}

/**
 * @param {TableView} view
 * @param {TableData} data
 * @returns {HTMLElement[]} What a narrow table, which has no header, shows in its place.
 */
export function sortControl(view, data) {
  const select = createElement("select", "")
  select.id = "sort-by"
  for (const column of data.columns.filter(({ sorts }) => sorts)) {
    const option = createElement("option", "", column.label)
    option.value = column.key
    option.selected = column.key === data.sort.key
    select.append(option)
  }
  select.addEventListener("change", () => view.send("sort", select.value))
  return [createElement("span", "", "Sort by"), select]
}

/**
 * @param {TableView} view
 * @param {TableData} data
 * @param {number} count Of the selected rows, on all pages.
 * @returns {HTMLElement[]}
 */
export function selectionBar(view, data, count) {
  const text = createElement("span", "count", `${count.toLocaleString("en")} selected`)
  text.setAttribute("role", "status")
  const buttons = data.bulk.map((action) => bulkButton(view, action, count))
  const clear = actionButton({ name: "clear", label: "Clear selection" }, "bulk-clear", () => view.send("clear", ""))
  clear.classList.add("plain")
  return [text, ...buttons, clear]
}

/**
 * @param {TableView} view
 * @param {Action} action
 * @param {number} count Of the selected rows.
 */
function bulkButton(view, action, count) {
  const button = actionButton(action, `bulk-${action.name}`, () => view.send(action.name, ""))
  if (!action.rows || action.rows === count) return button
  button.setAttribute("aria-disabled", "true")
  button.title = `Select ${action.rows} rows`
  return button
}

/**
 * @param {TableView} view
 * @param {TableData} data
 * @returns {HTMLElement[]} The range that is shown, the size of a page, and the buttons to turn it.
 */
export function pageControls(view, { pages }) {
  if (!pages) return []
  const range = createElement("span", "range", pages.text)
  range.setAttribute("role", "status")
  /** @type {HTMLElement[]} */
  const parts = [range]
  if (pages.sizes.length > 1) {
    const label = createElement("label", "")
    const select = createElement("select", "")
    select.id = "page-size"
    for (const size of pages.sizes) {
      const option = createElement("option", "", String(size))
      option.selected = size === pages.size
      select.append(option)
    }
    select.addEventListener("change", () => view.send("size", select.value))
    label.append(createElement("span", "", "Rows per page"), select)
    parts.push(label)
  }
  if (pages.previous || pages.next) {
    const turn = createElement("span", "turn")
    turn.append(
      turnButton(view, { name: "previous", label: "Previous", icon: "chevron_left" }, pages.previous),
      turnButton(view, { name: "next", label: "Next", icon: "chevron_right" }, pages.next),
    )
    parts.push(turn)
  }
  return parts
}

/**
 * @param {TableView} view
 * @param {Action} action
 * @param {boolean} enabled
 */
function turnButton(view, action, enabled) {
  const button = actionButton(action, action.name, () => view.turn(action.name))
  // Not `disabled`, which would lose the focus.
  if (!enabled) button.setAttribute("aria-disabled", "true")
  return button
}

/**
 * @param {Action} action
 * @param {string} id
 * @param {() => void} onClick
 * @returns {HTMLButtonElement}
 */
export function actionButton(action, id, onClick) {
  const button = createElement("button", `button ${action.danger ? "danger" : ""} ${action.compact ? "compact" : ""}`)
  button.type = "button"
  button.id = id
  if (action.icon) button.append(icon(action.icon))
  button.append(createElement("span", "button-text", action.label))
  if (action.compact) button.title = action.label
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") !== "true") onClick()
  })
  return button
}
