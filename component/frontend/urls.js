// @ts-check
/** The URLs that the front end goes to, and which of those that it receives are safe. Imports nothing. */

/**
 * @typedef {object} StepUp
 * @property {boolean} fresh Whether the user has to sign in again.
 * @property {string} acr The context class that is requested, such as that of a second factor; empty requests none.
 */

/**
 * The URL of sign-in, which leads back to `returnTo`, or to where the browser is now.
 * @param {string} returnTo
 * @param {{ pathname: string, search: string }} here
 * @param {boolean} [silent] Without any question to the user (`prompt=none`).
 * @returns {string}
 */
export function signInUrl(returnTo, here, silent = false) {
  const target = returnTo && returnTo !== "/" ? returnTo : here.pathname + here.search
  return `/auth/login?${silent ? "silent=1&" : ""}return_to=${encodeURIComponent(target)}`
}

/**
 * The query that a sign-in URL needs to request a fresh sign-in, or a context class.
 * @param {StepUp} stepUp
 * @returns {string}
 */
export function stepUpQuery(stepUp) {
  const age = stepUp.fresh ? "&max_age=0" : ""
  return `&step_up=1${age}${stepUp.acr ? `&acr_values=${encodeURIComponent(stepUp.acr)}` : ""}`
}

/**
 * Where the browser goes after signing out: the server's `location` if that is an http URL, else the start page.
 * @param {unknown} location
 * @returns {string}
 */
export function signedOutUrl(location) {
  if (typeof location !== "string" || !/^(https?:\/\/|\/(?![\/\\]))/i.test(location)) return "/"
  return location
}

/**
 * @param {unknown} url
 * @returns {string | undefined} The URL, if it is one of this app's own.
 */
export function ownUrl(url) {
  return typeof url === "string" && /^\/(?![\/\\])/.test(url) ? url : undefined
}
