// The expiry overlay.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"
import { settled } from "./timers.js"

const { hideOverlay, showOverlay } = await load("expiry-overlay")

/** A page with the overlay, and what the server answers about the session. */
function locked(t, status = { authenticated: false, expired: true }) {
  const page = fakePage({ responses: { "GET /auth/session": status } })
  const themed = page.element()
  themed.theme = { "--st-font": "serif" }
  page.body.append(themed)
  const overlay = showOverlay(themed, "tag")
  t.after(hideOverlay)
  return { overlay, page, themed }
}

test("it hides the page in Streamlit's theme, takes the focus, and there is one", (t) => {
  const { overlay, page, themed } = locked(t)
  assert.equal(page.body.style.visibility, "hidden")
  assert.deepEqual([overlay.dialog.open, overlay.host.style["--st-font"]], [true, "serif"])
  assert.equal(page.focused, overlay.signInButton)
  assert.equal(showOverlay(themed), overlay)
  assert.equal(page.body.all("st-key-expiry-overlay").length, 1)
  hideOverlay()
  assert.deepEqual([page.body.style.visibility, page.body.all("st-key-expiry-overlay").length], ["", 0])
})

test("neither Escape nor a browser that closes it all the same removes it", (t) => {
  const { overlay } = locked(t)
  const cancel = new Event("cancel", { cancelable: true })
  overlay.dialog.dispatchEvent(cancel)
  assert.equal(cancel.defaultPrevented, true)
  overlay.dialog.close()
  assert.equal(overlay.dialog.open, true)
})

test("its keys do not reach Streamlit", (t) => {
  const { overlay } = locked(t)
  for (const name of ["keydown", "keyup", "keypress"]) {
    const event = new Event(name)
    let stopped = false
    event.stopPropagation = () => (stopped = true)
    overlay.host.dispatchEvent(event)
    assert.equal(stopped, true)
  }
})

test("a page that showed it by itself removes it when the session is resumed", async (t) => {
  const { page } = locked(t)
  page.timers.pass(3_000)
  await settled()
  assert.equal(page.body.all("st-key-expiry-overlay").length, 1)
  page.responses["GET /auth/session"] = { authenticated: true, session: "tag" }
  page.timers.pass(3_000)
  await settled()
  assert.equal(page.body.all("st-key-expiry-overlay").length, 0)
})

test("one that the server has drawn stays until the server removes it; if it never does, the page is reloaded", async (t) => {
  const { overlay, page } = locked(t, { authenticated: true, session: "tag" })
  overlay.draws += 1
  for (let checks = 1; checks <= 7; checks++) {
    assert.deepEqual(page.went, [])
    page.timers.pass(3_000)
    await settled()
  }
  assert.equal(overlay.status.textContent, "You are signed in. One moment …")
  assert.deepEqual([page.body.all("st-key-expiry-overlay").length, page.went], [1, ["reload"]])
})

test("the page of another session is not shown to its user", async (t) => {
  const { page } = locked(t, { authenticated: true, session: "another" })
  page.timers.pass(3_000)
  await settled()
  assert.equal(page.body.all("st-key-expiry-overlay").length, 1)
})

test("a session that can be resumed no longer leads to the page that explains its end", async (t) => {
  const { page } = locked(t, { authenticated: false })
  page.timers.pass(3_000)
  await settled()
  assert.deepEqual(page.went, ["assign /auth/ended?return_to=%2Freports%3Fx%3D1"])
})

test("signing in again takes a popup, which a second click brings to the front", async (t) => {
  const { overlay, page } = locked(t)
  overlay.signInButton.click()
  overlay.signInButton.click()
  const [popup] = page.popups
  assert.deepEqual([page.popups.length, popup.focused], [1, true])
  assert.equal(popup.address, "/auth/login?mode=popup&return_to=%2Freports%3Fx%3D1")
  assert.equal(overlay.signInHere.hidden, true)
  popup.closed = true
  page.timers.pass(400)
  assert.equal(overlay.status.textContent, "The window was closed.")
})

test("where popups are blocked, a link signs in in this tab", (t) => {
  const { overlay, page } = locked(t)
  page.blocked = true
  overlay.signInButton.click()
  assert.equal(overlay.signInHere.hidden, false)
  assert.equal(overlay.signInHere.href, "/auth/login?return_to=%2Freports%3Fx%3D1")
  assert.ok(overlay.status.textContent.includes("what you typed here is lost"))
})

test("signing out leads where the server says, and says when it fails", async (t) => {
  const { overlay, page } = locked(t)
  overlay.signOutButton.click()
  await settled()
  assert.match(overlay.status.textContent, /could not be signed out/)
  page.responses["POST /auth/logout"] = { location: "/" }
  overlay.signOutButton.click()
  await settled()
  assert.deepEqual(page.went, ["assign /"])
})
