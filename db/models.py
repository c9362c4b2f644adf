"""The tables. One place for what is stored; migrations bring a database to this form, and a test compares the two.

Times are BIGINT microseconds (``db.times``). Texts are bounded by whoever writes them (``db.texts``), not by their
columns, so that both engines behave alike.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from db.times import DayNumber, MicrosecondTimestamp

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only in a column declared INTEGER.
_Id: Final = BigInteger().with_variant(Integer, "sqlite")
_NOTHING: Final = text("''")


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=_NOTHING)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false())


def _live(*columns: str) -> Index:
    """An index of the sessions that did not end."""
    where = text("ended_at IS NULL")
    return Index(f"ix_sessions_live_{columns[0]}", *columns, sqlite_where=where, postgresql_where=where)


def _few(name: str, sqlite: str, postgresql: str = "") -> Index:
    """An index of the few people for whom something holds."""
    return Index(f"ix_people_{name}", "id", sqlite_where=text(sqlite), postgresql_where=text(postgresql or sqlite))


# Identity is (issuer, subject). A row with no `first_seen_at` is somebody who was granted something in advance.
people = Table(
    "people",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    _text("name"),
    _text("name_key"),
    _text("email"),
    _text("email_key"),
    _flag("email_verified"),
    _text("picture"),
    _flag("blocked"),
    _flag("machine"),
    Column("first_seen_at", MicrosecondTimestamp),
    Column("last_seen_at", MicrosecondTimestamp),
    Column("signed_out_at", MicrosecondTimestamp),
    Column("rights_issued_at", MicrosecondTimestamp),  # `iat` of the last token whose rights were carried over
    Column("erased_at", MicrosecondTimestamp),  # until they sign in again
    # How many grants of a role there are, expired ones included; kept by triggers (`db.schema`), so that those without
    # any are found without looking at everybody.
    Column("role_grants", BigInteger, nullable=False, server_default=text("0")),
    UniqueConstraint("issuer", "subject"),
    # What a prefix search needs on PostgreSQL, whose default text order cannot serve LIKE 'x%'.
    Index(None, "name_key", postgresql_ops={"name_key": "text_pattern_ops"}),
    Index(None, "email_key", postgresql_ops={"email_key": "text_pattern_ops"}),
    Index(None, "last_seen_at", "id"),
    Index(None, "first_seen_at", "id"),
    _few("blocked", "blocked IS 1", "blocked IS TRUE"),
    _few("machine", "machine IS 1", "machine IS TRUE"),
    _few("erased", "erased_at IS NOT NULL"),
    _few("no_role", "role_grants = 0"),
)

roles = Table(
    "roles",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("name_key", Text, nullable=False, unique=True),  # `db.texts.role_key`
    _text("description"),
    _flag("built_in"),
    _text("seeded"),  # permissions ever seeded into a built-in role, so that one taken out here stays out
    Column("version", BigInteger, nullable=False, server_default=text("1")),
)

permissions = Table(
    "permissions",
    metadata,
    Column("name", Text, primary_key=True),
    _text("sentence"),
    _flag("by_scope"),
)

role_permissions = Table(
    "role_permissions",
    metadata,
    Column("role_id", ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True),
    Column("permission", ForeignKey("permissions.name"), primary_key=True),
    Index(None, "permission"),
    sqlite_with_rowid=False,
)

grants = Table(
    "grants",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("role_id", ForeignKey("roles.id")),
    Column("permission", ForeignKey("permissions.name")),
    Column("source", Text, nullable=False),
    _text("given_by"),
    Column("created_at", MicrosecondTimestamp, nullable=False),
    Column("until", MicrosecondTimestamp),
    _text("reason"),
    CheckConstraint("(role_id IS NULL) <> (permission IS NULL)", name="one_thing"),
    Index(None, "person_id"),
    Index(None, "role_id", "person_id", "until"),
    # Of single permissions only: SQLite's statistics would take all the others for one value, and avoid the index.
    Index(
        "ix_grants_permission_person_id",
        "permission",
        "person_id",
        sqlite_where=text("permission IS NOT NULL"),
        postgresql_where=text("permission IS NOT NULL"),
    ),
    Index(None, "until"),
    # Two unique indexes, because NULLs never equal each other.
    Index(
        "uq_grants_role",
        "person_id",
        "role_id",
        "source",
        unique=True,
        sqlite_where=text("role_id IS NOT NULL"),
        postgresql_where=text("role_id IS NOT NULL"),
    ),
    Index(
        "uq_grants_permission",
        "person_id",
        "permission",
        "source",
        unique=True,
        sqlite_where=text("permission IS NOT NULL"),
        postgresql_where=text("permission IS NOT NULL"),
    ),
)

# What an administrator withholds from somebody: no automatic source (token, default role) gives it to
# them while its row is here. The flags say which of the sources would.
withheld_grants = Table(
    "withheld_grants",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("role_id", ForeignKey("roles.id", ondelete="CASCADE")),
    Column("permission", ForeignKey("permissions.name")),
    Column("withheld_by", Text, nullable=False),
    Column("withheld_at", MicrosecondTimestamp, nullable=False),
    _text("reason"),
    _flag("from_token"),
    _flag("from_default"),
    CheckConstraint("(role_id IS NULL) <> (permission IS NULL)", name="one_thing"),
    Index(None, "role_id"),
    # Two unique indexes, because NULLs never equal each other.
    Index(
        "uq_withheld_grants_role",
        "person_id",
        "role_id",
        unique=True,
        sqlite_where=text("role_id IS NOT NULL"),
        postgresql_where=text("role_id IS NOT NULL"),
    ),
    Index(
        "uq_withheld_grants_permission",
        "person_id",
        "permission",
        unique=True,
        sqlite_where=text("permission IS NOT NULL"),
        postgresql_where=text("permission IS NOT NULL"),
    ),
)

role_mappings = Table(
    "role_mappings",
    metadata,
    Column("token_role", Text, primary_key=True),
    Column("role_id", ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True),
    Index(None, "role_id"),
)

# Raw role names of each person's last token: what is recomputed when mappings change, and what is mapped nowhere.
token_roles = Table(
    "token_roles",
    metadata,
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Index(None, "name", "person_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("ref", Text, nullable=False, unique=True),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    _text("client_id"),
    Column("created_at", MicrosecondTimestamp, nullable=False),
    Column("authenticated_at", MicrosecondTimestamp, nullable=False),
    Column("last_seen_at", MicrosecondTimestamp, nullable=False),
    Column("expires_at", MicrosecondTimestamp, nullable=False),
    Column("ended_at", MicrosecondTimestamp),
    Column("end_reason", Text),
    _text("provider_sid"),
    _text("acr"),
    _text("amr"),  # words separated by spaces
    _text("user_agent"),
    _text("address"),
    _text("page"),
    Column("sealed_tokens", LargeBinary),
    Column("access_expires_at", MicrosecondTimestamp),
    Column("rights_synced_at", MicrosecondTimestamp, nullable=False),
    _text("lease_owner"),
    Column("lease_until", MicrosecondTimestamp),
    Column("silent_at", MicrosecondTimestamp),
    Index(None, "person_id", "ended_at"),
    Index(None, "provider_sid"),
    Index(None, "ended_at"),
    Index(None, "expires_at"),
    _live("last_seen_at", "id"),
    _live("expires_at"),
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

# What somebody typed before they had to sign in. Found by a hash only; what it says is sealed.
drafts = Table(
    "drafts",
    metadata,
    Column("key_hash", LargeBinary, primary_key=True),
    Column("owner_hash", LargeBinary, nullable=False),
    _flag("anonymous"),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", MicrosecondTimestamp, nullable=False),
    Column("expires_at", MicrosecondTimestamp, nullable=False),
    Index(None, "owner_hash"),
    Index(None, "expires_at"),
)

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

# What happened per day, counted as events are written: sign-ins and refusals of the known (`db.audit`).
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
    Column("seal", LargeBinary, nullable=False),  # MAC of this row, so that it cannot be moved back to hide a cut
    _text("key_id"),  # the key this installation writes with (`app.core.secret_keys`); empty before the first process
    CheckConstraint("id = 1", name="single_row"),
)

# Up to which event the audit may be deleted. Rows are only added; each is sealed by a MAC, so that one put in by
# somebody else shows, although the database itself lets events go below it.
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

policy = Table(
    "policy",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("sessions_ended", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint("id = 1", name="single_row"),
)

# Which processes run, and which keys each of them holds, in the order of its secrets (`app.core.secret_keys`).
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

# Exact numbers that would cost a scan to count; kept by triggers (`db.schema`).
counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# What in the code asks for which permission, as each process published it at its start.
guards = Table(
    "guards",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("process", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    _text("permission"),
    _text("file"),
    Column("line", Integer, nullable=False),
    _text("version"),
    Column("published_at", MicrosecondTimestamp, nullable=False),
    Index(None, "permission"),
    Index(None, "process"),
)
