"""Tables of the installation: policy version, processes and their keys, counters, the guard inventory."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Table, Text, text

from db.models.base import RowId, metadata, text_column
from db.times import DayNumber, MicrosecondTimestamp

policy = Table(
    "policy",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("sessions_ended", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("id = 1", name="single_row"),
)

# The running processes and the keys that each of them holds, in the order of its secrets (`app.core.secret_keys`).
processes = Table(
    "processes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("key_ids", Text, nullable=False),  # separated by spaces
    Column("beats", BigInteger, nullable=False),  # moves while the process lives; no clock is compared
    Column("started_at", MicrosecondTimestamp, nullable=False),
    Column("seen_at", MicrosecondTimestamp, nullable=False),
)

page_views = Table(
    "page_views",
    metadata,
    Column("day", DayNumber, primary_key=True, autoincrement=False),
    Column("page", Text, primary_key=True),
    Column("views", BigInteger, nullable=False),
)

# Exact counts that would otherwise need a table scan; maintained by triggers (`db.schema`).
counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# The guard inventory: which guard requires which permission, published by each process at its start.
guards = Table(
    "guards",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("process", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    text_column("permission"),
    text_column("file"),
    Column("line", Integer, nullable=False),
    text_column("version"),
    Column("published_at", MicrosecondTimestamp, nullable=False),
    Index(None, "permission"),
    Index(None, "process"),
)
