"""Options and arguments that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from app.core.clock import utc_now

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

APP_OPTION: Final = "app.cli.options.app"
STATE_OPTION: Final = "app.cli.options.state_folder"
SCRIPT_ARGUMENT: Final = "app.cli.options.script"
"""Keys of the context's ``meta`` with the paths that the command line names."""

_PATH: Final = click.Path(readable=False, path_type=Path)
"""Any path: whether it is a script or a usable folder is checked, and explained, by ``app.cli.preflight``."""
_SPANS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def _keep(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
    """Keep a path for ``named_installation``. A command's option replaces the one before the command's name."""
    if path is not None:
        ctx.meta[f"{__name__}.{param.name}"] = path


def installation_options(existing: Sequence[click.Parameter] = ()) -> list[click.Parameter]:
    """Return ``--app`` and ``--state``, which every command takes, before its name or after it.

    An option of the same name among ``existing`` takes precedence (``people list --state``): the shared one is then
    written before the command's name.
    """
    options: list[click.Parameter] = [
        click.Option(
            ["--app"],
            type=_PATH,
            metavar="SCRIPT",
            expose_value=False,
            callback=_keep,
            help="Script of the hosted app whose installation is used (default: GATEHOUSE_APP).",
        ),
        click.Option(
            ["--state", "state_folder"],
            type=_PATH,
            metavar="FOLDER",
            expose_value=False,
            callback=_keep,
            help="Folder of database, development secret and local tenant (default: GATEHOUSE_STATE).",
        ),
    ]
    used = {name for param in existing for name in param.opts}
    return [option for option in options if used.isdisjoint(option.opts)]


def script_argument(function: Decorated) -> Decorated:
    """Let a command take the hosted app's script as an argument too: ``gatehouse serve shop/app.py``."""
    return click.argument("script", type=_PATH, required=False, metavar="[SCRIPT]", expose_value=False, callback=_keep)(
        function
    )


def json_option(function: Decorated) -> Decorated:
    """``--json``: print one JSON object, also for an error."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")(function)


def reason_option(function: Decorated) -> Decorated:
    """``--reason``, which every change requires."""
    return click.option("--reason", required=True, help="The reason, kept in the audit.")(function)


def optional_reason_option(function: Decorated) -> Decorated:
    """``--reason`` of a change that has one of its own."""
    return click.option("--reason", default="", help="The reason, kept in the audit.")(function)


def yes_option(function: Decorated) -> Decorated:
    """``--yes``, for commands that ask for confirmation."""
    return click.option("--yes", is_flag=True, help="Do not ask.")(function)


def page_options(function: Decorated) -> Decorated:
    """``--cursor`` and ``--limit`` of a list that is printed page by page."""
    limit = click.option("--limit", type=int, default=50, show_default=True, help="Rows, at most 200.")
    cursor = click.option("--cursor", default="", help="Start after the page that printed this cursor.")
    return cursor(limit(function))


def sort_option(orders: type[StrEnum]) -> Callable[[Decorated], Decorated]:
    """``--sort`` of a list: one of its orders, the first of which is the default."""
    names = [order.value for order in orders]
    return click.option(
        "--sort", type=click.Choice(names), default=names[0], show_default=True, help="The order; - reverses it."
    )


def timestamp(text: str) -> datetime:
    """Parse ``2027-01-31``, ``2027-01-31T18:00Z``, or a span from now, such as ``8h``, ``30d``, ``2w``.

    A time without a zone is UTC.

    Raises:
        click.BadParameter: if the text is none of these.
    """
    return _parsed(text, after_now=True)


def past_time(text: str) -> datetime:
    """Parse a time as ``timestamp`` does, with a span before now: ``7d`` is a week ago.

    Raises:
        click.BadParameter: if the text is neither a time nor a span.
    """
    return _parsed(text, after_now=False)


def _parsed(text: str, *, after_now: bool) -> datetime:
    try:
        if text[:-1].isdecimal() and text[-1:] in _SPANS:
            span = int(text[:-1]) * _SPANS[text[-1]]
            return utc_now() + (span if after_now else -span)
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise click.BadParameter("use a day (2027-01-31), a time (2027-01-31T18:00Z) or a span (30d)") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def day(text: str) -> datetime:
    """Parse a day such as ``2026-01-31``; returns its midnight, UTC.

    Raises:
        click.BadParameter: if the text is not a day.
    """
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a day such as 2026-01-31") from None
