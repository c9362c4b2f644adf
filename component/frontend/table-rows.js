// @ts-check
/** The rows of a table. */

import { createElement } from "./dom.js"
import { cellContent } from "./table-cells.js"
import { actionButton } from "./table-controls.js"

/** @typedef {import("./table-view.js").TableView} TableView */
/** @typedef {import("./table-view.js").TableData} TableData */
/** @typedef {import("./table-view.js").Row} Row */

/**
 * @param {TableView} view
 * @param {TableData} data
 * @returns {HTMLElement}
 */
export function tableBody(view, data) {
  const body = createElement("tbody", "")
  // Roles: a table that is laid out as blocks, in a narrow place, would lose them.
  body.setAttribute("role", "rowgroup")
  body.append(...data.rows.map((row) => tableRow(view, data, row)))
  return body
}

/**
 * @param {TableView} view
 * @param {TableData} data
 * @param {Row} row
 */
function tableRow(view, data, row) {
  const element = createElement("tr", row.href ? "opens" : "")
  element.setAttribute("role", "row")
  element.dataset.row = row.id
  if (data.selects) element.append(selectCell(view, row))
  const opening = Math.max(0, data.columns.findIndex((column) => column.opens))
  row.cells.forEach((cell, number) => {
    const column = data.columns[number]
    if (!column) return
    const content = cellContent(cell, number === opening && row.href ? opener(view, row) : undefined)
    const isLabelled = number !== 0 && number !== opening
    const place = number === opening ? "first" : `${isLabelled ? "labelled" : ""} ${column.hides ?? ""}`
    const className = `${column.kind ?? ""} ${place} ${content.length ? "" : "blank"}`
    const dataCell = tableCell(className, isLabelled ? column.label : "")
    dataCell.append(...content)
    element.append(dataCell)
  })
  if (data.rowActions.length) element.append(actionCell(view, data, row))
  if (row.href) element.addEventListener("click", (event) => openFromRow(view, row, event))
  return element
}

/**
 * @param {TableView} view
 * @param {Row} row
 * @param {MouseEvent} event Anywhere in the row; one in a control, or at the end of selecting text, opens nothing.
 */
function openFromRow(view, row, event) {
  const controls = event.composedPath().filter((node) => node instanceof Element && node.matches("a, button, label, td.select"))
  if (!controls.length && !window.getSelection()?.toString()) view.send("open", row.id)
}

/**
 * @param {TableView} view
 * @param {Row} row
 */
function selectCell(view, row) {
  const box = createElement("input", "")
  box.type = "checkbox"
  box.id = `select-${row.id}`
  box.setAttribute("aria-label", `Select ${row.label}`)
  box.addEventListener("change", () => view.select(row.id, box.checked))
  const tick = createElement("label", "tick")
  tick.append(box)
  const cell = tableCell("select", "")
  cell.append(tick)
  return cell
}

/**
 * @param {TableView} view
 * @param {Row} row
 * @returns {HTMLElement} A link, which the browser can also open in another tab.
 */
function opener(view, row) {
  const anchor = createElement("a", "open")
  anchor.href = row.href ?? ""
  anchor.id = `open-${row.id}`
  anchor.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return
    event.preventDefault()
    view.send("open", row.id)
  })
  return anchor
}

/**
 * @param {TableView} view
 * @param {TableData} data
 * @param {Row} row
 */
function actionCell(view, data, row) {
  const cell = tableCell("actions", "")
  for (const action of data.rowActions.filter(({ name }) => row.actions?.includes(name))) {
    const button = actionButton(action, `${action.name}-${row.id}`, () => view.send(action.name, row.id))
    button.setAttribute("aria-label", `${action.label.replace("…", "")}: ${row.label}`)
    cell.append(button)
  }
  return cell
}

/**
 * @param {string} className
 * @param {string} label The column, which a narrow table shows before the cell.
 */
function tableCell(className, label) {
  const cell = createElement("td", className)
  cell.setAttribute("role", "cell")
  if (label) cell.dataset.label = label
  return cell
}
