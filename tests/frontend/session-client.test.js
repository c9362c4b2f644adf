// Requests to the session routes.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"

const { postSession, readSession, requestSignOut } = await load("session-client")

test("a 401 means that there is no session, and any other failure is an error", async () => {
  const page = fakePage({ responses: { "GET /auth/session": { authenticated: true, session: "tag" } } })
  assert.deepEqual(await readSession(), { authenticated: true, session: "tag" })
  page.responses["GET /auth/session"] = { status: 401 }
  assert.deepEqual(await readSession(), { authenticated: false })
  page.responses["GET /auth/session"] = { status: 503 }
  await assert.rejects(readSession(), /503/)
  page.responses["GET /auth/session"] = new TypeError("Failed to fetch")
  await assert.rejects(readSession(), TypeError)
})

test("every request is bounded in time, follows no redirect, and sends cookies to this app only", async () => {
  const page = fakePage({
    responses: { "GET /auth/session": {}, "POST /auth/stay": {}, "POST /auth/active": {}, "POST /auth/logout": {} },
  })
  await readSession()
  await postSession("/auth/stay", {})
  await postSession("/auth/active", { page: "/reports" })
  await requestSignOut()
  assert.deepEqual(page.requests.map(({ target, body }) => [target, body]), [
    ["GET /auth/session", undefined],
    ["POST /auth/stay", "{}"],
    ["POST /auth/active", '{"page":"/reports"}'],
    ["POST /auth/logout", undefined],
  ])
  for (const { init } of page.requests) {
    assert.ok(init.signal instanceof AbortSignal)
    assert.deepEqual([init.redirect, init.credentials], ["error", "same-origin"])
  }
})

test("signing out leads to an http address, or to the start page", async () => {
  const page = fakePage({ responses: { "POST /auth/logout": { location: "https://id.example/logout" } } })
  assert.equal(await requestSignOut(), "https://id.example/logout")
  page.responses["POST /auth/logout"] = { location: "javascript:alert(1)" }
  assert.equal(await requestSignOut(), "/")
  page.responses["POST /auth/logout"] = { status: 403 }
  await assert.rejects(requestSignOut(), /403/)
})
