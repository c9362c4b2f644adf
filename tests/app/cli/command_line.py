"""Runs commands in this process, and walks through all of them."""

from __future__ import annotations

from collections.abc import Iterator

import click
from click.testing import CliRunner, Result

from app.__main__ import gatehouse
from app.cli.lazy import LazyCommand


def invoke(*arguments: str) -> Result:
    """Run one command without a terminal; exceptions that are no exit are raised."""
    return CliRunner().invoke(gatehouse, arguments, prog_name="gatehouse", catch_exceptions=False)


def loaded(command: click.Command) -> click.Command:
    """The command itself, where a lazy one stands for it."""
    return command.load() if isinstance(command, LazyCommand) else command


def commands(command: click.Command = gatehouse, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command that is no group, with its name, such as ``people list``."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    for name, subcommand in command.commands.items():
        yield from commands(loaded(subcommand), (*path, name))
