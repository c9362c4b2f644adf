"""The installation a command works on: its database, secret and hosted app.

The options ``--app`` and ``--state`` name it; without them ``GATEHOUSE_APP`` and ``GATEHOUSE_STATE`` do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from app.cli import preflight
from app.cli.options import APP_OPTION, SCRIPT_ARGUMENT, STATE_OPTION
from app.core.errors import ConfigurationError
from app.core.settings import ENV_FILE
from app.core.variables import hosted_script


@dataclass(frozen=True, slots=True)
class NamedInstallation:
    """The installation that the command line names; ``None`` stands for the configured one.

    Args:
        script: The hosted app's script, resolved.
        state: The state folder.
    """

    script: Path | None = None
    state: Path | None = None


def named_installation(ctx: click.Context) -> NamedInstallation:
    """Return the installation that the command line names.

    Raises:
        ConfigurationError: if it names two scripts, or something that is not a script.
    """
    paths: list[Path] = [ctx.meta[key] for key in (SCRIPT_ARGUMENT, APP_OPTION) if key in ctx.meta]
    scripts = dict.fromkeys(path.resolve() for path in paths)
    if len(scripts) > 1:
        raise ConfigurationError([f"The command line names two scripts: {', '.join(map(str, scripts))}."])
    for path in paths:
        preflight.require_script(path)
    return NamedInstallation(next(iter(scripts), None), ctx.meta.get(STATE_OPTION))


@contextmanager
def use_installation(named: NamedInstallation, *, overrides_app: bool) -> Iterator[None]:
    """Set the variables that the options stand for, so that every part of the command reads the same ones.

    Args:
        named: What the command line names.
        overrides_app: Whether another script than that of ``GATEHOUSE_APP`` is accepted.

    Raises:
        ConfigurationError: if ``GATEHOUSE_APP`` names another script, which the other processes then use.
    """
    script = named.script
    configured = hosted_script(os.environ, ENV_FILE)
    if script and configured and configured.resolve() != script and not overrides_app:
        raise ConfigurationError([f"GATEHOUSE_APP names {configured}, and the command line {script}."])
    values = {"GATEHOUSE_APP": script, "GATEHOUSE_STATE": named.state}
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
