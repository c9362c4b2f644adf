"""Tests wait for what happens (``tests/waiting.py``), not for time to pass; the exceptions are listed with a reason."""

from __future__ import annotations

import re
from typing import Final

from tests.docs.project_files import ROOT

SLEEPS: Final = {
    # What waits for a condition, or measures for a time
    "tests/waiting.py": "the poll itself",
    "tests/component/socket/tab_harness.py": "polls the thread pool of a tab within its event loop",
    "tests/benchmarks/rerun.py": "pauses between measured reruns",
    "tests/benchmarks/serving.py": "polls a server that starts",
    "tests/security/hostile_load.py": "presses at the times of its schedule",
    "tests/security/test_many_tabs.py": "measures CPU time and memory of idle tabs over seconds",
    "tests/security/test_notification_time.py": "spreads changes over the interval between two polls",
    # What is slow on purpose
    "tests/provider.py": "a provider that responds late",
    "tests/stub_api.py": "an API that responds late, or byte by byte",
    "tests/component/oidc/test_provider.py": "a provider that sends byte by byte",
    "tests/security/stateful_page.py": "a page that keeps running until it is stopped",
    "tests/security/traced_script.py": "a page that works for seconds",
    "tests/security/test_files.py": "a page that waits for a file",
    # What is not reported when it happens
    "tests/security/test_expired_sessions.py": "a dropped press must not run; nothing reports that it was dropped",
    "tests/security/test_outages_and_lifetimes.py": "the watcher polls without a database, which it does not report",
    "tests/security/test_hostile_sockets.py": "forged messages must not run anything; a socket that reads nothing",
}
"""Test module → why it sleeps."""
BROWSER_WAITS: Final = {
    "tests/benchmarks/sign_in.py": "lets the page come to rest before it is measured",
    "tests/e2e/conftest.py": "polls the requests of a page; Playwright reports them while it waits",
    "tests/e2e/test_drafts.py": "polls two windows for the provider's page",
    "tests/e2e/test_popup.py": "more presses must open no second window; a popup that is reported as closed must stay",
    "tests/e2e/test_session_lifetimes.py": "activity is reported again after six seconds; no warning may come",
    "tests/e2e/test_step_up.py": "the session of another browser must stay",
    "tests/e2e/test_tabs.py": "requests of another tab within a time are counted; a forged message must do nothing",
    "tests/e2e/test_unreliable_network.py": "stays offline for a second; a server without a response must do nothing",
}
"""Browser test → why it waits in the page (``wait_for_timeout``)."""


def modules_with(pattern: str) -> set[str]:
    """The test modules whose text matches, without this one; scripts in strings count too."""
    files = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "tests").rglob("*.py")}
    texts = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    return {name for name, text in texts.items() if re.search(pattern, text) and "test_waits" not in name}


def test_only_the_listed_modules_sleep() -> None:
    assert modules_with(r"\b(?:time|asyncio)\.sleep\((?!0\))") == SLEEPS.keys()


def test_only_the_listed_browser_tests_wait_in_the_page() -> None:
    assert modules_with(r"\.wait_for_timeout\(") == BROWSER_WAITS.keys()
