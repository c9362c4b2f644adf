"""Axe (axe-core) on an open page: its violations, without those that Streamlit's own markup is known for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from tests.e2e.accessibility.streamlit_markup import KNOWN_VIOLATIONS, KnownViolation

_SPEC: Final = find_spec("axe_playwright_python")
_AXE: Final = (
    (Path(_SPEC.origin).parent / "axe.min.js").read_text() if _SPEC is not None and _SPEC.origin is not None else ""
)
COLOUR_RULES: Final = ("color-contrast", "link-in-text-block")
"""The rules whose result depends on the colour scheme."""
_RUN: Final = """async ({ rules, known }) => {
  const options = { resultTypes: ["violations"] }
  if (rules.length) options.runOnly = { type: "rule", values: rules }
  else options.rules = { "target-size": { enabled: true } }  // WCAG 2.2, 2.5.8: axe does not run it by itself
  const { violations } = await axe.run(document, options)
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, html, failureSummary }) => {
      const element = typeof target[0] === "string" && document.querySelector(target[0])
      return {
        rule: id,
        known: known.findIndex(({ rule, selector }) => rule === id && element && element.matches(selector)),
        text: `${id}: ${html.slice(0, 160)} (${failureSummary.slice(0, 300)})`,
      }
    }),
  )
}"""


@dataclass(frozen=True)
class Report:
    """What axe reports about a page.

    Args:
        violations: A line for each that is not known.
        known: The rows of the table of Streamlit's violations that occur.
    """

    violations: tuple[str, ...]
    known: frozenset[KnownViolation]


def report(page: Page, rules: Sequence[str] = ()) -> Report:
    """Run axe: all its rules (WCAG 2.0 to 2.2, A and AA, and best practices) or ``rules``, in shadow roots too."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE)
    known = [{"rule": row.rule, "selector": row.selector} for row in KNOWN_VIOLATIONS]
    return divide(page.evaluate(_RUN, {"rules": list(rules), "known": known}), KNOWN_VIOLATIONS)


def divide(results: Sequence[Mapping[str, Any]], known: Sequence[KnownViolation]) -> Report:
    """Divide results, each with a text and the number of a row of ``known``; negative without one."""
    return Report(
        tuple(result["text"] for result in results if result["known"] < 0),
        frozenset(known[result["known"]] for result in results if result["known"] >= 0),
    )


def violations(page: Page) -> list[str]:
    """The violations of all rules, except those known of Streamlit."""
    return list(report(page).violations)
