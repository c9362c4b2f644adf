// @ts-check
/** Whether the app answers. */

/** How long a request may take that finds out whether the app answers at all. */
const PROBE_TIMEOUT_MS = 5_000
/** How often the app is probed again while it does not answer. */
const PROBE_INTERVAL_MS = 3_000

/**
 * Probes the app. Only a request that fails proves that the app does not answer: `navigator.onLine` is false on a
 * machine that has no network but loopback, where app and provider may be, and true behind a router that has no
 * connection.
 */
export class Reachability {
  /**
   * @param {(path: string, init: RequestInit) => Promise<unknown>} [request]
   * @param {{ setTimeout: (act: () => void, delay: number) => any, clearTimeout: (timer: any) => void }} [timers]
   */
  constructor(request = (path, init) => fetch(path, init), timers = globalThis) {
    this.request = request
    this.timers = timers
    /** @type {any} */
    this.timer = undefined
    /** @type {(() => void) | undefined} */
    this.onReachable = undefined
  }

  /** @returns {Promise<boolean>} Any response counts, an error status too. */
  async isReachable() {
    const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS)
    try {
      await this.request("/auth/session", { credentials: "same-origin", redirect: "manual", cache: "no-store", signal })
      return true
    } catch {
      return false
    }
  }

  /** @param {() => void} onReachable Called once, when the app answers again. */
  wait(onReachable) {
    this.onReachable = onReachable
    this.schedule()
  }

  /** Probe the app now, if something waits for it. */
  async probe() {
    const { onReachable } = this
    if (!onReachable) return
    this.timers.clearTimeout(this.timer)
    const reachable = await this.isReachable()
    if (this.onReachable !== onReachable) return
    if (!reachable) {
      this.schedule()
      return
    }
    this.stop()
    onReachable()
  }

  schedule() {
    this.timers.clearTimeout(this.timer)
    this.timer = this.timers.setTimeout(() => void this.probe(), PROBE_INTERVAL_MS)
  }

  stop() {
    this.onReachable = undefined
    this.timers.clearTimeout(this.timer)
  }
}
