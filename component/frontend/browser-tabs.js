// @ts-check
/** The other tabs of this browser, over a `BroadcastChannel`. */

/**
 * What one tab sends to the others: a reason to ask the server, never more.
 * @typedef {{ kind: "signed-in" | "signed-out" | "ended" | "rights", value?: string }} TabMessage
 */

/** Where the browser has no such channel, or forbids it, no message arrives; a heartbeat asks the server then. */
export class BrowserTabs {
  /** @param {string} name The name of the channel. */
  constructor(name) {
    /** @type {Set<(message: TabMessage) => void>} */
    this.listeners = new Set()
    try {
      this.channel = new BroadcastChannel(name)
      this.channel.addEventListener("message", ({ data }) => {
        if (data && typeof data.kind === "string") for (const listener of [...this.listeners]) listener(data)
      })
    } catch {
      this.channel = undefined
    }
  }

  /** @param {TabMessage} message */
  post(message) {
    try {
      this.channel?.postMessage(message)
    } catch {
      // A closed channel: the others find out by their heartbeat.
    }
  }

  /**
   * @param {(message: TabMessage) => void} listener
   * @param {AbortSignal} signal Removes the listener when it is aborted.
   */
  listen(listener, signal) {
    this.listeners.add(listener)
    signal.addEventListener("abort", () => this.listeners.delete(listener))
  }
}

/** @type {Map<string, BrowserTabs>} */
const tabsByName = new Map()

/**
 * @param {string} [name]
 * @returns {BrowserTabs | undefined} One for each name and document; undefined without a name.
 */
export function browserTabs(name) {
  if (!name) return undefined
  const tabs = tabsByName.get(name) ?? new BrowserTabs(name)
  tabsByName.set(name, tabs)
  return tabs
}
