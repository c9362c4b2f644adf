// The cells of a table.

import assert from "node:assert/strict"
import { test } from "node:test"
import { fakePage } from "./fake-page.js"
import { load } from "./front-end.js"

const { cellContent, icon, writeTime } = await load("table-cells")
const HOSTILE = "<img src=x onerror=alert(1)>"

test("every text is set as text, with its own direction of writing", () => {
  fakePage()
  const cell = { text: HOSTILE, detail: HOSTILE, title: HOSTILE, initials: HOSTILE, badges: [{ text: HOSTILE, tone: "bad" }] }
  const [person] = cellContent(cell)
  const [chip, about] = person.children
  const [text, badges, detail] = about.children
  for (const element of [chip, text, badges.children[0], detail]) assert.deepEqual([element.textContent, element.children.length], [HOSTILE, 0])
  assert.deepEqual([text.dir, badges.children[0].dir, detail.dir], ["auto", "auto", "auto"])
  assert.ok(badges.children[0].classes.includes("bad"))
  assert.equal(chip.getAttribute("aria-hidden"), "true")
})

test("an empty cell has nothing, and an opener always has a text", () => {
  const page = fakePage()
  assert.deepEqual(cellContent({}), [])
  const opener = page.element("a")
  assert.deepEqual(cellContent({}, opener), [opener])
  assert.equal(opener.textContent, "(no name)")
})

test("an icon is not read aloud, nor translated, and stands before the text", () => {
  fakePage()
  const symbol = icon("key")
  assert.deepEqual([symbol.textContent, symbol.getAttribute("aria-hidden"), symbol.translate], ["key", "true", false])
  const [text] = cellContent({ text: "viewer", icon: "key" })
  assert.deepEqual([text.textContent, text.children[0].className], ["key viewer", "icon"])
})

test("a time is shown relative to now, exactly on hover, and in full to machines", (t) => {
  fakePage()
  const iso = "2031-05-06T07:00:00+00:00"
  t.mock.method(Date, "now", () => Date.parse(iso) + 7_200_000)
  const [time] = cellContent({ time: iso })
  assert.deepEqual([time.tag, time.dateTime, time.textContent], ["time", iso, "2 hours ago"])
  assert.match(time.title, /6 May 2031/)
  writeTime(time, Date.parse(iso) + 10_800_000)
  assert.equal(time.textContent, "3 hours ago")
})

test("a mark is a sign to see, and a word to hear", () => {
  fakePage()
  for (const [mark, sign, word] of [[true, "check", "yes"], [false, "\u2013", "no"]]) {
    const [visible, hidden, ...more] = cellContent({ mark })
    assert.deepEqual([visible.textContent, visible.getAttribute("aria-hidden")], [sign, "true"])
    assert.deepEqual([hidden.textContent, hidden.className, more], [word, "hidden-text", []])
  }
  assert.deepEqual(cellContent({}), [])
})
