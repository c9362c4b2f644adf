"""Sealed retention of the audit: events may go below a boundary, and nowhere else. And what part 2 asks of sessions.

The triggers on ``audit_events`` are replaced by plain statements, never by Alembic's batch mode, which rebuilds a table
and drops its triggers without a word. Whether a boundary is genuine no trigger can tell: its seal does, to
``gatehouse audit verify``.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

SQLITE_TRIGGERS = (
    "DROP TRIGGER audit_events_no_delete",
    """
    CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
    WHEN OLD.seq > (SELECT coalesce(max(seq), 0) FROM audit_retention)
    BEGIN SELECT RAISE(ABORT, 'audit events are never deleted above the retention boundary'); END
    """,
    "DROP TRIGGER audit_events_only_append",
    # REPLACE deletes without telling the trigger above (unless recursive triggers are on).
    """
    CREATE TRIGGER audit_events_only_append BEFORE INSERT ON audit_events
    WHEN NEW.seq <= (SELECT coalesce(max(seq), 0) FROM audit_events)
      OR NEW.seq <= (SELECT coalesce(max(seq), 0) FROM audit_retention)
    BEGIN SELECT RAISE(ABORT, 'audit events are only appended'); END
    """,
    """
    CREATE TRIGGER audit_retention_no_update BEFORE UPDATE ON audit_retention
    BEGIN SELECT RAISE(ABORT, 'retention boundaries are never changed'); END
    """,
    """
    CREATE TRIGGER audit_retention_no_delete BEFORE DELETE ON audit_retention
    BEGIN SELECT RAISE(ABORT, 'retention boundaries are never deleted'); END
    """,
    """
    CREATE TRIGGER audit_retention_only_forward BEFORE INSERT ON audit_retention
    WHEN NEW.seq <= (SELECT coalesce(max(seq), 0) FROM audit_retention)
      OR NEW.seq > (SELECT coalesce(max(seq), 0) FROM audit_head)
    BEGIN SELECT RAISE(ABORT, 'retention boundaries only move forward, as far as there are events'); END
    """,
)
POSTGRES_TRIGGERS = (
    """
    CREATE FUNCTION audit_events_refuse_delete() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
        IF OLD.seq > (SELECT coalesce(max(seq), 0) FROM audit_retention) THEN
            RAISE EXCEPTION 'audit events are never deleted above the retention boundary';
        END IF;
        RETURN OLD;
    END $$
    """,
    "DROP TRIGGER audit_events_no_delete ON audit_events",
    """
    CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_events_refuse_delete()
    """,
    """
    CREATE FUNCTION audit_events_refuse_insert() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
        IF NEW.seq <= (SELECT coalesce(max(seq), 0) FROM audit_events)
        OR NEW.seq <= (SELECT coalesce(max(seq), 0) FROM audit_retention) THEN
            RAISE EXCEPTION 'audit events are only appended';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER audit_events_only_append BEFORE INSERT ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_events_refuse_insert()
    """,
    """
    CREATE FUNCTION audit_retention_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'retention boundaries are never changed or deleted'; END $$
    """,
    """
    CREATE TRIGGER audit_retention_no_update BEFORE UPDATE ON audit_retention
    FOR EACH ROW EXECUTE FUNCTION audit_retention_refuse()
    """,
    """
    CREATE TRIGGER audit_retention_no_delete BEFORE DELETE ON audit_retention
    FOR EACH ROW EXECUTE FUNCTION audit_retention_refuse()
    """,
    """
    CREATE TRIGGER audit_retention_no_truncate BEFORE TRUNCATE ON audit_retention
    FOR EACH STATEMENT EXECUTE FUNCTION audit_retention_refuse()
    """,
    """
    CREATE FUNCTION audit_retention_refuse_insert() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
        IF NEW.seq <= (SELECT coalesce(max(seq), 0) FROM audit_retention)
        OR NEW.seq > (SELECT coalesce(max(seq), 0) FROM audit_head) THEN
            RAISE EXCEPTION 'retention boundaries only move forward, as far as there are events';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER audit_retention_only_forward BEFORE INSERT ON audit_retention
    FOR EACH ROW EXECUTE FUNCTION audit_retention_refuse_insert()
    """,
)


def upgrade() -> None:
    op.create_table(
        "audit_retention",
        sa.Column("seq", SEQ, autoincrement=False, nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("sealed_at", sa.BigInteger(), nullable=False),
        sa.Column("sealed_by", sa.Text(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_retention"),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_TRIGGERS if sqlite else POSTGRES_TRIGGERS:
        op.execute(statement)
    op.add_column("policy", sa.Column("sessions_ended", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("sessions", sa.Column("silent_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("Going back is restoring the backup made before the upgrade.")
