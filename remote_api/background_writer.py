"""Writes in the background, within bounds: counts of refused anonymous calls, and new subjects.

A refused token must not cost a row, so ``app.core.refusal_counts`` counts them. New subjects are written a moment
later, in batches. A thread exists only while something waits.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

import structlog

from app.core.audit import AuditKind, Outcome, subject_name
from app.core.clock import Clock
from app.core.debouncer import Debouncer
from app.core.errors import StorageUnavailable
from app.core.failure_reasons import ClaimReason
from app.core.ports import Storage
from app.core.principal import Subject
from app.core.refusal_counts import RefusalCounts
from app.core.tokens.claims import UnusableClaims

SUBJECT_SECONDS: Final = 0.2
MAX_SUBJECTS: Final = 256
DROPPED_AGAIN: Final = timedelta(hours=1)

log = structlog.get_logger("gatehouse.api")


class BackgroundWriter:
    """Counts refusals and queues new subjects until they are written. Thread-safe."""

    EXTENSION: Final = "gatehouse.background_writer"

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self.refusals = RefusalCounts(storage, clock=clock)
        self._storage = storage
        self._clock = clock
        self._lock = Lock()
        self._writing = Lock()
        self._subjects: dict[Subject, bool] = {}
        self._dropped: OrderedDict[tuple[Subject, ClaimReason], datetime] = OrderedDict()
        self._debouncer = Debouncer(self._write_subjects, seconds=SUBJECT_SECONDS, name="new subjects")

    def refused(self, kind: AuditKind, reason_code: str, address: str) -> None:
        """Count one refusal of an anonymous client, without a row of its own."""
        self.refusals.record(kind, reason_code, address=address)

    def claims_dropped(self, subject: Subject, unusable: Sequence[UnusableClaims], address: str) -> None:
        """Record which claims of a caller's token are unusable: in the log, and once an hour for each subject."""
        now = self._clock()
        for each in unusable:
            key = (subject, each.reason)
            with self._lock:
                noted_at = self._dropped.get(key)
                if noted_at is not None and now - noted_at < DROPPED_AGAIN:
                    continue
                self._dropped[key] = now
                self._dropped.move_to_end(key)
                if len(self._dropped) > MAX_SUBJECTS:
                    self._dropped.popitem(last=False)
            log.warning("part of a token's rights was not usable", reason=each.reason.value, dropped=each.dropped)
            self.refusals.record(
                AuditKind.BEARER_CLAIMS_DROP,
                each.reason,
                address=address,
                actor=subject_name(subject),
                outcome=Outcome.SUCCEEDED,
            )

    def add_subject(self, subject: Subject, *, machine: bool) -> None:
        """Queue a new subject; dropped when too many wait, because its next call queues it again."""
        with self._lock:
            if len(self._subjects) < MAX_SUBJECTS:
                self._subjects[subject] = machine
                self._debouncer.schedule()

    def flush(self) -> None:
        """Write everything that waits. When storage does not answer, counts are kept and subjects dropped."""
        self._write_subjects()
        self.refusals.flush()

    def close(self) -> None:
        """Write what waits, and stop."""
        self._debouncer.close()
        self._write_subjects()
        self.refusals.close()

    def _write_subjects(self) -> None:
        with self._lock:
            subjects, self._subjects = self._subjects, {}
        if not subjects:
            return
        now = self._clock()
        try:
            with self._writing, self._storage.unit_of_work() as unit:
                for subject, machine in subjects.items():
                    unit.record_subject(subject, now, machine=machine)
                unit.commit()
        except StorageUnavailable as error:
            log.warning("new subjects were not recorded", error=error.code)
