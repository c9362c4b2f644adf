"""For every test: says at the end how many of them drove a browser."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    outcomes = {
        outcome: sum("browser" in report.keywords for report in terminalreporter.stats.get(outcome, ()))
        for outcome in ("passed", "failed", "skipped")
    }
    if any(outcomes.values()):
        told = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items() if count)
        terminalreporter.write_line(f"browser tests: {told}")
