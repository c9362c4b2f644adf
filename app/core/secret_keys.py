"""Rotation of the installation's secret: no process writes with a key that another running one does not hold.

Every process announces the keys it holds in a row of its own, and shows that it lives by moving a counter in it. The
*write key* stands beside the audit's head. It changes, in one unit of work and with an event of its own, when every
running process lists another secret first. Who does not hold the write key does not start, and writes no audit event.

No clock is compared, neither with another machine's nor with the database's: a process counts as gone when its counter
stood still while this one moved its own ``MISSED_BEATS`` times. A database that did not answer for an hour makes nobody
look gone, since nobody's counter moves meanwhile.
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

BEAT_SECONDS: Final = 5.0
MISSED_BEATS: Final = 6
PRESUMED_ENDED_AFTER: Final = timedelta(minutes=1)
"""For people only: twice what a running process needs to find another one gone."""
START_ATTEMPTS: Final = 6
"""First beats of a process that starts: each waits for a lock as long as the database's bounds allow."""
START_PAUSE_SECONDS: Final = 1.0
_JOIN_SECONDS: Final = 5.0
_PERMANENT: Final = (SecretMismatch, SchemaMismatch, ForeignTables)
_STILL_HELD: Final = (
    "This process holds the secret that the installation writes with: rotate it instead of replacing it."
)

_log = structlog.get_logger(__name__)


class SecretKeys:
    """What one process announces, and how it comes to know the write key. Safe from any thread."""

    def __init__(
        self,
        storage: Storage,
        keyring: Keyring,
        process: str,
        *,
        clock: Clock = utc_now,
        beat_seconds: float = BEAT_SECONDS,
        new_id: Callable[[], str] = lambda: secrets.token_hex(8),
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """Nothing is announced before ``start`` or ``beat``.

        Args:
            storage: The database that all processes share.
            keyring: Whose write key follows that of the installation.
            process: What it is called where people read about it, such as ``app``.
            clock: For the times that people read; nothing is decided by them.
            beat_seconds: How often it shows that it lives.
            new_id: Names this run of this process.
            pause: Waits so many seconds between attempts to start.
        """
        self._storage = storage
        self._keyring = keyring
        self._process = process
        self._clock = clock
        self._beat_seconds = beat_seconds
        self._pause = pause
        self._id = new_id()
        self._started_at = clock()
        self._beats = 0
        self._peers: Mapping[str, tuple[int, int]] = {}  # id → its counter, and how often it has been seen there
        self._lock = Lock()  # one beat at a time
        self._stop = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Announce this process, and go on showing that it lives in the background.

        A database that is busy, with a long change of another process, is waited for (``START_ATTEMPTS``).

        Raises:
            SecretMismatch: It does not hold the write key, so it must not start.
            StorageUnavailable: The database does not answer, or is busy still.
        """
        self._first_beat()
        self._thread = Thread(target=self._run, name="secret-keys", daemon=True)
        self._thread.start()

    def beat(self) -> None:
        """Show that this process lives, forget those that are gone, and move the write key on where all agree.

        Raises:
            SecretMismatch: This process does not hold the write key.
            StorageUnavailable: The database does not answer.
        """
        with self._lock:
            now = self._clock()
            with self._storage.unit_of_work() as unit:
                write_key = unit.write_key()
                if write_key and not self._keyring.holds(write_key):
                    raise SecretMismatch(mismatch())
                own = AnnouncedProcess(
                    self._id, self._process, self._keyring.key_ids, self._beats + 1, self._started_at, now
                )
                unit.announce(own)
                announced = unit.announced()
                peers = _seen(self._peers, announced)
                gone = {name for name, (_, looks) in peers.items() if looks > MISSED_BEATS}
                unit.withdraw(gone - {self._id})
                live = [process for process in announced if process.id not in gone or process.id == self._id]
                write_key = _moved_on(unit, write_key, live, self._clock)
                unit.commit()
            # Only what is in the database counts: a beat that failed has seen nobody stand still.
            self._beats += 1
            self._peers = peers
            self._keyring.write_with(write_key)

    def _first_beat(self) -> None:
        for attempts_left in range(START_ATTEMPTS - 1, -1, -1):
            try:
                self.beat()
            except StorageUnavailable as error:
                if isinstance(error, _PERMANENT) or attempts_left == 0:
                    raise
                _log.warning(
                    "the start waits for the database",
                    process=self._process, reason=error.detail, attempts_left=attempts_left,
                )  # fmt: skip
                self._pause(START_PAUSE_SECONDS)
            else:
                return

    def close(self) -> None:
        """Stop, and withdraw what was announced, so that nobody waits for this process. Harmless when repeated."""
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
                "this process could not be withdrawn; the others will find that it is gone", process=self._process
            )

    def _run(self) -> None:
        while not self._stop.wait(self._beat_seconds):
            try:
                self.beat()
            except SecretMismatch as error:
                _log.error("this process cannot write any more", process=self._process, reason=error.detail)
            except StorageUnavailable as error:
                _log.warning("the keys of this process could not be announced", reason=error.detail)
            except Exception:  # noqa: BLE001 - whatever it is, the next beat may do better
                _log.exception("the keys of this process could not be announced")


def mismatch() -> str:
    """Return what to say of a process that does not hold the write key."""
    return (
        "GATEHOUSE_SECRET of this process does not have the secret that this installation writes with now. A secret is"
        " rotated in three steps, each in every process before the next: old,new, then new,old, then new."
        f" `{command_text('secret status')}` shows which process holds what. If the secret from before is lost, stop"
        f" every process and run: {command_text(REPLACE_SECRET)}"
    )


def require_write_key(write_key: str, secrets: Sequence[str], file: Path) -> None:
    """Raise unless a process with these secrets can write.

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
    if write_key and not Keyring(secrets).holds(write_key):
        raise SecretMismatch(mismatch())


def replace_lost_secret(storage: Storage, keyring: Keyring, *, actor: str, reason: str, clock: Clock = utc_now) -> None:
    """Write with this process's first secret from now on, although nobody has the one before any more.

    Raises:
        Conflict: The secret is not lost: this process holds it.
        StorageUnavailable: The database does not answer.
    """
    with storage.unit_of_work() as unit:
        write_key = unit.write_key()
        if not write_key or keyring.holds(write_key):
            raise Conflict(_STILL_HELD)
        unit.switch_write_key(keyring.key_ids[0], lost=True)
        unit.record(AuditEvent(AuditKind.KEY_REPLACE, clock(), actor=actor, reason=reason, details={"from": write_key}))
        unit.commit()


def running(announced: Sequence[AnnouncedProcess], now: datetime) -> list[AnnouncedProcess]:
    """The processes that were seen within ``PRESUMED_ENDED_AFTER``; for people, who compare clocks: nothing is decided.

    A process that was killed stays announced until another one has run for a while.
    """
    return [process for process in announced if now - process.seen_at <= PRESUMED_ENDED_AFTER]


def undecided(write_key: str, announced: Sequence[AnnouncedProcess]) -> str:
    """What keeps the write key from moving on, as a sentence; empty when nothing does, or nothing is to be moved."""
    first = {process.key_ids[0] for process in announced}
    if first <= {write_key}:
        return ""
    newer = next(iter(first - {write_key}))
    without = sorted({process.name for process in announced if newer not in process.key_ids})
    if without:
        return f"A new secret is not known yet to: {', '.join(without)}. Nothing is written with it."
    behind = sorted({process.name for process in announced if process.key_ids[0] != newer})
    return f"Every process has the new secret; it is written with when all list it first. Not yet: {', '.join(behind)}."


def _seen(known: Mapping[str, tuple[int, int]], announced: Sequence[AnnouncedProcess]) -> Mapping[str, tuple[int, int]]:
    """How often each process has been seen with the counter it has now."""
    return {
        process.id: (process.beats, looks + 1 if beats == process.beats else 1)
        for process in announced
        for beats, looks in [known.get(process.id, (-1, 0))]
    }


def _moved_on(unit: UnitOfWork, write_key: str, live: Sequence[AnnouncedProcess], clock: Clock) -> str:
    """The write key, moved on if every running process lists another secret first."""
    first = {process.key_ids[0] for process in live}
    if write_key and (len(first) > 1 or write_key in first):
        return write_key
    wanted = live[0].key_ids[0]
    unit.switch_write_key(wanted)
    if write_key:
        unit.record(
            AuditEvent(AuditKind.KEY_ROTATE, clock(), actor="system", details={"from": write_key, "to": wanted})
        )
    return wanted
