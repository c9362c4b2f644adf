"""Top-level commands whose modules are imported when a command runs, so that ``gatehouse --help`` starts fast."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click


class LazyCommand(click.Command):
    """Stands for a command of another module in the list of commands and in shell completion.

    Args:
        name: The command's name.
        target: ``module:attribute`` of the command.
        summary: The line in the list of commands, and the description of a shell completion.
    """

    def __init__(self, name: str, target: str, summary: str) -> None:
        super().__init__(name, short_help=summary)
        self._target = target

    def load(self) -> click.Command:
        """Import the module and return the command."""
        module, _, attribute = self._target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the arguments with the loaded command, which the context refers to from here on."""
        return self.load().make_context(info_name, args, parent, **extra)
