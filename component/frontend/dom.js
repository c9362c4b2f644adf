// @ts-check
/** Elements of the page. Text from the server is always set as text, never as HTML. */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} className
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function createElement(tag, className, text = "") {
  const element = document.createElement(tag)
  element.className = className
  if (text) element.textContent = text
  return element
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {string} text
 * @param {K} tag
 * @param {string} className The control's class.
 * @returns {[HTMLLabelElement, HTMLElementTagNameMap[K]]} A label, and the control in it.
 */
export function createField(text, tag, className) {
  const label = createElement("label", "field")
  const control = createElement(tag, `control ${className}`)
  label.append(createElement("span", "", text), control)
  return [label, control]
}

/**
 * @param {HTMLElement} element
 * @returns {boolean} Whether its parent is inside of the window, so that the element can be seen.
 */
export function isInView(element) {
  const box = (element.parentElement ?? element).getBoundingClientRect()
  return box.width > 0 && box.height > 0 && box.right > 0 && box.left < window.innerWidth && box.left > -box.width / 2
}
