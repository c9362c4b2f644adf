// @ts-check
/** Notices a sign-in in another tab or window, for a page that was drawn for an anonymous user. */

import { reloadOnce } from "./navigation.js"
import { readSession } from "./session-client.js"

/** How often a page of an anonymous user asks the server, which does not report a sign-in to its socket. */
const HEARTBEAT_MS = 20_000

export class SignInWatcher {
  /**
   * @param {import("./browser-tabs.js").BrowserTabs | undefined} tabs
   * @param {() => void} beforeReload
   */
  constructor(tabs, beforeReload) {
    this.beforeReload = beforeReload
    this.stopped = new AbortController()
    this.busy = false
    const { signal } = this.stopped
    const check = () => void this.check()
    tabs?.listen(({ kind }) => {
      if (kind === "signed-in") check()
    }, signal)
    document.addEventListener("visibilitychange", check, { signal })
    window.addEventListener("focus", check, { signal })
    window.addEventListener("online", check, { signal })
    const timer = setInterval(check, HEARTBEAT_MS)
    signal.addEventListener("abort", () => clearInterval(timer))
  }

  async check() {
    if (this.busy || this.stopped.signal.aborted) return
    this.busy = true
    try {
      const { authenticated } = await readSession()
      if (authenticated && !this.stopped.signal.aborted) {
        this.beforeReload()
        reloadOnce()
      }
    } catch {
      // Offline, or the server does not answer: the next heartbeat asks again.
    } finally {
      this.busy = false
    }
  }

  stop() {
    this.stopped.abort()
  }
}
