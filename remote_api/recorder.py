"""What the API writes on the side, in the background and bounded: strangers' refusals as counts, and new subjects.

A refused token must not cost a row: whoever can reach the port could fill the log or hold its lock. Refusals are
counted in memory by kind, reason, address and minute, and written as counts at most once a minute (R41). A
thread exists only while something is waiting.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from threading import Lock, Timer
from typing import Final, NamedTuple

import structlog

from app.core.audit import AuditEvent, AuditKind, Outcome
from app.core.clock import Clock
from app.core.errors import StorageUnavailable
from app.core.ports import Storage
from app.core.principal import Subject

FLUSH_SECONDS: Final = 60.0
SUBJECT_SECONDS: Final = 0.2
MAX_KEYS: Final = 1024
MAX_SUBJECTS: Final = 256
MANY: Final = "many addresses"

log = structlog.get_logger("gatehouse.api")


class _Key(NamedTuple):
    kind: AuditKind
    reason: str
    address: str
    minute: datetime


class Recorder:
    """Counts refusals and remembers new subjects until they are written. Safe from any thread."""

    EXTENSION: Final = "gatehouse.recorder"

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._lock = Lock()
        self._writing = Lock()
        self._refusals: Counter[_Key] = Counter()
        self._subjects: dict[Subject, bool] = {}
        self._timers: dict[str, Timer] = {}
        self._closed = False

    def refused(self, kind: AuditKind, reason: str, address: str) -> None:
        """Count one refusal of a stranger. Costs no storage and no row of its own."""
        minute = self._clock().replace(second=0, microsecond=0)
        with self._lock:
            key = _Key(kind, reason, address, minute)
            if key not in self._refusals and len(self._refusals) >= MAX_KEYS:
                key = _Key(kind, reason, MANY, minute.replace(minute=0))
            self._refusals[key] += 1
            self._arm("refusals", FLUSH_SECONDS)

    def seen(self, subject: Subject, *, machine: bool) -> None:
        """Remember to record a subject not known yet; forgotten again when too many wait: the next call brings it."""
        with self._lock:
            if len(self._subjects) < MAX_SUBJECTS:
                self._subjects[subject] = machine
                self._arm("subjects", SUBJECT_SECONDS)

    def flush(self) -> None:
        """Write everything that waits. When storage does not answer, counts wait on and subjects are forgotten."""
        self._write_subjects()
        self._write_refusals()

    def close(self) -> None:
        """Write what waits and end; nothing is written by itself after."""
        with self._lock:
            self._closed = True
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()
        self.flush()

    def _arm(self, what: str, seconds: float) -> None:
        """Make sure a write is coming; call with the lock held."""
        if what in self._timers or self._closed:
            return
        timer = Timer(seconds, self._due, args=(what,))
        timer.daemon = True
        self._timers[what] = timer
        timer.start()

    def _due(self, what: str) -> None:
        with self._lock:
            self._timers.pop(what, None)
        try:
            if what == "subjects":
                self._write_subjects()
            else:
                self._write_refusals()
        except Exception:
            log.exception("what waited could not be written")

    def _write_subjects(self) -> None:
        with self._lock:
            subjects, self._subjects = self._subjects, {}
        if not subjects:
            return
        now = self._clock()
        try:
            with self._writing, self._storage.unit_of_work() as unit:
                for subject, machine in subjects.items():
                    unit.note_subject(subject, now, machine=machine)
                unit.commit()
        except StorageUnavailable as error:
            log.warning("new subjects were not recorded", error=error.code)

    def _write_refusals(self) -> None:
        with self._lock:
            refusals, self._refusals = self._refusals, Counter()
        if not refusals:
            return
        try:
            with self._writing, self._storage.unit_of_work() as unit:
                for key, count in refusals.items():
                    unit.record(
                        AuditEvent(
                            kind=key.kind,
                            at=key.minute,
                            outcome=Outcome.REFUSED,
                            reason=key.reason,
                            address=key.address,
                            details={"count": count},
                        )
                    )
                unit.commit()
        except StorageUnavailable as error:
            log.warning("refusals were not recorded yet", error=error.code, waiting=len(refusals))
            with self._lock:
                self._refusals.update(refusals)
                self._arm("refusals", FLUSH_SECONDS)
