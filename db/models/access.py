"""Tables of roles, permissions, grants, and the token roles that are mapped to roles."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table, Text, text

from db.models.base import RowId, flag_column, metadata, text_column
from db.times import MicrosecondTimestamp

roles = Table(
    "roles",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("name_key", Text, nullable=False, unique=True),  # `db.texts.role_key`
    text_column("description"),
    flag_column("built_in"),
    text_column(
        "seeded"
    ),  # permissions ever seeded into a built-in role: one that an administrator removed stays removed
    Column("version", BigInteger, nullable=False, server_default=text("1")),
)

permissions = Table(
    "permissions",
    metadata,
    Column("name", Text, primary_key=True),
    text_column("sentence"),
    flag_column("by_scope"),
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
    Column("id", RowId, primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("role_id", ForeignKey("roles.id")),
    Column("permission", ForeignKey("permissions.name")),
    Column("source", Text, nullable=False),
    text_column("given_by"),
    Column("created_at", MicrosecondTimestamp, nullable=False),
    Column("until", MicrosecondTimestamp),
    text_column("reason"),
    CheckConstraint("(role_id IS NULL) <> (permission IS NULL)", name="one_thing"),
    Index(None, "person_id"),
    Index(None, "role_id", "person_id", "until"),
    Index(None, "source", "person_id", "until"),
    # Of single permissions only: SQLite's statistics count all NULLs as one value and would make it avoid the index.
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

# Roles and permissions that an administrator withholds from a person: while the row exists, no automatic source
# (token, default role) grants them. The flags record which of the sources would.
withheld_grants = Table(
    "withheld_grants",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("role_id", ForeignKey("roles.id", ondelete="CASCADE")),
    Column("permission", ForeignKey("permissions.name")),
    Column("withheld_by", Text, nullable=False),
    Column("withheld_at", MicrosecondTimestamp, nullable=False),
    text_column("reason"),
    flag_column("from_token"),
    flag_column("from_default"),
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

# Role names of each person's last token: grants are recomputed from them when mappings change.
token_roles = Table(
    "token_roles",
    metadata,
    Column("person_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Index(None, "name", "person_id"),
)
