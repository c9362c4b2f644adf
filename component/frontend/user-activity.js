// @ts-check
/** Reports to the server that the user did something, which extends the idle lifetime. */

/** Input of the user is reported at most this often; with a short idle lifetime, ten times in it. */
export const ACTIVE_REPORT_MS = 60_000
/** Where the browser holds only for a moment that the user did something, it is polled this often. */
export const ACTIVATION_POLL_MS = 2_000
/** How long after a report that failed the next input is reported. */
const RETRY_MS = 5_000
const INPUT_EVENTS = ["pointerdown", "keydown", "click", "input", "wheel", "touchstart"]

/**
 * Reports at most once in `pauseMs`. Only input of the user counts: events that a script creates are not trusted, and a
 * run of the page is no evidence, because a component can request runs by itself.
 */
export class UserActivity {
  /**
   * @param {() => Promise<void>} report
   * @param {() => number} [now] Milliseconds.
   */
  constructor(report, now = () => performance.now()) {
    this.report = report
    this.now = now
    this.pauseMs = ACTIVE_REPORT_MS
    this.reportedAt = -Infinity
  }

  /**
   * @param {EventTarget} target
   * @param {{ visibilityState: string }} page
   * @param {AbortSignal} signal Ends it.
   * @param {(event: Event) => boolean} [counts]
   */
  listen(target, page, signal, counts = () => true) {
    for (const name of INPUT_EVENTS) {
      /** @param {Event} event */
      const listener = (event) => void (event.isTrusted && counts(event) && this.record())
      target.addEventListener(name, listener, { capture: true, passive: true, signal })
    }
    // Input inside a frame of the page is no event of the page, but activates it (HTML, "Tracking user activation").
    const timer = setInterval(() => {
      if (page.visibilityState === "visible" && navigator.userActivation?.isActive) this.record()
    }, ACTIVATION_POLL_MS)
    signal.addEventListener("abort", () => clearInterval(timer))
  }

  record() {
    const now = this.now()
    if (now - this.reportedAt < this.pauseMs) return
    this.reportedAt = now
    this.report().catch(() => {
      // Offline, or the server does not answer: the next input is reported, a little later.
      this.reportedAt = now - this.pauseMs + RETRY_MS
    })
  }
}
