"""Indexes for lists of administration: people by the source of their grants, live sessions by the time they began."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_grants_source_person_id_until", "grants", ["source", "person_id", "until"])
    where = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_sessions_live_created_at", "sessions", ["created_at", "id"], sqlite_where=where, postgresql_where=where
    )


def downgrade() -> None:
    raise NotImplementedError("Going back is restoring the backup made before the upgrade.")
