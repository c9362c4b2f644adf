// Where the front end goes.

import assert from "node:assert/strict"
import { test } from "node:test"
import { load } from "./front-end.js"

const { ownUrl, signedOutUrl, signInUrl, stepUpQuery } = await load("urls")

test("where signing in leads", () => {
  const here = { pathname: "/reports", search: "?region=emea&x=1" }
  assert.equal(signInUrl("/", here), "/auth/login?return_to=%2Freports%3Fregion%3Demea%26x%3D1")
  assert.equal(signInUrl("/files", here), "/auth/login?return_to=%2Ffiles")
  assert.equal(signInUrl("/", { pathname: "/", search: "" }, true), "/auth/login?silent=1&return_to=%2F")
  assert.equal(stepUpQuery({ fresh: true, acr: "a b" }), "&step_up=1&max_age=0&acr_values=a%20b")
})

test("only an address of this app is used", () => {
  assert.equal(ownUrl("/auth/login?x=1"), "/auth/login?x=1")
  for (const other of ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", null, 5]) {
    assert.equal(ownUrl(other), undefined)
  }
})

test("where signing out leads", () => {
  assert.deepEqual(["https://id.example/x", "http://localhost:9000/x", "/x"].map(signedOutUrl), [
    "https://id.example/x",
    "http://localhost:9000/x",
    "/x",
  ])
  for (const other of ["//evil.example", "/\\evil.example", "javascript:alert(1)", "JAVASCRIPT:x", "data:x", "", null, {}]) {
    assert.equal(signedOutUrl(other), "/")
  }
})
