// @ts-check
/** The table's styles, in Streamlit's own theme. They apply inside of the component's shadow root only. */
export const TABLE_STYLE = `
:host { display: block; }
.folds { container: folds / inline-size; }
.gatehouse-table {
  font-family: var(--st-font, system-ui, sans-serif); font-size: 0.9375rem; line-height: 1.35;
  color: var(--st-text-color, CanvasText); min-width: 0;
}
.gatehouse-table * { box-sizing: border-box; }
.frame {
  border: 1px solid var(--st-border-color, GrayText); border-radius: var(--st-base-radius, 0.5rem);
  background: var(--st-background-color, Canvas);
}
.frame[aria-busy="true"] tbody { opacity: 0.55; }
table { width: 100%; border-collapse: collapse; table-layout: auto; }
caption, .hidden-text {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
th, td { padding: 0.3rem 0.75rem; text-align: start; vertical-align: middle; overflow-wrap: anywhere; }
th { height: 2.5rem; font-weight: 600; white-space: nowrap; border-bottom: 1px solid var(--st-border-color, GrayText); }
td { height: 2.5rem; }
tbody tr + tr td { border-top: 1px solid var(--st-border-color, GrayText); }
tbody tr:hover { background: var(--st-secondary-background-color, Field); }
tbody tr.selected { background: var(--st-secondary-background-color, Field); }
tbody tr.selected td:first-child { box-shadow: inset 3px 0 0 var(--st-primary-color, Highlight); }
tr.opens { cursor: pointer; }
.number { text-align: end; font-variant-numeric: tabular-nums; }
.short { white-space: nowrap; }
td.first:not(.prose) { max-width: 26rem; }
.mark { text-align: center; }
.mark .icon { font-size: 1.3em; color: var(--st-green-text-color, inherit); }
.dash { opacity: 0.5; }
.select { width: 2.75rem; padding-inline-end: 0; }
.actions { width: 1%; white-space: nowrap; text-align: end; }
.sort {
  display: inline-flex; align-items: center; gap: 0.25rem; margin: 0 -0.375rem; padding: 0.25rem 0.375rem; border: 0;
  border-radius: 0.375rem; background: transparent; color: inherit; font: inherit; font-weight: 600; cursor: pointer;
}
.sort:hover { background: var(--st-secondary-background-color, Field); }
.icon {
  font-family: "Material Symbols Rounded"; font-weight: 400; font-style: normal; font-size: 1.15em; line-height: 1;
  letter-spacing: normal; text-transform: none; display: inline-block; white-space: nowrap; overflow: hidden;
  font-feature-settings: "liga"; width: 1em; flex: none; vertical-align: -0.2em;
}
.sort .icon { visibility: hidden; }
th[aria-sort="ascending"] .icon, th[aria-sort="descending"] .icon { visibility: visible; }
input[type="checkbox"] {
  width: 1.125rem; height: 1.125rem; margin: 0; accent-color: var(--st-primary-color, Highlight); vertical-align: -0.2em;
  cursor: pointer;
}
.tick { display: inline-grid; place-items: center; width: 1.75rem; height: 1.75rem; cursor: pointer; }
a.open, button.open {
  padding: 0; border: 0; background: transparent; color: inherit; font: inherit; font-weight: 600; text-align: start;
  text-decoration: none; cursor: pointer; overflow-wrap: anywhere;
}
.prose .open { font-weight: inherit; }
a.open:hover, button.open:hover, tr.opens:hover .open { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--st-primary-color, Highlight); outline-offset: 2px; border-radius: 0.25rem; }
.person { display: flex; align-items: center; gap: 0.625rem; min-width: 0; }
.chip {
  flex: none; width: 1.75rem; height: 1.75rem; border-radius: 50%; display: grid; place-items: center;
  font-size: 0.75rem; font-weight: 600; background: var(--st-secondary-background-color, Field);
  border: 1px solid var(--st-border-color, GrayText);
}
tbody tr:hover .chip { background: var(--st-background-color, Canvas); }
.text { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; }
.detail { font-size: 0.8125rem; opacity: 0.82; }
td.first:not(.prose) { font-weight: 600; }
td.first.prose { max-width: none; }
td.first :is(.detail, .badges, .chip) { font-weight: 400; }
.badges:not(:first-child) { margin-inline-start: 0.5rem; }
.badges { display: inline-flex; flex-wrap: wrap; gap: 0.25rem; max-width: 100%; }
.badge {
  display: inline-block; max-width: 14rem; padding: 0.05rem 0.5rem; border-radius: 1rem; font-size: 0.8125rem;
  border: 1px solid var(--st-border-color, GrayText); color: inherit; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis;
}
.badge.good { color: var(--st-green-text-color, inherit); background: var(--st-green-background-color, transparent); }
.badge.bad { color: var(--st-red-text-color, inherit); background: var(--st-red-background-color, transparent); }
.badge.warn { color: var(--st-orange-text-color, inherit); background: var(--st-orange-background-color, transparent); }
.badge.info { color: var(--st-blue-text-color, inherit); background: var(--st-blue-background-color, transparent); }
.badge.good, .badge.bad, .badge.warn, .badge.info { border-color: transparent; }
.button {
  display: inline-flex; align-items: center; gap: 0.375rem; min-height: 2rem; padding: 0.125rem 0.75rem;
  border: 1px solid var(--st-border-color, GrayText); border-radius: var(--st-button-radius, 0.5rem);
  background: var(--st-background-color, Canvas); color: inherit; font: inherit; font-size: 0.875rem; cursor: pointer;
}
.button:hover { border-color: var(--st-primary-color, Highlight); }
.button[aria-disabled="true"] { opacity: 0.5; cursor: default; border-color: var(--st-border-color, GrayText); }
.button.danger { color: var(--st-red-text-color, inherit); }
.button.compact { border-color: transparent; background: transparent; padding-inline: 0.375rem; }
.button.compact .button-text { display: none; }
.button.compact .icon { font-size: 1.35em; }
.button.plain { border-color: transparent; background: transparent; }
.bar {
  position: sticky; bottom: 0; z-index: 2; display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem;
  padding: 0.75rem; border-top: 1px solid var(--st-border-color, GrayText);
  background: var(--st-secondary-background-color, Canvas);
  border-radius: 0 0 var(--st-base-radius, 0.5rem) var(--st-base-radius, 0.5rem);
}
.bar[hidden], .sorting[hidden] { display: none; }
.bar .count { font-weight: 600; margin-inline-end: 0.5rem; }
.foot { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1rem; padding: 0.625rem 0.25rem 0; }
.foot .range { margin-inline-end: auto; }
.foot label, .sorting { display: inline-flex; align-items: center; gap: 0.5rem; }
.foot .turn { display: inline-flex; gap: 0.5rem; }
select {
  min-height: 2rem; padding: 0 0.5rem; color: inherit; font: inherit; font-size: 0.875rem;
  background: var(--st-background-color, Canvas); border-radius: var(--st-button-radius, 0.5rem);
  border: 1px solid color-mix(in srgb, var(--st-text-color, CanvasText) 55%, var(--st-background-color, Canvas));
}
.sorting { display: none; padding: 0 0 0.5rem; }
.waiting { padding: 0.5rem 0.25rem 0; }
.waiting:empty { display: none; }
.scrolls .frame { position: relative; overflow: auto; max-height: min(85vh, 48rem); }
.scrolls table { width: max-content; min-width: 100%; border-collapse: separate; border-spacing: 0; }
.scrolls th {
  position: sticky; top: 0; z-index: 1; vertical-align: bottom; white-space: normal; min-width: 4rem; max-width: 8rem;
  padding-block: 0.5rem; background: var(--st-background-color, Canvas);
}
.scrolls th .label {
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; overflow-wrap: anywhere;
}
.scrolls .first {
  position: sticky; inset-inline-start: 0; z-index: 1; min-width: min(11rem, 40vw); max-width: min(20rem, 42vw);
  background: var(--st-background-color, Canvas); border-inline-end: 1px solid var(--st-border-color, GrayText);
}
.scrolls th.first { z-index: 2; }
.scrolls tbody tr:hover .first { background: var(--st-secondary-background-color, Field); }
@container folds (max-width: 64rem) { .later { display: none; } }
@container folds (max-width: 46rem) { .late { display: none; } }
@container folds (max-width: 36rem) {
  .sorting:not([hidden]) { display: flex; }
  table, tbody, td { display: block; }
  tbody tr { display: flex; flex-wrap: wrap; align-items: baseline; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { position: relative; padding: 0.5rem 0.75rem; }
  tbody tr + tr { border-top: 1px solid var(--st-border-color, GrayText); }
  tbody tr + tr td { border-top: 0; }
  tbody tr.selected td:first-child { box-shadow: none; }
  tbody tr.selected { box-shadow: inset 3px 0 0 var(--st-primary-color, Highlight); }
  td, td.late {
    display: block; height: auto; width: auto; max-width: 100%; margin-inline-end: 0.75rem; padding: 0.125rem 0;
    text-align: start; white-space: normal;
  }
  td.blank, td.later { display: none; }
  td.labelled::before { content: attr(data-label) ": "; font-size: 0.8125rem; opacity: 0.82; }
  td.select { position: absolute; inset-inline-end: 0; top: 0.5rem; margin: 0; }
  td.first, td.first:not(.prose) { order: -1; flex: 0 0 100%; max-width: none; margin: 0; padding-inline-end: 2.5rem; }
  td.actions { flex: 0 0 100%; padding-top: 0.5rem; }
  .bar { flex-wrap: nowrap; overflow-x: auto; }
  .bar > * { flex: none; }
  .button { min-height: 2.5rem; }
  .button.compact .button-text { display: inline; }
  .button.compact { border-color: var(--st-border-color, GrayText); padding-inline: 0.75rem; }
}
@media (forced-colors: active) { tbody tr.selected { outline: 2px solid Highlight; } }
`
