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
from tests.screenshots.table import SHOTS, Shot

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-screenshots")]


@pytest.fixture(scope="module")
def installation(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Photographed]:
    with started(Data.SINGLE, tmp_path_factory.mktemp("photographed"), browser) as installation:
        yield installation


def photographed(shot: Shot, installation: Photographed, folder: Path, *, width: int = 375) -> list[Path]:
    files = {folder / f"{shot.name}-{name}.png": (name == "dark", 0) for name in ("light", "dark")}
    expose(Exposure(shot, width, files), installation)
    return list(files)


def brightness(file: Path) -> int:
    """Of the pixel in the corner, where nothing is but the background."""
    with Image.open(file) as image:
        return sum(image.convert("RGB").getpixel((1, image.height - 2)))  # type: ignore[arg-type]


def test_a_page_is_photographed_light_and_dark(installation: Photographed, tmp_path: Path) -> None:
    light, dark = photographed(Shot("home", "/", "ada"), installation, tmp_path)
    assert brightness(light) > 600
    assert brightness(dark) < 200
    for file in (light, dark):
        with Image.open(file) as image:
            assert image.width == 375
            assert image.height >= 900
            assert image.mode == "P"


@pytest.mark.parametrize("state", [states.api_down, states.api_slow, states.expired], ids=lambda state: state.__name__)
def test_a_state_is_undone(installation: Photographed, tmp_path: Path, state: states.State) -> None:
    (plain, _) = photographed(Shot("people", "/people", "ada"), installation, tmp_path / "before")
    (faulty, _) = photographed(Shot("people", "/people", "ada", state, own_session=True), installation, tmp_path)
    (again, _) = photographed(Shot("people", "/people", "ada"), installation, tmp_path / "after")
    assert faulty.read_bytes() != plain.read_bytes()
    with Image.open(plain) as first, Image.open(again) as second:
        assert first.size == second.size


def test_a_state_that_is_not_brought_about_is_an_error(installation: Photographed, tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        photographed(Shot("unknown", "/people?person={unknown}", "ada"), installation, tmp_path)


def test_the_table_is_expanded_by_width_and_scheme(tmp_path: Path) -> None:
    exposures = of_the_table(tmp_path, "sign-in")
    assert [exposure.width for exposure in exposures] == [1440, 768, 375]
    assert {path.name for path in exposures[0].files} == {"sign-in-1440-light.png", "sign-in-1440-dark.png"}
    assert sum(len(exposure.files) for exposure in of_the_table(tmp_path, "*")) > 5 * len(SHOTS)
