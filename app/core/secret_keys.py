"""Rotation of the installation's secret: no process writes with a key that another running process does not have.

Each process announces its keys in its own row, and a heartbeat counter in it shows that the process is running. The
*write key* is stored beside the audit's head. It changes, in one unit of work and with its own audit event, when every
running process lists another secret first. A process without the write key does not start and writes no audit event.

No clock is compared, neither with another machine's nor with the database's: a process counts as gone when its counter
has not changed while this process increased its own ``MISSED_BEATS`` times. When the database does not respond for an
hour, no process counts as gone, since no counter changes meanwhile.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Final

import structlog

from app.core.audit import AuditEvent, AuditKind
from app.core.clock import Clock, utc_now
from app.core.command_text import REPLACE_SECRET, command_text
from app.core.errors import Conflict, ForeignTables, SchemaMismatch, SecretMismatch, StorageUnavailable
from app.core.keyring import Keyring
from app.core.ports import Storage, UnitOfWork
from app.core.records import AnnouncedProcess

HEARTBEAT_SECONDS: Final = 5.0
MISSED_BEATS: Final = 6
PRESUMED_ENDED_AFTER: Final = timedelta(minutes=1)
"""For display only: twice the time after which a running process counts another one as gone."""
START_ATTEMPTS: Final = 6
"""Attempts at the first heartbeat of a process. Each waits for the write lock until the database's timeout."""
START_PAUSE_SECONDS: Final = 1.0
_JOIN_SECONDS: Final = 5.0
_PERMANENT: Final = (SecretMismatch, SchemaMismatch, ForeignTables)
_STILL_HELD: Final = (
    "This process holds the secret that the installation writes with: rotate it instead of replacing it."
)

_log = structlog.get_logger(__name__)


class SecretKeys:
    """The heartbeat of one process, by which it announces its keys and learns the write key. Safe from any thread."""

    def __init__(
        self,
        storage: Storage,
        keyring: Keyring,
        process: str,
        *,
        clock: Clock = utc_now,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        new_id: Callable[[], str] = lambda: secrets.token_hex(8),
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """Create the heartbeat; nothing is announced before ``start`` or ``send_heartbeat``.

        Args:
            storage: The database that all processes share.
            keyring: Its write key follows that of the installation.
            process: The name for display, such as ``app``.
            clock: For times that are displayed; nothing is decided by them.
            heartbeat_seconds: Time between two heartbeats.
            new_id: Creates the id of this run of the process.
            pause: Waits between attempts to start, in seconds.
        """
        self._storage = storage
        self._keyring = keyring
        self._process = process
        self._clock = clock
        self._heartbeat_seconds = heartbeat_seconds
        self._pause = pause
        self._id = new_id()
        self._started_at = clock()
        self._heartbeats = 0
        self._peers: Mapping[
            str, tuple[int, int]
        ] = {}  # id → its counter, and for how many of our heartbeats it has not changed
        self._lock = Lock()  # one heartbeat at a time
        self._stop = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Announce this process, and keep its heartbeat running in the background.

        A database that is busy with a long change of another process is retried (``START_ATTEMPTS``).

        Raises:
            SecretMismatch: if the process does not have the write key and must not start.
            StorageUnavailable: if the database does not respond, or is still busy.
        """
        self._first_heartbeat()
        self._thread = Thread(target=self._run, name="secret-keys", daemon=True)
        self._thread.start()

    def send_heartbeat(self) -> None:
        """Write one heartbeat, delete the rows of processes that are gone, and rotate the write key if all agree.

        Raises:
            SecretMismatch: if this process does not have the write key.
            StorageUnavailable: if the database does not respond.
        """
        with self._lock:
            now = self._clock()
            with self._storage.unit_of_work() as unit:
                write_key = unit.write_key()
                if write_key and not self._keyring.has_key(write_key):
                    raise SecretMismatch(mismatch())
                own = AnnouncedProcess(
                    self._id, self._process, self._keyring.key_ids, self._heartbeats + 1, self._started_at, now
                )
                unit.announce(own)
                announced = unit.announced()
                peers = _unchanged_heartbeats(self._peers, announced)
                gone = {name for name, (_, unchanged) in peers.items() if unchanged > MISSED_BEATS}
                unit.withdraw(gone - {self._id})
                live = [process for process in announced if process.id not in gone or process.id == self._id]
                write_key = _rotated(unit, write_key, live, self._clock)
                unit.commit()
            # Only committed heartbeats count: a failed one says nothing about other processes.
            self._heartbeats += 1
            self._peers = peers
            self._keyring.write_with(write_key)

    def _first_heartbeat(self) -> None:
        for attempts_left in range(START_ATTEMPTS - 1, 0, -1):
            try:
                self.send_heartbeat()
            except StorageUnavailable as error:
                if isinstance(error, _PERMANENT):
                    raise
                _log.warning(
                    "the start waits for the database",
                    process=self._process, reason=error.detail, attempts_left=attempts_left,
                )  # fmt: skip
                self._pause(START_PAUSE_SECONDS)
            else:
                return
        self.send_heartbeat()

    def close(self) -> None:
        """Stop the heartbeat and withdraw this process, so that no rotation waits for it. Idempotent."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is None:
            return
        thread.join(timeout=_JOIN_SECONDS)
        try:
            with self._storage.unit_of_work() as unit:
                unit.withdraw({self._id})
                unit.commit()
        except StorageUnavailable:
            _log.info(
                "this process could not be withdrawn; the others will notice that it is gone", process=self._process
            )

    def _run(self) -> None:
        while not self._stop.wait(self._heartbeat_seconds):
            try:
                self.send_heartbeat()
            except SecretMismatch as error:
                _log.error("this process cannot write any more", process=self._process, reason=error.detail)
            except StorageUnavailable as error:
                _log.warning("the keys of this process could not be announced", reason=error.detail)
            except Exception:  # noqa: BLE001 - whatever it is, the next heartbeat may succeed
                _log.exception("the keys of this process could not be announced")


def mismatch() -> str:
    """Return the message for a process that does not have the write key."""
    return (
        "GATEHOUSE_SECRET of this process does not have the secret that this installation writes with now. A secret is"
        " rotated in three steps, each in every process before the next: old,new, then new,old, then new."
        f" `{command_text('secret status')}` shows which process holds what. If the secret from before is lost, stop"
        f" every process and run: {command_text(REPLACE_SECRET)}"
    )


def require_write_key(write_key: str, secrets: Sequence[str], file: Path) -> None:
    """Check that a process with these secrets can write.

    Args:
        write_key: The id of the key that the installation writes with; empty for none yet.
        secrets: The secrets of the process; none where one would be made.
        file: Where the secret of a development installation is kept.

    Raises:
        SecretMismatch: if it cannot.
    """
    if write_key and not secrets:
        raise SecretMismatch(
            f"The file {file} with the secret of this installation is missing, and the database was written with it."
            " Put it back from a backup, or set GATEHOUSE_SECRET to it. If it is lost, stop every process and run:"
            f" {command_text(REPLACE_SECRET)}"
        )
    if write_key and not Keyring(secrets).has_key(write_key):
        raise SecretMismatch(mismatch())


def replace_lost_secret(storage: Storage, keyring: Keyring, *, actor: str, reason: str, clock: Clock = utc_now) -> None:
    """Write with this process's first secret from now on, because the previous one is lost.

    Raises:
        Conflict: if the secret is not lost, because this process has it.
        StorageUnavailable: if the database does not respond.
    """
    with storage.unit_of_work() as unit:
        write_key = unit.write_key()
        if not write_key or keyring.has_key(write_key):
            raise Conflict(_STILL_HELD)
        unit.switch_write_key(keyring.key_ids[0], lost=True)
        unit.record(AuditEvent(AuditKind.KEY_REPLACE, clock(), actor=actor, reason=reason, details={"from": write_key}))
        unit.commit()


def running_processes(announced: Sequence[AnnouncedProcess], now: datetime) -> list[AnnouncedProcess]:
    """Return the processes with a heartbeat within ``PRESUMED_ENDED_AFTER``, for display: it compares clocks.

    A process that was killed stays announced until another one has run for a while.
    """
    return [process for process in announced if now - process.seen_at <= PRESUMED_ENDED_AFTER]


def rotation_blocker(write_key: str, announced: Sequence[AnnouncedProcess]) -> str:
    """Return what blocks the rotation of the write key, as a sentence; empty if nothing does or none is pending."""
    first = {process.key_ids[0] for process in announced}
    if first <= {write_key}:
        return ""
    newer = next(iter(first - {write_key}))
    without = sorted({process.name for process in announced if newer not in process.key_ids})
    if without:
        return f"A new secret is not known yet to: {', '.join(without)}. Nothing is written with it."
    behind = sorted({process.name for process in announced if process.key_ids[0] != newer})
    return f"Every process has the new secret; it is written with when all list it first. Not yet: {', '.join(behind)}."


def _unchanged_heartbeats(
    known: Mapping[str, tuple[int, int]], announced: Sequence[AnnouncedProcess]
) -> Mapping[str, tuple[int, int]]:
    """For how many of our heartbeats each process has had its current counter."""
    return {
        process.id: (process.heartbeats, unchanged + 1 if heartbeats == process.heartbeats else 1)
        for process in announced
        for heartbeats, unchanged in [known.get(process.id, (-1, 0))]
    }


def _rotated(unit: UnitOfWork, write_key: str, live: Sequence[AnnouncedProcess], clock: Clock) -> str:
    """The write key, rotated if every running process lists another secret first."""
    first = {process.key_ids[0] for process in live}
    if write_key and (len(first) > 1 or write_key in first):
        return write_key
    new_key = live[0].key_ids[0]
    unit.switch_write_key(new_key)
    if write_key:
        unit.record(
            AuditEvent(AuditKind.KEY_ROTATE, clock(), actor="system", details={"from": write_key, "to": new_key})
        )
    return new_key
