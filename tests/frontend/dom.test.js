// Elements of the page.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"

const { createElement, createField, isInView } = await load("dom")

test("text is set as text", () => {
  fakePage()
  const element = createElement("p", "name", "<b>Ann</b>")
  assert.deepEqual([element.tag, element.className, element.textContent], ["p", "name", "<b>Ann</b>"])
  assert.equal(createElement("p", "").textContent, "")
})

test("a control stands in its label", () => {
  fakePage()
  const [label, control] = createField("Report", "textarea", "text")
  assert.deepEqual([label.tag, label.children.at(-1), control.tag], ["label", control, "textarea"])
  assert.equal(label.textContent, "Report")
  assert.ok(control.classes.includes("text"))
})

test("an element is in view when its parent is inside of the window", () => {
  const page = fakePage()
  const [parent, child] = [page.element(), page.element()]
  parent.append(child)
  const at = (left, width) => ({ left, width, right: left + width, height: 20 })
  const boxes = [at(0, 200), at(-150, 200), at(1280, 200), at(0, 0)]
  const inView = boxes.map((box) => {
    parent.box = box
    return isInView(child)
  })
  assert.deepEqual(inView, [true, false, false, false])
})
