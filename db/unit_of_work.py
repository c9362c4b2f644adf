"""The base class of units of work: the transaction, and the only place where their statements are executed."""

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
V = TypeVar("V", int, str)
_MAX_VALUES: Final = 500  # of one IN list


class BaseUnitOfWork:
    """One transaction, started by its first statement. Belongs to one thread."""

    def __init__(self, engine: Engine, keyring: Keyring, write_lock: WriteLock) -> None:
        self._engine = engine
        self._keyring = keyring
        self._write_lock = write_lock
        self._connection: Connection | None = None
        self._closed = False
        self._events: list[AuditEvent] = []
        self._rights_changed = False
        self._switch_to = ""  # the key that seals the events of this unit and later ones
        self._key_lost = False

    def commit(self) -> None:
        """Commit all changes with their audit events; when this fails, nothing is committed.

        Raises:
            ChangeUnconfirmed: The server did not confirm the commit, so the outcome is unknown.
            GatehouseError: The translated error of the driver; the transaction is rolled back.
            RuntimeError: The unit of work is closed.
        """
        self._require_open()
        try:
            if self._connection is not None or self._events or self._rights_changed:
                if self._rights_changed:
                    self._execute(policy.update().values(version=policy.c.version + 1))
                if self._events:
                    self._translated(self._append_events)
                self._commit()
        finally:
            self.close()

    def _commit(self) -> None:
        """Commit the transaction; when the connection is lost meanwhile, the outcome is unknown."""
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
        """Append an audit event to this transaction.

        Raises:
            RuntimeError: The unit of work is closed.
            ValueError: The time of the event is naive.
        """
        self._require_open()
        audit.check(event)
        self._events.append(event)

    def close(self) -> None:
        """Roll back what is not committed, and release connection and lock. Idempotent."""
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is None:
            return
        use_in_unit(connection, open_=False)
        try:
            connection.close()  # rolls back
        except SQLAlchemyError:
            with suppress(SQLAlchemyError):  # the connection is discarded
                connection.invalidate()
        finally:
            self._write_lock.release_unit()

    def _open_for_writing(self) -> None:
        """Start the transaction now, waiting for the write lock: later reads, of the clock too, follow its start."""
        self._translated(lambda _: None)

    def _execute(self, statement: Executable, values: Sequence[Mapping[str, Any]] | None = None) -> CursorResult[Any]:
        """Execute a statement; ``values``: rows of parameters."""
        return self._translated(lambda connection: connection.execute(statement, values))

    def _rows(self, statement: Executable, **parameters: Any) -> Sequence[Row]:
        """All rows of a read."""
        return self._translated(lambda connection: connection.execute(statement, parameters).fetchall())

    def _changed(self, statement: ReturningDelete[Any] | ReturningInsert[Any] | ReturningUpdate[Any]) -> bool:
        """Whether a change with ``RETURNING`` changed a row; drivers do not count inserted rows alike."""
        return self._execute(statement).first() is not None

    def _insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An insert of the dialect, which has ``on_conflict_…``."""
        if self._engine.dialect.name == "sqlite":
            return sqlite.insert(table)
        return postgresql.insert(table)

    def _person_id(self, subject: Subject) -> int | None:
        """The id of a subject's person, if there is one."""
        require_storable(subject)
        person = self._execute(
            select(people.c.id).where(people.c.issuer == subject.issuer, people.c.subject == subject.subject)
        ).scalar()
        return None if person is None else int(person)

    def _ensure_person(self, subject: Subject) -> int:
        """The id of a subject's person, who is inserted as not seen yet if necessary."""
        require_storable(subject)
        self._execute(
            self._insert(people).values(issuer=subject.issuer, subject=subject.subject).on_conflict_do_nothing()
        )
        person = self._person_id(subject)
        if person is None:
            raise StorageUnavailable
        return person

    def _translated(self, run: Callable[[Connection], R]) -> R:
        """Call ``run`` with the connection, starting the transaction if necessary; errors of libraries become ours."""
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
            raise RuntimeError("this unit of work is closed")


def in_batches(values: Iterable[V]) -> Iterator[list[V]]:
    """``values``, sorted, in lists that fit into one statement."""
    ordered = sorted(values)
    return (ordered[start : start + _MAX_VALUES] for start in range(0, len(ordered), _MAX_VALUES))


def require_aware(*times: datetime | None) -> None:
    """Check that no time is naive, before anything is written.

    Raises:
        ValueError: A time is naive.
    """
    if any(time is not None and time.tzinfo is None for time in times):
        raise ValueError("a time without a zone cannot be stored: use aware UTC")
