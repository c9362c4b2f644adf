// @ts-check
/**
 * Component Auth0, front end: a way in for nobody, the person and a way out for somebody. It never sees a token, and
 * whatever it is told is shown as text.
 */

/**
 * @typedef {object} Account
 * @property {string} name
 * @property {string} initials
 * @property {string} picture An https address, or empty.
 * @property {string[]} roles
 * @property {string} validUntil ISO 8601.
 */

/**
 * @typedef {object} ComponentData
 * @property {string} returnTo A path of this app; "/" means where the browser is now.
 * @property {Account | null} account
 */

/**
 * @typedef {object} RendererArgs
 * @property {ComponentData} data
 * @property {HTMLElement | ShadowRoot} parentElement
 * @property {(name: string, value: unknown) => void} setStateValue
 * @property {(name: string, value: unknown) => void} setTriggerValue
 */

const SIGN_OUT_TIMEOUT_MS = 20_000

const STYLE = `
:host, .gatehouse { display: block; }
.gatehouse {
  font-family: var(--st-font, system-ui, sans-serif); font-size: var(--st-base-font-size, 1rem); line-height: 1.5;
  color: var(--st-text-color, CanvasText); min-width: 0;
}
.gatehouse * { box-sizing: border-box; }
.button {
  display: inline-flex; align-items: center; justify-content: center; min-height: 2.5rem; padding: 0.25rem 1rem;
  border: 1px solid var(--st-border-color, GrayText); border-radius: var(--st-button-radius, 0.5rem);
  background: transparent; color: inherit; font: inherit; font-weight: 600; text-decoration: none; cursor: pointer;
}
.button:hover, .button:focus-visible { border-color: var(--st-primary-color, Highlight); }
.button:focus-visible { outline: 2px solid var(--st-primary-color, Highlight); outline-offset: 2px; }
.button[aria-disabled="true"] { opacity: 0.6; cursor: progress; }
.primary {
  background: var(--st-primary-color, Highlight); border-color: var(--st-primary-color, Highlight);
  color: var(--st-background-color, Canvas);
}
.primary:hover { text-decoration: underline; }
.person { display: flex; align-items: center; gap: 0.75rem; min-width: 0; }
.avatar {
  flex: none; width: 2.5rem; height: 2.5rem; border-radius: 50%; display: grid; place-items: center; overflow: hidden;
  background: var(--st-primary-color, Highlight); color: var(--st-background-color, Canvas); font-weight: 600;
}
.avatar img { width: 100%; height: 100%; object-fit: cover; }
.about { min-width: 0; overflow-wrap: anywhere; }
.name { font-weight: 600; }
.quiet { font-size: 0.875em; opacity: 0.8; }
.actions { margin-top: 0.75rem; }
.failure { margin: 0.5rem 0 0; color: var(--st-red-text-color, inherit); }
.failure:empty { display: none; }
`

/**
 * Where signing in leads: to `returnTo`, or back to where the browser is now.
 * @param {string} returnTo
 * @param {{ pathname: string, search: string }} here
 * @returns {string}
 */
export function signInAddress(returnTo, here) {
  const target = returnTo && returnTo !== "/" ? returnTo : here.pathname + here.search
  return `/auth/login?return_to=${encodeURIComponent(target)}`
}

/**
 * Where the browser goes after signing out: what the server said if that is an http address, else the start page.
 * @param {unknown} location
 * @returns {string}
 */
export function signedOutAddress(location) {
  if (typeof location !== "string" || !/^(https?:\/\/|\/(?![\/\\]))/i.test(location)) return "/"
  return location
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} className
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[K]}
 */
function make(tag, className, text = "") {
  const element = document.createElement(tag)
  element.className = className
  if (text) element.textContent = text
  return element
}

/**
 * @param {string} iso
 * @returns {string} The moment in the reader's own words; empty when it is none.
 */
export function validUntil(iso) {
  const at = new Date(iso)
  if (Number.isNaN(at.getTime())) return ""
  const today = at.toDateString() === new Date().toDateString()
  /** @type {Intl.DateTimeFormatOptions} */
  const form = today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" }
  return `Valid until ${new Intl.DateTimeFormat(undefined, form).format(at)}`
}

/**
 * @param {string} returnTo
 * @returns {HTMLElement}
 */
function signIn(returnTo) {
  const link = make("a", "button primary st-key-sign-in", "Sign in")
  const update = () => {
    link.href = signInAddress(returnTo, window.location)
  }
  update()
  link.target = "_top"
  // Streamlit changes the address without drawing this anew.
  for (const event of ["pointerdown", "focus", "click"]) link.addEventListener(event, update)
  return link
}

/**
 * @param {Account} account
 * @returns {HTMLElement}
 */
function person(account) {
  const row = make("div", "person")
  const avatar = make("div", "avatar", account.initials)
  avatar.setAttribute("aria-hidden", "true")
  if (account.picture) {
    const image = make("img", "")
    image.alt = ""
    image.referrerPolicy = "no-referrer"
    image.addEventListener("error", () => image.replaceWith(account.initials))
    image.src = account.picture
    avatar.replaceChildren(image)
  }
  const about = make("div", "about")
  about.append(make("div", "name", account.name))
  if (account.roles.length > 0) about.append(make("div", "quiet roles", account.roles.join(", ")))
  const until = validUntil(account.validUntil)
  if (until) about.append(make("div", "quiet until", until))
  row.append(avatar, about)
  return row
}

/**
 * @param {AbortSignal} over Aborted when the component goes.
 * @returns {HTMLElement}
 */
function signOut(over) {
  const box = make("div", "actions")
  const button = make("button", "button st-key-sign-out", "Sign out")
  button.type = "button"
  const failure = make("p", "failure")
  failure.setAttribute("role", "alert")
  let busy = false

  const leave = async () => {
    if (busy) return
    busy = true
    button.setAttribute("aria-disabled", "true")
    failure.textContent = ""
    try {
      const answer = await fetch("/auth/logout", {
        method: "POST",
        credentials: "same-origin",
        redirect: "error",
        headers: { Accept: "application/json" },
        signal: AbortSignal.timeout(SIGN_OUT_TIMEOUT_MS),
      })
      if (!answer.ok) throw new Error(String(answer.status))
      const { location } = await answer.json()
      window.location.assign(signedOutAddress(location))
    } catch {
      if (over.aborted) return
      failure.textContent = "You could not be signed out. Check your connection and try again."
      busy = false
      button.removeAttribute("aria-disabled")
    }
  }
  button.addEventListener("click", leave, { signal: over })
  box.append(button, failure)
  return box
}

/**
 * Streamlit calls this whenever the component is drawn.
 * @param {RendererArgs} args
 * @returns {() => void} Cleanup.
 */
export default function ({ data, parentElement }) {
  const over = new AbortController()
  const root = make("div", "gatehouse")
  const style = document.createElement("style")
  style.textContent = STYLE
  if (data.account) root.append(person(data.account), signOut(over.signal))
  else root.append(signIn(data.returnTo))
  // Drawn in place of what was there: no flicker, and nothing is shown twice. The focus stays on the same control.
  const focused = parentElement.querySelector("[class*='st-key-']:focus")
  for (const old of parentElement.querySelectorAll(":scope > .gatehouse, :scope > style.gatehouse-style")) old.remove()
  style.className = "gatehouse-style"
  parentElement.append(style, root)
  const key = focused ? [...focused.classList].find((name) => name.startsWith("st-key-")) : undefined
  if (key) /** @type {HTMLElement | null} */ (root.querySelector(`.${key}`))?.focus()
  return () => {
    over.abort()
    root.remove()
    style.remove()
  }
}
