// The account area.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"
import { settled } from "./timers.js"

const { accountSummary, signOutControl, validUntil } = await load("account")

const UNTIL = "2031-05-06T07:08:09+00:00"
const ANN = { name: "Ann <b>", initials: "A", picture: "", roles: ["viewer", "analyst"], validUntil: UNTIL }

test("the end of the session is shown in its last hour", () => {
  assert.equal(validUntil("nonsense", 0), "")
  const end = Date.parse(UNTIL)
  assert.equal(validUntil(UNTIL, end - 3_600_001), "")
  assert.match(validUntil(UNTIL, end - 3_600_000), /^Signed in until \d+:08/)
})

test("name, roles and initials are shown as text", () => {
  fakePage()
  const row = accountSummary(ANN)
  assert.deepEqual([row.find("name").textContent, row.find("roles").textContent], ["Ann <b>", "viewer, analyst"])
  assert.equal(row.find("avatar").textContent, "A")
  assert.equal(row.find("valid-until"), undefined)
  const soon = accountSummary({ ...ANN, validUntil: new Date(Date.now() + 60_000).toISOString() })
  assert.match(soon.find("valid-until").textContent, /^Signed in until/)
  const bare = accountSummary({ ...ANN, roles: [], validUntil: "" })
  assert.deepEqual([bare.find("roles"), bare.find("valid-until")], [undefined, undefined])
})

test("a picture sends no referrer, and gives way to the initials where it does not load", () => {
  fakePage()
  const avatar = accountSummary({ ...ANN, picture: "https://pictures.example/ann.png" }).find("avatar")
  const [image] = avatar.children
  assert.equal(image.src, "https://pictures.example/ann.png")
  assert.deepEqual([image.referrerPolicy, image.alt], ["no-referrer", ""])
  image.dispatchEvent(new Event("error"))
  assert.equal(avatar.textContent, "A")
})

test("signing out tells the server first, then the other tabs, and goes where the server says", async () => {
  const page = fakePage({ responses: { "POST /auth/logout": { location: "https://id.example/logout" } } })
  const steps = []
  const tabs = { post: ({ kind }) => steps.push(kind) }
  const control = signOutControl(new AbortController().signal, () => tabs, () => steps.push("signingOut"))
  control.find("st-key-sign-out").click()
  control.find("st-key-sign-out").click()
  assert.deepEqual([steps, page.requests.length], [["signingOut"], 0]) // Streamlit sends a trigger in its own task
  page.timers.pass(0)
  await settled()
  assert.deepEqual([steps, page.requests.length], [["signingOut", "signed-out"], 1])
  assert.deepEqual(page.went, ["assign https://id.example/logout"])
})

test("a sign-out that failed is reported, and can be tried again", async () => {
  const page = fakePage({ responses: { "POST /auth/logout": { status: 503 } } })
  const control = signOutControl(new AbortController().signal, () => undefined, () => {})
  const button = control.find("st-key-sign-out")
  button.click()
  assert.equal(button.getAttribute("aria-disabled"), "true")
  page.timers.pass(0)
  await settled()
  assert.match(control.find("failure").textContent, /could not be signed out/)
  assert.equal(button.getAttribute("aria-disabled"), null)
  button.click()
  page.timers.pass(0)
  await settled()
  assert.deepEqual([page.requests.length, page.went], [2, []])
})
