"""Which installation a command works on: the options ``--app`` and ``--state``, which every command takes.

They stand for ``GATEHOUSE_APP`` and ``GATEHOUSE_STATE``, which decide which database, secret and declarations are used.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from app.cli import preflight
from app.core.errors import ConfigurationError
from app.core.settings import ENV_FILE
from app.core.variables import hosted_script

_MAY_OVERRIDE: Final = "dev"
"""The command that starts every process itself, so that all know the script that it names."""


class Parser(argparse.ArgumentParser):
    """A parser of which every command takes ``--app`` and ``--state``, before its name or after it.

    An option of the same name that a command adds takes the place of ours (``people list --state``): ours is written
    before the command's name then.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """As ``argparse.ArgumentParser``, which makes the parsers of commands by this class too."""
        options.setdefault("conflict_handler", "resolve")
        super().__init__(*arguments, **options)
        self.add_argument(
            "--app",
            type=Path,
            metavar="SCRIPT",
            default=argparse.SUPPRESS,  # so that a command does not overwrite what stands before its name
            help="script of the hosted app whose installation this is about (default: GATEHOUSE_APP)",
        )
        self.add_argument(
            "--state",
            type=Path,
            metavar="FOLDER",
            dest="state_folder",
            default=argparse.SUPPRESS,
            help="folder of database, development secret and local tenant (default: GATEHOUSE_STATE)",
        )


def script_argument(verb: argparse.ArgumentParser, help: str) -> None:  # noqa: A002 - argparse's own word
    """Let a command take the script by its place too: ``gatehouse serve shop/app.py``."""
    verb.add_argument("script", nargs="?", type=Path, metavar="SCRIPT", help=help)


def script_of(given: argparse.Namespace) -> Path | None:
    """Return the script that the command line names, resolved; None for none.

    Raises:
        ConfigurationError: if it is not a script, or two are named.
    """
    named = [getattr(given, name, None) for name in ("script", "app")]
    scripts = dict.fromkeys(path.resolve() for path in named if path is not None)
    if len(scripts) > 1:
        raise ConfigurationError([f"The command line names two scripts: {', '.join(map(str, scripts))}."])
    for path in named:
        preflight.require_script(path)
    return next(iter(scripts), None)


def state_of(given: argparse.Namespace) -> Path | None:
    """Return the state folder that the command line names; None for none."""
    folder: Path | None = getattr(given, "state_folder", None)
    return folder


@contextmanager
def installation(given: argparse.Namespace) -> Iterator[None]:
    """Set the variables that the options stand for, so that every part of the command reads the same ones.

    Raises:
        ConfigurationError: if ``GATEHOUSE_APP`` names another script, by which the other processes go.
    """
    script, state = script_of(given), state_of(given)
    configured = hosted_script(os.environ, ENV_FILE)
    if script and configured and configured.resolve() != script and given.verb != _MAY_OVERRIDE:
        raise ConfigurationError([f"GATEHOUSE_APP names {configured}, and the command line {script}."])
    values = {"GATEHOUSE_APP": script, "GATEHOUSE_STATE": state}
    before = {name: os.environ.get(name) for name in values}
    os.environ.update({name: str(value) for name, value in values.items() if value is not None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
