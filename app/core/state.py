"""The state folder of an installation: database file, development secret, and the local tenant's keys.

Gatehouse's own pages keep it in ``var``. A hosted app's is outside the folder of the app, which is packed, synchronised
and committed by people who know nothing of Gatehouse: it is in the user's data folder, under a name made of the path
of the script.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from app.core.variables import configured, hosted_script

DATABASE: Final = "gatehouse.sqlite3"
SECRET: Final = "secret"  # noqa: S105 - the name of a file
TENANT: Final = "tenant"
OWN_FOLDER: Final = Path("var")
_GIT_IGNORES_ALL: Final = "*\n"


def default_folder(script: Path | None, environment: Mapping[str, str] | None = None) -> Path:
    """Return the state folder where ``GATEHOUSE_STATE`` names none; ``script`` is the hosted app's, if there is one."""
    if script is None:
        return OWN_FOLDER
    path = script.resolve()
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
    name = re.sub(r"[^A-Za-z0-9_-]", "-", f"{path.parent.name}-{path.stem}")[:60]
    return _data_home(os.environ if environment is None else environment) / "gatehouse" / f"{name}-{digest}"


def unused_state(environment: Mapping[str, str], env_file: Path | None) -> list[str]:
    """Return a sentence about an earlier version's state in ``var`` that a hosted app's installation does not use.

    It is returned until the installation has a folder of its own, so that the user reads it once.
    """
    script = hosted_script(environment, env_file)
    if script is None or configured("GATEHOUSE_STATE", environment, env_file):
        return []
    folder = default_folder(script, environment)
    if configured("GATEHOUSE_ENV", environment, env_file) == "production" or folder.exists():
        return []  # in production neither database nor secret is in it
    if not any((OWN_FOLDER / name).exists() for name in (DATABASE, SECRET)):
        return []
    sentence = (
        f"The folder {OWN_FOLDER} here is not used: the state of the hosted app is in {folder}. To keep using the one "
        f"in {OWN_FOLDER}, set GATEHOUSE_STATE={OWN_FOLDER}."
    )
    return [sentence]


def folder_mistake(folder: Path, script: Path | None) -> str | None:
    """Return why ``folder`` cannot hold the state, as a sentence; None if it can."""
    if folder.exists() and not folder.is_dir():
        return f"GATEHOUSE_STATE names {folder}, which is not a folder."
    if script is not None and folder.resolve() in script.resolve().parents:
        return f"GATEHOUSE_STATE names {folder}, where the hosted app is: name a folder that holds nothing else."
    return None


def make_private_folder(folder: Path) -> None:
    """Make ``folder`` for its owner only, and keep its files out of Git by a ``.gitignore``.

    A folder that exists keeps its mode and its ``.gitignore``. It gets one only if it is empty or holds nothing but the
    state of an installation: Git has to see the files of other programs.

    Raises:
        OSError: if it cannot be made.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not all(_is_state(path.name) for path in folder.iterdir()):
            return
    with suppress(FileExistsError), open(folder / ".gitignore", "x", encoding="utf-8", opener=_private) as file:
        file.write(_GIT_IGNORES_ALL)


def _is_state(name: str) -> bool:
    """Whether Gatehouse makes a file or folder of this name; the database has companions such as ``-wal``."""
    return name in {SECRET, TENANT} or name.startswith(DATABASE)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _data_home(environment: Mapping[str, str]) -> Path:
    """Return the user's data folder (XDG Base Directory Specification; on macOS Apple's)."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    data_home = Path(environment.get("XDG_DATA_HOME", ""))
    return data_home if data_home.is_absolute() else Path.home() / ".local" / "share"
