"""Translates every error of the driver and of SQLAlchemy into one of ours, without SQL and without values."""

from __future__ import annotations

import sqlite3
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.command_text import command_text
from app.core.errors import ChangeUnconfirmed, Conflict, SchemaMismatch, StorageUnavailable

BUSY: Final = "The database is busy: something else has held it for too long. Try again."
CLOSED: Final = "The database was closed."
CANNOT_OPEN: Final = "The database file cannot be opened: it is missing, or its folder may not be used."
UNRESPONSIVE: Final = "The database server does not answer."
UNCONFIRMED: Final = (
    "The database server did not confirm the change. It may have been saved: check before you try again."
)
_CONFLICT: Final = "Another request has done this already, or it contradicts what is stored."

# SQLite's primary result codes (https://www.sqlite.org/rescode.html).
_SQLITE: Final = {
    sqlite3.SQLITE_PERM: "The database file may not be used: check who owns it.",
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_READONLY: "The database file may not be written: check who owns it and its folder.",
    sqlite3.SQLITE_IOERR: "The disk of the database reports an error.",
    sqlite3.SQLITE_CORRUPT: "The database file is damaged; restore a backup.",
    sqlite3.SQLITE_FULL: "The disk of the database is full.",
    sqlite3.SQLITE_CANTOPEN: CANNOT_OPEN,
    sqlite3.SQLITE_AUTH: "The database file may not be used: check who owns it.",
    sqlite3.SQLITE_NOTADB: "The database file is damaged or is no database; restore a backup.",
}
# SQLSTATE classes and codes of PostgreSQL (its documentation, appendix A).
_POSTGRES: Final = {
    "28": "The database server refused the user name or password of GATEHOUSE_DATABASE_URL.",
    "3D": "The database named in GATEHOUSE_DATABASE_URL does not exist on the server.",
    "53": "The database server is out of connections, memory or disk space.",
    "55P03": BUSY,
    "40": BUSY,
    "40003": UNRESPONSIVE,
    "25006": "The database server accepts no writes now.",
    "57": "The database server is starting or stopping.",
    "57014": "The database server gave up: what was asked of it took too long.",
    "25P03": "This process stood still inside a change for too long, so the database server gave the change up.",
}
_OUTCOME_UNKNOWN: Final = ("08", "57P", "40003")
"""SQLSTATEs of a commit whose outcome is unknown: the connection was lost, or statement completion unknown."""
_SCHEMA_STATES: Final = {"42P01", "42703"}  # no such table, no such column

_log = structlog.get_logger(__name__)


def not_migrated() -> str:
    """Return the message about a database that is older than this version or was never migrated."""
    return f"The database is not ready for this version of Gatehouse; run: {command_text('migrate')}"


def translated_error(error: BaseException, *, committing: bool = False) -> Exception:
    """Our error for an error of the driver or of SQLAlchemy; raise it outside of the ``except`` block.

    Raised there, it has no reference to the original, whose text may contain values. The log gets the type and the
    SQLSTATE of a failure of the server, never its text.

    Args:
        error: The error of the library.
        committing: Whether a commit raised it. Its outcome is unknown when the connection was lost, or when the server
            reports so.
    """
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    problem = _translated(error)
    if isinstance(problem, StorageUnavailable) and not isinstance(cause, sqlite3.Error):
        state = getattr(cause, "sqlstate", None)
        _log.warning("the database failed", reason=problem.detail, error=type(cause).__name__, sqlstate=state or "")
        if committing and (state is None or state.startswith(_OUTCOME_UNKNOWN)):
            return ChangeUnconfirmed(UNCONFIRMED)
    return problem


def _translated(error: BaseException) -> Exception:  # noqa: PLR0911 - one return per kind of failure
    if isinstance(error, PoolTimeout):
        return StorageUnavailable(BUSY)
    cause: BaseException | None = error
    if isinstance(error, StatementError):
        cause = error.orig
        if not isinstance(error, DBAPIError) and isinstance(cause, ValueError):
            return cause  # a naive time, refused when the parameters were bound
    if isinstance(error, IntegrityError):
        return Conflict(_CONFLICT)
    if isinstance(cause, sqlite3.Error):
        return _from_sqlite(cause)
    state = getattr(cause, "sqlstate", None)
    if state in _SCHEMA_STATES:
        return SchemaMismatch(not_migrated())
    if isinstance(state, str):
        return StorageUnavailable(_POSTGRES.get(state) or _POSTGRES.get(state[:2], ""))
    if isinstance(error, SQLAlchemyError) and not isinstance(error, DBAPIError):
        return StorageUnavailable()
    return StorageUnavailable(UNRESPONSIVE)


def _from_sqlite(error: sqlite3.Error) -> StorageUnavailable:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return StorageUnavailable()
    if code & 0xFF == sqlite3.SQLITE_ERROR:
        return SchemaMismatch(not_migrated())  # statements are fixed, so a table or column is missing
    return StorageUnavailable(_SQLITE.get(code & 0xFF, ""))
