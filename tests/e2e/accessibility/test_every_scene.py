"""Axe, the visible focus and narrow windows, in every scene of the screenshots: each page in each state.

A scene that is added to ``tests/screenshots/table.py`` is examined here without a change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser

from tests.e2e.accessibility.streamlit_markup import KNOWN_VIOLATIONS
from tests.e2e.accessibility.visit import findings
from tests.screenshots.installations import Data, Photographed, started
from tests.screenshots.table import SHOTS, Shot

pytestmark = pytest.mark.browser
_GROUPS: Final = {Data.SAMPLE: "sample", Data.SINGLE: "other", Data.DIFFICULT: "other", Data.MANY: "other"}


@pytest.fixture(scope="module")
def installation(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Photographed]:
    """The installation with the people of a scene, started once for all its scenes."""
    data: Data = request.param
    with started(data, tmp_path_factory.mktemp(f"scenes-{data.value}"), browser) as installation:
        yield installation


def _scenes() -> Iterator[object]:
    for data in Data:
        shots = [shot for shot in SHOTS if shot.data is data]
        for number, shot in enumerate(shots):
            half = "" if data is not Data.SAMPLE else "-first" if number < len(shots) // 2 else "-second"
            group = pytest.mark.xdist_group(f"browser-scenes-{_GROUPS[data]}{half}")
            yield pytest.param(data, shot, id=shot.name, marks=group)


@pytest.mark.parametrize(("installation", "shot"), list(_scenes()), indirect=["installation"])
def test_a_scene_has_no_violation(installation: Photographed, shot: Shot) -> None:
    assert findings(installation, shot) == []


def test_every_known_violation_names_a_scene() -> None:
    assert {row.scene for row in KNOWN_VIOLATIONS} <= {shot.name for shot in SHOTS}
