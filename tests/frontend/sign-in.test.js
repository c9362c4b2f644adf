// Sign-in: the link, the host's answer, the popup.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"
import { settled } from "./timers.js"

const { SignIn, signInSilently } = await load("sign-in")

const PLAIN = "/auth/login?return_to=%2Freports%3Fx%3D1"

/** A sign-in with a host that replies with `goTo`; an `Error` is a host that refuses, null no channel to a host. */
function drawn(t, { goTo = "/auth/login?draft=1", mode = "redirect", stepUp, another } = {}) {
  const page = fakePage({ responses: { "GET /auth/session": { status: 401 } } })
  const events = []
  const emit = async (name, data) => {
    events.push([name, data])
    if (goTo instanceof Error) throw goTo
    return { goTo }
  }
  const signIn = new SignIn(stepUp, another)
  signIn.draw({ returnTo: "/", mode }, goTo === null ? undefined : { emit })
  t.after(() => signIn.stop())
  return { events, page, signIn }
}

test("the link works by itself, with the address at the time of the click", (t) => {
  const { page, signIn } = drawn(t, { goTo: null })
  assert.equal(signIn.anchor.href, PLAIN)
  page.window.location.search = "?x=2"
  assert.equal(signIn.anchor.click(), false)
  assert.equal(signIn.anchor.href, "/auth/login?return_to=%2Freports%3Fx%3D2")
})

test("each kind has a link of its own", (t) => {
  const stepUp = { fresh: true, acr: "" }
  assert.equal(drawn(t).signIn.anchor.textContent, "Sign in")
  assert.equal(drawn(t, { stepUp }).signIn.anchor.href, `${PLAIN}&step_up=1&max_age=0`)
  assert.equal(drawn(t, { another: true }).signIn.anchor.href, `${PLAIN}&another=1`)
})

test("the host is target first, and a click with a modifier is the browser's", async (t) => {
  const { events, page, signIn } = drawn(t)
  for (const modifier of [{ button: 1 }, { ctrlKey: true }, { metaKey: true }, { shiftKey: true }, { altKey: true }]) {
    assert.equal(signIn.anchor.click(modifier), false)
  }
  assert.equal(signIn.anchor.click(), true)
  assert.equal(signIn.anchor.click(), true)
  await settled()
  const request = { action: "AppAuthRequest", mode: "redirect", returnTo: "/reports?x=1" }
  assert.deepEqual(events, [["onActionRequest", request]])
  assert.deepEqual(page.went, ["assign /auth/login?draft=1"])
})

test("a host that refuses, or that names another site, leads to the plain address", async (t) => {
  for (const goTo of [new Error("no"), "https://evil.example", "//evil.example", undefined]) {
    const { page, signIn } = drawn(t, { goTo })
    signIn.anchor.click()
    await settled()
    assert.deepEqual(page.went, [`assign ${goTo === undefined ? "/auth/login?draft=1" : PLAIN}`])
  }
})

test("where the app does not answer, the page stays, with a message until it answers again", async (t) => {
  const { page, signIn } = drawn(t, { goTo: new Error("no") })
  page.responses["GET /auth/session"] = new TypeError("Failed to fetch")
  signIn.anchor.click()
  await settled()
  assert.deepEqual([page.went, signIn.status.textContent], [[], "The app does not answer. Try again."])
  page.responses["GET /auth/session"] = { status: 401 }
  page.timers.pass(3_000)
  await settled()
  assert.equal(signIn.status.textContent, "")
})

test("offline without a channel, the page stays too", async (t) => {
  const { page, signIn } = drawn(t, { goTo: null })
  page.navigator.onLine = false
  page.responses["GET /auth/session"] = new TypeError("Failed to fetch")
  assert.equal(signIn.anchor.click(), true)
  await settled()
  assert.deepEqual([page.went, signIn.status.className], [[], "status offline"])
})

test("a popup opens in the click, goes to the host's address, and comes to the front", async (t) => {
  const { page, signIn } = drawn(t, { mode: "popup" })
  signIn.anchor.click()
  const [popup] = page.popups
  assert.equal(popup.address, "about:blank")
  await settled()
  assert.deepEqual([popup.address, page.went], ["/auth/login?draft=1", []])
  popup.focused = false
  signIn.anchor.click()
  assert.deepEqual([popup.focused, page.popups.length], [true, 1])
})

test("a popup that is closed half-way is reported; one that is closed after the sign-in reloads the page", async (t) => {
  const { page, signIn } = drawn(t, { mode: "popup" })
  const anonymous = [{ status: 401 }, /before you were signed in/, []]
  const signedIn = [{ authenticated: true }, /./, ["reload"]]
  for (const [status, text, went] of [anonymous, signedIn]) {
    signIn.anchor.click()
    await settled()
    page.responses["GET /auth/session"] = status
    page.popups.at(-1).closed = true
    page.timers.pass(400)
    await settled()
    assert.match(signIn.status.textContent, text)
    assert.deepEqual(page.went, went)
  }
})

test("where popups are blocked, this tab goes", async (t) => {
  const { events, page, signIn } = drawn(t, { mode: "popup" })
  page.blocked = true
  signIn.anchor.click()
  await settled()
  assert.deepEqual([events[0][1].mode, page.went], ["redirect", ["assign /auth/login?draft=1"]])
})

test("a silent sign-in is started once for each load of the page", () => {
  const page = fakePage()
  signInSilently("/")
  signInSilently("/")
  assert.deepEqual(page.went, ["replace /auth/login?silent=1&return_to=%2Freports%3Fx%3D1"])
})
