"""The copy of the tree in which mutmut works, in ``var/mutation``, and its configuration."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.mutation.slices import Slice

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "var" / "mutation"
MUTANTS: Final = "mutants"
"""The folder that mutmut makes in the copy: the tree again, with all mutants of a function in its module."""
_OF_MUTMUT: Final = {".meta", ".spans", ".pyc", ".json"}
TIMEOUT_SECONDS: Final = 20
TIMEOUT_FACTOR: Final = 3
"""A mutant may take three times what its tests take, and a minute more: it may share its cores with other work."""


def prepare(part: Slice) -> Path:
    """Copy what has changed to the slice's folder and configure mutmut there; returns the folder.

    Raises:
        subprocess.CalledProcessError: The tree is no clone of the repository.
    """
    folder = FOLDER / part.name
    files = _files()
    mutated = part.modules[0].partition("/")[0]
    for file in files:
        _copy(file, folder)
        if file.startswith(f"{mutated}/") and not file.endswith(".py"):
            _copy(file, folder / MUTANTS)  # mutmut copies these once only
    _remove_others(folder, set(files))
    tops = sorted({file.partition("/")[0] for file in files} - {mutated, "tests", "pyproject.toml"})
    values = {
        "source_paths": (mutated,),
        "only_mutate": part.modules,
        "also_copy": tops,
        "pytest_add_cli_args_test_selection": part.tests,
        "timeout_constant": (str(TIMEOUT_SECONDS),),
        "timeout_multiplier": (str(TIMEOUT_FACTOR),),
        "use_git_change_detection": ("false",),
    }
    # A value of several lines is a list.
    lines = ["[mutmut]", *(f"{name} = " + "\n    ".join(items) for name, items in values.items())]
    (folder / "setup.cfg").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _files() -> list[str]:
    """Every file of the project, the new ones included."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return sorted({file for file in done.stdout.split("\0") if file and (ROOT / file).is_file()})


def _copy(file: str, folder: Path) -> None:
    """Copy a file that has changed, with its time: mutmut compares times."""
    source, target = ROOT / file, folder / file
    status = source.stat()
    if target.is_file() and (target.stat().st_mtime_ns, target.stat().st_size) == (status.st_mtime_ns, status.st_size):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def _remove_others(folder: Path, files: set[str]) -> None:
    """Remove the copies of files that no longer exist, tests above all."""
    for base in (folder, folder / MUTANTS):
        for path in base.rglob("*"):
            name = path.relative_to(base).as_posix()
            if name.startswith(f"{MUTANTS}/") or path.suffix in _OF_MUTMUT or path.is_dir() or name == "setup.cfg":
                continue
            if name not in files and ".hypothesis" not in name and ".pytest_cache" not in name:
                path.unlink()
