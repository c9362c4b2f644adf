"""The schema of the database: its state and its migration.

Revisions are ascending numbers of four digits, so a database can be classified as older or newer without Alembic, which
is only imported to migrate.
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
from app.core.installation_secret import present_secrets
from app.core.secret_keys import require_write_key
from app.core.settings import Settings
from app.core.state import SECRET, make_private_folder
from db.engine import MIGRATION_LOCK, file_of, is_memory, make_engine, make_reading_engine, parsed
from db.faults import CANNOT_OPEN, not_migrated, translated_error
from db.foreign_tables import SEARCH_TABLES, VERSION_TABLE, require_own_tables
from db.models import audit_head
from db.timeouts import MIGRATION_TIMEOUTS, SERVICE_TIMEOUTS
from db.triggers import MAINTENANCE_TRIGGERS, SELECT_ALL_TRIGGERS, SELECT_TRIGGERS, TRIGGERS

HEAD: Final = "0008"
"""The revision that this version of Gatehouse requires."""

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_NEWER: Final = (
    "The database was made by a newer version of Gatehouse than this one; use that version or restore a backup."
)
_migrating = Lock()  # Alembic's environment is one per process


class SchemaState(StrEnum):
    """The state of a database's schema."""

    MISSING = "missing"  # no file
    EMPTY = "empty"  # never migrated
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"


def state_of(revision: str | None) -> SchemaState:
    """The state of a stored revision; None: there is none."""
    if revision is None:
        return SchemaState.EMPTY
    if revision == HEAD:
        return SchemaState.CURRENT
    return SchemaState.OLDER if revision < HEAD else SchemaState.NEWER


def require_current(state: SchemaState) -> None:
    """Check that the schema is that of this version.

    Raises:
        SchemaMismatch: The schema has another version, or none.
        StorageUnavailable: There is no database.
    """
    if state is SchemaState.MISSING:
        raise StorageUnavailable(f"There is no database yet; run: {command_text('migrate')}")
    if state is SchemaState.NEWER:
        raise SchemaMismatch(_NEWER)
    if state is not SchemaState.CURRENT:
        raise SchemaMismatch(not_migrated())


def current_state(url: str) -> SchemaState:
    """The state of the database at ``url``.

    Raises:
        ConfigurationError: The URL is neither SQLite nor PostgreSQL.
        StorageUnavailable: It does not answer.
    """
    address = parsed(url)
    file = file_of(address)
    if is_memory(address) or (file is not None and is_missing(file)):
        return SchemaState.MISSING
    with _reading(address) as connection:
        return state_of(_revision(connection))


@contextmanager
def _reading(address: URL) -> Iterator[Connection]:
    """A connection that changes nothing; errors of SQLAlchemy inside the block become ours."""
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
    """Check that the database at ``url`` answers and has the schema of this version; nothing is changed.

    Raises:
        SchemaMismatch: The schema has another version, or none.
        StorageUnavailable: The database does not exist or does not answer.
    """
    if not is_memory(parsed(url)):
        require_current(current_state(url))


def require_secret(settings: Settings) -> None:
    """Check that the installation's secret is that of its database; this creates neither of them.

    Raises:
        SecretMismatch: The secret is another one, or is missing although the database was written with it.
        StorageUnavailable: The database does not answer.
    """
    address = parsed(settings.database_url)
    file = file_of(address)
    if is_memory(address) or (file is not None and is_missing(file)):
        return
    with _reading(address) as connection:
        write_key = _write_key(connection)
    require_write_key(write_key, present_secrets(settings), settings.state_folder / SECRET)


def _write_key(connection: Connection) -> str:
    """The id of the key that the database is written with; empty for none, and for revisions before 0006."""
    database = inspect(connection)
    if not database.has_table(audit_head.name):
        return ""
    if audit_head.c.key_id.name not in {column["name"] for column in database.get_columns(audit_head.name)}:
        return ""
    return str(connection.execute(select(audit_head.c.key_id)).scalar() or "")


def is_missing(file: Path) -> bool:
    """Whether the file does not exist.

    Raises:
        StorageUnavailable: Its folder may not be read.
    """
    with suppress(OSError):
        return not file.exists()
    raise StorageUnavailable(CANNOT_OPEN)


def require_migratable(url: str, *, beside_others: bool = False) -> None:
    """Check that ``migrate`` can migrate the database at ``url``; nothing is changed.

    Raises:
        ForeignTables: It contains tables of another program.
        SchemaMismatch: A newer version migrated it.
        StorageUnavailable: It does not answer.
    """
    address = parsed(url)
    file = file_of(address)
    if is_memory(address) or (file is not None and is_missing(file)):
        return
    with _reading(address) as connection:
        _require_migratable(connection, beside_others=beside_others)


def migrate(url: str, *, beside_others: bool = False) -> None:
    """Migrate the database at ``url``, creating a missing SQLite file (mode 600) and its folder.

    The migration is one transaction; a second process that migrates meanwhile waits for it.

    Args:
        url: SQLAlchemy URL.
        beside_others: Whether the database may contain tables of other programs.

    Raises:
        ForeignTables: It contains tables of another program; nothing is changed.
        SchemaMismatch: A newer version migrated it.
        StorageUnavailable: It cannot be reached.
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
    """A SQLite database with the current schema, serialized: the initial content of databases in memory."""
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
    """Names of missing triggers among those that make the audit append-only."""
    name = connection.dialect.name
    existing = {str(row[0]) for row in connection.execute(text(SELECT_TRIGGERS[name]))}
    return TRIGGERS[name] - existing


def is_modelled(name: str | None, kind: str, _parents: object = None) -> bool:
    """Whether ``db.models`` describes a table or index; only migrations describe those of the search of people."""
    return kind not in {"table", "index"} or not (name or "").startswith(SEARCH_TABLES)


def _make_file(file: Path) -> None:
    with suppress(OSError):
        make_private_folder(file.parent)
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
        return
    raise StorageUnavailable("The database file cannot be created: its folder may not be used, or the disk is full.")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if revision is None else str(revision)


def _require_migratable(connection: Connection, *, beside_others: bool) -> SchemaState:
    """The state of a database that can be migrated.

    Raises:
        ForeignTables: It contains tables of another program.
        SchemaMismatch: A newer version migrated it.
    """
    revision = _revision(connection)
    state = state_of(revision)
    if state is SchemaState.CURRENT:
        return state
    require_own_tables(connection, revision, beside_others=beside_others)
    if state is SchemaState.NEWER:
        raise SchemaMismatch(_NEWER)
    return state


def _upgrade(engine: Engine, *, beside_others: bool = False) -> None:
    from alembic import command  # noqa: PLC0415 - 0.1 s that only a migration needs
    from alembic.config import Config  # noqa: PLC0415 - as above

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
        existing = {str(row[0]) for row in connection.execute(text(SELECT_ALL_TRIGGERS[name]))}
        if missing := MAINTENANCE_TRIGGERS[name] - existing:
            names = ", ".join(sorted(missing))
            raise SchemaMismatch(f"Counters and search are not maintained any more: {names} is missing.")
