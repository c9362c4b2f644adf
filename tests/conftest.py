"""For every test: groups hold, ids are short, nothing is left running, and the end says how many drove a browser."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.left_running import LeftRunning

MAX_ID_CHARACTERS = 200


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(LeftRunning(str(config.rootpath)))


@pytest.fixture(scope="session", autouse=True)
def packages_are_scanned_once() -> Iterator[None]:
    """Let Streamlit look for components in the installed packages once instead of in each of its test runtimes."""
    with pytest.MonkeyPatch.context() as patch:
        if "streamlit" in sys.modules:
            from streamlit.components.v2 import manifest_scanner

            patch.setattr(
                manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests)
            )
        yield


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a long text by its length: ids stand in every report. None leaves it to pytest."""
    if isinstance(val, (str, bytes)) and len(val) > MAX_ID_CHARACTERS:
        return f"{argname} of {len(val)}"
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse to run with groups that are not told to pytest-xdist: tests that share a server would be torn apart."""
    if getattr(config.option, "loadgroup", False):
        for item in items:
            if item.get_closest_marker("xdist_group") is not None and "@" not in item.nodeid.rpartition("]")[2]:
                raise pytest.UsageError(f"pytest-xdist did not take the group of {item.nodeid}")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    outcomes = {
        outcome: sum("browser" in report.keywords for report in terminalreporter.stats.get(outcome, ()))
        for outcome in ("passed", "failed", "skipped")
    }
    if any(outcomes.values()):
        told = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items() if count)
        terminalreporter.write_line(f"browser tests: {told}")
