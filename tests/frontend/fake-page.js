// A page without a browser: as much of the DOM as the front end uses.

import { Timers } from "./timers.js"

export class FakeElement extends EventTarget {
  constructor(page, tag) {
    super()
    Object.assign(this, { page, tag, id: "", className: "", hidden: false, text: "", children: [], parentElement: null })
    this.dataset = {}
    this.attributes = new Map()
    this.style = { setProperty: (name, value) => void (this.style[name] = value) }
    this.classList = {
      add: (name) => void (this.className = `${this.className} ${name}`),
      remove: (name) => void (this.className = this.classes.filter((other) => other !== name).join(" ")),
      toggle: (name, isOn) => this.classList[isOn && !this.classes.includes(name) ? "add" : isOn ? "contains" : "remove"](name),
      contains: (name) => this.classes.includes(name),
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

  /** Whether it is shown at all: null is what a browser says of an element in a hidden one. */
  get offsetParent() {
    return this.hidden || !this.isConnected ? null : this === this.page.body ? this : (this.parentElement?.offsetParent ?? null)
  }

  get activeElement() {
    return this.page.focused ?? null
  }

  getRootNode() {
    return this.parentElement && this.tag !== "shadow" ? this.parentElement.getRootNode() : this
  }

  contains(other) {
    return other === this || this.children.some((child) => child instanceof FakeElement && child.contains(other))
  }

  append(...children) {
    for (const child of children) this.#adopt(child)
    this.children.push(...children)
  }

  prepend(...children) {
    if (this.text) this.children.unshift(this.text)
    this.text = ""
    for (const child of children) this.#adopt(child)
    this.children.unshift(...children)
  }

  replaceChildren(...children) {
    this.text = ""
    for (const child of [...this.children]) if (child instanceof FakeElement) child.remove()
    this.children = []
    this.append(...children)
  }

  replaceWith(other) {
    const { children } = this.parentElement
    const place = children.indexOf(this)
    if (other instanceof FakeElement) other.parentElement = this.parentElement
    children.splice(place, 1, other)
    this.parentElement = null
  }

  /** As in a browser, an element that leaves the page loses the focus, also if it comes back at once. */
  remove() {
    if (this.page.focused && this.contains(this.page.focused)) this.page.focused = undefined
    if (this.parentElement) this.parentElement.children = this.parentElement.children.filter((child) => child !== this)
    this.parentElement = null
  }

  #adopt(child) {
    if (!(child instanceof FakeElement)) return
    child.remove()
    child.parentElement = this
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

  /** Selectors of the form `tag.class[attribute]`, several of them after commas, and `:focus`. */
  matches(selectors) {
    return selectors.split(",").some((selector) => {
      const [, tag, classes, attribute] = /^([a-z]*)((?:\.[a-z-]+)*)(?:\[([a-z-]+)\])?(?::focus)?$/.exec(selector.trim())
      if (selector.endsWith(":focus") && this.page.focused !== this) return false
      const names = classes.split(".").filter(Boolean)
      return (!tag || tag === this.tag) && names.every((name) => this.classes.includes(name)) && this.#has(attribute)
    })
  }

  #has(attribute) {
    if (!attribute) return true
    return attribute.startsWith("data-") ? attribute.slice(5) in this.dataset : Boolean(this[attribute] || this.attributes.has(attribute))
  }

  querySelectorAll(selectors) {
    const elements = this.children.filter((child) => child instanceof FakeElement)
    return elements.flatMap((child) => [...(child.matches(selectors) ? [child] : []), ...child.querySelectorAll(selectors)])
  }

  querySelector(selectors) {
    return this.querySelectorAll(selectors)[0] ?? null
  }

  scrollIntoView() {
    this.page.scrolledTo.push(this)
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
  const page = { timers, requests: [], went: [], popups: [], scrolledTo: [], blocked: false, responses, visibilityState: "visible" }
  page.element = (tag = "div") => new FakeElement(page, tag)
  page.body = page.element("body")
  page.document = Object.assign(new EventTarget(), { body: page.body, createElement: (tag) => page.element(tag) })
  Object.defineProperty(page.document, "visibilityState", { get: () => page.visibilityState })
  const go = (how) => (address) => void page.went.push(address === undefined ? how : `${how} ${address}`)
  page.window = Object.assign(new EventTarget(), {
    location: { pathname, search, assign: go("assign"), replace: go("replace"), reload: go("reload") },
    getSelection: () => ({ toString: () => page.selectedText ?? "" }),
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
    Element: FakeElement,
    ShadowRoot: class {},
    MutationObserver: class {
      observe() {}
    },
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
