// @ts-check
/** Times relative to now ("5 minutes ago", "in 3 days"), in the browser's language settings for dates and time zone. */

const UNITS = /** @type {const} */ ([
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
])
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "always" })
const EXACT = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "medium" })

/**
 * @param {number} milliseconds A time (Unix).
 * @param {number} now
 * @returns {string} The time in words; "just now" within a minute.
 */
export function relative(milliseconds, now) {
  const seconds = (milliseconds - now) / 1000
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return RELATIVE.format(Math.trunc(seconds / size), unit)
  }
  return "just now"
}

/**
 * @param {number} milliseconds A time (Unix).
 * @returns {string} Date and time in the browser's time zone, such as "3 March 2027 at 14:02:10".
 */
export function exact(milliseconds) {
  return EXACT.format(milliseconds)
}
