"""Verification of the audit chain, from its first event or the retention boundary to its head, in bounded memory.

It locks nothing: it includes new events up to the newest head, and starts again when old events are deleted meanwhile.
It reports up to ``MAX_PROBLEMS`` problems: after an event that does not fit, it continues from the number and MAC of
that event. Breaks that a rotation explains are one problem, until an event acknowledges them (``db.rotation``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, func, select, text

from app.core.audit import AuditKind
from app.core.chain_problems import ChainProblem, ChainState, ProblemKind
from app.core.checkpoints import Checkpoint, make_checkpoint
from app.core.errors import Conflict, StorageUnavailable
from db.audit_chain import EVENT_PURPOSE, FIELDS, as_bytes, canonical_bytes, head_mac_matches
from db.models import audit_events, audit_head, audit_retention
from db.retention import BOUNDARY, boundary_is_sealed
from db.rotation import Rotation
from db.statement import PreparedStatement, Row
from db.triggers import SELECT_TRIGGERS, TRIGGERS

if TYPE_CHECKING:
    from db.database import Database

MAX_PROBLEMS: Final = 20
_BATCH: Final = 2000
_ATTEMPTS: Final = 20
_BEFORE_ALL: Final = -(2**63)
_NEARBY: Final = 5000
"""A moved event is recognized within so many numbers of its own."""
_BROKEN: Final = AuditKind.LOG_BROKEN.value
_HEAL: Final = AuditKind.LOG_HEAL.value
_PRUNED: Final = "Old audit events are being deleted right now. Try again when that is done."


def verify_chain(database: Database, checkpoints: Sequence[Checkpoint] = ()) -> ChainState:
    """Verify the chain from its beginning to its head, and compare it with ``checkpoints``.

    Raises:
        StorageUnavailable: The database does not answer, or events were deleted during each attempt.
    """
    for _ in range(_ATTEMPTS):
        walk = _Walk(_Stored(database), checkpoints)
        state = walk.run()
        if state.good or not walk.was_pruned_meanwhile():
            return state
    raise StorageUnavailable(_PRUNED)


def checkpoint(database: Database, *, at: datetime, installation: str) -> Checkpoint:
    """A checkpoint of the current head.

    Raises:
        Conflict: The head, or the event that it names, was changed in the database.
        StorageUnavailable: The database does not answer.
    """
    head, last = _Stored(database).head_and_last()
    keyring = database.keyring
    is_valid = head is not None and head_mac_matches(keyring, *head)
    if is_valid and head is not None and head[0]:
        is_valid = last is not None and last[-1] == head[1] and _is_genuine(database, last)
    if not is_valid or head is None:
        raise Conflict("The head of the audit is not as it was left, so nothing is signed: gatehouse audit verify")
    return make_checkpoint(int(head[0]), as_bytes(head[1]), at=at, installation=installation)


def _is_genuine(database: Database, row: Row) -> bool:
    return database.keyring.mac_matches(EVENT_PURPOSE, as_bytes(row[-2]) + canonical_bytes(row[:-2]), as_bytes(row[-1]))


class _Stored:
    """Reads of the audit tables, as rows of the driver."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.keyring = database.keyring
        dialect = database.engine.dialect
        event = [audit_events.c[name] for name in (*FIELDS, "prev_mac", "mac")]
        after = (
            select(*event)
            .where(audit_events.c.seq > bindparam("after"))
            .order_by(audit_events.c.seq)
            .limit(bindparam("max_rows"))
        )
        self._batch = PreparedStatement(after, dialect)
        self._macs = PreparedStatement(
            after.with_only_columns(audit_events.c.seq, audit_events.c.prev_mac, audit_events.c.mac), dialect
        )
        self._head = PreparedStatement(select(audit_head.c.seq, audit_head.c.mac, audit_head.c.seal), dialect)
        self._head_and_last = PreparedStatement(
            select(audit_head.c.seq, audit_head.c.mac, audit_head.c.seal, *event).select_from(
                audit_head.outerjoin(audit_events, audit_events.c.seq == audit_head.c.seq)
            ),
            dialect,
        )
        self._first = PreparedStatement(select(func.min(audit_events.c.seq)), dialect)
        self._boundaries = PreparedStatement(select(*BOUNDARY).order_by(audit_retention.c.seq), dialect)
        self._triggers = PreparedStatement(text(SELECT_TRIGGERS[dialect.name]), dialect)
        self._expected_triggers = TRIGGERS[dialect.name]

    def events(self, after: int) -> list[Row]:
        """The next events after a number; an event that the driver cannot read has its number and MACs only."""
        fetch = self.database.fetch
        try:
            return fetch(self._batch, after=after, max_rows=_BATCH)
        except StorageUnavailable:
            try:
                return fetch(self._batch, after=after, max_rows=1)
            except StorageUnavailable:
                rows = fetch(self._macs, after=after, max_rows=1)
                return [(row[0], *(None,) * (len(FIELDS) - 1), row[1], row[2]) for row in rows]

    def head(self) -> Row | None:
        rows = self.database.fetch(self._head)
        return rows[0] if rows else None

    def head_and_last(self) -> tuple[Row | None, Row | None]:
        """The head and the event that it names, in one read."""
        rows = self.database.fetch(self._head_and_last)
        if not rows:
            return None, None
        return rows[0][:3], rows[0][3:] if rows[0][3] is not None else None

    def oldest_and_boundaries(self) -> tuple[int | None, list[Row]]:
        """The number of the oldest event, and all retention boundaries."""
        return self.database.fetch(self._first)[0][0], self.database.fetch(self._boundaries)

    def missing_triggers(self) -> list[str]:
        return sorted(self._expected_triggers - {str(row[0]) for row in self.database.fetch(self._triggers)})


class _Walk:
    """One verification of the chain."""

    def __init__(self, stored: _Stored, checkpoints: Sequence[Checkpoint]) -> None:
        self._stored = stored
        self._keyring = stored.keyring
        self._checkpoints = sorted(checkpoints, key=lambda checkpoint: checkpoint.seq)
        self._checkpoints_at: dict[int, list[Checkpoint]] = {}
        for checkpoint in checkpoints:
            self._checkpoints_at.setdefault(checkpoint.seq, []).append(checkpoint)
        self._initial = stored.oldest_and_boundaries()
        self._problems: list[ChainProblem] = []
        self._seq = 0  # number and MAC of the last verified event
        self._mac = b""
        self._key: str | None = None  # the key of that event, if known
        self._rotation = Rotation(self._keyring)
        self._trusted = True  # whether the next event must follow this MAC; False after a gap or a changed event
        self._events = self._first = 0
        self._boundary_seq, self._boundary_mac = 0, b""
        self._compared: set[int] = {0}

    def was_pruned_meanwhile(self) -> bool:
        """Whether a boundary was sealed or old events were deleted since the verification started."""
        return self._stored.oldest_and_boundaries() != self._initial

    def run(self) -> ChainState:
        """Verify the whole chain."""
        first, boundaries = self._initial
        self._problems += [
            ChainProblem(ProblemKind.UNPROTECTED, detail=name) for name in self._stored.missing_triggers()
        ]
        self._start(first, boundaries)
        head = self._stored.head()
        has_more = False
        while self._follow(head):
            # Read before the head is read again: the new head names events that were written meanwhile.
            has_more = head is not None and bool(self._stored.events(head[0]))
            newest = self._stored.head()
            if newest is None or head is None or newest[0] <= head[0]:
                break
            head = newest
        self._problems += self._rotation.problems()
        complete = len(self._problems) < MAX_PROBLEMS
        if complete:
            self._compare_end(head, has_more=has_more)
        newest_checkpoint = self._checkpoints[-1].seq if self._checkpoints else 0
        return ChainState(
            events=self._events,
            first_seq=self._first,
            last_seq=self._seq if self._events else 0,
            boundary_seq=self._boundary_seq,
            problems=tuple(self._problems),
            complete=complete,
            checkpoints=sum(checkpoint.seq in self._compared for checkpoint in self._checkpoints),
            newest_compared=newest_checkpoint in self._compared or newest_checkpoint > self._boundary_seq,
        )

    def _start(self, first: int | None, boundaries: Sequence[Row]) -> None:
        """Find the beginning of the chain: the newest boundary with a valid seal, or the events left below it."""
        for row in boundaries:
            if boundary_is_sealed(self._keyring, *row):
                self._boundary_seq, self._boundary_mac = row[0], as_bytes(row[1])
            else:
                self._problem(ProblemKind.RETENTION, row[0])
        self._seq, self._mac = self._boundary_seq, self._boundary_mac
        self._compare_checkpoints(self._boundary_seq, self._boundary_mac)
        if first is not None and 0 < first <= self._boundary_seq:  # a deletion was interrupted
            self._seq, self._trusted = first - 1, False

    def _follow(self, head: Row | None) -> bool:
        """Verify up to the head, or to the last event without a valid head; False when there are too many problems."""
        last = head[0] if head is not None and head_mac_matches(self._keyring, *head) else None
        for row in self._rows():
            if last is not None and row[0] > last:
                break
            self._step(row)
            if len(self._problems) >= MAX_PROBLEMS:
                return False
        return True

    def _rows(self) -> Iterator[Row]:
        after = self._seq if self._events else _BEFORE_ALL
        while rows := self._stored.events(after):
            yield from rows
            after = rows[-1][0]

    def _step(self, row: Row) -> None:
        """Verify one event."""
        seq, prev_mac, mac = row[0], as_bytes(row[-2]), as_bytes(row[-1])
        self._events += 1
        self._first = self._first or seq
        if seq <= self._seq:  # below the beginning of the chain, where Gatehouse never left an event
            self._problem(ProblemKind.EDITED, seq)
            return
        if seq > self._seq + 1:
            self._problem(ProblemKind.REMOVED, self._seq + 1, last_seq=seq - 1)
            self._trusted = False
        fields = canonical_bytes(row[:-2])
        key = self._keyring.key_of_mac(EVENT_PURPOSE, prev_mac + fields, mac)
        follows = self._trusted and prev_mac == self._mac
        if key is None:
            number = self._number_of(seq, prev_mac, fields, mac)
            kind = ProblemKind.EDITED if number is None else ProblemKind.REORDERED
            self._problem(kind, seq, original_seq=number)
            self._trusted = False
        else:
            if self._trusted and not follows:
                self._problem(ProblemKind.MISPLACED, seq)
            self._trusted = True
            if row[2] == _HEAL:
                self._rotation.heal(row)
        if row[2] == _BROKEN and not (follows and self._rotation.explains(row, self._key, key)):
            self._problem(ProblemKind.BROKEN, seq)
        self._key = key
        if seq == self._boundary_seq and mac != self._boundary_mac:
            self._problem(ProblemKind.EDITED, seq)
            mac = self._boundary_mac
        self._seq, self._mac = seq, mac
        self._compare_checkpoints(seq, mac)

    def _number_of(self, seq: int, prev_mac: bytes, fields: bytes, mac: bytes) -> int | None:
        """The number that a moved event was written with, if it is near."""
        rest = fields[1 + len(str(seq)) :]
        for distance in range(1, _NEARBY + 1):
            for other in (seq + distance, seq - distance):
                if self._keyring.mac_matches(EVENT_PURPOSE, b"%s[%d%s" % (prev_mac, other, rest), mac):
                    return other
        return None

    def _compare_checkpoints(self, seq: int, mac: bytes) -> None:
        """Compare an event with the checkpoints of its number."""
        for checkpoint in self._checkpoints_at.get(seq, ()):
            self._compared.add(seq)
            if checkpoint.mac != mac.hex():
                self._problem(ProblemKind.REWRITTEN, seq, detail=_description(checkpoint))

    def _compare_end(self, head: Row | None, *, has_more: bool) -> None:
        """Compare the head and the newest checkpoint with the last verified event."""
        if head is None or not head_mac_matches(self._keyring, *head):
            self._problem(ProblemKind.HEAD, None)
        elif self._seq < head[0]:
            self._problem(ProblemKind.CUT, self._seq + 1, last_seq=head[0])
        elif has_more:
            self._problem(ProblemKind.APPENDED, head[0] + 1)
        elif self._seq > head[0] or (self._trusted and self._mac != as_bytes(head[1])):
            self._problem(ProblemKind.MISPLACED, self._seq)
        newest = self._checkpoints[-1] if self._checkpoints else None
        if newest is not None and newest.seq > max(self._seq, head[0] if head is not None else 0):
            self._problem(ProblemKind.TRUNCATED, self._seq + 1, last_seq=newest.seq, detail=_description(newest))

    def _problem(
        self,
        kind: ProblemKind,
        seq: int | None,
        *,
        last_seq: int | None = None,
        original_seq: int | None = None,
        detail: str = "",
    ) -> None:
        self._problems.append(ChainProblem(kind, seq, last_seq, original_seq, detail))


def _description(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.at} ({checkpoint.installation})"
