"""Variables that are nearly called like one of the settings, and so change nothing without anybody noticing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from app.core.settings import Settings

_ALIKE: Final = 0.84
_OURS: Final = ("GATEHOUSE_", "AUTH0_", "OIDC_")


def misspelt(environment: Mapping[str, str] | None = None, env_file: Path = Path(".env")) -> list[str]:
    """A sentence for each such variable of the environment and of ``.env``; values are never repeated.

    In ``.env`` also one that begins like ours and is like none. Of the environment, which is not ours alone, those
    only that are very like one.
    """
    given = os.environ if environment is None else environment
    written = [name for name in dotenv_values(env_file, interpolate=False) if name] if env_file.is_file() else []
    known = [name.upper() for name in Settings.model_fields]
    found = _unlike(written, known, str(env_file), every=True)
    return found + _unlike((name for name in given if name not in written), known, "the environment", every=False)


def _unlike(names: Iterable[str], known: list[str], where: str, *, every: bool) -> list[str]:
    told = []
    for name in names:
        if name.upper() in known:
            continue
        near = get_close_matches(name.upper(), known, 1, _ALIKE)
        if near:
            told.append(f"{name} in {where} is no setting, and changes nothing. Did you mean {near[0]}?")
        elif every and name.upper().startswith(_OURS):
            told.append(f"{name} in {where} is no setting, and changes nothing.")
    return told
