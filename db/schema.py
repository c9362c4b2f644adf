"""The form of the database: bringing it up to date, and saying which form it is in.

A revision is four digits, in order; so a database can be told older or newer without asking Alembic, which is only
loaded to migrate.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Final, cast

from sqlalchemy import URL, Connection, Engine, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from app.core.command_text import command_text
from app.core.errors import SchemaMismatch, StorageUnavailable
from app.core.installation import present_secrets
from app.core.secret_keys import require_write_key
from app.core.settings import Settings
from app.core.state import SECRET, make_private_folder
from db.engine import MIGRATION_LOCK, file_of, is_memory, make_engine, make_reading_engine, parsed
from db.faults import CANNOT_OPEN, not_migrated, translated_error
from db.foreign_tables import SEARCH_TABLES, VERSION_TABLE, require_own_tables
from db.models import audit_head
from db.timeouts import MIGRATION_TIMEOUTS, SERVICE_TIMEOUTS

HEAD: Final = "0007"
"""The revision this version of Gatehouse works with."""

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_NEWER: Final = (
    "The database was made by a newer version of Gatehouse than this one; use that version or restore a backup."
)
_ON_BOTH: Final = frozenset(
    {
        "audit_events_no_update",
        "audit_events_no_delete",
        "audit_events_only_append",
        "audit_retention_no_update",
        "audit_retention_no_delete",
        "audit_retention_only_forward",
    }
)
TRIGGERS: Final = {
    "sqlite": _ON_BOTH,
    "postgresql": _ON_BOTH | {"audit_events_no_truncate", "audit_retention_no_truncate"},
}
"""What keeps the audit append-only, by engine."""
_COUNTING: Final = frozenset(
    {f"people_counted_{what}" for what in ("insert", "update", "delete")}
    | {f"grants_counted_{what}" for what in ("insert", "update", "delete")}
)
KEEPING_TRIGGERS: Final = {
    "sqlite": _COUNTING | {f"people_search_{what}" for what in ("insert", "update", "delete")},
    "postgresql": _COUNTING,
}
"""What keeps counters and the search of people equal to the rows they are made from, by engine."""
SELECT_TRIGGERS: Final = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    " AND tbl_name IN ('audit_events', 'audit_retention')",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D'"
    " AND tgrelid IN ('audit_events'::regclass, 'audit_retention'::regclass)",
}
_ALL_TRIGGERS: Final = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D' AND NOT tgisinternal",
}
_migrating = Lock()  # Alembic's environment is one per process


class SchemaState(StrEnum):
    """What form a database is in."""

    MISSING = "missing"  # no file
    EMPTY = "empty"  # never migrated
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"


def state_of(revision: str | None) -> SchemaState:
    """The state that a stored revision means; None for none."""
    if revision is None:
        return SchemaState.EMPTY
    if revision == HEAD:
        return SchemaState.CURRENT
    return SchemaState.OLDER if revision < HEAD else SchemaState.NEWER


def require_current(state: SchemaState) -> None:
    """Raise unless the database is in the form this version works with."""
    if state is SchemaState.MISSING:
        raise StorageUnavailable(f"There is no database yet; run: {command_text('migrate')}")
    if state is SchemaState.NEWER:
        raise SchemaMismatch(_NEWER)
    if state is not SchemaState.CURRENT:
        raise SchemaMismatch(not_migrated())


def current_state(url: str) -> SchemaState:
    """The form of the database at ``url``; raises ``StorageUnavailable`` when it does not answer."""
    address = parsed(url)
    file = file_of(address)
    if is_memory(address) or (file is not None and is_missing(file)):
        return SchemaState.MISSING
    with _reading(address) as connection:
        return state_of(_revision(connection))


@contextmanager
def _reading(address: URL) -> Iterator[Connection]:
    """A connection that changes nothing; faults inside the block are ours."""
    engine = make_reading_engine(address, SERVICE_TIMEOUTS)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield connection
    except SQLAlchemyError as error:
        problem = translated_error(error)
    else:
        return
    finally:
        engine.dispose()
    raise problem


def require_ready(url: str) -> None:
    """Raise unless the database at ``url`` answers and has today's form; nothing is changed.

    Raises:
        SchemaMismatch: if it is of another version.
        StorageUnavailable: if there is none, or it does not answer.
    """
    if not is_memory(parsed(url)):
        require_current(current_state(url))


def require_secret(settings: Settings) -> None:
    """Raise unless the installation's secret is that of its database; a plain read, which makes neither of them.

    Raises:
        SecretMismatch: if the secret is another one, or is missing although the database was written with it.
        StorageUnavailable: if the database does not answer.
    """
    address = parsed(settings.database_url)
    file = file_of(address)
    if is_memory(address) or (file is not None and is_missing(file)):
        return
    with _reading(address) as connection:
        write_key = _write_key(connection)
    require_write_key(write_key, present_secrets(settings), settings.state_folder / SECRET)


def _write_key(connection: Connection) -> str:
    """The id of the key that the database is written with; empty for none, and for a database before 0006."""
    database = inspect(connection)
    if not database.has_table(audit_head.name):
        return ""
    if audit_head.c.key_id.name not in {column["name"] for column in database.get_columns(audit_head.name)}:
        return ""
    return str(connection.execute(select(audit_head.c.key_id)).scalar() or "")


def is_missing(file: Path) -> bool:
    """Whether there is no such file; raises ``StorageUnavailable`` when we may not even know."""
    with suppress(OSError):
        return not file.exists()
    raise StorageUnavailable(CANNOT_OPEN)


def require_migratable(url: str, *, beside_others: bool = False) -> None:
    """Raise what ``migrate`` would raise for the database that is there, and change nothing.

    Raises:
        ForeignTables: if it holds tables of another program.
        SchemaMismatch: if it is from a newer version.
        StorageUnavailable: if it does not answer.
    """
    address = parsed(url)
    file = file_of(address)
    if is_memory(address) or (file is not None and is_missing(file)):
        return
    with _reading(address) as connection:
        _require_migratable(connection, beside_others=beside_others)


def migrate(url: str, *, beside_others: bool = False) -> None:
    """Bring the database at ``url`` to today's form, making a SQLite file (mode 600) and its folder if missing.

    Everything happens in one transaction, and a second process that starts the same meanwhile waits for it.

    Args:
        url: SQLAlchemy address.
        beside_others: Whether tables of other programs may be in it.

    Raises:
        ForeignTables: if it holds tables of another program; then nothing is changed.
        SchemaMismatch: if it is from a newer version.
        StorageUnavailable: if it cannot be reached.
    """
    require_migratable(url, beside_others=beside_others)
    address = parsed(url)
    file = file_of(address)
    if file is not None:
        _make_file(file)
    engine = make_engine(address, MIGRATION_TIMEOUTS, pooled=False)
    try:
        with _migrating:
            _upgrade(engine, beside_others=beside_others)
    except SQLAlchemyError as error:
        problem = translated_error(error)
    else:
        return
    finally:
        engine.dispose()
    raise problem


@cache
def memory_template() -> bytes:
    """A SQLite database in today's form, as bytes: what databases in memory begin as."""
    engine = make_engine(parsed("sqlite://"), SERVICE_TIMEOUTS)
    try:
        with _migrating:
            _upgrade(engine)
        pooled = engine.raw_connection()
        try:
            driver = pooled.driver_connection
            return cast("sqlite3.Connection", driver).serialize()
        finally:
            pooled.close()
    finally:
        engine.dispose()


def missing_triggers(connection: Connection) -> frozenset[str]:
    """Names of the triggers that make the audit append-only and are not there. Empty is as it must be."""
    name = connection.dialect.name
    found = {str(row[0]) for row in connection.execute(text(SELECT_TRIGGERS[name]))}
    return TRIGGERS[name] - found


def is_modelled(name: str | None, kind: str, _parents: object = None) -> bool:
    """Whether ``db.models`` speaks of a table or index; of what searching people needs, only the migration does."""
    return kind not in {"table", "index"} or not (name or "").startswith(SEARCH_TABLES)


def _make_file(file: Path) -> None:
    with suppress(OSError):
        make_private_folder(file.parent)
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
        return
    raise StorageUnavailable("The database file cannot be made: its folder may not be used, or the disk is full.")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _require_migratable(connection: Connection, *, beside_others: bool) -> SchemaState:
    """The state of the database; raises unless it can be migrated."""
    revision = _revision(connection)
    state = state_of(revision)
    if state is SchemaState.CURRENT:
        return state
    require_own_tables(connection, revision, beside_others=beside_others)
    if state is SchemaState.NEWER:
        raise SchemaMismatch(_NEWER)
    return state


def _upgrade(engine: Engine, *, beside_others: bool = False) -> None:
    from alembic import command  # noqa: PLC0415 - 0.1 s that only migrating must pay
    from alembic.config import Config  # noqa: PLC0415 - the same

    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        state = _require_migratable(connection, beside_others=beside_others)
        if state is not SchemaState.CURRENT:
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        if missing := missing_triggers(connection):
            raise SchemaMismatch(f"The audit is not protected any more: {', '.join(sorted(missing))} is missing.")
        name = connection.dialect.name
        there = {str(row[0]) for row in connection.execute(text(_ALL_TRIGGERS[name]))}
        if missing := KEEPING_TRIGGERS[name] - there:
            raise SchemaMismatch(f"Counters and search are not kept any more: {', '.join(sorted(missing))} is missing.")
