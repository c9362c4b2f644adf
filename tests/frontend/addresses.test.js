// Where the front end goes.

import assert from "node:assert/strict"
import { test } from "node:test"
import { load } from "./front-end.js"

const { ownAddress, signedOutAddress, signInAddress, stepUpQuery } = await load("addresses")

test("where signing in leads", () => {
  const here = { pathname: "/reports", search: "?region=emea&x=1" }
  assert.equal(signInAddress("/", here), "/auth/login?return_to=%2Freports%3Fregion%3Demea%26x%3D1")
  assert.equal(signInAddress("/files", here), "/auth/login?return_to=%2Ffiles")
  assert.equal(signInAddress("/", { pathname: "/", search: "" }, true), "/auth/login?silent=1&return_to=%2F")
  assert.equal(stepUpQuery({ fresh: true, acr: "a b" }), "&step_up=1&max_age=0&acr_values=a%20b")
})

test("only an address of this app is used", () => {
  assert.equal(ownAddress("/auth/login?x=1"), "/auth/login?x=1")
  for (const other of ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "", null, 5]) {
    assert.equal(ownAddress(other), undefined)
  }
})

test("where signing out leads", () => {
  assert.deepEqual(["https://id.example/x", "http://localhost:9000/x", "/x"].map(signedOutAddress), [
    "https://id.example/x",
    "http://localhost:9000/x",
    "/x",
  ])
  for (const other of ["//evil.example", "/\\evil.example", "javascript:alert(1)", "JAVASCRIPT:x", "data:x", "", null, {}]) {
    assert.equal(signedOutAddress(other), "/")
  }
})
