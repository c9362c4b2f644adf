"""The audit chain: how events are written, each sealed to the one before, and how the chain is verified.

``mac = HMAC(prev_mac + canonical event)``, with the newest of the installation's secrets; older ones still verify.
The head names the last event and is sealed itself, so that a cut tail shows. A wholly rewritten database, head
included, needs an earlier checkpoint to be found out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from app.core.audit import AuditEvent
from app.core.keyring import Keyring
from db.models import audit_events, audit_head
from db.statement import Prepared, Row
from db.texts import AUDIT_MAX_CHARACTERS, clean
from db.times import micros

if TYPE_CHECKING:
    from db.database import Database  # the database itself writes audit events

MAX_DETAILS: Final = 20
_PURPOSE: Final = "audit"
_HEAD_PURPOSE: Final = "audit-head"
_BATCH: Final = 2000
_BEFORE_ALL: Final = -(2**63)
_FIELDS: Final = ("seq", "at", "kind", "outcome", "actor", "target", "reason", "correlation_id", "address", "details")


@dataclass(frozen=True, slots=True)
class ChainState:
    """Whether the chain is whole."""

    good: bool
    events: int
    """How many were found good, from the first on."""
    bad_seq: int | None = None
    """The number of the first event that is wrong or missing; None when all is good or only the head is wrong."""
    problem: str = ""
    """``edited``, ``removed``, ``reordered``, ``cut``, ``appended`` (past the head) or ``head``; empty when good."""


def check(event: AuditEvent) -> None:
    """Raise ``ValueError`` for an event that cannot be written, where it is made rather than at commit."""
    micros(event.at)


def append(connection: Connection, keyring: Keyring, events: Sequence[AuditEvent]) -> None:
    """Write events behind the head, which stays locked until the transaction ends."""
    head = connection.execute(select(audit_head.c.seq, audit_head.c.mac).with_for_update()).one()
    seq, mac = int(head.seq), bytes(head.mac)
    rows = []
    for event in events:
        seq += 1
        row = _cleaned(event, seq)
        prev_mac, mac = mac, keyring.mac(_PURPOSE, mac + _canonical(row))
        rows.append({**row, "at": event.at, "prev_mac": prev_mac, "mac": mac})
    connection.execute(insert(audit_events), rows)
    connection.execute(update(audit_head).values(seq=seq, mac=mac, seal=keyring.mac(_HEAD_PURPOSE, _head(seq, mac))))


def verify_chain(database: Database) -> ChainState:
    """Follow the chain from its first event to its head; say what is wrong first, if anything.

    It locks nothing: of events written meanwhile it follows those the head has come to name. Raises
    ``StorageUnavailable``.
    """
    dialect = database.engine.dialect
    columns = [audit_events.c[name] for name in (*_FIELDS, "prev_mac", "mac")]
    batch = Prepared(
        select(*columns)
        .where(audit_events.c.seq > bindparam("after"))
        .order_by(audit_events.c.seq)
        .limit(bindparam("most")),
        dialect,
    )
    head_query = Prepared(select(audit_head.c.seq, audit_head.c.mac, audit_head.c.seal), dialect)

    def read_head() -> Row:
        return (database.fetch(head_query) or [(0, b"", b"")])[0]

    keyring, head, seq, mac, after = database.keyring, read_head(), 0, b"", _BEFORE_ALL
    while True:
        rows = database.fetch(batch, after=after, most=_BATCH)
        for row in rows:
            if row[0] > head[0]:
                break
            if problem := _wrong(keyring, row, seq + 1, mac):
                return ChainState(good=False, events=seq, bad_seq=min(seq + 1, row[0]), problem=problem)
            seq, mac = row[0], bytes(row[-1])
            after = seq
        else:
            if rows:
                continue
        newest = read_head()
        if newest[0] > head[0]:
            head = newest
            continue
        return _ending(keyring, head, seq, mac, further=bool(rows))


def _wrong(keyring: Keyring, row: Row, seq: int, mac: bytes) -> str:
    """What is wrong with ``row``, which should be number ``seq`` and follow the event with ``mac``."""
    if row[0] != seq:
        return "removed" if row[0] > seq else "edited"
    if bytes(row[-2]) != mac:
        return "reordered"
    stored = dict(zip(_FIELDS, row, strict=False))
    return "" if keyring.mac_matches(_PURPOSE, mac + _canonical(stored), bytes(row[-1])) else "edited"


def _ending(keyring: Keyring, head: Row, seq: int, mac: bytes, *, further: bool) -> ChainState:
    """Whether the head fits the last event; ``further`` says that events follow which it does not name."""
    if seq < head[0]:
        return ChainState(good=False, events=seq, bad_seq=seq + 1, problem="cut")
    if further:
        return ChainState(good=False, events=seq, bad_seq=seq + 1, problem="appended")
    untouched = seq == 0 and not head[1] and not head[2]
    sealed = keyring.mac_matches(_HEAD_PURPOSE, _head(seq, mac), bytes(head[2]))
    if not untouched and (head[0] != seq or bytes(head[1]) != mac or not sealed):
        return ChainState(good=False, events=seq, problem="head")
    return ChainState(good=True, events=seq)


def _cleaned(event: AuditEvent, seq: int) -> dict[str, Any]:
    """The row of an event, but for its MACs; ``at`` in microseconds."""
    details = {
        clean(str(name), AUDIT_MAX_CHARACTERS): clean(value, AUDIT_MAX_CHARACTERS) if isinstance(value, str) else value
        for name, value in list(event.details.items())[:MAX_DETAILS]
    }
    texts = {
        "kind": str(event.kind.value),
        "outcome": str(event.outcome.value),
        "actor": event.actor,
        "target": event.target,
        "reason": event.reason,
        "correlation_id": event.correlation_id,
        "address": event.address,
    }
    return {
        "seq": seq,
        "at": micros(event.at),
        **{name: clean(text, AUDIT_MAX_CHARACTERS) for name, text in texts.items()},
        "details": json.dumps(details, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
    }


def _canonical(row: Mapping[str, Any]) -> bytes:
    """The bytes a MAC covers: every field, in one order, with no way to move text from one to the next."""
    return json.dumps([row[name] for name in _FIELDS], ensure_ascii=True, separators=(",", ":")).encode()


def _head(seq: int, mac: bytes) -> bytes:
    return seq.to_bytes(8, "big") + mac
