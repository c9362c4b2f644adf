// The popup window.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"

const { openPopup, popupFeatures } = await load("popup")

test("a popup stands in the middle, and is never larger than the window", () => {
  const at = { screenX: 100, screenY: 50, outerWidth: 1280, outerHeight: 900 }
  assert.equal(popupFeatures(at), "popup,width=480,height=680,left=500,top=160")
  assert.equal(popupFeatures({ ...at, outerWidth: 320, outerHeight: 500 }), "popup,width=320,height=500,left=100,top=50")
})

test("each popup of a page has the same name, so that there is one", () => {
  const page = fakePage()
  assert.equal(openPopup("/auth/login"), page.popups[0])
  openPopup("/auth/login")
  assert.deepEqual(page.popups.map(({ name }) => name), ["gatehouse-sign-in", "gatehouse-sign-in"])
  page.blocked = true
  assert.equal(openPopup("/auth/login"), null)
})
