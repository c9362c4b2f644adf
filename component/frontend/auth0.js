// @ts-check
/**
 * The front end of the Auth0 component: sign-in for an anonymous user; account and sign-out for a signed-in one. It
 * receives no token, and shows whatever it receives as text.
 *
 * Streamlit imports this module, and no other module does: the middleware serves it at one more address
 * (`component/http/frontend_modules.py`), where a second import would be a second instance.
 */

import { hideOverlay, showOverlay } from "./expiry-overlay.js"
import { kindOf, View } from "./view.js"

/** @type {WeakMap<HTMLElement | ShadowRoot, View>} */
const views = new WeakMap()

/**
 * Streamlit calls this whenever the component is drawn.
 * @param {import("./view.js").RendererArgs} args
 * @returns {() => void} Cleanup.
 */
export default function (args) {
  const { parentElement, data } = args
  if (data.locked !== undefined) return drawOverlay(parentElement, data.locked)
  const kind = kindOf(data)
  let view = views.get(parentElement)
  if (view && view.kind !== kind) {
    view.stop()
    view = undefined
  }
  const current = view ?? new View(parentElement, kind)
  views.set(parentElement, current)
  current.draw(args)
  return () => {
    if (views.get(parentElement) === current) views.delete(parentElement)
    current.stop()
  }
}

/**
 * @param {HTMLElement | ShadowRoot} parent
 * @param {boolean} locked Whether the page's session has expired.
 * @returns {() => void} Cleanup.
 */
function drawOverlay(parent, locked) {
  if (!locked) {
    hideOverlay()
    return () => {}
  }
  const overlay = showOverlay(parent)
  overlay.draws += 1
  return () => {
    // A run that draws the page removes this element, at times before the server's message to remove the overlay:
    // Streamlit combines draws.
    overlay.draws -= 1
    void overlay.check()
  }
}
