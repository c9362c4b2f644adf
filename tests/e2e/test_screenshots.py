"""`make screenshots` brings states about and undoes them; the pictures have the size of the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests.screenshots import states
from tests.screenshots.__main__ import Exposure, expose, of_the_table
from tests.screenshots.installations import Data, Photographed, started
from tests.screenshots.table import SCHEMES, SHOTS, Shot

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-screenshots")]


@pytest.fixture(scope="module")
def installation(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Photographed]:
    with started(Data.SINGLE, tmp_path_factory.mktemp("photographed"), browser) as installation:
        yield installation


def photographed(shot: Shot, installation: Photographed, file: Path, *, dark: bool = False) -> bytes:
    expose(Exposure(shot, 375, {file: (dark, 0)}), installation)
    return file.read_bytes()


def brightness(file: Path) -> int:
    """Of the pixel in the corner, where nothing is but the background."""
    with Image.open(file) as image:
        return sum(image.convert("RGB").getpixel((1, image.height - 2)))  # type: ignore[arg-type]


def test_a_page_is_photographed_light_and_dark(installation: Photographed, tmp_path: Path) -> None:
    for scheme in SCHEMES:
        photographed(Shot("home", "/", "ada"), installation, tmp_path / scheme, dark=SCHEMES[scheme])
        with Image.open(tmp_path / scheme) as image:
            assert image.width == 375
            assert image.height >= 900
            assert image.mode == "P"
    assert brightness(tmp_path / "light") > 600
    assert brightness(tmp_path / "dark") < 200


def test_states_are_undone(installation: Photographed, tmp_path: Path) -> None:
    plain = photographed(Shot("people", "/people", "ada"), installation, tmp_path / "before")
    for state in (states.api_down, states.api_slow, states.expired):
        shot = Shot("people", "/people", "ada", state, own_session=True)
        assert photographed(shot, installation, tmp_path / "meanwhile") != plain
    photographed(Shot("people", "/people", "ada"), installation, tmp_path / "after")
    with Image.open(tmp_path / "before") as before, Image.open(tmp_path / "after") as after:
        assert before.size == after.size


def test_a_state_that_is_not_brought_about_is_an_error(installation: Photographed, tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        photographed(Shot("unknown", "/people?person={unknown}", "ada"), installation, tmp_path / "never")


def test_the_table_is_expanded_by_width_and_scheme(tmp_path: Path) -> None:
    exposures = of_the_table(tmp_path, "sign-in")
    assert [exposure.width for exposure in exposures] == [1440, 768, 375]
    assert {path.name for path in exposures[0].files} == {"sign-in-1440-light.png", "sign-in-1440-dark.png"}
    assert sum(len(exposure.files) for exposure in of_the_table(tmp_path, "*")) > 5 * len(SHOTS)
