"""The wheel, built twice in different places: the same commit must give the same bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
_KEPT: Final = ("PATH", "HOME", "LANG", "TMPDIR")


@dataclass(frozen=True)
class BuildPlace:
    """The circumstances of a build that must not change its result."""

    folder: str
    umask: int
    modified_at: int
    """Modification time of all files, in Unix seconds."""
    time_zone: str


PLACES: Final = (
    BuildPlace("first", 0o022, 1_000_000_000, "UTC"),
    BuildPlace("second/with another name", 0o077, 1_600_000_000, "Asia/Tokyo"),
)


def commit_seconds(root: Path = ROOT) -> str:
    """The time of the commit, for ``SOURCE_DATE_EPOCH``."""
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def tracked_files(root: Path = ROOT) -> list[Path]:
    """The files of the checkout that Git knows, relative to it."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True)
    return [Path(name) for name in done.stdout.split("\0") if name and (root / name).is_file()]


def build(place: BuildPlace, below: Path, epoch: str, root: Path = ROOT) -> Path:
    """Build the wheel of the tracked files of ``root``, in a folder below ``below``, and return its path."""
    source, out = below / place.folder / "source", below / place.folder / "out"
    for file in tracked_files(root):
        target = source / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / file, target)
        target.chmod(0o666 & ~place.umask)
        os.utime(target, (place.modified_at, place.modified_at))
    kept = {name: value for name, value in os.environ.items() if name in _KEPT}
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel", "--no-deps", "--no-index",
         "--no-build-isolation", "--no-cache-dir", "--wheel-dir", str(out), str(source)],
        check=True,
        env=kept | {"SOURCE_DATE_EPOCH": epoch, "TZ": place.time_zone},
        umask=place.umask,
    )  # fmt: skip
    (wheel,) = out.glob("*.whl")
    return wheel


def sha256(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
