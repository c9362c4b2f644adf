// @ts-check
/**
 * The expiry overlay: hides a page whose session has expired, until the user has signed in again. Nothing on the page
 * is lost. The server alone decides when the overlay is removed.
 */

import { createElement } from "./dom.js"
import { currentPage, goToSessionEnd } from "./navigation.js"
import { openPopup, POPUP_POLL_MS } from "./popup.js"
import { readSession, requestSignOut } from "./session-client.js"

const CHECK_MS = 3_000
/** After so many checks that find the user signed in although the overlay stays, the page is reloaded. */
const MAX_CHECKS = 7
/** Copied from where Streamlit sets them: the overlay stands beside the app, so that no run of the app removes it. */
const THEME = [
  "background-color",
  "text-color",
  "border-color",
  "primary-color",
  "font",
  "base-font-size",
  "base-radius",
  "button-radius",
]

const STYLE = `
dialog {
  visibility: visible; position: fixed; inset: 0; width: 100%; height: 100%; max-width: none; max-height: none;
  margin: 0; padding: 1rem; border: 0; overflow: auto; box-sizing: border-box; display: grid; place-items: center;
  background: var(--st-background-color, Canvas); color: var(--st-text-color, CanvasText); line-height: 1.5;
  font-family: var(--st-font, system-ui, sans-serif); font-size: var(--st-base-font-size, 1rem);
}
dialog::backdrop { background: Canvas; }
.card {
  width: min(32rem, 100%); padding: clamp(1rem, 5vw, 2rem); box-sizing: border-box; overflow-wrap: anywhere;
  border: 1px solid var(--st-border-color, GrayText); border-radius: var(--st-base-radius, 0.5rem);
}
h1 { margin: 0 0 0.5rem; font-size: 1.5rem; line-height: 1.25; }
p { margin: 0 0 0.75rem; }
.status:empty { display: none; }
.actions { display: flex; flex-wrap: wrap; gap: 0.75rem; margin-top: 1.25rem; }
.button {
  display: inline-flex; align-items: center; justify-content: center; min-height: 2.75rem; padding: 0.25rem 1rem;
  border: 1px solid var(--st-border-color, GrayText); border-radius: var(--st-button-radius, 0.5rem);
  background: transparent; color: inherit; font: inherit; font-weight: 600; text-decoration: none; cursor: pointer;
}
.button[hidden] { display: none; }
.button:hover { text-decoration: underline; }
.button:focus-visible { outline: 2px solid var(--st-primary-color, Highlight); outline-offset: 2px; }
.primary {
  background: var(--st-primary-color, Highlight); border-color: var(--st-primary-color, Highlight);
  color: var(--st-background-color, Canvas);
}
`

/** The dialog. There is at most one: see `showOverlay`. */
export class ExpiryOverlay {
  /**
   * @param {HTMLElement | ShadowRoot} themed An element of the component, which has Streamlit's theme.
   * @param {string} session The tag of the session whose page it is, where that is known.
   */
  constructor(themed, session) {
    this.session = session
    /** How many draws of the server show it. At 0 it was shown by this page itself, which may then remove it. */
    this.draws = 0
    this.stopped = new AbortController()
    this.host = document.createElement("div")
    this.host.className = "st-key-expiry-overlay"
    const source = themed instanceof ShadowRoot ? themed.host : themed
    for (const name of THEME) {
      const value = getComputedStyle(source).getPropertyValue(`--st-${name}`)
      if (value) this.host.style.setProperty(`--st-${name}`, value)
    }
    const style = document.createElement("style")
    style.textContent = STYLE
    this.dialog = document.createElement("dialog")
    this.dialog.setAttribute("aria-labelledby", "title")
    this.dialog.setAttribute("aria-describedby", "explanation")
    this.dialog.setAttribute("closedby", "none")
    const card = createElement("div", "card")
    const title = createElement("h1", "", "Your session has expired")
    title.id = "title"
    const text = "This page is hidden, and nothing on it is lost. Sign in again to continue where you were."
    const explanation = createElement("p", "", text)
    explanation.id = "explanation"
    this.status = createElement("p", "status")
    this.status.setAttribute("role", "status")
    this.signInButton = createElement("button", "button primary st-key-sign-in-again", "Sign in again")
    this.signInButton.type = "button"
    this.signInHere = createElement("a", "button st-key-sign-in-here", "Sign in in this tab")
    this.signInHere.hidden = true
    this.signOutButton = createElement("button", "button st-key-sign-out", "Sign out")
    this.signOutButton.type = "button"
    const actions = createElement("div", "actions")
    actions.append(this.signInButton, this.signInHere, this.signOutButton)
    card.append(title, explanation, this.status, actions)
    this.dialog.append(card)
    this.host.attachShadow({ mode: "open" }).append(style, this.dialog)
    /** @type {Window | null} */
    this.popup = null
    this.signedInChecks = 0
    this.busy = false
  }

  show() {
    const { signal } = this.stopped
    this.signInButton.addEventListener("click", () => this.signIn(), { signal })
    this.signOutButton.addEventListener("click", () => void this.signOut(), { signal })
    this.dialog.addEventListener("cancel", (event) => event.preventDefault(), { signal })
    // Whatever else closes it: a browser may let the second Escape through.
    this.dialog.addEventListener("close", () => !signal.aborted && this.dialog.showModal(), { signal })
    // Streamlit has keyboard shortcuts of its own.
    for (const event of ["keydown", "keyup", "keypress"]) {
      this.host.addEventListener(event, (pressed) => pressed.stopPropagation(), { signal })
    }
    this.visibility = document.body.style.visibility
    document.body.append(this.host)
    this.dialog.showModal()
    this.signInButton.focus()
    // Behind it nothing can be read, found or printed.
    document.body.style.visibility = "hidden"
    const timers = [setInterval(() => void this.check(), CHECK_MS), setInterval(() => this.watchPopup(), POPUP_POLL_MS)]
    signal.addEventListener("abort", () => timers.forEach(clearInterval))
  }

  hide() {
    this.stopped.abort()
    document.body.style.visibility = this.visibility ?? ""
    this.dialog.close() // returns the focus to where it was
    this.host.remove()
    this.popup = null
  }

  signIn() {
    const returnTo = encodeURIComponent(currentPage())
    if (this.popup && !this.popup.closed) {
      this.popup.focus()
      return
    }
    this.popup = openPopup(`/auth/login?mode=popup&return_to=${returnTo}`)
    this.signInHere.hidden = this.popup !== null
    this.signInHere.href = `/auth/login?return_to=${returnTo}`
    this.status.textContent = this.popup
      ? "Continue in the window that has opened."
      : "Your browser did not let a window open. Allow it for this page and try again, or sign in in this tab: then " +
        "what you typed here is lost."
  }

  watchPopup() {
    if (!this.popup?.closed) return
    this.popup = null
    this.status.textContent = "The window was closed."
    void this.check()
  }

  /** Ask the server: it may be unable to reach this page, or its last message was never drawn. */
  async check() {
    if (this.busy || this.stopped.signal.aborted) return
    this.busy = true
    try {
      const status = await readSession()
      if (this.stopped.signal.aborted) return
      if (status.authenticated) {
        const same = !this.session || !status.session || status.session === this.session
        if (this.draws === 0 && same) {
          hideOverlay()
          return
        }
        this.status.textContent = "You are signed in. One moment …"
        if (++this.signedInChecks >= MAX_CHECKS) window.location.reload()
      } else if (!status.expired) goToSessionEnd()
    } catch {
      // Offline, or the server does not answer: the next check asks again.
    } finally {
      this.busy = false
    }
  }

  async signOut() {
    try {
      window.location.assign(await requestSignOut())
    } catch {
      this.status.textContent = "You could not be signed out. Check your connection and try again."
    }
  }
}

/** @type {ExpiryOverlay | null} */
let current = null

/**
 * @param {HTMLElement | ShadowRoot} themed
 * @param {string} [session]
 * @returns {ExpiryOverlay} The overlay of this page.
 */
export function showOverlay(themed, session = "") {
  if (!current) {
    current = new ExpiryOverlay(themed, session)
    current.show()
  }
  return current
}

export function hideOverlay() {
  current?.hide()
  current = null
}
