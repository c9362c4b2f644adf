// @ts-check
/** Leaving the page, or loading it again. */

/** A page that was reloaded less than this ago is not reloaded again. */
const RELOAD_PAUSE_MS = 10_000

/** Reload this page, once: whatever the server then answers is the state of the session. */
export function reloadOnce() {
  const [entry] = performance.getEntriesByType("navigation")
  const reloaded = /** @type {PerformanceNavigationTiming | undefined} */ (entry)?.type === "reload"
  if (!reloaded || performance.now() > RELOAD_PAUSE_MS) window.location.reload()
}

/** @returns {string} The path and the query of this page. */
export function currentPage() {
  return window.location.pathname + window.location.search
}

/** Go to the page that explains why the session has ended, and that leads back here. */
export function goToSessionEnd() {
  window.location.assign(`/auth/ended?return_to=${encodeURIComponent(currentPage())}`)
}
