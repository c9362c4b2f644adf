// The table's styles.

import assert from "node:assert/strict"
import { test } from "node:test"
import { load } from "./front-end.js"

const { TABLE_STYLE } = await load("table-style")

test("nothing is loaded for them, and every rule is closed", () => {
  assert.doesNotMatch(TABLE_STYLE, /url\(|@import/)
  assert.equal(TABLE_STYLE.split("{").length, TABLE_STYLE.split("}").length)
})

test("what carries a meaning has a colour of the system where the theme sets none", () => {
  const colours = [...TABLE_STYLE.matchAll(/var\((--st-[a-z-]*color)(,?)/g)]
  assert.ok(colours.length > 10)
  assert.deepEqual(colours.filter(([, , fallback]) => !fallback).map(([, name]) => name), [])
})
