"""Writes pictures of the running product: of every row of the table, or of those that the documentation shows."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Error, sync_playwright

from tests.chromium import HINT, launched
from tests.docs.project_files import ROOT
from tests.screenshots.installations import Data, Photographed, started
from tests.screenshots.pictures import PICTURES
from tests.screenshots.scene import scene
from tests.screenshots.table import SCHEMES, SHOTS, WIDTHS, Shot

FOLDER: Final = ROOT / "var" / "screenshots"


@dataclass(frozen=True)
class Exposure:
    """A row of the table at one width, and the files that are written: name → (dark, height)."""

    shot: Shot
    width: int
    files: dict[Path, tuple[bool, int]]


def of_the_table(folder: Path, pattern: str, widths: Iterable[int] = WIDTHS) -> list[Exposure]:
    """Every row whose name matches, at each of the widths, in both schemes."""
    exposures: list[Exposure] = []
    for shot in SHOTS:
        for width in (width for width in shot.widths if width in widths and fnmatch(shot.name, pattern)):
            files = {folder / f"{shot.name}-{width}-{name}.png": (dark, 0) for name, dark in SCHEMES.items()}
            # What cannot be shown twice is brought about for each scheme; a page at rest only changes its colours.
            parts = [{file: values} for file, values in files.items()] if shot.own_session else [files]
            exposures += [Exposure(shot, width, part) for part in parts]
    return exposures


def of_the_documentation(pattern: str) -> list[Exposure]:
    """The pictures of the documentation whose file names match."""
    shots = {shot.name: shot for shot in SHOTS}
    return [
        Exposure(shots[picture.shot], picture.width, {picture.path: (picture.dark, picture.height)})
        for picture in PICTURES
        if fnmatch(picture.path.stem, pattern)
    ]


def expose(exposure: Exposure, installation: Photographed) -> None:
    """Bring the state about and write the files.

    Raises:
        Error: The page does not get into the state.
    """
    shot = exposure.shot
    dark = next(iter(exposure.files.values()))[0]
    opened = scene(installation, shot.person, shot.path, width=exposure.width, dark=dark, own_session=shot.own_session)
    with opened as place, shot.state(place):
        for file, (dark, height) in exposure.files.items():
            place.photograph(file, dark=dark, height=height)


def run(exposures: Iterable[Exposure], browser: Browser) -> Iterator[str]:
    """Write the files, one installation after the other; yields what could not be brought about."""
    grouped = {data: [exposure for exposure in exposures if exposure.shot.data is data] for data in Data}
    with tempfile.TemporaryDirectory(prefix="gatehouse-screenshots-") as folder:
        for data, rows in grouped.items():
            if not rows:
                continue
            with started(data, Path(folder, data.value), browser) as installation:
                for exposure in rows:
                    name = f"{exposure.shot.name} at {exposure.width}"
                    started_at = time.monotonic()
                    try:
                        expose(exposure, installation)
                    except (AssertionError, Error, KeyError, RuntimeError) as error:
                        reason = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().partition("\n")[0]
                        print(f"{name}: FAILED: {reason}", flush=True)
                        yield f"{name}: {reason}"
                    else:
                        print(f"{name}: {time.monotonic() - started_at:.1f} s", flush=True)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("--docs", action="store_true", help="only the pictures of the documentation, in docs/images")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="only names that match, such as 'people*'")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where pictures of the table go (%(default)s)")
    parser.add_argument("--list", action="store_true", help="print the files and take no picture")
    parser.add_argument("--width", type=int, action="append", choices=WIDTHS, help="only this width; may be repeated")
    options = parser.parse_args()
    if options.docs:
        exposures = of_the_documentation(options.only)
    else:
        exposures = of_the_table(options.folder, options.only, options.width or WIDTHS)
    if options.list or not exposures:
        for exposure in exposures:
            print(*exposure.files, sep="\n")
        return 0 if exposures else 1
    with sync_playwright() as playwright:
        browser = launched(playwright)
        if browser is None:
            print(HINT, file=sys.stderr)
            return 2
        missing = list(run(exposures, browser))
        browser.close()
    print(f"{sum(len(exposure.files) for exposure in exposures)} pictures, {len(missing)} states not brought about")
    for line in missing:
        print(f"  {line}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
