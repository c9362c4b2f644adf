// @ts-check
/** The event console: sends every event of the component's contract, and shows the host's replies. */

import { ownUrl } from "./urls.js"
import { createElement, createField } from "./dom.js"
import { ChannelError } from "./event-channel.js"
import { currentPage } from "./navigation.js"

/** @typedef {import("./event-channel.js").EventChannel} EventChannel */

/**
 * @typedef {object} Call A call to the remote API that the host can be asked for.
 * @property {string} name
 * @property {string} method
 * @property {string} path
 * @property {string} body
 */

/**
 * @param {string} body
 * @returns {string} JSON with its lines broken; any other text as it is.
 */
export function readable(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2)
  } catch {
    return body
  }
}

export class EventConsole {
  /** @param {EventChannel} channel */
  constructor(channel) {
    this.channel = channel
    /** @type {Call[]} */
    this.calls = []
    this.reportedStatus = ""
    this.element = createElement("div", "console")

    const request = createElement("div", "group")
    const [callLabel, call] = createField("Call that the host is asked for", "select", "call")
    this.call = call
    const tokenLabel = createElement("label", "tick")
    this.token = createElement("input", "with-token")
    this.token.type = "checkbox"
    this.token.checked = true
    tokenLabel.append(this.token, createElement("span", "", "With the bearer token, which the host puts in"))
    request.append(callLabel, tokenLabel, this.button("Ask the host", "ask", () => this.requestCall()))

    const report = createElement("div", "group")
    const [titleLabel, title] = createField("Title of a report", "input", "title")
    title.maxLength = 120
    title.value = "Seen in this browser"
    const [textLabel, text] = createField("Report", "textarea", "text")
    text.maxLength = 2_000
    text.rows = 2
    report.append(
      titleLabel,
      textLabel,
      this.button("Send the report", "report", () => this.sendReport(title.value, text.value)),
    )

    const more = createElement("div", "group row")
    more.append(
      this.button("Send five at once", "burst", () => this.sendFiveReports()),
      this.button("Report an error", "error", () => this.sendError()),
      this.button("Ask for a sign-in", "auth", () => this.requestSignIn()),
    )
    this.status = createElement("p", "status")
    this.status.setAttribute("role", "status")
    this.body = createElement("pre", "response")
    this.body.tabIndex = 0
    this.body.setAttribute("role", "region")
    this.body.setAttribute("aria-label", "What the host answered")
    this.body.hidden = true
    this.element.append(request, report, more, this.status, this.body)
    this.channel.onChannelError = (error) => this.showError(error)
  }

  /** @param {{ console?: { calls: Call[] }, account: import("./account.js").Account | null }} data */
  draw(data) {
    const calls = data.console?.calls ?? []
    if (JSON.stringify(calls) !== JSON.stringify(this.calls)) {
      this.calls = calls
      this.call.replaceChildren(
        ...calls.map((call, index) => {
          const option = createElement("option", "", `${call.name} (${call.method} ${call.path})`)
          option.value = String(index)
          return option
        }),
      )
    }
    const { account } = data
    const status = { signedIn: account !== null, person: account?.name ?? "", validUntil: account?.validUntil ?? "" }
    if (JSON.stringify(status) !== this.reportedStatus) {
      this.reportedStatus = JSON.stringify(status)
      this.channel.emit("onStatusUpdate", status, { background: true }).catch(() => {
        this.reportedStatus = ""
      })
    }
  }

  /**
   * @param {string} text
   * @param {string} className
   * @param {() => void} act
   */
  button(text, className, act) {
    const button = createElement("button", `button ${className}`, text)
    button.type = "button"
    button.addEventListener("click", act)
    return button
  }

  requestCall() {
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
  sendReport(title, text) {
    if (!title.trim()) {
      this.showStatus("Give the report a title first.")
      return
    }
    this.send("The report is sent …", "onAdhocReport", { title, text })
  }

  sendFiveReports() {
    for (let number = 1; number <= 5; number++) {
      this.send("Five reports are sent …", "onAdhocReport", { title: `${number} of five`, text: "" })
    }
  }

  sendError() {
    const message = "The user pressed the button that reports an error."
    this.send("The error is reported …", "onError", { code: "demonstration", message })
  }

  requestSignIn() {
    this.send("The host is asked where sign-in is …", "onActionRequest", {
      action: "AppAuthRequest",
      mode: "redirect",
      returnTo: currentPage(),
    })
  }

  /**
   * @param {string} meanwhile The status until the host replies.
   * @param {string} name
   * @param {Record<string, unknown>} data
   */
  async send(meanwhile, name, data) {
    this.showStatus(meanwhile)
    this.body.hidden = true
    try {
      this.showReply(await this.channel.emit(name, data))
    } catch (error) {
      this.showError(error)
    }
  }

  /** @param {import("./event-channel.js").Reply | null} reply */
  showReply(reply) {
    const url = ownUrl(reply?.goTo)
    if (url) window.location.assign(url)
    else if (reply?.web) {
      const { status, elapsedMs, body, complete } = reply.web
      const cut = complete ? "" : " Only its beginning is shown."
      this.showStatus(`The API answered ${status} after ${Math.round(elapsedMs)} ms.${cut}`)
      this.body.textContent = readable(body)
      this.body.hidden = body === ""
    } else this.showStatus("The host has taken note.")
  }

  /** @param {unknown} error */
  showError(error) {
    this.showStatus(error instanceof ChannelError ? error.message : "That did not work.")
  }

  /** @param {string} text */
  showStatus(text) {
    this.status.textContent = text
  }
}
