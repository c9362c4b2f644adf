"""The class of every command: it selects the installation, reports unknown settings, and prints errors.

Exit status: 0 done; 1 not confirmed, or a check found a problem; 2 it could not be done.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import IO, Any, ClassVar, NoReturn

import click

from app.cli import output
from app.cli.installation import named_installation, use_installation
from app.cli.options import installation_options
from app.core import logs
from app.core.errors import ConfigurationError, GatehouseError
from app.core.settings import ENV_FILE
from app.core.state import unused_state
from app.core.unknown_settings import unknown_settings


class CommandError(click.ClickException):
    """An error of the product, as lines of text on standard error."""

    exit_code: ClassVar[int] = 2

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the lines."""
        print(self.message, file=file or sys.stderr)


class InstallationCommand(click.Command):
    """A command that works on one installation. Its function returns the exit status.

    Args:
        exactly_one_of: Names of parameters of which the user has to pass exactly one.
        reports_settings: Whether the command reports unknown settings itself.
        overrides_app: Whether the command may name another script than ``GATEHOUSE_APP``, because it starts every
            process itself.
        arguments: Arguments of ``click.Command``.
        options: Keyword arguments of ``click.Command``.
    """

    def __init__(
        self,
        *arguments: Any,
        exactly_one_of: tuple[str, ...] = (),
        reports_settings: bool = False,
        overrides_app: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self.params += installation_options(self.params)
        self._exactly_one_of = exactly_one_of
        self._reports_settings = reports_settings
        self._overrides_app = overrides_app

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments.

        Click takes whatever follows an option as its value, so that ``--reason --yes`` would have the reason
        ``--yes``. An option's name is refused as a value here.

        Raises:
            click.UsageError: if an option lacks its value, or not exactly one of ``exactly_one_of`` is passed.
        """
        options = {name: option for option in self.get_params(ctx) for name in option.opts if name.startswith("-")}
        for name, value in pairwise(args):
            if name == "--":
                break
            takes_value = isinstance(option := options.get(name), click.Option) and not option.is_flag
            if takes_value and value.partition("=")[0] in options:
                raise click.BadOptionUsage(name, f"Option {name!r} requires an argument.", ctx)
        rest = super().parse_args(ctx, args)
        passed = [name for name in self._exactly_one_of if ctx.params.get(name) is not None]
        if self._exactly_one_of and len(passed) != 1 and not ctx.resilient_parsing:
            names = " or ".join(f"--{name}" for name in self._exactly_one_of)
            raise click.UsageError(f"Pass {names}, and only one of them.", ctx)
        return rest

    def invoke(self, ctx: click.Context) -> NoReturn:
        """Run the command in the installation that the command line names, and exit with its status.

        Raises:
            CommandError: for every error of the product.
        """
        logs.to_standard_error()
        unknown: list[str] = []
        try:
            ctx.obj = named_installation(ctx)
            with use_installation(ctx.obj, overrides_app=self._overrides_app):
                _warn(unused_state(os.environ, ENV_FILE))
                unknown = unknown_settings()
                if not self._reports_settings:
                    _warn(unknown)
                    unknown = []
                status = self._run(ctx)
        except ConfigurationError as error:
            raise CommandError(["The settings are not right:", *map(str, error.args), *unknown]) from error
        except GatehouseError as error:
            raise CommandError(output.error_lines(error)) from error
        ctx.exit(status)

    def _run(self, ctx: click.Context) -> int:
        """Run the command's function; with ``--json`` an error is a JSON object on standard output."""
        try:
            return int(super().invoke(ctx))
        except GatehouseError as error:
            if not ctx.params.get("as_json"):
                raise
            output.print_problem(error)
            return 2


class CommandGroup(click.Group):
    """Commands about one noun, such as ``people``."""

    command_class = InstallationCommand

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params += installation_options(self.params)


def _warn(sentences: Iterable[str]) -> None:
    for sentence in sentences:
        print(sentence, file=sys.stderr)
