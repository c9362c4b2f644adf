"""Everything part 1 remembers, with the audit append-only from its first event.

The triggers are checked to exist after every migration (``db.schema``): Alembic's batch mode drops them silently
when it rebuilds a table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
EMPTY = sa.text("''")

SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
    BEGIN SELECT RAISE(ABORT, 'audit events are never changed'); END
    """,
    """
    CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
    BEGIN SELECT RAISE(ABORT, 'audit events are never deleted'); END
    """,
    # REPLACE deletes without telling the trigger above (unless recursive triggers are on).
    """
    CREATE TRIGGER audit_events_only_append BEFORE INSERT ON audit_events
    WHEN NEW.seq <= (SELECT coalesce(max(seq), 0) FROM audit_events)
    BEGIN SELECT RAISE(ABORT, 'audit events are only appended'); END
    """,
)
POSTGRES_TRIGGERS = (
    """
    CREATE FUNCTION audit_events_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'audit events are never changed or deleted'; END $$
    """,
    """
    CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_events_refuse()
    """,
    """
    CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_events_refuse()
    """,
    """
    CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse()
    """,
)


def upgrade() -> None:
    _people_and_rights()
    _sessions()
    _audit_and_counters()
    sqlite = op.get_bind().dialect.name == "sqlite"
    for trigger in SQLITE_TRIGGERS if sqlite else POSTGRES_TRIGGERS:
        op.execute(trigger)
    op.execute("INSERT INTO policy (id, version) VALUES (1, 1)")
    nothing = "X''" if sqlite else "''"
    op.execute(f"INSERT INTO audit_head (id, seq, mac, seal) VALUES (1, 0, {nothing}, {nothing})")  # noqa: S608 - literals above


def downgrade() -> None:
    raise NotImplementedError("Going back is restoring the backup made before the upgrade.")


def _people_and_rights() -> None:
    op.create_table(
        "people",
        sa.Column("id", ID, nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("name_key", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("email", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("email_key", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("email_verified", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("picture", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("blocked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("machine", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=True),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=True),
        sa.Column("signed_out_at", sa.BigInteger(), nullable=True),
        sa.Column("rights_issued_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("issuer", "subject", name="uq_people_issuer_subject"),
    )
    op.create_index("ix_people_email_key", "people", ["email_key"], postgresql_ops={"email_key": "text_pattern_ops"})
    op.create_index("ix_people_name_key", "people", ["name_key"], postgresql_ops={"name_key": "text_pattern_ops"})
    op.create_table(
        "roles",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("built_in", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("seeded", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_roles"),
        sa.UniqueConstraint("name", name="uq_roles_name"),
        sa.UniqueConstraint("name_key", name="uq_roles_name_key"),
    )
    op.create_table(
        "permissions",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("by_scope", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_permissions"),
    )
    op.create_table(
        "role_permissions",
        sa.Column("role_id", ID, nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["permission"], ["permissions.name"], name="fk_role_permissions_permission"),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name="fk_role_permissions_role_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("role_id", "permission", name="pk_role_permissions"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_role_permissions_permission", "role_permissions", ["permission"])
    op.create_table(
        "grants",
        sa.Column("id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("role_id", ID, nullable=True),
        sa.Column("permission", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("given_by", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), server_default=EMPTY, nullable=False),
        sa.CheckConstraint("(role_id IS NULL) <> (permission IS NULL)", name="ck_grants_one_thing"),
        sa.ForeignKeyConstraint(["permission"], ["permissions.name"], name="fk_grants_permission"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_grants_person_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name="fk_grants_role_id"),
        sa.PrimaryKeyConstraint("id", name="pk_grants"),
    )
    op.create_index("ix_grants_permission", "grants", ["permission"])
    op.create_index("ix_grants_person_id", "grants", ["person_id"])
    op.create_index("ix_grants_role_id", "grants", ["role_id"])
    op.create_index("ix_grants_until", "grants", ["until"])
    op.create_index(
        "uq_grants_permission",
        "grants",
        ["person_id", "permission", "source"],
        unique=True,
        sqlite_where=sa.text("permission IS NOT NULL"),
        postgresql_where=sa.text("permission IS NOT NULL"),
    )
    op.create_index(
        "uq_grants_role",
        "grants",
        ["person_id", "role_id", "source"],
        unique=True,
        sqlite_where=sa.text("role_id IS NOT NULL"),
        postgresql_where=sa.text("role_id IS NOT NULL"),
    )
    op.create_table(
        "role_mappings",
        sa.Column("token_role", sa.Text(), nullable=False),
        sa.Column("role_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name="fk_role_mappings_role_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_role", "role_id", name="pk_role_mappings"),
    )
    op.create_index("ix_role_mappings_role_id", "role_mappings", ["role_id"])
    op.create_table(
        "token_roles",
        sa.Column("person_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_token_roles_person_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", "name", name="pk_token_roles"),
    )
    op.create_index("ix_token_roles_name", "token_roles", ["name"])
    op.create_table(
        "policy",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name="ck_policy_single_row"),
        sa.PrimaryKeyConstraint("id", name="pk_policy"),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", ID, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("client_id", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("authenticated_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("provider_sid", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("acr", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("amr", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("user_agent", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("address", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("page", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("sealed_tokens", sa.LargeBinary(), nullable=True),
        sa.Column("access_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("rights_synced_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_owner", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_sessions_person_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("ref", name="uq_sessions_ref"),
        sa.UniqueConstraint("secret_hash", name="uq_sessions_secret_hash"),
    )
    op.create_index("ix_sessions_ended_at", "sessions", ["ended_at"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_index("ix_sessions_person_id_ended_at", "sessions", ["person_id", "ended_at"])
    op.create_index("ix_sessions_provider_sid", "sessions", ["provider_sid"])
    op.create_table(
        "issued_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", ID, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_issued_tokens_session_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name="pk_issued_tokens"),
    )
    op.create_index("ix_issued_tokens_expires_at", "issued_tokens", ["expires_at"])
    op.create_index("ix_issued_tokens_session_id", "issued_tokens", ["session_id"])
    op.create_table(
        "own_clients",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "client_id", name="pk_own_clients"),
    )
    op.create_table(
        "login_states",
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name="pk_login_states"),
    )
    op.create_index("ix_login_states_expires_at", "login_states", ["expires_at"])


def _audit_and_counters() -> None:
    op.create_table(
        "audit_events",
        sa.Column("seq", ID, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("prev_mac", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_events"),
    )
    op.create_index("ix_audit_events_actor_seq", "audit_events", ["actor", "seq"])
    op.create_index("ix_audit_events_at", "audit_events", ["at"])
    op.create_index("ix_audit_events_kind_at_outcome", "audit_events", ["kind", "at", "outcome"])
    op.create_index("ix_audit_events_target_seq", "audit_events", ["target", "seq"])
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name="ck_audit_head_single_row"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    op.create_table(
        "page_views",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("views", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "page", name="pk_page_views"),
    )
