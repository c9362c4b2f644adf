// @ts-check
/** Requests to the session routes of the server (`/auth/session` and its neighbours). */

import { signedOutUrl } from "./urls.js"

/**
 * @typedef {object} SessionStatus
 * @property {boolean} authenticated
 * @property {boolean} [expired] The session has expired by the passing of time, and a sign-in resumes it.
 * @property {number} [expires_in_seconds]
 * @property {boolean} [can_stay]
 * @property {string} [session]
 */

const REQUEST_TIMEOUT_MS = 10_000
const SIGN_OUT_TIMEOUT_MS = 20_000

/** @returns {Promise<SessionStatus>} The state of this browser's session. Reading it does not extend the session. */
export function readSession() {
  return requestSession("/auth/session", { method: "GET" })
}

/**
 * @param {"/auth/active" | "/auth/stay"} path
 * @param {Record<string, unknown>} payload
 * @returns {Promise<SessionStatus>}
 */
export function postSession(path, payload) {
  const headers = { "Content-Type": "application/json" }
  return requestSession(path, { method: "POST", headers, body: JSON.stringify(payload) })
}

/**
 * A 401 means that there is no session; any other unexpected response is an error.
 * @param {string} path
 * @param {RequestInit} init
 * @returns {Promise<SessionStatus>}
 */
async function requestSession(path, init) {
  const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
  /** @type {RequestInit} */
  const options = { credentials: "same-origin", redirect: "error", cache: "no-store", signal, ...init }
  const response = await fetch(path, options)
  if (response.status === 401) return { authenticated: false }
  if (!response.ok) throw new Error(String(response.status))
  return await response.json()
}

/** @returns {Promise<string>} The URL at which signing out continues: the provider's, or one of this app. */
export async function requestSignOut() {
  const response = await fetch("/auth/logout", {
    method: "POST",
    credentials: "same-origin",
    redirect: "error",
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(SIGN_OUT_TIMEOUT_MS),
  })
  if (!response.ok) throw new Error(String(response.status))
  return signedOutUrl((await response.json()).location)
}
