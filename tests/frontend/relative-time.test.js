// Times relative to now.

import assert from "node:assert/strict"
import { test } from "node:test"
import { load } from "./front-end.js"

const { exact, relative } = await load("relative-time")
const SECOND = 1000
const DAY = 86_400 * SECOND

test("a time is shown in its largest whole unit, in the past and in the future", () => {
  const texts = [0, 59, -59, -60, -119, -3_599, -3_600, -86_399].map((seconds) => relative(seconds * SECOND, 0))
  assert.deepEqual(texts, [
    "just now", "just now", "just now", "1 minute ago", "1 minute ago", "59 minutes ago", "1 hour ago", "23 hours ago",
  ])
  const days = [-1, -29, -30, -364, -365, 3, 400].map((count) => relative(count * DAY, 0))
  assert.deepEqual(days, ["1 day ago", "29 days ago", "1 month ago", "12 months ago", "1 year ago", "in 3 days", "in 1 year"])
})

test("an exact time has date, time and seconds, in the time zone of the browser", () => {
  const noon = new Date(2027, 2, 3, 14, 2, 10)
  assert.equal(exact(noon.getTime()), "3 March 2027 at 14:02:10")
})
