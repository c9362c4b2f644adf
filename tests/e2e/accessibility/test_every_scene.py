"""Axe, the visible focus and narrow windows, in every scene of the screenshots: each page in each state.

A scene that is added to ``tests/screenshots/table.py`` is examined here without a change.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import pytest
from playwright.sync_api import Browser

from tests.e2e.accessibility.streamlit_markup import KNOWN_VIOLATIONS
from tests.e2e.accessibility.visit import findings
from tests.screenshots.installations import Data, Photographed, started
from tests.screenshots.table import SHOTS, Shot

pytestmark = pytest.mark.browser
_GROUPS: Final = {Data.SAMPLE: "sample", Data.SINGLE: "other", Data.DIFFICULT: "other", Data.MANY: "other"}


class Installations:
    """Runs one installation at a time, for all scenes in a row that have its people."""

    def __init__(self, browser: Browser, folders: pytest.TempPathFactory) -> None:
        self._browser, self._folders = browser, folders
        self._running: tuple[Data, Photographed] | None = None
        self._stack = ExitStack()

    def of(self, data: Data) -> Photographed:
        """The installation with these people."""
        if self._running is None or self._running[0] is not data:
            self.stop()
            folder = self._folders.mktemp(f"scenes-{data.value}")
            self._running = data, self._stack.enter_context(started(data, folder, self._browser))
        return self._running[1]

    def stop(self) -> None:
        """Stop what runs."""
        self._stack.close()
        self._running = None


@pytest.fixture(scope="module")
def installations(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installations]:
    """A parametrized fixture would be started again for each scene: they differ in the other parameter."""
    installations = Installations(browser, tmp_path_factory)
    yield installations
    installations.stop()


def _scenes() -> Iterator[object]:
    for data in Data:
        shots = [shot for shot in SHOTS if shot.data is data]
        for number, shot in enumerate(shots):
            half = "" if data is not Data.SAMPLE else "-first" if number < len(shots) // 2 else "-second"
            group = pytest.mark.xdist_group(f"browser-scenes-{_GROUPS[data]}{half}")
            yield pytest.param(shot, id=shot.name, marks=group)


@pytest.mark.parametrize("shot", list(_scenes()))
def test_a_scene_has_no_violation(installations: Installations, shot: Shot) -> None:
    assert findings(installations.of(shot.data), shot) == []


def test_every_known_violation_names_a_scene() -> None:
    assert {row.scene for row in KNOWN_VIOLATIONS} <= {shot.name for shot in SHOTS}
