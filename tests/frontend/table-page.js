// A table on a page without a browser.

import { fakePage } from "./fake-page.js"

export const NEVER_SORTED = { key: "", descending: false }

/** The data of a table of three people, of whom the first two open, and what is different. */
export const tableData = (more = {}) => ({
  label: "People",
  columns: [{ key: "name", label: "Name", sorts: true }, { key: "seen", label: "Last seen", sorts: true, kind: "short", hides: "late" }],
  rows: [
    { id: "1", label: "Ann", href: "?person=1", cells: [{ text: "Ann" }, { time: "2031-05-06T07:00:00+00:00" }], actions: ["revoke"] },
    { id: "2", label: "Bob", href: "?person=2", cells: [{ text: "Bob" }, { text: "never" }], actions: [] },
    { id: "3", label: "Cy", href: "", cells: [{ text: "Cy" }, {}], actions: [] },
  ],
  sort: { key: "name", descending: false },
  selects: true,
  selected: [],
  selectedElsewhere: 0,
  bulk: [{ name: "grant", label: "Grant…", icon: "add_circle", danger: false }],
  rowActions: [{ name: "revoke", label: "Revoke…", icon: "", danger: true }],
  pages: { text: "1 to 3 of 9 people", previous: false, next: true, size: 3, sizes: [3, 50] },
  page: "0",
  handled: "",
  handledSelection: "",
  ...more,
})

/** A page with a place for a table. `sent`: the states that the table sent, the oldest first. */
export function tablePage() {
  const page = fakePage()
  const place = page.element()
  page.body.append(place)
  const sent = []
  const setStateValue = (name, value) => void sent.push({ name, ...value })
  const parentElement = place.attachShadow()
  return { page, parentElement, sent, args: (more) => ({ parentElement, data: tableData(more), setStateValue }) }
}

/** The element with this id. */
export const byId = (root, id) => root.querySelectorAll("[id]").find((element) => element.id === id)

/** Change a control as a user does. */
export function change(control, values) {
  Object.assign(control, values)
  control.dispatchEvent(new Event("change"))
}
