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
 * @property {string} expiresAt ISO 8601: when the session ends if nobody does anything; empty warns of nothing.
 * @property {number} idleSeconds How long it lasts without use.
 * @property {number} warnSeconds How long before its end the person is warned.
 */

/**
 * @typedef {object} StepUp
 * @property {boolean} fresh Whether the person has to sign in anew.
 * @property {string} acr The context class that is asked for, such as that of a second factor; empty asks for none.
 */

/**
 * @typedef {object} ComponentData
 * @property {string} returnTo A path of this app; "/" means where the browser is now.
 * @property {Account | null} account
 * @property {boolean} [silent] Whether to go to the provider at once, without anybody being asked.
 * @property {StepUp} [stepUp] What somebody who is signed in is asked to confirm.
 */

/**
 * @typedef {object} RendererArgs
 * @property {ComponentData} data
 * @property {HTMLElement | ShadowRoot} parentElement
 * @property {(name: string, value: unknown) => void} setStateValue
 * @property {(name: string, value: unknown) => void} setTriggerValue
 */

const SIGN_OUT_TIMEOUT_MS = 20_000
const ASK_TIMEOUT_MS = 10_000
/** While the warning stands, the server is asked this often: another tab may have been used. */
const ASK_AGAIN_MS = 5_000
/** Longer timers are set anew, so that a machine that slept is noticed. */
const LONGEST_TIMER_MS = 600_000
const THANKS_MS = 4_000

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
.warning.shown {
  margin: 0.75rem 0 0; padding: 0.75rem; border: 1px solid var(--st-border-color, GrayText);
  border-left: 4px solid var(--st-primary-color, Highlight); border-radius: var(--st-base-radius, 0.5rem);
  background: var(--st-background-color, Canvas); color: inherit;
}
.warning p { margin: 0; overflow-wrap: anywhere; }
.warning p:focus { outline: none; }
.warning .button { margin-top: 0.5rem; }
.warning .button[hidden] { display: none; }
.warning:popover-open {
  position: fixed; inset: auto 1rem 1rem auto; margin: 0; width: max-content; max-width: min(22rem, calc(100vw - 2rem));
  color: var(--st-text-color, CanvasText); box-shadow: 0 4px 16px rgb(0 0 0 / 25%);
}
`

/**
 * Where signing in leads: to `returnTo`, or back to where the browser is now.
 * @param {string} returnTo
 * @param {{ pathname: string, search: string }} here
 * @param {boolean} [silent] Without asking anybody.
 * @returns {string}
 */
export function signInAddress(returnTo, here, silent = false) {
  const target = returnTo && returnTo !== "/" ? returnTo : here.pathname + here.search
  return `/auth/login?${silent ? "silent=1&" : ""}return_to=${encodeURIComponent(target)}`
}

/**
 * What a sign-in link adds to ask for a sign-in that is fresh, or of a class.
 * @param {StepUp} stepUp
 * @returns {string}
 */
export function stepUpQuery(stepUp) {
  const age = stepUp.fresh ? "&max_age=0" : ""
  return `&step_up=1${age}${stepUp.acr ? `&acr_values=${encodeURIComponent(stepUp.acr)}` : ""}`
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
  return `Signed in until ${new Intl.DateTimeFormat(undefined, form).format(at)}`
}

/**
 * @param {string} returnTo
 * @param {StepUp} [stepUp] Asks somebody who is signed in to confirm it.
 * @returns {HTMLElement}
 */
function signIn(returnTo, stepUp) {
  const link = stepUp
    ? make("a", "button primary st-key-step-up", "Confirm it is you")
    : make("a", "button primary st-key-sign-in", "Sign in")
  const update = () => {
    const address = signInAddress(returnTo, window.location)
    link.href = stepUp ? address + stepUpQuery(stepUp) : address
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
 * How long to wait before the server is asked whether it is time to warn. Never longer than a session that was used
 * just now could do without: the browser's clock may be wrong.
 * @param {Account} account
 * @param {number} now Milliseconds, as `Date.now()`.
 * @returns {number | null} Milliseconds; null when nobody is to be warned.
 */
export function askIn(account, now) {
  const left = Date.parse(account.expiresAt) - now
  if (Number.isNaN(left) || !(account.idleSeconds > 0)) return null
  return Math.max(0, Math.min(left, account.idleSeconds * 1000) - account.warnSeconds * 1000)
}

/**
 * What the warning says.
 * @param {boolean} canStay
 * @param {number} endsAt Milliseconds.
 * @returns {string}
 */
export function warningText(canStay, endsAt) {
  const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" }).format(endsAt)
  if (canStay) return `You have not done anything here for a while and will be signed out at ${time}.`
  return `You have to sign in again at ${time}. Finish what you are doing before.`
}

/** Watches the end of the session for one account corner, and warns of it. The server alone knows when it is. */
class Watch {
  constructor() {
    this.box = make("div", "warning")
    this.said = make("p", "")
    this.said.setAttribute("role", "status")
    this.said.tabIndex = -1
    this.stay = make("button", "button st-key-stay", "Stay signed in")
    this.stay.type = "button"
    this.stay.hidden = true
    this.stay.addEventListener("click", () => this.staySignedIn())
    // Pressed with a pointer it leaves the focus, and what is being typed, where they are.
    this.stay.addEventListener("mousedown", (event) => event.preventDefault())
    this.box.append(this.said, this.stay)
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined
    /** @type {Account | null} */
    this.account = null
    this.busy = false
    this.over = new AbortController()
    const { signal } = this.over
    document.addEventListener("visibilitychange", () => this.seenAgain(), { signal })
  }

  /** @param {Account} account As it is now; a new end means that somebody was here. */
  follow(account) {
    const moved = this.account?.expiresAt !== account.expiresAt
    this.account = account
    if (moved) {
      this.hide()
      this.wait()
    } else if (this.said.textContent) this.show(this.said.textContent, !this.stay.hidden)
  }

  stop() {
    this.over.abort()
    clearTimeout(this.timer)
  }

  seenAgain() {
    if (document.visibilityState === "visible" && !this.said.textContent) this.wait()
  }

  wait() {
    const delay = this.account ? askIn(this.account, Date.now()) : null
    if (delay === null) return
    if (delay > LONGEST_TIMER_MS) this.later(() => this.wait(), LONGEST_TIMER_MS)
    else this.later(() => this.ask(), delay)
  }

  /**
   * @param {() => void} act
   * @param {number} delay Milliseconds.
   */
  later(act, delay) {
    clearTimeout(this.timer)
    if (!this.over.signal.aborted) this.timer = setTimeout(act, delay)
  }

  async ask() {
    /** @type {SessionAnswer} */
    let answer
    try {
      answer = await fetchSession("/auth/session", { method: "GET" })
    } catch {
      this.later(() => this.ask(), ASK_AGAIN_MS)
      return
    }
    this.hear(answer)
  }

  /** @param {SessionAnswer} answer */
  hear(answer) {
    if (this.over.signal.aborted || !this.account) return
    if (!answer.authenticated) {
      leave()
      return
    }
    const left = Math.max(0, Number(answer.expires_in_seconds) || 0) * 1000
    const early = left - this.account.warnSeconds * 1000
    if (early > 0) {
      if (this.said.textContent) this.hide()
      this.later(() => this.ask(), Math.min(early, LONGEST_TIMER_MS))
      return
    }
    this.show(warningText(answer.can_stay === true, Date.now() + left), answer.can_stay === true)
    this.later(() => this.ask(), Math.min(left + 500, ASK_AGAIN_MS))
  }

  /**
   * @param {string} text
   * @param {boolean} canStay
   */
  show(text, canStay) {
    this.box.classList.add("shown")
    this.stay.hidden = !canStay
    // Where the sidebar is folded away, the corner of the window stands in for it. Neither takes the focus.
    if (this.box.showPopover && !isInView(this.box) && !this.box.matches(":popover-open")) {
      this.box.popover = "manual"
      this.box.showPopover()
    }
    // The same again is not read out again.
    if (this.said.textContent !== text) this.said.textContent = text
  }

  hide() {
    this.box.classList.remove("shown")
    this.box.removeAttribute("popover")
    this.said.textContent = ""
    this.stay.hidden = true
  }

  async staySignedIn() {
    if (this.busy) return
    this.busy = true
    this.stay.setAttribute("aria-disabled", "true")
    try {
      const answer = await fetchSession("/auth/stay", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: "{}",
      })
      if (answer.authenticated) {
        if (this.stay.matches(":focus")) this.said.focus()
        this.stay.hidden = true
        this.said.textContent = "You stay signed in."
        this.later(() => {
          this.hide()
          this.hear(answer)
        }, THANKS_MS)
      } else leave()
    } catch {
      this.said.textContent = "That did not work. Check your connection and try again."
    } finally {
      this.busy = false
      this.stay.removeAttribute("aria-disabled")
    }
  }
}

/**
 * @typedef {object} SessionAnswer
 * @property {boolean} authenticated
 * @property {number} [expires_in_seconds]
 * @property {boolean} [can_stay]
 */

/**
 * Ask one of our routes about the session. A 401 says that there is none; anything else unexpected throws.
 * @param {string} path
 * @param {RequestInit} init
 * @returns {Promise<SessionAnswer>}
 */
async function fetchSession(path, init) {
  const signal = AbortSignal.timeout(ASK_TIMEOUT_MS)
  const answer = await fetch(path, { credentials: "same-origin", redirect: "error", cache: "no-store", signal, ...init })
  if (answer.status === 401) return { authenticated: false }
  if (!answer.ok) throw new Error(String(answer.status))
  return await answer.json()
}

/** The session is over: to the page that says why, and from there back here. */
function leave() {
  window.location.assign(`/auth/ended?return_to=${encodeURIComponent(window.location.pathname + window.location.search)}`)
}

/**
 * @param {HTMLElement} element
 * @returns {boolean} Whether it stands where it can be seen.
 */
function isInView(element) {
  const box = (element.parentElement ?? element).getBoundingClientRect()
  return box.width > 0 && box.height > 0 && box.right > 0 && box.left < window.innerWidth && box.left > -box.width / 2
}

let renewing = false

/**
 * To the provider and back, once for a page that was loaded; the server sees to it that it is not tried in a circle.
 * @param {string} returnTo
 */
function renewSilently(returnTo) {
  if (renewing) return
  renewing = true
  window.location.replace(signInAddress(returnTo, window.location, true))
}

/** Account corner → its watch. Streamlit draws anew without cleaning up what was drawn before. */
/** @type {WeakMap<HTMLElement | ShadowRoot, Watch>} */
const watches = new WeakMap()

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
  let watch = watches.get(parentElement)
  if (data.account) {
    watch ??= new Watch()
    watches.set(parentElement, watch)
    root.append(person(data.account), signOut(over.signal), watch.box)
  } else if (data.silent) renewSilently(data.returnTo)
  else root.append(signIn(data.returnTo, data.stepUp))
  // Drawn in place of what was there: no flicker, and nothing is shown twice. The focus stays on the same control.
  const focused = parentElement.querySelector("[class*='st-key-']:focus")
  // (`:scope` would find nothing here: the parent is a shadow root.)
  for (const old of [...parentElement.children]) if (old.matches(".gatehouse, .gatehouse-style")) old.remove()
  style.className = "gatehouse-style"
  parentElement.append(style, root)
  const key = focused ? [...focused.classList].find((name) => name.startsWith("st-key-")) : undefined
  if (key) /** @type {HTMLElement | null} */ (root.querySelector(`.${key}`))?.focus()
  if (data.account) watch?.follow(data.account)
  return () => {
    over.abort()
    watch?.stop()
    watches.delete(parentElement)
    root.remove()
    style.remove()
  }
}
