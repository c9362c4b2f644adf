"""Variables that look like settings and are none, so that a misspelled setting is noticed."""

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
_PREFIXES: Final = (PREFIX, "AUTH0_", "OIDC_")


def unknown_settings(environment: Mapping[str, str] | None = None, env_file: Path = Path(".env")) -> list[str]:
    """Return a sentence for each unknown variable of the environment and of ``.env``; values are never repeated.

    In Gatehouse's own ``.env`` every unknown variable with one of our prefixes counts. In the environment, which other
    programs use too, only variables that are very similar to a setting count. In a hosted app's ``.env`` only those
    with Gatehouse's prefix count.
    """
    variables = os.environ if environment is None else environment
    script = hosted_script(variables, env_file)
    written = [name for name in dotenv_values(env_file, interpolate=False) if name] if env_file.is_file() else []
    hosted = belongs_to_hosted_app(env_file, script)
    known = [name for name in known_variables(Settings) if not hosted or name not in AUTH0_ALIASES]
    prefixed = [name for name in written if not hosted or name.upper().startswith(PREFIX)]
    sentences = _unknown(prefixed, known, str(env_file), every=True)
    sentences += _unknown((name for name in variables if name not in written), known, "the environment", every=False)
    return [*sentences, *ignored_names(variables, env_file, script)]


def _unknown(names: Iterable[str], known: list[str], where: str, *, every: bool) -> list[str]:
    sentences = []
    for name in names:
        if name.upper() in known or name.upper() in RETIRED:
            continue
        # Without the prefix, a name in the environment is another program's; in our own file it may be a retired one.
        candidates = (name.upper(), f"{PREFIX}{name.upper()}") if every else (name.upper(),)
        near = next((close[0] for each in candidates if (close := get_close_matches(each, known, 1, _ALIKE))), None)
        if near:
            sentences.append(f"{name} in {where} is not a setting and has no effect. Did you mean {near}?")
        elif every and name.upper().startswith(_PREFIXES):
            sentences.append(f"{name} in {where} is not a setting and has no effect.")
    return sentences
