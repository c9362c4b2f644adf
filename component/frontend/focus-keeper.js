// @ts-check
/**
 * Where the focus goes when the control that has it is removed, as after an action that cannot be repeated. Browsers
 * leave it to the whole page then, and a user of a keyboard or screen reader begins at the top again.
 */

const NOTICE = ".st-key-notice:not(:empty)"
const HEADING = "[data-testid=stMain] h1"
const RUNNING = "[data-test-script-state]:not([data-test-script-state=notRunning])"
/** Streamlit returns the focus from a dialog to what has opened it, within this time. */
const STREAMLIT_MS = 150

/** Moves a lost focus, once the page is drawn. A user of a mouse keeps the place. */
export class FocusKeeper {
  constructor() {
    /** @type {Element | null} The control that has, or had, the focus. */
    this.control = null
    this.key = ""
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined
  }

  start() {
    document.addEventListener("focusin", ({ target }) => this.remember(/** @type {Element} */ (target)), true)
    document.addEventListener("pointerdown", () => (this.control = null), true)
    const options = { attributeFilter: ["data-test-script-state"], attributes: true, childList: true, subtree: true }
    new MutationObserver(() => this.check()).observe(document.body, options)
  }

  /** @param {Element} control */
  remember(control) {
    this.control = control
    this.key = /st-key-[\w-]+/.exec(control.closest("[class*=st-key-]")?.className ?? "")?.[0] ?? ""
  }

  isLost() {
    const isRemoved = Boolean(this.control && !this.control.isConnected)
    return isRemoved && document.activeElement === document.body && !document.querySelector(RUNNING)
  }

  check() {
    if (this.isLost()) this.timer ??= setTimeout(() => this.restore(), STREAMLIT_MS)
  }

  /** To the same widget if it was drawn again, otherwise to the notice of the last action, or to the page's heading. */
  restore() {
    this.timer = undefined
    if (!this.control || !this.isLost()) return
    const again = this.key ? document.querySelector(`.${this.key} ${this.control.localName}`) : null
    const place = again ?? document.querySelector(NOTICE) ?? document.querySelector(HEADING)
    const element = /** @type {HTMLElement | null} */ (place)
    if (element && element !== again) element.tabIndex = -1
    element?.focus()
  }
}

/** @type {FocusKeeper | undefined} */
let keeper

/** Keep the focus of this page from now on. */
export function keepFocus() {
  if (keeper) return
  keeper = new FocusKeeper()
  keeper.start()
}
