// A page without a browser: as much of the DOM as the front end uses.

import { Timers } from "./timers.js"

export class FakeElement extends EventTarget {
  constructor(page, tag) {
    super()
    Object.assign(this, { page, tag, className: "", hidden: false, text: "", children: [], parentElement: null })
    this.dataset = {}
    this.attributes = new Map()
    this.style = { setProperty: (name, value) => void (this.style[name] = value) }
    this.classList = {
      add: (name) => void (this.className = `${this.className} ${name}`),
      remove: (name) => void (this.className = this.classes.filter((other) => other !== name).join(" ")),
    }
  }

  get classes() {
    return this.className.split(" ").filter(Boolean)
  }

  get textContent() {
    return this.text + this.children.map((child) => child.textContent ?? child).join("")
  }

  set textContent(text) {
    this.replaceChildren()
    this.text = text
  }

  get isConnected() {
    return this === this.page.body || Boolean(this.parentElement?.isConnected)
  }

  append(...children) {
    for (const child of children) if (child instanceof FakeElement) child.parentElement = this
    this.children.push(...children)
  }

  replaceChildren(...children) {
    this.text = ""
    this.children = []
    this.append(...children)
  }

  replaceWith(other) {
    if (other instanceof FakeElement) other.parentElement = this.parentElement
    const { children } = this.parentElement
    children.splice(children.indexOf(this), 1, other)
    this.parentElement = null
  }

  remove() {
    if (this.parentElement) this.parentElement.children = this.parentElement.children.filter((child) => child !== this)
    this.parentElement = null
  }

  setAttribute(name, value) {
    this.attributes.set(name, value)
  }

  getAttribute(name) {
    return this.attributes.get(name) ?? null
  }

  removeAttribute(name) {
    this.attributes.delete(name)
  }

  matches(selector) {
    return selector === ":focus" && this.page.focused === this
  }

  focus() {
    this.page.focused = this
  }

  getBoundingClientRect() {
    return this.box ?? { width: 100, height: 20, left: 10, right: 110 }
  }

  attachShadow() {
    this.shadow = new FakeElement(this.page, "shadow")
    this.shadow.parentElement = this
    return this.shadow
  }

  showModal() {
    this.open = true
  }

  close() {
    this.open = false
    this.dispatchEvent(new Event("close"))
  }

  /** The elements below that have a class, in their order. */
  all(name) {
    const below = this.shadow ? [...this.children, this.shadow] : this.children
    const elements = below.filter((child) => child instanceof FakeElement)
    return elements.flatMap((child) => [...(child.classes.includes(name) ? [child] : []), ...child.all(name)])
  }

  /** The first of them. */
  find(name) {
    return this.all(name)[0]
  }

  /** A click of the user; says whether the page prevented what the browser would do. */
  click(init = {}) {
    const event = Object.assign(new Event("click", { cancelable: true }), { button: 0, ...init })
    return !this.dispatchEvent(event)
  }
}

/**
 * Puts a page in place, until the next. `responses`: what requests get, by method and path, at the time; an `Error`
 * is a request that fails.
 */
export function fakePage({ pathname = "/reports", search = "?x=1", responses = {} } = {}) {
  const timers = new Timers()
  const page = { timers, requests: [], went: [], popups: [], blocked: false, responses, visibilityState: "visible" }
  page.element = (tag = "div") => new FakeElement(page, tag)
  page.body = page.element("body")
  page.document = Object.assign(new EventTarget(), { body: page.body, createElement: (tag) => page.element(tag) })
  Object.defineProperty(page.document, "visibilityState", { get: () => page.visibilityState })
  const go = (how) => (address) => void page.went.push(address === undefined ? how : `${how} ${address}`)
  page.window = Object.assign(new EventTarget(), {
    location: { pathname, search, assign: go("assign"), replace: go("replace"), reload: go("reload") },
    screenX: 0, screenY: 0, outerWidth: 1280, outerHeight: 900, innerWidth: 1280,
    open(address, name) {
      if (page.blocked) return null
      const popup = { address, name, closed: false, focus: () => void (popup.focused = true) }
      popup.close = () => void (popup.closed = true)
      popup.location = { replace: (next) => void (popup.address = next) }
      page.popups.push(popup)
      return popup
    },
  })
  page.navigator = { onLine: true }
  page.channels = []
  page.BroadcastChannel = class extends EventTarget {
    constructor(name) {
      super()
      Object.assign(this, { name, posted: [] })
      page.channels.push(this)
    }

    postMessage(message) {
      this.posted.push(message)
    }
  }
  const fetch = async (path, init = {}) => {
    const target = `${init.method ?? "GET"} ${path}`
    page.requests.push({ target, body: init.body, init })
    const response = page.responses[target]
    if (response instanceof Error || response === undefined) throw response ?? new TypeError("Failed to fetch")
    const { status = 200, ...json } = response
    return { status, ok: status < 400, json: async () => json }
  }
  const globals = {
    fetch,
    document: page.document,
    window: page.window,
    navigator: page.navigator,
    BroadcastChannel: page.BroadcastChannel,
    ShadowRoot: class {},
    getComputedStyle: (element) => ({ getPropertyValue: (name) => element.theme?.[name] ?? "" }),
    setTimeout: (act, delay) => timers.setTimeout(act, delay),
    clearTimeout: (timer) => timers.clearTimeout(timer),
    setInterval: (act, delay) => timers.setInterval(act, delay),
    clearInterval: (timer) => timers.clearTimeout(timer),
  }
  for (const [name, value] of Object.entries(globals)) setGlobal(name, value)
  return page
}

/** Sets a global. Each file of tests is a process of its own. */
export function setGlobal(name, value) {
  Object.defineProperty(globalThis, name, { configurable: true, writable: true, value })
}
