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
 * @property {string} session Names the session, and gives nothing of it away.
 * @property {string} rights Changes when what the person may do has changed.
 */

/**
 * @typedef {object} StepUp
 * @property {boolean} fresh Whether the person has to sign in anew.
 * @property {string} acr The context class that is asked for, such as that of a second factor; empty asks for none.
 */

/**
 * What goes to the host: all events that it has not acknowledged, again and again.
 * @typedef {object} Entry
 * @property {number} seq
 * @property {string} name
 * @property {"front-end"} source
 * @property {Record<string, unknown>} data
 *
 * @typedef {object} Sent
 * @property {string} channel Which end of the host's it is meant for.
 * @property {number} heard The last answer that was read.
 * @property {number} sent Counts, so that what is sent again is not taken for the same.
 * @property {Entry[]} queue
 *
 * @typedef {"events" | "quiet"} Lane As state; or by a trigger, which does not count as somebody being there.
 */

/**
 * What comes from the host.
 * @typedef {object} WebAnswer
 * @property {number} status
 * @property {string} contentType
 * @property {string} body
 * @property {number} elapsedMs
 * @property {boolean} complete
 *
 * @typedef {object} Answer
 * @property {number} no
 * @property {number} seq The event it answers; 0 for none of them.
 * @property {WebAnswer} [web]
 * @property {string} [goTo]
 * @property {{ code: string, message: string }} [error]
 *
 * @typedef {object} Told
 * @property {string} channel
 * @property {number} done
 * @property {Answer[]} answers
 * @property {string[]} events
 */

/**
 * @typedef {object} Call
 * @property {string} name
 * @property {string} method
 * @property {string} path
 * @property {string} body
 */

/**
 * @typedef {object} ComponentData
 * @property {string} returnTo A path of this app; "/" means where the browser is now.
 * @property {Account | null} account
 * @property {boolean} [silent] Whether to go to the provider at once, without anybody being asked.
 * @property {StepUp} [stepUp] What somebody who is signed in is asked to confirm.
 * @property {string} [tabs] The channel on which this browser's tabs tell each other to look again.
 * @property {"redirect" | "popup" | "silent"} [mode] How a press of sign-in leads to the provider.
 * @property {boolean} [nobody] Whether nobody is signed in: then a sign-in in another tab draws this page anew.
 * @property {Told} [link]
 * @property {{ calls: Call[] }} [console]
 * @property {boolean} [another] Whether somebody who is signed in may do so as somebody else.
 * @property {boolean} [covered] Whether the page is to be hidden, or shown again; drawn by the socket guard only.
 *
 * @typedef {{ events?: Sent, quiet?: Sent | null, leaving?: boolean }} State
 * @typedef {import("@streamlit/component-v2-lib").FrontendRendererArgs<State, ComponentData>} RendererArgs
 */

const SIGN_OUT_TIMEOUT_MS = 20_000
const ASK_TIMEOUT_MS = 10_000
/** While the warning stands, the server is asked this often: another tab may have been used. */
const ASK_AGAIN_MS = 5_000
const THANKS_MS = 4_000
/** Where the browser says only for a moment that the user did something, it is asked this often. */
const ACTIVATION_POLL_MS = 2_000
/** Input of the user is reported at most this often; with a short idle limit, ten times in it. */
const ACTIVE_REPORT_MS = 60_000
/** So long a press takes to lead to another page, at whose address the user then is. */
const LEADS_MS = 1_000
const INPUT_EVENTS = ["pointerdown", "keydown", "click", "input", "wheel", "touchstart"]
/** How often the server is asked who is signed in, by a page that is looked at. */
const HEARTBEAT_MS = 60_000
/** The same where nobody is: there is no socket that would be told. */
const NOBODY_HEARTBEAT_MS = 20_000
/** So long the host may take to say where sign-in is; then the plain link is taken. */
const HOST_TIMEOUT_MS = 2_500
const CALL_TIMEOUT_MS = 30_000
/** So long a request may take that finds out whether the app answers at all. */
const REACH_TIMEOUT_MS = 5_000
/** How often that is tried again while the app does not answer. */
const REACH_AGAIN_MS = 3_000
const POPUP_POLL_MS = 400
/** A page that was reloaded just now is not reloaded again. */
const RELOAD_PAUSE_MS = 10_000
const WAKE_PAUSE_MS = 1_000
const RESEND_MS = [3_000, 6_000, 12_000, 24_000]
const QUEUE_MAX = 32
const EVENT_MAX_CHARACTERS = 16_384

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
.quiet { font-size: 0.875em; }
.actions { margin-top: 0.75rem; }
.failure { margin: 0.5rem 0 0; color: var(--st-red-text-color, inherit); }
.failure:empty, .said:empty { margin: 0; }
.said { margin: 0.5rem 0 0; overflow-wrap: anywhere; }
.group { display: flex; flex-direction: column; align-items: flex-start; gap: 0.5rem; margin-bottom: 1rem; }
.group.row { flex-flow: row wrap; margin-bottom: 0; }
.field { display: block; width: 100%; font-size: 0.875em; }
.control {
  display: block; width: 100%; min-height: 2.5rem; margin-top: 0.25rem; padding: 0.375rem 0.75rem; color: inherit; font: inherit;
  font-size: 1rem; background: var(--st-secondary-background-color, Field);
  border: 1px solid var(--st-widget-border-color, var(--st-border-color, GrayText));
  border-radius: var(--st-base-radius, 0.5rem);
}
select.control { text-overflow: ellipsis; }
textarea.control { resize: vertical; }
.control:focus-visible, .with-token:focus-visible, .answer:focus-visible {
  outline: 2px solid var(--st-primary-color, Highlight); outline-offset: 1px;
}
.tick { display: flex; align-items: center; gap: 0.5rem; font-size: 0.875em; min-height: 1.5rem; }
.with-token { flex: none; width: 1rem; height: 1rem; accent-color: var(--st-primary-color, Highlight); }
.console .said { min-height: 3em; }
.answer {
  margin: 0.5rem 0 0; padding: 0.75rem; max-height: 20rem; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere;
  font-family: var(--st-code-font, monospace); font-size: 0.875em; border-radius: var(--st-base-radius, 0.5rem);
  background: var(--st-code-background-color, transparent); color: var(--st-text-color, inherit);
}
.answer[hidden] { display: none; }
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

/** Why an event came to nothing: the host's words, or our own. */
export class LinkError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message)
    this.code = code
  }
}

/**
 * The front end's end of the link: numbers events, and sends them until the host has acknowledged them.
 */
export class Link {
  /**
   * @param {(lane: Lane, sent: Sent) => void} send
   * @param {{ setTimeout: (act: () => void, delay: number) => any, clearTimeout: (timer: any) => void }} [timers]
   */
  constructor(send, timers = globalThis) {
    this.send = send
    this.timers = timers
    this.channel = ""
    this.heard = 0
    this.last = 0
    this.sent = 0
    this.tries = 0
    this.quiet = true
    /** @type {string[]} */
    this.allowed = []
    /** @type {Entry[]} */
    this.queue = []
    /** @type {Map<number, { resolve: (answer: Answer | null) => void, reject: (error: LinkError) => void }>} */
    this.waiting = new Map()
    /** @type {any} */
    this.timer = undefined
    /** @type {(error: LinkError) => void} Called for an error that belongs to no event. */
    this.onBreach = () => {}
  }

  /**
   * Send an event to the host. Events sent in one go arrive in one go, in their order.
   * @param {string} name
   * @param {Record<string, unknown>} data
   * @param {{ quiet?: boolean, timeoutMs?: number }} [options] Quiet: it does not count as somebody being there.
   * @returns {Promise<Answer | null>} What the host answers; null when it only took note. Rejects with `LinkError`.
   */
  emit(name, data, { quiet = false, timeoutMs = CALL_TIMEOUT_MS } = {}) {
    if (!this.channel || !this.allowed.includes(name)) {
      return Promise.reject(new LinkError("not-allowed", "This component does not take events of that name."))
    }
    if (this.queue.length >= QUEUE_MAX) {
      return Promise.reject(new LinkError("too-many", "Too much is waiting to be sent already. Try again in a moment."))
    }
    if (JSON.stringify(data).length > EVENT_MAX_CHARACTERS) {
      return Promise.reject(new LinkError("too-large", "That is more than can be sent at once."))
    }
    const seq = ++this.last
    this.queue.push({ seq, name, source: "front-end", data })
    this.quiet &&= quiet
    this.tries = 0
    this.later(() => this.flush(), 0)
    return new Promise((resolve, reject) => {
      const limit = this.timers.setTimeout(() => {
        if (this.waiting.delete(seq)) reject(new LinkError("no-answer", "There was no answer. Check your connection."))
      }, timeoutMs)
      /**
       * @template T
       * @param {(value: T) => void} settle
       * @returns {(value: T) => void}
       */
      const over = (settle) => (value) => {
        this.timers.clearTimeout(limit)
        settle(value)
      }
      this.waiting.set(seq, { resolve: over(resolve), reject: over(reject) })
    })
  }

  /** @param {Told} told What the host says, at each draw. */
  hear(told) {
    this.allowed = told.events
    if (told.channel !== this.channel) {
      // Another end: the server was started anew, or forgot. What was under way may have been done or not: never twice.
      this.forsake(new LinkError("lost", "The connection began anew meanwhile. Try again."))
      this.channel = told.channel
      this.heard = 0
      this.last = told.done
    }
    this.last = Math.max(this.last, told.done)
    this.queue = this.queue.filter((entry) => entry.seq > told.done)
    for (const answer of told.answers) {
      if (answer.no <= this.heard) continue
      this.heard = answer.no
      const error = answer.error && new LinkError(answer.error.code, answer.error.message)
      const waits = this.waiting.get(answer.seq)
      this.waiting.delete(answer.seq)
      if (waits && error) waits.reject(error)
      else if (waits) waits.resolve(answer)
      else if (error && answer.seq === 0) {
        this.forsake(error)
        this.last = told.done
        this.onBreach(error)
      }
    }
    for (const [seq, waits] of this.waiting) {
      if (seq > told.done) continue
      this.waiting.delete(seq)
      waits.resolve(null)
    }
    if (this.queue.length === 0) {
      this.timers.clearTimeout(this.timer)
      this.quiet = true
    }
  }

  stop() {
    this.timers.clearTimeout(this.timer)
    this.forsake(new LinkError("gone", "This is no longer on the page."))
  }

  /** @param {LinkError} error Give up whatever is under way. */
  forsake(error) {
    this.queue = []
    const waiting = [...this.waiting.values()]
    this.waiting.clear()
    for (const waits of waiting) waits.reject(error)
  }

  flush() {
    if (this.queue.length === 0) return
    this.sent += 1
    const sent = { channel: this.channel, heard: this.heard, sent: this.sent, queue: [...this.queue] }
    this.send(this.quiet ? "quiet" : "events", sent)
    const delay = RESEND_MS[this.tries++]
    if (delay !== undefined) this.later(() => this.flush(), delay)
  }

  /**
   * @param {() => void} act
   * @param {number} delay
   */
  later(act, delay) {
    this.timers.clearTimeout(this.timer)
    this.timer = this.timers.setTimeout(act, delay)
  }
}

/**
 * What one tab tells the others: that they should ask the server. Never more.
 * @typedef {{ kind: "signed-in" | "signed-out" | "ended" | "rights", value?: string }} Word
 */

/** The other tabs of this browser. Where the browser has no such channel, or forbids it, nobody is heard. */
class Tabs {
  /** @param {string} name */
  constructor(name) {
    /** @type {Set<(word: Word) => void>} */
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

  /** @param {Word} word */
  say(word) {
    try {
      this.channel?.postMessage(word)
    } catch {
      // A closed channel: the others find out by their heartbeat.
    }
  }
}

/** @type {Map<string, Tabs>} */
const channels = new Map()

/**
 * @param {string} [name]
 * @returns {Tabs | undefined} One for each name and document.
 */
function tabsNamed(name) {
  if (!name) return undefined
  const known = channels.get(name) ?? new Tabs(name)
  channels.set(name, known)
  return known
}

/**
 * An address to go to, if it is one of this app's own.
 * @param {unknown} address
 * @returns {string | undefined}
 */
export function ownAddress(address) {
  return typeof address === "string" && /^\/(?![\/\\])/.test(address) ? address : undefined
}

/** Draw this page anew, once: whatever the server then says is how it is. */
function drawAnew() {
  const [entry] = performance.getEntriesByType("navigation")
  const reloaded = /** @type {PerformanceNavigationTiming | undefined} */ (entry)?.type === "reload"
  if (!reloaded || performance.now() > RELOAD_PAUSE_MS) window.location.reload()
}

/** Notices a sign-in elsewhere, for a page that was drawn for nobody. */
class Nobody {
  /**
   * @param {Tabs | undefined} tabs
   * @param {() => void} leave Done before the page goes.
   */
  constructor(tabs, leave) {
    this.leave = leave
    this.over = new AbortController()
    this.busy = false
    const { signal } = this.over
    const ask = () => void this.ask()
    /** @param {Word} word */
    const listener = ({ kind }) => {
      if (kind === "signed-in") ask()
    }
    tabs?.listeners.add(listener)
    signal.addEventListener("abort", () => tabs?.listeners.delete(listener))
    document.addEventListener("visibilitychange", ask, { signal })
    window.addEventListener("focus", ask, { signal })
    window.addEventListener("online", ask, { signal })
    const timer = setInterval(ask, NOBODY_HEARTBEAT_MS)
    signal.addEventListener("abort", () => clearInterval(timer))
  }

  async ask() {
    if (this.busy || this.over.signal.aborted) return
    this.busy = true
    try {
      const { authenticated } = await fetchSession("/auth/session", { method: "GET" })
      if (authenticated && !this.over.signal.aborted) {
        this.leave()
        drawAnew()
      }
    } catch {
      // Offline, or the server is away: the next beat asks again.
    } finally {
      this.busy = false
    }
  }

  stop() {
    this.over.abort()
  }
}

/**
 * How a popup is asked for: in the middle of the window, as large as a sign-in page needs and the screen has.
 * @param {{ screenX: number, screenY: number, outerWidth: number, outerHeight: number }} at
 * @returns {string}
 */
export function popupFeatures(at) {
  const width = Math.min(480, at.outerWidth)
  const height = Math.min(680, at.outerHeight)
  const left = Math.round(at.screenX + (at.outerWidth - width) / 2)
  const top = Math.round(at.screenY + (at.outerHeight - height) / 2)
  return `popup,width=${width},height=${height},left=${left},top=${top}`
}

/**
 * Whether the app answers. Only a request that fails proves that it does not: `navigator.onLine` is false on a machine
 * that has no network but loopback, where app and provider may be, and true behind a router without a connection.
 */
export class Reach {
  /**
   * @param {(path: string, init: RequestInit) => Promise<unknown>} [ask]
   * @param {{ setTimeout: (act: () => void, delay: number) => any, clearTimeout: (timer: any) => void }} [timers]
   */
  constructor(ask = (path, init) => fetch(path, init), timers = globalThis) {
    this.ask = ask
    this.timers = timers
    /** @type {any} */
    this.timer = undefined
    /** @type {(() => void) | undefined} */
    this.back = undefined
  }

  /** @returns {Promise<boolean>} Any response counts, an error status too. */
  async answers() {
    const signal = AbortSignal.timeout(REACH_TIMEOUT_MS)
    try {
      await this.ask("/auth/session", { credentials: "same-origin", redirect: "manual", cache: "no-store", signal })
      return true
    } catch {
      return false
    }
  }

  /** @param {() => void} back Called once, when the app answers again. */
  wait(back) {
    this.back = back
    this.later()
  }

  /** Try again now, if the app is being waited for. */
  async again() {
    const { back } = this
    if (!back) return
    this.timers.clearTimeout(this.timer)
    const answers = await this.answers()
    if (this.back !== back) return
    if (!answers) {
      this.later()
      return
    }
    this.stop()
    back()
  }

  later() {
    this.timers.clearTimeout(this.timer)
    this.timer = this.timers.setTimeout(() => void this.again(), REACH_AGAIN_MS)
  }

  stop() {
    this.back = undefined
    this.timers.clearTimeout(this.timer)
  }
}

/** The way in: a link that works by itself, and that asks the host first where it can, so that nothing typed is lost. */
class SignIn {
  /**
   * @param {StepUp} [stepUp] Asks somebody who is signed in to confirm it.
   * @param {boolean} [another] Offers somebody who is signed in to do so as somebody else.
   */
  constructor(stepUp, another = false) {
    this.stepUp = stepUp
    this.another = another
    this.returnTo = "/"
    /** @type {"redirect" | "popup" | "silent"} */
    this.mode = "redirect"
    /** @type {Link | undefined} */
    this.link = undefined
    this.busy = false
    /** @type {Window | null} */
    this.popup = null
    this.reach = new Reach()
    this.over = new AbortController()
    const { signal } = this.over
    this.element = make("div", "way-in")
    if (another) this.control = make("a", "button st-key-another-account", "Use another account")
    else if (stepUp) this.control = make("a", "button primary st-key-step-up", "Confirm it is you")
    else this.control = make("a", "button primary st-key-sign-in", "Sign in")
    this.control.target = "_top"
    this.said = make("p", "said")
    this.said.setAttribute("role", "status")
    this.element.append(this.control, this.said)
    // Streamlit changes the address without drawing this anew.
    for (const event of ["pointerdown", "focus", "click"]) {
      this.control.addEventListener(event, () => this.update(), { signal })
    }
    this.control.addEventListener("click", (event) => this.pressed(event), { signal })
    window.addEventListener("pageshow", () => this.rest(""), { signal })
    window.addEventListener("online", () => void this.reach.again(), { signal })
  }

  /**
   * @param {ComponentData} data
   * @param {Link | undefined} link
   */
  draw(data, link) {
    this.returnTo = data.returnTo
    this.mode = data.mode ?? "redirect"
    this.link = link
    this.update()
  }

  update() {
    this.control.href = this.plain()
  }

  /** @returns {string} The address that needs nobody's help. */
  plain() {
    const address = signInAddress(this.returnTo, window.location)
    if (this.another) return `${address}&another=1`
    return this.stepUp ? address + stepUpQuery(this.stepUp) : address
  }

  /** @param {MouseEvent} event */
  pressed(event) {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    // Without the host the link needs nobody's help, except to stay here where the app does not answer.
    if (!this.link && navigator.onLine !== false) return
    event.preventDefault()
    if (this.busy) {
      this.popup?.focus()
      return
    }
    void this.begin(this.link)
  }

  /** @param {Link} [link] */
  async begin(link) {
    this.busy = true
    this.reach.stop()
    this.control.setAttribute("aria-disabled", "true")
    this.said.textContent = ""
    // Only here, in the click itself, may a window be opened. Where that is forbidden, this tab goes.
    this.popup = link && this.mode === "popup" ? window.open("about:blank", "gatehouse-sign-in", popupFeatures(window)) : null
    const mode = this.mode === "popup" && !this.popup ? "redirect" : this.mode
    const here = this.returnTo === "/" ? window.location.pathname + window.location.search : this.returnTo
    const goTo = await this.hostAddress(link, mode, here)
    if (this.over.signal.aborted) return
    if (goTo === undefined && !(await this.reach.answers())) {
      this.unreached()
      return
    }
    if (this.over.signal.aborted) return
    const address = ownAddress(goTo) ?? this.plain() + (mode === "popup" ? "&mode=popup" : "")
    if (!this.popup) {
      window.location.assign(address)
      return
    }
    if (this.popup.closed) {
      this.rest("The window was closed. Press the button to try again.")
      return
    }
    this.popup.location.replace(address)
    this.popup.focus()
    this.control.removeAttribute("aria-disabled") // it brings the window to the front
    this.say("Go on in the window that has opened. Pressing the button again brings it to the front.")
    this.follow(this.popup)
  }

  /**
   * @param {Link | undefined} link
   * @param {"redirect" | "popup" | "silent"} mode
   * @param {string} here
   * @returns {Promise<string | undefined>} Where the host says that sign-in is; undefined where it does not answer, or
   *   will not: signing in works all the same.
   */
  async hostAddress(link, mode, here) {
    // Where the browser believes to be offline, a request finds out sooner than the host's silence.
    if (!link || (navigator.onLine === false && !(await this.reach.answers()))) return undefined
    const request = { action: "AppAuthRequest", mode, returnTo: here }
    try {
      return (await link.emit("onActionRequest", request, { timeoutMs: HOST_TIMEOUT_MS }))?.goTo
    } catch {
      return undefined
    }
  }

  /** A request failed: nobody is sent to an address that does not answer, and the text goes when it answers again. */
  unreached() {
    if (this.over.signal.aborted) return
    this.popup?.close()
    this.rest("")
    const offline = navigator.onLine === false
    const text = offline ? "You are offline. Connect again, then sign in." : "The app does not answer. Try again."
    this.say(text, "offline")
    this.reach.wait(() => this.rest(""))
  }

  /** @param {Window} popup Wait until it is done, or gone. */
  follow(popup) {
    const timer = setInterval(async () => {
      if (!popup.closed) return
      clearInterval(timer)
      let authenticated = false
      try {
        ;({ authenticated } = await fetchSession("/auth/session", { method: "GET" }))
      } catch {
        // Offline: said below, as if it had been closed.
      }
      if (this.over.signal.aborted) return
      if (authenticated && !this.stepUp) drawAnew()
      else this.rest("The window was closed before you were signed in. Press the button to try again.")
    }, POPUP_POLL_MS)
    this.over.signal.addEventListener("abort", () => clearInterval(timer))
  }

  /**
   * @param {string} text
   * @param {string} [kind]
   */
  say(text, kind = "") {
    this.said.className = `said ${kind}`.trim()
    this.said.textContent = text
  }

  /** @param {string} text Be ready to be pressed again. */
  rest(text) {
    this.busy = false
    this.popup = null
    this.control.removeAttribute("aria-disabled")
    this.say(text)
  }

  stop() {
    this.reach.stop()
    this.over.abort()
  }
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
 * @param {() => Tabs | undefined} tabs
 * @param {() => void} leaving Says that this page signs out: the server then sends every other tab away, and not this one.
 * @returns {HTMLElement}
 */
function signOut(over, tabs, leaving) {
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
      leaving()
      const answer = await fetch("/auth/logout", {
        method: "POST",
        credentials: "same-origin",
        redirect: "error",
        headers: { Accept: "application/json" },
        signal: AbortSignal.timeout(SIGN_OUT_TIMEOUT_MS),
      })
      if (!answer.ok) throw new Error(String(answer.status))
      const { location } = await answer.json()
      tabs()?.say({ kind: "signed-out" })
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

/**
 * Reports that the user did something, at most once in `pauseMs`. Only input of a person counts: events that a script made
 * up are not trusted, and a run of the page says nothing, because a component can ask for runs by itself.
 */
export class Presence {
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
      const listener = (event) => void (event.isTrusted && counts(event) && this.note())
      target.addEventListener(name, listener, { capture: true, passive: true, signal })
    }
    // What is done inside a frame of the page is no event of the page, but activates it (HTML, "Tracking user activation").
    const timer = setInterval(() => {
      if (page.visibilityState === "visible" && navigator.userActivation?.isActive) this.note()
    }, ACTIVATION_POLL_MS)
    signal.addEventListener("abort", () => clearInterval(timer))
  }

  note() {
    const now = this.now()
    if (now - this.reportedAt < this.pauseMs) return
    this.reportedAt = now
    this.report().catch(() => {
      // Offline, or the server is away: the next thing the user does is reported again, a little later.
      this.reportedAt = now - this.pauseMs + ASK_AGAIN_MS
    })
  }
}

/** Watches the end of the session for one account corner, and warns of it. The server alone knows when it is. */
class Watch {
  /** @param {() => Tabs | undefined} tabs */
  constructor(tabs) {
    this.tabs = tabs
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
    window.addEventListener("online", () => void this.ask(), { signal })
    this.presence = new Presence(() => this.reportActive())
    // "Stay signed in" is a report of its own.
    this.presence.listen(window, document, signal, (event) => !event.composedPath().includes(this.stay))
  }

  /** @param {Account} account As it is now; a new end means that somebody was here. */
  follow(account) {
    const moved = this.account?.expiresAt !== account.expiresAt
    this.account = account
    this.presence.pauseMs = Math.min(ACTIVE_REPORT_MS, account.idleSeconds * 100)
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
    if (document.visibilityState === "visible") void this.ask()
  }

  /** Ask when it is time to warn, and at each heartbeat: signing out elsewhere, a machine that slept. */
  wait() {
    const warn = this.account ? askIn(this.account, Date.now()) : null
    this.later(() => this.beat(), Math.min(warn ?? HEARTBEAT_MS, HEARTBEAT_MS))
  }

  beat() {
    const isDue = this.account !== null && askIn(this.account, Date.now()) === 0
    if (isDue || document.visibilityState === "visible") void this.ask()
    else this.wait()
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
      this.later(() => void this.ask(), ASK_AGAIN_MS)
      return
    }
    this.hear(answer)
  }

  /** @param {SessionAnswer} answer */
  hear(answer) {
    if (this.over.signal.aborted || !this.account) return
    if (!answer.authenticated) {
      this.tabs()?.say({ kind: "ended" })
      if (answer.expired) cover(this.box, this.account.session)
      else leave()
      return
    }
    if (answer.session && answer.session !== this.account.session) {
      // Somebody signed in anew in this browser: what is shown here is another session's.
      drawAnew()
      return
    }
    const left = Math.max(0, Number(answer.expires_in_seconds) || 0) * 1000
    const early = left - this.account.warnSeconds * 1000
    if (early > 0) {
      if (this.said.textContent) this.hide()
      this.later(() => this.beat(), Math.min(early, HEARTBEAT_MS))
      return
    }
    this.show(warningText(answer.can_stay === true, Date.now() + left), answer.can_stay === true)
    this.later(() => void this.ask(), Math.min(left + 500, ASK_AGAIN_MS))
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

  /** The user did something: the server counts that as use, of the page to which it led. */
  async reportActive() {
    await new Promise((resolve) => setTimeout(resolve, LEADS_MS))
    const body = JSON.stringify({ page: window.location.pathname })
    const answer = await fetchSession("/auth/active", { method: "POST", headers: JSON_BODY, body })
    // Not at once: the press that is reported must still reach the server, which keeps it if it came too late.
    if (!answer.authenticated) this.later(() => void this.ask(), ACTIVATION_POLL_MS)
    else if (!this.stay.hidden) this.staysSignedIn(answer) // what the warning says is over
  }

  /** @param {SessionAnswer} answer The session has a new end: say so in place of the warning, and keep the focus. */
  staysSignedIn(answer) {
    if (this.stay.matches(":focus")) this.said.focus()
    this.stay.hidden = true
    this.said.textContent = "You stay signed in."
    this.later(() => {
      this.hide()
      this.hear(answer)
    }, THANKS_MS)
  }

  async staySignedIn() {
    if (this.busy) return
    this.busy = true
    this.stay.setAttribute("aria-disabled", "true")
    try {
      const answer = await fetchSession("/auth/stay", {
        method: "POST",
        headers: JSON_BODY,
        body: "{}",
      })
      if (answer.authenticated) this.staysSignedIn(answer)
      else void this.ask()
    } catch {
      this.said.textContent = "That did not work. Check your connection and try again."
    } finally {
      this.busy = false
      this.stay.removeAttribute("aria-disabled")
    }
  }
}

const JSON_BODY = { "Content-Type": "application/json" }

/**
 * @typedef {object} SessionAnswer
 * @property {boolean} authenticated
 * @property {boolean} [expired] Nobody is signed in because time went by, and whoever was can go on.
 * @property {number} [expires_in_seconds]
 * @property {boolean} [can_stay]
 * @property {string} [session]
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

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {string} text
 * @param {K} tag
 * @param {string} name Its class.
 * @returns {[HTMLLabelElement, HTMLElementTagNameMap[K]]} A control with its name, which reads with it.
 */
function field(text, tag, name) {
  const label = make("label", "field")
  const control = make(tag, `control ${name}`)
  label.append(make("span", "", text), control)
  return [label, control]
}

/**
 * @param {string} body
 * @returns {string} JSON with its lines broken; anything else as it is.
 */
export function readable(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2)
  } catch {
    return body
  }
}

/** The component's own side of its contract: every event can be sent from here, and what comes back is shown. */
class Console {
  /** @param {Link} link */
  constructor(link) {
    this.link = link
    /** @type {Call[]} */
    this.calls = []
    this.status = ""
    this.element = make("div", "console")

    const ask = make("div", "group")
    const [callLabel, call] = field("Call that the host is asked for", "select", "call")
    this.call = call
    const tokenLabel = make("label", "tick")
    this.token = make("input", "with-token")
    this.token.type = "checkbox"
    this.token.checked = true
    tokenLabel.append(this.token, make("span", "", "With the bearer token, which the host puts in"))
    ask.append(callLabel, tokenLabel, this.button("Ask the host", "ask", () => this.ask()))

    const report = make("div", "group")
    const [titleLabel, title] = field("Title of a report", "input", "title")
    title.maxLength = 120
    title.value = "Seen in this browser"
    const [textLabel, text] = field("Report", "textarea", "text")
    text.maxLength = 2_000
    text.rows = 2
    report.append(
      titleLabel,
      textLabel,
      this.button("Send the report", "report", () => this.report(title.value, text.value)),
    )

    const more = make("div", "group row")
    more.append(
      this.button("Send five at once", "burst", () => this.burst()),
      this.button("Report an error", "error", () => this.error()),
      this.button("Ask for a sign-in", "auth", () => this.signIn()),
    )
    this.said = make("p", "said")
    this.said.setAttribute("role", "status")
    this.body = make("pre", "answer")
    this.body.tabIndex = 0
    this.body.setAttribute("role", "region")
    this.body.setAttribute("aria-label", "What the host answered")
    this.body.hidden = true
    this.element.append(ask, report, more, this.said, this.body)
    this.link.onBreach = (error) => this.failed(error)
  }

  /** @param {ComponentData} data */
  draw(data) {
    const calls = data.console?.calls ?? []
    if (JSON.stringify(calls) !== JSON.stringify(this.calls)) {
      this.calls = calls
      this.call.replaceChildren(
        ...calls.map((call, index) => {
          const option = make("option", "", `${call.name} (${call.method} ${call.path})`)
          option.value = String(index)
          return option
        }),
      )
    }
    const { account } = data
    const status = { signedIn: account !== null, person: account?.name ?? "", validUntil: account?.validUntil ?? "" }
    if (JSON.stringify(status) !== this.status) {
      this.status = JSON.stringify(status)
      this.link.emit("onStatusUpdate", status, { quiet: true }).catch(() => {
        this.status = ""
      })
    }
  }

  /**
   * @param {string} text
   * @param {string} name
   * @param {() => void} act
   */
  button(text, name, act) {
    const button = make("button", `button ${name}`, text)
    button.type = "button"
    button.addEventListener("click", act)
    return button
  }

  ask() {
    const call = this.calls[Number(this.call.value)]
    if (!call) return
    const { method, path, body } = call
    this.send("The host is asked …", "onActionRequest", {
      action: "WebRequest",
      method,
      path,
      body,
      withToken: this.token.checked,
    })
  }

  /**
   * @param {string} title
   * @param {string} text
   */
  report(title, text) {
    if (!title.trim()) {
      this.say("Give the report a title first.")
      return
    }
    this.send("The report is sent …", "onAdhocReport", { title, text })
  }

  burst() {
    for (let number = 1; number <= 5; number++) {
      this.send("Five reports are sent …", "onAdhocReport", { title: `${number} of five`, text: "" })
    }
  }

  error() {
    const message = "Somebody pressed the button that reports an error."
    this.send("The error is reported …", "onError", { code: "demonstration", message })
  }

  signIn() {
    const returnTo = window.location.pathname + window.location.search
    this.send("The host is asked where sign-in is …", "onActionRequest", {
      action: "AppAuthRequest",
      mode: "redirect",
      returnTo,
    })
  }

  /**
   * @param {string} meanwhile
   * @param {string} name
   * @param {Record<string, unknown>} data
   */
  async send(meanwhile, name, data) {
    this.say(meanwhile)
    this.body.hidden = true
    try {
      this.answered(await this.link.emit(name, data))
    } catch (error) {
      this.failed(error)
    }
  }

  /** @param {Answer | null} answer */
  answered(answer) {
    const address = ownAddress(answer?.goTo)
    if (address) window.location.assign(address)
    else if (answer?.web) {
      const { status, elapsedMs, body, complete } = answer.web
      this.say(`The API answered ${status} after ${Math.round(elapsedMs)} ms.${complete ? "" : " Only its beginning is shown."}`)
      this.body.textContent = readable(body)
      this.body.hidden = body === ""
    } else this.say("The host has taken note.")
  }

  /** @param {unknown} error */
  failed(error) {
    this.say(error instanceof LinkError ? error.message : "That did not work.")
  }

  /** @param {string} text */
  say(text) {
    this.said.textContent = text
  }
}

/** What is drawn in one place, for as long as it is of the same kind. Streamlit draws anew without cleaning up. */
class View {
  /**
   * @param {HTMLElement | ShadowRoot} parent
   * @param {string} kind
   */
  constructor(parent, kind) {
    this.kind = kind
    this.parent = parent
    this.over = new AbortController()
    this.root = make("div", `gatehouse ${kind}`)
    this.style = document.createElement("style")
    this.style.textContent = STYLE
    /** @type {RendererArgs | undefined} */
    this.args = undefined
    /** @type {Link | undefined} */
    this.link = undefined
    /** @type {Tabs | undefined} */
    this.tabs = undefined
    /** @type {Watch | undefined} */
    this.watch = undefined
    /** @type {SignIn | undefined} */
    this.signIn = undefined
    /** @type {Nobody | undefined} */
    this.nobody = undefined
    /** @type {Console | undefined} */
    this.console = undefined
    /** @type {HTMLElement | undefined} */
    this.person = undefined
    this.wokeAt = -Infinity
  }

  /** @param {RendererArgs} args */
  draw(args) {
    this.args = args
    const { data } = args
    this.tabs = tabsNamed(data.tabs)
    if (data.link) {
      this.link ??= new Link((lane, sent) =>
        lane === "quiet" ? this.args?.setTriggerValue("quiet", sent) : this.args?.setStateValue("events", sent),
      )
      this.link.hear(data.link)
    }
    if (!this.root.isConnected) this.parent.append(this.style, this.root)
    if (this.kind === "silent") renewSilently(data.returnTo)
    else if (this.kind === "console") this.drawConsole(data)
    else if (data.account) this.drawAccount(data.account)
    else this.drawSignIn(data)
  }

  /** @param {Account} account */
  drawAccount(account) {
    const row = person(account)
    if (this.person) this.person.replaceWith(row)
    else {
      const out = signOut(
        this.over.signal,
        () => this.tabs,
        () => this.args?.setTriggerValue("leaving", true),
      )
      this.watch = new Watch(() => this.tabs)
      this.root.append(row, out, this.watch.box)
      this.tabs?.say({ kind: "signed-in", value: account.session })
      this.listen()
    }
    if (this.watch?.account && this.watch.account.rights !== account.rights) {
      this.tabs?.say({ kind: "rights", value: account.rights })
    }
    this.person = row
    this.watch?.follow(account)
  }

  /** Hear the other tabs. */
  listen() {
    const { tabs } = this
    /** @param {Word} word */
    const listener = (word) => this.heard(word)
    tabs?.listeners.add(listener)
    this.over.signal.addEventListener("abort", () => tabs?.listeners.delete(listener))
  }

  /** @param {Word} word Another tab's word only makes this one ask the server. */
  heard({ kind, value }) {
    const account = this.watch?.account
    if (!account) return
    if (kind === "rights") {
      if (value !== account.rights) this.wake()
    } else if (kind !== "signed-in" || value !== account.session) void this.watch?.ask()
  }

  /** Ask for a run that nobody asked for. */
  wake() {
    if (performance.now() - this.wokeAt < WAKE_PAUSE_MS) return
    this.wokeAt = performance.now()
    this.args?.setTriggerValue("quiet", null)
  }

  /** @param {ComponentData} data */
  drawSignIn(data) {
    if (!this.signIn) {
      this.signIn = new SignIn(data.stepUp, data.another)
      this.root.append(this.signIn.element)
    }
    this.signIn.draw(data, this.link)
    // A window that is still open for this tab has become needless with it.
    if (data.nobody) this.nobody ??= new Nobody(this.tabs, () => this.signIn?.popup?.close())
  }

  /** @param {ComponentData} data */
  drawConsole(data) {
    if (!this.link) return
    if (!this.console) {
      this.console = new Console(this.link)
      this.root.append(this.console.element)
    }
    this.console.draw(data)
  }

  stop() {
    this.over.abort()
    this.link?.stop()
    this.watch?.stop()
    this.signIn?.stop()
    this.nobody?.stop()
    this.root.remove()
    this.style.remove()
  }
}

/**
 * @param {ComponentData} data
 * @returns {string} What is drawn for it.
 */
export function kindOf(data) {
  if (data.console) return "console"
  if (data.account) return "account"
  if (data.silent) return "silent"
  if (data.another) return "another"
  return data.stepUp ? `step-up ${data.stepUp.fresh} ${data.stepUp.acr}` : "sign-in"
}

/** @type {WeakMap<HTMLElement | ShadowRoot, View>} */
const views = new WeakMap()

/**
 * Streamlit calls this whenever the component is drawn.
 * @param {RendererArgs} args
 * @returns {() => void} Cleanup.
 */
export default function (args) {
  const { parentElement, data } = args
  if (data.covered !== undefined) {
    if (!data.covered) {
      uncover()
      return () => {}
    }
    const drawn = cover(parentElement)
    drawn.drawn += 1
    return () => {
      // A run that draws the page takes this away, at times before it was told so: Streamlit puts draws together.
      drawn.drawn -= 1
      void drawn.ask()
    }
  }
  const kind = kindOf(data)
  let view = views.get(parentElement)
  if (view && view.kind !== kind) {
    view.stop()
    view = undefined
  }
  const drawn = view ?? new View(parentElement, kind)
  views.set(parentElement, drawn)
  drawn.draw(args)
  return () => {
    if (views.get(parentElement) === drawn) views.delete(parentElement)
    drawn.stop()
  }
}

// The cover: a page whose session has expired is hidden, not lost. The server alone says when it is over.

const COVER_ASK_MS = 3_000
const COVER_ASKS_MAX = 7

const COVER_STYLE = `
dialog {
  visibility: visible; position: fixed; inset: 0; width: 100%; height: 100%; max-width: none; max-height: none; margin: 0;
  padding: 1rem; border: 0; overflow: auto; box-sizing: border-box; display: grid; place-items: center;
  background: var(--st-background-color, Canvas); color: var(--st-text-color, CanvasText); line-height: 1.5;
  font-family: var(--st-font, system-ui, sans-serif); font-size: var(--st-base-font-size, 1rem);
}
dialog::backdrop { background: Canvas; }
.card {
  width: min(32rem, 100%); padding: clamp(1rem, 5vw, 2rem); box-sizing: border-box; overflow-wrap: anywhere;
  border: 1px solid var(--st-border-color, GrayText); border-radius: var(--st-base-radius, 0.5rem);
}
h1 { margin: 0 0 0.5rem; font-size: 1.5rem; line-height: 1.25; }
p { margin: 0 0 0.75rem; }
.said:empty { display: none; }
.actions { display: flex; flex-wrap: wrap; gap: 0.75rem; margin-top: 1.25rem; }
.button {
  display: inline-flex; align-items: center; justify-content: center; min-height: 2.75rem; padding: 0.25rem 1rem;
  border: 1px solid var(--st-border-color, GrayText); border-radius: var(--st-button-radius, 0.5rem);
  background: transparent; color: inherit; font: inherit; font-weight: 600; text-decoration: none; cursor: pointer;
}
.button[hidden] { display: none; }
.button:hover { text-decoration: underline; }
.button:focus-visible { outline: 2px solid var(--st-primary-color, Highlight); outline-offset: 2px; }
.primary {
  background: var(--st-primary-color, Highlight); border-color: var(--st-primary-color, Highlight);
  color: var(--st-background-color, Canvas);
}
`
/** Taken over from where Streamlit sets them: the cover hangs beside the app, so that no run of it takes it away. */
const THEME = ["background-color", "text-color", "border-color", "primary-color", "font", "base-font-size", "base-radius",
  "button-radius"]

class Cover {
  /**
   * @param {HTMLElement | ShadowRoot} beside Something of ours that stands in the app.
   * @param {string} session Whose page it is, where that is known.
   */
  constructor(beside, session) {
    this.session = session
    /** How often the server has drawn it. Without, it was put up by this page itself, which then may take it away. */
    this.drawn = 0
    this.over = new AbortController()
    this.host = document.createElement("div")
    this.host.className = "st-key-cover"
    const themed = beside instanceof ShadowRoot ? beside.host : beside
    for (const name of THEME) {
      const value = getComputedStyle(themed).getPropertyValue(`--st-${name}`)
      if (value) this.host.style.setProperty(`--st-${name}`, value)
    }
    const style = document.createElement("style")
    style.textContent = COVER_STYLE
    this.dialog = document.createElement("dialog")
    this.dialog.setAttribute("aria-labelledby", "title")
    this.dialog.setAttribute("aria-describedby", "about")
    this.dialog.setAttribute("closedby", "none")
    const card = make("div", "card")
    const title = make("h1", "", "Your session has expired")
    title.id = "title"
    const about = make("p", "", "This page is hidden, and nothing on it is lost. Sign in again to go on where you were.")
    about.id = "about"
    this.said = make("p", "said")
    this.said.setAttribute("role", "status")
    this.again = make("button", "button primary st-key-sign-in-again", "Sign in again")
    this.again.type = "button"
    this.here = make("a", "button st-key-sign-in-here", "Sign in in this tab")
    this.here.hidden = true
    this.out = make("button", "button st-key-sign-out", "Sign out")
    this.out.type = "button"
    const actions = make("div", "actions")
    actions.append(this.again, this.here, this.out)
    card.append(title, about, this.said, actions)
    this.dialog.append(card)
    this.host.attachShadow({ mode: "open" }).append(style, this.dialog)
    /** @type {Window | null} */
    this.popup = null
    this.authenticated = 0
    this.busy = false
  }

  show() {
    const { signal } = this.over
    this.again.addEventListener("click", () => this.signIn(), { signal })
    this.out.addEventListener("click", () => void this.signOut(), { signal })
    this.dialog.addEventListener("cancel", (event) => event.preventDefault(), { signal })
    // Whatever else closes it: a browser may let the second Escape through.
    this.dialog.addEventListener("close", () => !signal.aborted && this.dialog.showModal(), { signal })
    // Streamlit has keys of its own.
    for (const event of ["keydown", "keyup", "keypress"]) {
      this.host.addEventListener(event, (pressed) => pressed.stopPropagation(), { signal })
    }
    this.visibility = document.body.style.visibility
    document.body.append(this.host)
    this.dialog.showModal()
    this.again.focus()
    // Behind it nothing can be read, found or printed.
    document.body.style.visibility = "hidden"
    const timers = [setInterval(() => void this.ask(), COVER_ASK_MS), setInterval(() => this.follow(), POPUP_POLL_MS)]
    signal.addEventListener("abort", () => timers.forEach(clearInterval))
  }

  hide() {
    this.over.abort()
    document.body.style.visibility = this.visibility ?? ""
    this.dialog.close() // gives the focus back to where it was
    this.host.remove()
    this.popup = null
  }

  signIn() {
    const returnTo = encodeURIComponent(window.location.pathname + window.location.search)
    if (this.popup && !this.popup.closed) {
      this.popup.focus()
      return
    }
    const address = `/auth/login?mode=popup&return_to=${returnTo}`
    this.popup = window.open(address, "gatehouse-sign-in", popupFeatures(window))
    this.here.hidden = this.popup !== null
    this.here.href = `/auth/login?return_to=${returnTo}`
    this.said.textContent = this.popup
      ? "Go on in the window that has opened."
      : "Your browser did not let a window open. Allow it for this page and try again, or sign in in this tab: then what " +
        "you typed here is lost."
  }

  follow() {
    if (!this.popup?.closed) return
    this.popup = null
    this.said.textContent = "The window was closed."
    void this.ask()
  }

  /** Ask the server: it may be unable to reach this page, or what it drew last was never shown. */
  async ask() {
    if (this.busy || this.over.signal.aborted) return
    this.busy = true
    try {
      const answer = await fetchSession("/auth/session", { method: "GET" })
      if (this.over.signal.aborted) return
      if (answer.authenticated) {
        const same = !this.session || !answer.session || answer.session === this.session
        if (this.drawn === 0 && same) {
          uncover()
          return
        }
        this.said.textContent = "You are signed in. One moment …"
        // Long after it was uncovered for everybody else: what is shown here is old.
        if (++this.authenticated >= COVER_ASKS_MAX) window.location.reload()
      } else if (!answer.expired) leave()
    } catch {
      // Offline, or the server is away: nothing is shown meanwhile.
    } finally {
      this.busy = false
    }
  }

  async signOut() {
    try {
      const answer = await fetch("/auth/logout", {
        method: "POST",
        credentials: "same-origin",
        redirect: "error",
        signal: AbortSignal.timeout(SIGN_OUT_TIMEOUT_MS),
      })
      if (!answer.ok) throw new Error(String(answer.status))
      window.location.assign(signedOutAddress((await answer.json()).location))
    } catch {
      this.said.textContent = "You could not be signed out. Check your connection and try again."
    }
  }
}

/** @type {Cover | null} */
let covering = null

/**
 * @param {HTMLElement | ShadowRoot} beside
 * @param {string} [session]
 * @returns {Cover} The one there is.
 */
function cover(beside, session = "") {
  if (!covering) {
    covering = new Cover(beside, session)
    covering.show()
  }
  return covering
}

function uncover() {
  covering?.hide()
  covering = null
}
