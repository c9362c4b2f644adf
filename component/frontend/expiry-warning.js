// @ts-check
/** The warning before a session ends, in the account area. The server alone knows when the session ends. */

import { createElement, isInView } from "./dom.js"
import { showOverlay } from "./expiry-overlay.js"
import { goToSessionEnd, reloadOnce } from "./navigation.js"
import { postSession, readSession } from "./session-client.js"
import { ACTIVATION_POLL_MS, ACTIVE_REPORT_MS, UserActivity } from "./user-activity.js"

/** @typedef {import("./account.js").Account} Account */
/** @typedef {import("./session-client.js").SessionStatus} SessionStatus */

/** How often the server is asked while the warning is shown, because another tab may be used, and after a failure. */
const CHECK_AGAIN_MS = 5_000
/** How long the confirmation is shown that the user stays signed in. */
const CONFIRMATION_MS = 4_000
/** How long a press takes to lead to another page, at whose address the user then is. */
const NAVIGATION_MS = 1_000
/** How often a visible page asks the server who is signed in. */
const HEARTBEAT_MS = 60_000

/**
 * How long to wait before the server is asked whether to warn. Never longer than a session that was used just now lasts
 * without use: the browser's clock may be wrong.
 * @param {Account} account
 * @param {number} now Milliseconds, as `Date.now()`.
 * @returns {number | null} Milliseconds; null when there is nothing to warn of.
 */
export function warningDelay(account, now) {
  const left = Date.parse(account.expiresAt) - now
  if (Number.isNaN(left) || !(account.idleSeconds > 0)) return null
  return Math.max(0, Math.min(left, account.idleSeconds * 1000) - account.warnSeconds * 1000)
}

/**
 * @param {boolean} canStay
 * @param {number} endsAt Milliseconds.
 * @returns {string} The text of the warning.
 */
export function warningText(canStay, endsAt) {
  const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" }).format(endsAt)
  if (canStay) return `You have not done anything here for a while and will be signed out at ${time}.`
  return `You have to sign in again at ${time}. Finish what you are doing before.`
}

export class ExpiryWarning {
  /** @param {() => import("./browser-tabs.js").BrowserTabs | undefined} tabs */
  constructor(tabs) {
    this.tabs = tabs
    this.element = createElement("div", "warning")
    this.message = createElement("p", "")
    this.message.setAttribute("role", "status")
    this.message.tabIndex = -1
    this.stay = createElement("button", "button st-key-stay", "Stay signed in")
    this.stay.type = "button"
    this.stay.hidden = true
    this.stay.addEventListener("click", () => this.staySignedIn())
    // Pressed with a pointer it leaves the focus, and what is being typed, where they are.
    this.stay.addEventListener("mousedown", (event) => event.preventDefault())
    this.element.append(this.message, this.stay)
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined
    /** @type {Account | null} */
    this.account = null
    this.busy = false
    this.stopped = new AbortController()
    const { signal } = this.stopped
    document.addEventListener("visibilitychange", () => this.onVisibilityChange(), { signal })
    window.addEventListener("online", () => void this.check(), { signal })
    this.activity = new UserActivity(() => this.reportActivity())
    // "Stay signed in" is a report of its own.
    this.activity.listen(window, document, signal, (event) => !event.composedPath().includes(this.stay))
  }

  /** @param {Account} account As it is now; another end means that the session was used. */
  update(account) {
    const moved = this.account?.expiresAt !== account.expiresAt
    this.account = account
    this.activity.pauseMs = Math.min(ACTIVE_REPORT_MS, account.idleSeconds * 100)
    if (moved) {
      this.hide()
      this.scheduleCheck()
    } else if (this.message.textContent) this.show(this.message.textContent, !this.stay.hidden)
  }

  stop() {
    this.stopped.abort()
    clearTimeout(this.timer)
  }

  onVisibilityChange() {
    if (document.visibilityState === "visible") void this.check()
  }

  /** Check when the warning is due, and at each heartbeat: after a sign-out elsewhere, or a machine that slept. */
  scheduleCheck() {
    const delay = this.account ? warningDelay(this.account, Date.now()) : null
    this.schedule(() => this.heartbeat(), Math.min(delay ?? HEARTBEAT_MS, HEARTBEAT_MS))
  }

  heartbeat() {
    const isDue = this.account !== null && warningDelay(this.account, Date.now()) === 0
    if (isDue || document.visibilityState === "visible") void this.check()
    else this.scheduleCheck()
  }

  /**
   * @param {() => void} act
   * @param {number} delay Milliseconds.
   */
  schedule(act, delay) {
    clearTimeout(this.timer)
    if (!this.stopped.signal.aborted) this.timer = setTimeout(act, delay)
  }

  async check() {
    /** @type {SessionStatus} */
    let status
    try {
      status = await readSession()
    } catch {
      this.schedule(() => void this.check(), CHECK_AGAIN_MS)
      return
    }
    this.apply(status)
  }

  /** @param {SessionStatus} status */
  apply(status) {
    if (this.stopped.signal.aborted || !this.account) return
    if (!status.authenticated) {
      this.tabs()?.post({ kind: "ended" })
      if (status.expired) showOverlay(this.element, this.account.session)
      else goToSessionEnd()
      return
    }
    if (status.session && status.session !== this.account.session) {
      // A user has signed in again in this browser: this page belongs to another session.
      reloadOnce()
      return
    }
    const left = Math.max(0, Number(status.expires_in_seconds) || 0) * 1000
    const early = left - this.account.warnSeconds * 1000
    if (early > 0) {
      if (this.message.textContent) this.hide()
      this.schedule(() => this.heartbeat(), Math.min(early, HEARTBEAT_MS))
      return
    }
    this.show(warningText(status.can_stay === true, Date.now() + left), status.can_stay === true)
    this.schedule(() => void this.check(), Math.min(left + 500, CHECK_AGAIN_MS))
  }

  /**
   * @param {string} text
   * @param {boolean} canStay
   */
  show(text, canStay) {
    this.element.classList.add("shown")
    this.stay.hidden = !canStay
    // Where the sidebar is collapsed, the warning is a popover in the corner of the window. Neither takes the focus.
    if (this.element.showPopover && !isInView(this.element) && !this.element.matches(":popover-open")) {
      this.element.popover = "manual"
      this.element.showPopover()
    }
    // A screen reader reads the text again only when it changes.
    if (this.message.textContent !== text) this.message.textContent = text
  }

  hide() {
    this.element.classList.remove("shown")
    this.element.removeAttribute("popover")
    this.message.textContent = ""
    this.stay.hidden = true
  }

  /** The user did something: the server counts that as use of the session, on the page to which it led. */
  async reportActivity() {
    await new Promise((resolve) => setTimeout(resolve, NAVIGATION_MS))
    const status = await postSession("/auth/active", { page: window.location.pathname })
    // Not at once: the press that is reported must still reach the server, which keeps it if it came too late.
    if (!status.authenticated) this.schedule(() => void this.check(), ACTIVATION_POLL_MS)
    else if (!this.stay.hidden) this.confirmStay(status) // the warning no longer applies
  }

  /** @param {SessionStatus} status The session has a new end: show that in place of the warning, and keep the focus. */
  confirmStay(status) {
    if (this.stay.matches(":focus")) this.message.focus()
    this.stay.hidden = true
    this.message.textContent = "You stay signed in."
    this.schedule(() => {
      this.hide()
      this.apply(status)
    }, CONFIRMATION_MS)
  }

  async staySignedIn() {
    if (this.busy) return
    this.busy = true
    this.stay.setAttribute("aria-disabled", "true")
    try {
      const status = await postSession("/auth/stay", {})
      if (status.authenticated) this.confirmStay(status)
      else void this.check()
    } catch {
      this.message.textContent = "That did not work. Check your connection and try again."
    } finally {
      this.busy = false
      this.stay.removeAttribute("aria-disabled")
    }
  }
}
