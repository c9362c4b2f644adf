"""The table of people: everyone and every machine that signed in or was granted something."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text, UniqueConstraint, text

from db.models.base import RowId, flag_column, metadata, text_column
from db.times import MicrosecondTimestamp


def _partial_index(name: str, sqlite: str, postgresql: str = "") -> Index:
    """A partial index of the few people who meet the condition."""
    return Index(f"ix_people_{name}", "id", sqlite_where=text(sqlite), postgresql_where=text(postgresql or sqlite))


# Identity is (issuer, subject). A person without `first_seen_at` was granted something before the first sign-in.
people = Table(
    "people",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    text_column("name"),
    text_column("name_key"),
    text_column("email"),
    text_column("email_key"),
    flag_column("email_verified"),
    text_column("picture"),
    flag_column("blocked"),
    flag_column("machine"),
    Column("first_seen_at", MicrosecondTimestamp),
    Column("last_seen_at", MicrosecondTimestamp),
    Column("signed_out_at", MicrosecondTimestamp),
    Column("rights_issued_at", MicrosecondTimestamp),  # `iat` of the last token whose rights were synchronized
    Column("erased_at", MicrosecondTimestamp),  # until the next sign-in
    # The number of role grants, expired ones included, maintained by triggers (`db.schema`): people without any role
    # are found without scanning the table.
    Column("role_grants", BigInteger, nullable=False, server_default=text("0")),
    UniqueConstraint("issuer", "subject"),
    # What a prefix search needs on PostgreSQL, whose default text order cannot serve LIKE 'x%'.
    Index(None, "name_key", postgresql_ops={"name_key": "text_pattern_ops"}),
    Index(None, "email_key", postgresql_ops={"email_key": "text_pattern_ops"}),
    Index(None, "last_seen_at", "id"),
    Index(None, "first_seen_at", "id"),
    _partial_index("blocked", "blocked IS 1", "blocked IS TRUE"),
    _partial_index("machine", "machine IS 1", "machine IS TRUE"),
    _partial_index("erased", "erased_at IS NOT NULL"),
    _partial_index("no_role", "role_grants = 0"),
)
