"""Tables of the audit: the chained events, their head, daily counts, retention boundaries."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, LargeBinary, Table, Text, text

from db.models.base import metadata, text_column
from db.times import DayNumber, MicrosecondTimestamp

audit_events = Table(
    "audit_events",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", MicrosecondTimestamp, nullable=False),
    Column("kind", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("details", Text, nullable=False),  # JSON, exactly as its MAC covers it
    Column("prev_mac", LargeBinary, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    Index(None, "at", "seq"),
    Index(None, "kind", "at", "seq"),
    Index(None, "actor", "at", "seq"),
    Index(None, "target", "at", "seq"),
    Index(
        "ix_audit_events_not_done",
        "outcome",
        "at",
        "seq",
        sqlite_where=text("outcome <> 'done'"),
        postgresql_where=text("outcome <> 'done'"),
    ),
)

# Sign-ins and refusals of known subjects per day, counted while events are written (`db.audit`).
audit_days = Table(
    "audit_days",
    metadata,
    Column("day", DayNumber, primary_key=True, autoincrement=False),
    Column("what", Text, primary_key=True),
    Column("events", BigInteger, nullable=False),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    Column("seal", LargeBinary, nullable=False),  # MAC of this row: it cannot be moved back to hide deleted events
    # The key this installation writes with (`app.core.secret_keys`); empty before the first process.
    text_column("key_id"),
    CheckConstraint("id = 1", name="single_row"),
)

# The events up to which the audit may be deleted. Rows are only added. The database trusts any row when events are
# deleted; the seal, a MAC, exposes a row that Gatehouse did not write.
audit_retention = Table(
    "audit_retention",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("mac", LargeBinary, nullable=False),  # of the event with this number
    Column("before", MicrosecondTimestamp, nullable=False),
    Column("sealed_at", MicrosecondTimestamp, nullable=False),
    Column("sealed_by", Text, nullable=False),
    Column("seal", LargeBinary, nullable=False),
)
