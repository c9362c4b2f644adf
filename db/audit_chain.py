"""The audit chain: the row of each event with its MAC, and the MAC of the head.

``mac = HMAC(prev_mac + canonical_bytes(event))``. The head names the last event; its own MAC is stored in the column
``seal``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from app.core.audit import AuditEvent
from app.core.keyring import Keyring
from db.texts import MAX_AUDIT_CHARACTERS, clean
from db.times import to_micros

MAX_DETAILS: Final = 20
EVENT_PURPOSE: Final = "audit"
HEAD_PURPOSE: Final = "audit-head"
FIELDS: Final = ("seq", "at", "kind", "outcome", "actor", "target", "reason", "correlation_id", "address", "details")
# A value that JSON cannot encode was not written by Gatehouse: it becomes a text that matches no MAC.
_encode: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=repr).encode


def chain_events(
    keyring: Keyring, seq: int, mac: bytes, events: Sequence[AuditEvent], *, key_id: str = ""
) -> list[dict[str, Any]]:
    """The rows of ``events``, chained to the event with number ``seq`` and ``mac``.

    Args:
        keyring: The secrets of this process.
        seq: The number of the event before.
        mac: Its MAC.
        events: In order.
        key_id: The key to authenticate with; empty for the write key.
    """
    rows = []
    for number, event in enumerate(events, seq + 1):
        row = _cleaned(event, number)
        message = mac + canonical_bytes([row[name] for name in FIELDS])
        prev_mac, mac = mac, keyring.mac(EVENT_PURPOSE, message, key_id=key_id)
        rows.append({**row, "at": event.at, "prev_mac": prev_mac, "mac": mac})
    return rows


def canonical_bytes(values: Sequence[Any]) -> bytes:
    """The encoding of an event for its MAC: the fields in the order of ``FIELDS``, unambiguously separated."""
    return _encode(list(values)).encode()


def head_bytes(seq: int, mac: bytes) -> bytes:
    """The encoding of the head for its MAC."""
    return seq.to_bytes(8, "big", signed=True) + mac


def head_mac_matches(keyring: Keyring, seq: int, mac: object, head_mac: object) -> bool:
    """Whether the MAC of the head is valid; before the first event there is none."""
    if seq == 0 and not mac and not head_mac:
        return True
    return keyring.mac_matches(HEAD_PURPOSE, head_bytes(seq, as_bytes(mac)), as_bytes(head_mac))


def head_key_id(keyring: Keyring, head: Any) -> str:
    """The id of the key of a head's MAC; empty without a MAC, or without a valid one."""
    if head is None:
        return ""
    return keyring.key_of_mac(HEAD_PURPOSE, head_bytes(head.seq, as_bytes(head.mac)), as_bytes(head.seal)) or ""


def as_bytes(stored: object) -> bytes:
    """Stored bytes as the driver returns them; empty for any other value, which Gatehouse never writes."""
    return bytes(stored) if isinstance(stored, (bytes, memoryview)) else b""


def _cleaned(event: AuditEvent, seq: int) -> dict[str, Any]:
    """The row of an event without its MACs; ``at`` in microseconds."""
    details = {
        clean(str(name), MAX_AUDIT_CHARACTERS): clean(value, MAX_AUDIT_CHARACTERS) if isinstance(value, str) else value
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
        "at": to_micros(event.at),
        **{name: clean(text, MAX_AUDIT_CHARACTERS) for name, text in texts.items()},
        "details": json.dumps(details, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
    }
