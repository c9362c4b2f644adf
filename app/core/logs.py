"""Logging: one line an event, never a secret. JSON lines in production, readable lines in development."""

from __future__ import annotations

import logging
import re
import sys
from typing import Final

import structlog

from app.core import correlation
from app.core.errors import GatehouseError

# Local variables of a frame may hold a token or a cookie: a trace in the log names places only.
_TRACES_WITHOUT_LOCALS: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def _with_correlation_id(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Add the correlation id, which users see as the reference of a failure."""
    if known := correlation.known():
        event.setdefault("correlation_id", known)
    return event


_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _on_one_line(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Escape what would break the line, or control a terminal, in an event's text. Values are quoted, and JSON is."""
    event["event"] = _CONTROLS.sub(lambda match: match[0].encode("unicode_escape").decode(), str(event["event"]))
    return event


_SERVER_ERROR: Final = 500
_log = structlog.get_logger("gatehouse.failures")


def report(error: GatehouseError, *, where: str) -> None:
    """Log a failure of the service (status 5xx) with its reason, once for each error.

    The line has the correlation id, which is the reference that the user sees. ``where`` names the operation or
    ``a page``, and contains no input.
    """
    if error.status < _SERVER_ERROR or error.logged:
        return
    error.logged = True
    cause = error.__cause__
    _log.error(
        "the service failed",
        where=where,
        error=error.code,
        reason=error.detail or error.title,
        cause=type(cause).__name__ if cause is not None else "",
        correlation_id=correlation.current(),
    )


def to_standard_error() -> None:
    """Print the events of a command to standard error, so that standard output contains the command's output only."""
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def configure(*, process: str, json_lines: bool) -> None:
    """Write the events of Gatehouse and of the standard library's logging to standard error in one format.

    Args:
        process: Its name is in every line, since several processes may write to the same file.
        json_lines: Whether a line is JSON, as in production.
    """

    def with_process(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event.setdefault("process", process)
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        with_process,
        _with_correlation_id,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    final: list[structlog.typing.Processor] = (
        [_TRACES_WITHOUT_LOCALS, structlog.processors.JSONRenderer()]
        if json_lines
        else [
            _on_one_line,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("alembic").setLevel(logging.WARNING)
