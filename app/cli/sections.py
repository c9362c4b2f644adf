"""The list of top-level commands in ``gatehouse --help``, under headings by what the user wants to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click


class SectionedGroup(click.Group):
    """A group that lists its commands under headings.

    Args:
        name: The name of the program.
        sections: Heading → the commands below it, in the order in which they are listed.
        examples: Command lines, each with what it does.
        options: Keyword arguments of ``click.Group``.
    """

    def __init__(
        self,
        name: str,
        *,
        sections: Mapping[str, Sequence[click.Command]],
        examples: Mapping[str, str],
        **options: Any,
    ) -> None:
        super().__init__(name, commands=[command for row in sections.values() for command in row], **options)
        self.sections = {heading: [str(command.name) for command in row] for heading, row in sections.items()}
        self._examples = examples

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections, all columns aligned."""
        width = max(map(len, self.commands))
        for heading, names in self.sections.items():
            with formatter.section(heading):
                rows = [(name.ljust(width), self.commands[name].get_short_help_str(80)) for name in names]
                formatter.write_dl(rows)

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        with formatter.section("Examples"):
            formatter.write_dl(list(self._examples.items()))
