// @ts-check
/**
 * A table whose pages, order and selection the server has: `app/ui/table.py`. It shows what it receives as text, and
 * reports what the user did; the server accepts only what it has offered.
 */

import { TableView } from "./table-view.js"

/** @type {WeakMap<HTMLElement | ShadowRoot, TableView>} */
const views = new WeakMap()

/**
 * Streamlit calls this whenever the table is drawn.
 * @param {import("./table-view.js").RendererArgs} args
 * @returns {() => void} Cleanup.
 */
export default function (args) {
  const { parentElement } = args
  const view = views.get(parentElement) ?? new TableView(parentElement)
  views.set(parentElement, view)
  view.draw(args)
  return () => {
    if (views.get(parentElement) === view) views.delete(parentElement)
    view.stop()
  }
}
