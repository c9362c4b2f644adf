// @ts-check
/** What the component shows in one place of the page: sign-in, the account area, or the event console. */

import { accountSummary, signOutControl } from "./account.js"
import { browserTabs } from "./browser-tabs.js"
import { createElement } from "./dom.js"
import { EventChannel } from "./event-channel.js"
import { EventConsole } from "./event-console.js"
import { ExpiryWarning } from "./expiry-warning.js"
import { keepFocus } from "./focus-keeper.js"
import { SignIn, signInSilently } from "./sign-in.js"
import { SignInWatcher } from "./sign-in-watcher.js"
import { STYLE } from "./style.js"

/** @typedef {import("./account.js").Account} Account */
/** @typedef {import("./event-channel.js").OutgoingMessage} OutgoingMessage */

/**
 * What the Python side (`component/auth0.py`) sends with each draw.
 * @typedef {object} ComponentData
 * @property {string} returnTo A path of this app; "/" means where the browser is now.
 * @property {Account | null} account
 * @property {boolean} [silent] Whether to go to the provider at once, without any question to the user.
 * @property {import("./urls.js").StepUp} [stepUp] What a signed-in user has to confirm.
 * @property {string} [tabs] The name of the `BroadcastChannel` between this browser's tabs.
 * @property {import("./sign-in.js").SignInMode} [mode] How a click on sign-in leads to the provider.
 * @property {boolean} [anonymous] Whether the user is anonymous: then a sign-in in another tab reloads this page.
 * @property {import("./event-channel.js").HostMessage} [channel] The host's end of the event channel.
 * @property {{ calls: import("./event-console.js").Call[] }} [console]
 * @property {boolean} [anotherAccount] Whether a signed-in user may sign in with another account.
 * @property {boolean} [locked] Whether to show or to remove the expiry overlay; drawn by the identity middleware only.
 *
 * @typedef {{ events?: OutgoingMessage, background?: OutgoingMessage | null, signingOut?: boolean }} State
 * @typedef {import("@streamlit/component-v2-lib").FrontendRendererArgs<State, ComponentData>} RendererArgs
 */

/** A run of the page is requested at most once in this time. */
const RUN_PAUSE_MS = 1_000

/**
 * @param {ComponentData} data
 * @returns {string} What is shown for it. Another kind is another view.
 */
export function kindOf(data) {
  if (data.console) return "console"
  if (data.account) return "account"
  if (data.silent) return "silent"
  if (data.anotherAccount) return "another-account"
  return data.stepUp ? `step-up ${data.stepUp.fresh} ${data.stepUp.acr}` : "sign-in"
}

/** Lives as long as what is shown is of the same kind: Streamlit draws again without a cleanup. */
export class View {
  /**
   * @param {HTMLElement | ShadowRoot} parent
   * @param {string} kind
   */
  constructor(parent, kind) {
    this.kind = kind
    this.parent = parent
    this.stopped = new AbortController()
    this.root = createElement("div", `gatehouse ${kind}`)
    this.style = document.createElement("style")
    this.style.textContent = STYLE
    /** @type {RendererArgs | undefined} */
    this.args = undefined
    /** @type {EventChannel | undefined} */
    this.channel = undefined
    /** @type {import("./browser-tabs.js").BrowserTabs | undefined} */
    this.tabs = undefined
    /** @type {ExpiryWarning | undefined} */
    this.warning = undefined
    /** @type {SignIn | undefined} */
    this.signIn = undefined
    /** @type {SignInWatcher | undefined} */
    this.signInWatcher = undefined
    /** @type {EventConsole | undefined} */
    this.console = undefined
    /** @type {HTMLElement | undefined} */
    this.summary = undefined
    this.runRequestedAt = -Infinity
  }

  /** @param {RendererArgs} args */
  draw(args) {
    this.args = args
    const { data } = args
    this.tabs = browserTabs(data.tabs)
    if (data.channel) {
      this.channel ??= new EventChannel((key, message) =>
        key === "background"
          ? this.args?.setTriggerValue("background", message)
          : this.args?.setStateValue("events", message),
      )
      this.channel.receive(data.channel)
    }
    if (!this.root.isConnected) this.parent.append(this.style, this.root)
    if (this.kind === "silent") signInSilently(data.returnTo)
    else if (this.kind === "console") this.drawConsole(data)
    else if (data.account) this.drawAccount(data.account)
    else this.drawSignIn(data)
  }

  /** @param {Account} account */
  drawAccount(account) {
    const summary = accountSummary(account)
    if (this.summary) this.summary.replaceWith(summary)
    else {
      const signOut = signOutControl(
        this.stopped.signal,
        () => this.tabs,
        () => this.args?.setTriggerValue("signingOut", true),
      )
      this.warning = new ExpiryWarning(() => this.tabs)
      this.root.append(summary, signOut, this.warning.element)
      keepFocus()
      this.tabs?.post({ kind: "signed-in", value: account.session })
      this.tabs?.listen((message) => this.onTabMessage(message), this.stopped.signal)
    }
    if (this.warning?.account && this.warning.account.rights !== account.rights) {
      this.tabs?.post({ kind: "rights", value: account.rights })
    }
    this.summary = summary
    this.warning?.update(account)
  }

  /** @param {import("./browser-tabs.js").TabMessage} message From another tab: a reason to ask the server, no more. */
  onTabMessage({ kind, value }) {
    const account = this.warning?.account
    if (!account) return
    if (kind === "rights") {
      if (value !== account.rights) this.requestRun()
    } else if (kind !== "signed-in" || value !== account.session) void this.warning?.check()
  }

  /** Request a run of the page that does not count as use of the session. */
  requestRun() {
    if (performance.now() - this.runRequestedAt < RUN_PAUSE_MS) return
    this.runRequestedAt = performance.now()
    this.args?.setTriggerValue("background", null)
  }

  /** @param {ComponentData} data */
  drawSignIn(data) {
    if (!this.signIn) {
      this.signIn = new SignIn(data.stepUp, data.anotherAccount)
      this.root.append(this.signIn.element)
    }
    this.signIn.draw(data, this.channel)
    // A sign-in elsewhere makes the popup of this tab superfluous.
    if (data.anonymous) this.signInWatcher ??= new SignInWatcher(this.tabs, () => this.signIn?.popup?.close())
  }

  /** @param {ComponentData} data */
  drawConsole(data) {
    if (!this.channel) return
    if (!this.console) {
      this.console = new EventConsole(this.channel)
      this.root.append(this.console.element)
    }
    this.console.draw(data)
  }

  stop() {
    this.stopped.abort()
    this.channel?.stop()
    this.warning?.stop()
    this.signIn?.stop()
    this.signInWatcher?.stop()
    this.root.remove()
    this.style.remove()
  }
}
