// @ts-check
/** Sign-in: a link that works by itself, and that asks the host first where it can, so that drafts are stored. */

import { ownUrl, signInUrl, stepUpQuery } from "./urls.js"
import { createElement } from "./dom.js"
import { currentPage, reloadOnce } from "./navigation.js"
import { openPopup, POPUP_POLL_MS } from "./popup.js"
import { Reachability } from "./reachability.js"
import { readSession } from "./session-client.js"

/** @typedef {"redirect" | "popup" | "silent"} SignInMode */
/** @typedef {import("./urls.js").StepUp} StepUp */
/** @typedef {import("./event-channel.js").EventChannel} EventChannel */

/** How long the host may take to answer where sign-in is; then the plain URL is taken. */
const HOST_TIMEOUT_MS = 2_500

export class SignIn {
  /**
   * @param {StepUp} [stepUp] For a signed-in user who has to confirm it.
   * @param {boolean} [anotherAccount] For a signed-in user who may sign in with another account.
   */
  constructor(stepUp, anotherAccount = false) {
    this.stepUp = stepUp
    this.anotherAccount = anotherAccount
    this.returnTo = "/"
    /** @type {SignInMode} */
    this.mode = "redirect"
    /** @type {EventChannel | undefined} */
    this.channel = undefined
    this.busy = false
    /** @type {Window | null} */
    this.popup = null
    this.reachability = new Reachability()
    this.stopped = new AbortController()
    const { signal } = this.stopped
    this.element = createElement("div", "sign-in-control")
    if (anotherAccount) this.anchor = createElement("a", "button st-key-another-account", "Use another account")
    else if (stepUp) this.anchor = createElement("a", "button primary st-key-step-up", "Confirm it is you")
    else this.anchor = createElement("a", "button primary st-key-sign-in", "Sign in")
    this.anchor.target = "_top"
    this.status = createElement("p", "status")
    this.status.setAttribute("role", "status")
    this.element.append(this.anchor, this.status)
    // Streamlit changes the page's URL without drawing the component again.
    for (const event of ["pointerdown", "focus", "click"]) {
      this.anchor.addEventListener(event, () => this.updateUrl(), { signal })
    }
    this.anchor.addEventListener("click", (event) => this.onClick(event), { signal })
    window.addEventListener("pageshow", () => this.reset(""), { signal })
    window.addEventListener("online", () => void this.reachability.probe(), { signal })
  }

  /**
   * @param {{ returnTo: string, mode?: SignInMode }} data
   * @param {EventChannel | undefined} channel
   */
  draw(data, channel) {
    this.returnTo = data.returnTo
    this.mode = data.mode ?? "redirect"
    this.channel = channel
    this.updateUrl()
  }

  updateUrl() {
    this.anchor.href = this.plainUrl()
  }

  /** @returns {string} The URL of sign-in that does without the host. */
  plainUrl() {
    const url = signInUrl(this.returnTo, window.location)
    if (this.anotherAccount) return `${url}&another=1`
    return this.stepUp ? url + stepUpQuery(this.stepUp) : url
  }

  /** @param {MouseEvent} event */
  onClick(event) {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    // Without a channel to the host the link works by itself, unless the app does not answer: then the page stays.
    if (!this.channel && navigator.onLine !== false) return
    event.preventDefault()
    if (this.busy) {
      this.popup?.focus()
      return
    }
    void this.start(this.channel)
  }

  /** @param {EventChannel} [channel] */
  async start(channel) {
    this.busy = true
    this.reachability.stop()
    this.anchor.setAttribute("aria-disabled", "true")
    this.status.textContent = ""
    // A popup may be opened in the click itself only. Where the browser blocks it, sign-in takes this tab.
    this.popup = channel && this.mode === "popup" ? openPopup("about:blank") : null
    const mode = this.mode === "popup" && !this.popup ? "redirect" : this.mode
    const returnTo = this.returnTo === "/" ? currentPage() : this.returnTo
    const goTo = await this.hostUrl(channel, mode, returnTo)
    if (this.stopped.signal.aborted) return
    if (goTo === undefined && !(await this.reachability.isReachable())) {
      this.showUnreachable()
      return
    }
    if (this.stopped.signal.aborted) return
    const url = ownUrl(goTo) ?? this.plainUrl() + (mode === "popup" ? "&mode=popup" : "")
    if (!this.popup) {
      window.location.assign(url)
      return
    }
    if (this.popup.closed) {
      this.reset("The window was closed. Press the button to try again.")
      return
    }
    this.popup.location.replace(url)
    this.popup.focus()
    this.anchor.removeAttribute("aria-disabled") // a click brings the popup to the front
    this.showStatus("Continue in the window that has opened. Pressing the button again brings it to the front.")
    this.watchPopup(this.popup)
  }

  /**
   * @param {EventChannel | undefined} channel
   * @param {SignInMode} mode
   * @param {string} returnTo
   * @returns {Promise<string | undefined>} The host's URL of sign-in; undefined where the host does not answer, or
   *   refuses: sign-in works all the same.
   */
  async hostUrl(channel, mode, returnTo) {
    // Where the browser believes to be offline, a request finds out sooner than the host's timeout.
    if (!channel || (navigator.onLine === false && !(await this.reachability.isReachable()))) return undefined
    const request = { action: "AppAuthRequest", mode, returnTo }
    try {
      return (await channel.emit("onActionRequest", request, { timeoutMs: HOST_TIMEOUT_MS }))?.goTo
    } catch {
      return undefined
    }
  }

  /** Stay on the page, because the app does not answer. The message goes when the app answers again. */
  showUnreachable() {
    if (this.stopped.signal.aborted) return
    this.popup?.close()
    this.reset("")
    const offline = navigator.onLine === false
    const text = offline ? "You are offline. Connect again, then sign in." : "The app does not answer. Try again."
    this.showStatus(text, "offline")
    this.reachability.wait(() => this.reset(""))
  }

  /** @param {Window} popup Wait until it is closed, by its own page or by the user. */
  watchPopup(popup) {
    const timer = setInterval(async () => {
      if (!popup.closed) return
      clearInterval(timer)
      let authenticated = false
      try {
        ;({ authenticated } = await readSession())
      } catch {
        // Offline: as if the user had closed it.
      }
      if (this.stopped.signal.aborted) return
      if (authenticated && !this.stepUp) reloadOnce()
      else this.reset("The window was closed before you were signed in. Press the button to try again.")
    }, POPUP_POLL_MS)
    this.stopped.signal.addEventListener("abort", () => clearInterval(timer))
  }

  /**
   * @param {string} text
   * @param {string} [kind] A further class.
   */
  showStatus(text, kind = "") {
    this.status.className = `status ${kind}`.trim()
    this.status.textContent = text
  }

  /** @param {string} text Shown as the status, while the link can be pressed again. */
  reset(text) {
    this.busy = false
    this.popup = null
    this.anchor.removeAttribute("aria-disabled")
    this.showStatus(text)
  }

  stop() {
    this.reachability.stop()
    this.stopped.abort()
  }
}

let signingInSilently = false

/**
 * Go to the provider and back without any question, once for each load of the page; the server prevents a loop.
 * @param {string} returnTo
 */
export function signInSilently(returnTo) {
  if (signingInSilently) return
  signingInSilently = true
  window.location.replace(signInUrl(returnTo, window.location, true))
}
