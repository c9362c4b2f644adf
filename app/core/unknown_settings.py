"""Variables that are nearly called like one of the settings, and so change nothing without anybody noticing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from app.core.settings import Settings
from app.core.variables import (
    AUTH0_ALIASES,
    PREFIX,
    RETIRED,
    belongs_to_hosted_app,
    hosted_script,
    ignored_names,
    known_variables,
)

_ALIKE: Final = 0.84
_OURS: Final = (PREFIX, "AUTH0_", "OIDC_")


def misspelt(environment: Mapping[str, str] | None = None, env_file: Path = Path(".env")) -> list[str]:
    """A sentence for each such variable of the environment and of ``.env``; values are never repeated.

    In Gatehouse's own ``.env`` also one that begins like ours and is like none. Of the environment, which is not ours
    alone, those only that are very like one. Of a hosted app's ``.env`` only those with the prefix.
    """
    given = os.environ if environment is None else environment
    script = hosted_script(given, env_file)
    written = [name for name in dotenv_values(env_file, interpolate=False) if name] if env_file.is_file() else []
    hosted = belongs_to_hosted_app(env_file, script)
    known = [name for name in known_variables(Settings) if not hosted or name not in AUTH0_ALIASES]
    ours = [name for name in written if not hosted or name.upper().startswith(PREFIX)]
    found = _unlike(ours, known, str(env_file), every=True)
    found += _unlike((name for name in given if name not in written), known, "the environment", every=False)
    return [*found, *ignored_names(given, env_file, script)]


def _unlike(names: Iterable[str], known: list[str], where: str, *, every: bool) -> list[str]:
    told = []
    for name in names:
        if name.upper() in known or name.upper() in RETIRED:
            continue
        # Without the prefix a name of the environment is another program's; in our own file it may be a retired one.
        candidates = (name.upper(), f"{PREFIX}{name.upper()}") if every else (name.upper(),)
        near = next((close[0] for each in candidates if (close := get_close_matches(each, known, 1, _ALIKE))), None)
        if near:
            told.append(f"{name} in {where} is no setting, and changes nothing. Did you mean {near}?")
        elif every and name.upper().startswith(_OURS):
            told.append(f"{name} in {where} is no setting, and changes nothing.")
    return told
