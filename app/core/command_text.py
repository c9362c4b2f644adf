"""A command of Gatehouse as it must be typed, for messages: it names the installation that this process works on."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

REPLACE_SECRET: Final = "secret replace --reason …"  # noqa: S105 - the words of a command
"""What to type when the secret that the database is written with is lost."""
_OPTIONS: Final = {"GATEHOUSE_APP": "--app", "GATEHOUSE_STATE": "--state"}
"""Variable → the option that names the same; every command takes both."""


def command_text(command: str, environment: Mapping[str, str] | None = None) -> str:
    """Return ``command`` with the program's name and the options without which it would use another database.

    The reader's shell may have another environment and working directory than this process.

    Args:
        command: Such as ``migrate`` or ``secret replace --reason …``.
        environment: Instead of the environment of this process.
    """
    values = os.environ if environment is None else environment
    options = [
        f"{option} {shlex.quote(str(Path(values[name]).absolute()))}"
        for name, option in _OPTIONS.items()
        if values.get(name)
    ]
    return " ".join(["gatehouse", command, *options])
