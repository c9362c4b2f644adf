// @ts-check
/** The account area: the signed-in user, and sign-out. */

import { createElement } from "./dom.js"
import { requestSignOut } from "./session-client.js"

/**
 * @typedef {object} Account
 * @property {string} name
 * @property {string} initials
 * @property {string} picture An https URL, or empty.
 * @property {string[]} roles
 * @property {string} validUntil ISO 8601.
 * @property {string} expiresAt ISO 8601: when the session ends if it is not used; empty for no warning.
 * @property {number} idleSeconds The idle lifetime.
 * @property {number} warnSeconds How long before its end the user is warned.
 * @property {string} session A tag of the session, from which nothing else of it can be derived.
 * @property {string} rights A tag that changes when the user's rights have changed.
 */

/** The end of the session, which no use of it defers, is shown in this time before it. */
const SHOWN_BEFORE_MS = 3_600_000

/**
 * @param {string} iso
 * @param {number} now
 * @returns {string} When the session ends, in the user's own format, in its last hour; empty before.
 */
export function validUntil(iso, now) {
  const at = Date.parse(iso)
  if (Number.isNaN(at) || at - now > SHOWN_BEFORE_MS) return ""
  return `Signed in until ${new Intl.DateTimeFormat(undefined, { timeStyle: "short" }).format(at)}`
}

/**
 * @param {Account} account
 * @returns {HTMLElement} Picture or initials, name, roles, and when the session ends if that is soon.
 */
export function accountSummary(account) {
  const summary = createElement("div", "person")
  const avatar = createElement("div", "avatar", account.initials)
  avatar.setAttribute("aria-hidden", "true")
  if (account.picture) {
    const image = createElement("img", "")
    image.alt = ""
    image.referrerPolicy = "no-referrer"
    image.addEventListener("error", () => image.replaceWith(account.initials))
    image.src = account.picture
    avatar.replaceChildren(image)
  }
  const details = createElement("div", "details")
  details.append(createElement("div", "name", account.name))
  if (account.roles.length > 0) details.append(createElement("div", "small roles", account.roles.join(", ")))
  const text = validUntil(account.validUntil, Date.now())
  if (text) details.append(createElement("div", "small valid-until", text))
  summary.append(avatar, details)
  return summary
}

/**
 * Streamlit sends a trigger value in a task of its own. The end of the session must not reach the server first: it would
 * redirect this page, too.
 * @returns {Promise<void>} Resolved when that task has run.
 */
function sent() {
  return new Promise((resolve) => setTimeout(resolve, 0))
}

/**
 * @param {AbortSignal} stopped Aborted when the component is removed.
 * @param {() => import("./browser-tabs.js").BrowserTabs | undefined} tabs
 * @param {() => void} beforeSignOut Tells the server that this page signs out: it then redirects every other tab only.
 * @returns {HTMLElement} The button, with its error message.
 */
export function signOutControl(stopped, tabs, beforeSignOut) {
  const element = createElement("div", "actions")
  const button = createElement("button", "button st-key-sign-out", "Sign out")
  button.type = "button"
  const failure = createElement("p", "failure")
  failure.setAttribute("role", "alert")
  let busy = false

  const signOut = async () => {
    if (busy) return
    busy = true
    button.setAttribute("aria-disabled", "true")
    failure.textContent = ""
    try {
      beforeSignOut()
      await sent()
      const url = await requestSignOut()
      tabs()?.post({ kind: "signed-out" })
      window.location.assign(url)
    } catch {
      if (stopped.aborted) return
      failure.textContent = "You could not be signed out. Check your connection and try again."
      busy = false
      button.removeAttribute("aria-disabled")
    }
  }
  button.addEventListener("click", signOut, { signal: stopped })
  element.append(button, failure)
  return element
}
