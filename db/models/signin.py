"""Tables of sessions and what signing in needs: tokens, clients, consumed states, drafts."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, Text, text

from db.models.base import RowId, flag_column, metadata, text_column
from db.times import MicrosecondTimestamp


def _live_index(*columns: str) -> Index:
    """A partial index of sessions that have not ended."""
    where = text("ended_at IS NULL")
    return Index(f"ix_sessions_live_{columns[0]}", *columns, sqlite_where=where, postgresql_where=where)


sessions = Table(
    "sessions",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("ref", Text, nullable=False, unique=True),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    text_column("client_id"),
    Column("created_at", MicrosecondTimestamp, nullable=False),
    Column("authenticated_at", MicrosecondTimestamp, nullable=False),
    Column("last_seen_at", MicrosecondTimestamp, nullable=False),
    Column("expires_at", MicrosecondTimestamp, nullable=False),
    Column("ended_at", MicrosecondTimestamp),
    Column("end_reason", Text),
    text_column("provider_sid"),
    text_column("acr"),
    text_column("amr"),  # separated by spaces
    text_column("user_agent"),
    text_column("address"),
    text_column("page"),
    Column("sealed_tokens", LargeBinary),
    Column("access_expires_at", MicrosecondTimestamp),
    Column("rights_synced_at", MicrosecondTimestamp, nullable=False),
    text_column("lease_owner"),
    Column("lease_until", MicrosecondTimestamp),
    Column("silent_at", MicrosecondTimestamp),
    Index(None, "person_id", "ended_at"),
    Index(None, "provider_sid"),
    Index(None, "ended_at"),
    Index(None, "expires_at"),
    _live_index("last_seen_at", "id"),
    _live_index("created_at", "id"),
    _live_index("expires_at"),
)

issued_tokens = Table(
    "issued_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", MicrosecondTimestamp, nullable=False),
    Index(None, "session_id"),
    Index(None, "expires_at"),
)

own_clients = Table(
    "own_clients",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("client_id", Text, primary_key=True),
)

login_states = Table(
    "login_states",
    metadata,
    Column("state_hash", LargeBinary, primary_key=True),
    Column("expires_at", MicrosecondTimestamp, nullable=False),
    Index(None, "expires_at"),
)

# Form values typed before a sign-in. Each is found by a hash only, and its content is sealed.
drafts = Table(
    "drafts",
    metadata,
    Column("key_hash", LargeBinary, primary_key=True),
    Column("owner_hash", LargeBinary, nullable=False),
    flag_column("anonymous"),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", MicrosecondTimestamp, nullable=False),
    Column("expires_at", MicrosecondTimestamp, nullable=False),
    Index(None, "owner_hash"),
    Index(None, "expires_at"),
)
