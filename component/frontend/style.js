// @ts-check
/** The component's styles, in Streamlit's own theme. They apply inside of the component's shadow root only. */
export const STYLE = `
:host, .gatehouse { display: block; }
.gatehouse {
  font-family: var(--st-font, system-ui, sans-serif); font-size: var(--st-base-font-size, 1rem); line-height: 1.5;
  color: var(--st-text-color, CanvasText); min-width: 0;
}
.gatehouse * { box-sizing: border-box; }
.button {
  display: inline-flex; align-items: center; justify-content: center; min-height: 2.5rem; padding: 0.25rem 1rem;
  border: 1px solid var(--st-border-color, GrayText); border-radius: var(--st-button-radius, 0.5rem);
  background: transparent; color: inherit; font: inherit; font-weight: 600; text-decoration: none; cursor: pointer;
}
.button:hover, .button:focus-visible { border-color: var(--st-primary-color, Highlight); }
.button:focus-visible { outline: 2px solid var(--st-primary-color, Highlight); outline-offset: 2px; }
.button[aria-disabled="true"] { opacity: 0.6; cursor: progress; }
.primary {
  background: var(--st-primary-color, Highlight); border-color: var(--st-primary-color, Highlight); color: #fff;
}
.primary:hover { text-decoration: underline; }
.person { display: flex; align-items: center; gap: 0.75rem; min-width: 0; }
.avatar {
  flex: none; width: 2.5rem; height: 2.5rem; border-radius: 50%; display: grid; place-items: center; overflow: hidden;
  background: var(--st-primary-color, Highlight); color: #fff; font-weight: 600;
}
.avatar img { width: 100%; height: 100%; object-fit: cover; }
.details { min-width: 0; overflow-wrap: anywhere; }
.name { font-weight: 600; }
.small { font-size: 0.875em; }
.actions { margin-top: 0.75rem; }
.failure { margin: 0.5rem 0 0; color: var(--st-red-text-color, inherit); }
.failure:empty, .status:empty { margin: 0; }
.status { margin: 0.5rem 0 0; overflow-wrap: anywhere; }
.group { display: flex; flex-direction: column; align-items: flex-start; gap: 0.5rem; margin-bottom: 1rem; }
.group.row { flex-flow: row wrap; margin-bottom: 0; }
.field { display: block; width: 100%; font-size: 0.875em; }
.control {
  display: block; width: 100%; min-height: 2.5rem; margin-top: 0.25rem; padding: 0.375rem 0.75rem; color: inherit;
  font: inherit; font-size: 1rem; background: var(--st-secondary-background-color, Field);
  border: 1px solid color-mix(in srgb, var(--st-text-color, CanvasText) 55%, var(--st-background-color, Canvas));
  border-radius: var(--st-base-radius, 0.5rem);
}
select.control { text-overflow: ellipsis; }
textarea.control { resize: vertical; }
.control:focus-visible, .with-token:focus-visible, .response:focus-visible {
  outline: 2px solid var(--st-primary-color, Highlight); outline-offset: 1px;
}
.tick { display: flex; align-items: center; gap: 0.5rem; font-size: 0.875em; min-height: 1.5rem; }
.with-token { flex: none; width: 1rem; height: 1rem; accent-color: var(--st-primary-color, Highlight); }
.console .status { min-height: 3em; }
.response {
  margin: 0.5rem 0 0; padding: 0.75rem; max-height: 20rem; overflow: auto;
  white-space: pre-wrap; overflow-wrap: anywhere;
  font-family: var(--st-code-font, monospace); font-size: 0.875em; border-radius: var(--st-base-radius, 0.5rem);
  background: var(--st-code-background-color, transparent); color: var(--st-text-color, inherit);
}
.response[hidden] { display: none; }
.warning.shown {
  margin: 0.75rem 0 0; padding: 0.75rem; border: 1px solid var(--st-border-color, GrayText);
  border-left: 4px solid var(--st-primary-color, Highlight); border-radius: var(--st-base-radius, 0.5rem);
  background: var(--st-background-color, Canvas); color: inherit;
}
.warning p { margin: 0; overflow-wrap: anywhere; }
.warning p:focus { outline: none; }
.warning .button { margin-top: 0.5rem; }
.warning .button[hidden] { display: none; }
.warning:popover-open {
  position: fixed; inset: auto 1rem 1rem auto; margin: 0; width: max-content; max-width: min(22rem, calc(100vw - 2rem));
  color: var(--st-text-color, CanvasText); box-shadow: 0 4px 16px rgb(0 0 0 / 25%);
}
`
