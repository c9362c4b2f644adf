"""What every part of a unit of work stands on: its transaction, and the one place where its statements run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, Table, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql import Executable
from sqlalchemy.sql.dml import ReturningDelete, ReturningInsert, ReturningUpdate

from app.core.audit import AuditEvent
from app.core.errors import StorageUnavailable
from app.core.keyring import Keyring
from app.core.principal import Subject
from db import audit
from db.engine import UNIT_LOCK, use_in_unit
from db.faults import translated_error
from db.models import people, policy
from db.statement import Row
from db.texts import require_storable
from db.write_lock import WriteLock

R = TypeVar("R")
_MANY: Final = 500  # values in one IN list


class BaseUnitOfWork:
    """One transaction, begun by its first statement. Belongs to one thread."""

    def __init__(self, engine: Engine, keyring: Keyring, write_lock: WriteLock) -> None:
        self._engine = engine
        self._keyring = keyring
        self._write_lock = write_lock
        self._connection: Connection | None = None
        self._closed = False
        self._events: list[AuditEvent] = []
        self._rights_changed = False
        self._switch_to = ""  # the key to write with from this unit's events on
        self._key_lost = False

    def commit(self) -> None:
        """Keep everything, audit events included, or raise and keep nothing."""
        self._require_open()
        try:
            if self._connection is not None or self._events or self._rights_changed:
                if self._rights_changed:
                    self._execute(policy.update().values(version=policy.c.version + 1))
                if self._events:
                    self._translated(self._append_events)
                self._keep()
        finally:
            self.close()

    def _keep(self) -> None:
        """Commit; when the server goes away over it, nobody knows whether it did."""
        if self._connection is None:
            return
        try:
            self._connection.commit()
        except SQLAlchemyError as error:
            problem = translated_error(error, committing=True)
        else:
            return
        raise problem

    def _append_events(self, connection: Connection) -> None:
        audit.append(connection, self._keyring, self._events, key_id=self._switch_to, lost=self._key_lost)

    def record(self, event: AuditEvent) -> None:
        """Append an audit event in this unit."""
        self._require_open()
        audit.check(event)
        self._events.append(event)

    def close(self) -> None:
        """Roll back what was not committed, and let go. Harmless when repeated."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is None:
            return
        use_in_unit(connection, open_=False)
        try:
            connection.close()  # rolls back
        except SQLAlchemyError:
            with suppress(SQLAlchemyError):  # given up for good
                connection.invalidate()
        finally:
            self._write_lock.release_unit()

    def _open_for_writing(self) -> None:
        """Begin the transaction now, and wait for its turn: what is read afterwards, the clock too, is not older."""
        self._translated(lambda _: None)

    def _execute(self, statement: Executable, values: Sequence[Mapping[str, Any]] | None = None) -> CursorResult[Any]:
        """Run one statement, with many rows of values if given."""
        return self._translated(lambda connection: connection.execute(statement, values))

    def _rows(self, statement: Executable, **given: Any) -> Sequence[Row]:
        """Run one read; all its rows."""
        return self._translated(lambda connection: connection.execute(statement, given).fetchall())

    def _changed(self, statement: ReturningDelete[Any] | ReturningInsert[Any] | ReturningUpdate[Any]) -> bool:
        """Run a change that returns what it touched; whether it touched a row (drivers count inserts differently)."""
        return self._execute(statement).first() is not None

    def _insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An insert that knows ``on_conflict_…``."""
        if self._engine.dialect.name == "sqlite":
            return sqlite.insert(table)
        return postgresql.insert(table)

    def _person_id(self, subject: Subject) -> int | None:
        """The row of a subject, if there is one."""
        require_storable(subject)
        found = self._execute(
            select(people.c.id).where(people.c.issuer == subject.issuer, people.c.subject == subject.subject)
        ).scalar()
        return None if found is None else int(found)

    def _ensure_person(self, subject: Subject) -> int:
        """The row of a subject; made, as not seen yet, where there was none."""
        require_storable(subject)
        self._execute(
            self._insert(people).values(issuer=subject.issuer, subject=subject.subject).on_conflict_do_nothing()
        )
        found = self._person_id(subject)
        if found is None:
            raise StorageUnavailable
        return found

    def _translated(self, run: Callable[[Connection], R]) -> R:
        """Run against the transaction, begun if need be; library errors become ours, without their texts."""
        self._require_open()
        try:
            return run(self._connection or self._begin())
        except SQLAlchemyError as error:
            problem = translated_error(error)
        raise problem

    def _begin(self) -> Connection:
        self._write_lock.acquire_unit()
        connection = None
        try:
            connection = self._engine.connect()
            use_in_unit(connection, open_=True)
            connection.begin()
            if self._engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UNIT_LOCK})
        except BaseException:
            if connection is not None:
                use_in_unit(connection, open_=False)
                connection.close()
            self._write_lock.release_unit()
            raise
        self._connection = connection
        return connection

    def _require_open(self) -> None:
        if self._closed:
            raise RuntimeError("this unit of work is over")


def in_portions(names: Iterable[str]) -> Iterator[list[str]]:
    """``names`` in lists short enough for one statement."""
    ordered = sorted(names)
    return (ordered[start : start + _MANY] for start in range(0, len(ordered), _MANY))


def require_aware(*times: datetime | None) -> None:
    """Raise ``ValueError`` for a naive time, before anything is written."""
    if any(time is not None and time.tzinfo is None for time in times):
        raise ValueError("a time without a zone cannot be stored: use aware UTC")
