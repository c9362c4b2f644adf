// @ts-check
/** The cells of a table: text, badges, times and people. */

import { createElement } from "./dom.js"
import { exact, relative } from "./relative-time.js"

/**
 * @typedef {object} Badge
 * @property {string} text
 * @property {"" | "good" | "bad" | "warn" | "info"} tone
 *
 * @typedef {object} Cell Its members are shown one after the other; empty ones are not.
 * @property {string} [text]
 * @property {string} [detail] A second line, smaller.
 * @property {string} [title] Shown on hover.
 * @property {string} [icon] The name of a Material symbol, before the text.
 * @property {string} [initials] Of a person, shown in a circle before the text.
 * @property {string} [chipIcon] The name of a Material symbol, shown in a circle in their place.
 * @property {Badge[]} [badges]
 * @property {string} [time] ISO 8601; shown relative to now, and exactly on hover.
 * @property {boolean} [mark] A tick or a dash, which screen readers read as "yes" or "no".
 */

/** A longer text is cut after three lines, and shown in full on hover. */
const LONG = 80

/** How often relative times are written again. */
export const CLOCK_MS = 30_000

/**
 * @param {string} name
 * @returns {HTMLElement} A Material symbol, which screen readers skip.
 */
export function icon(name) {
  const element = createElement("span", "icon", name)
  element.setAttribute("aria-hidden", "true")
  element.translate = false
  return element
}

/**
 * @param {Cell} cell
 * @param {HTMLElement} [opener] Shows the text instead, and opens the row.
 * @returns {HTMLElement[]}
 */
export function cellContent(cell, opener) {
  const parts = []
  const text = opener ?? (cell.text ? createElement("span", "") : undefined)
  if (text) {
    text.textContent = cell.text || "(no name)"
    text.dir = "auto"
    const title = cell.title ?? (text.textContent.length > LONG ? text.textContent : "")
    if (title) text.title = title
    if (title) text.classList.add("text")
    if (cell.icon) text.prepend(icon(cell.icon), " ")
    parts.push(text)
  }
  if (cell.badges?.length) {
    const badges = createElement("span", "badges")
    badges.append(...cell.badges.map(({ text, tone }) => isolated(createElement("span", `badge ${tone}`, text))))
    parts.push(badges)
  }
  if (cell.time) parts.push(timeElement(cell.time))
  if (cell.mark !== undefined) parts.push(...markElements(cell.mark))
  if (cell.detail) parts.push(isolated(createElement("div", "detail", cell.detail)))
  if (!cell.initials && !cell.chipIcon) return parts
  const [person, chip, about] = [createElement("div", "person"), createElement("span", "chip", cell.initials ?? ""), createElement("div", "")]
  chip.setAttribute("aria-hidden", "true")
  if (cell.chipIcon) chip.append(icon(cell.chipIcon))
  about.append(...parts)
  person.append(chip, about)
  return [person]
}

/**
 * @param {boolean} isSet
 * @returns {HTMLElement[]}
 */
function markElements(isSet) {
  const sign = isSet ? icon("check") : createElement("span", "dash", "\u2013")
  sign.setAttribute("aria-hidden", "true")
  return [sign, createElement("span", "hidden-text", isSet ? "yes" : "no")]
}

/**
 * @template {HTMLElement} E
 * @param {E} element
 * @returns {E} The element, with its own direction of writing.
 */
function isolated(element) {
  element.dir = "auto"
  return element
}

/**
 * @param {string} iso
 * @returns {HTMLTimeElement}
 */
function timeElement(iso) {
  const element = createElement("time", "")
  element.dateTime = iso
  writeTime(element, Date.now())
  return element
}

/**
 * Write a time relative to now.
 * @param {HTMLTimeElement} element
 * @param {number} now
 */
export function writeTime(element, now) {
  const milliseconds = Date.parse(element.dateTime)
  element.textContent = relative(milliseconds, now)
  element.title = exact(milliseconds)
}
