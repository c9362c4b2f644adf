"""Drafts: what somebody typed before they had to sign in, sealed, for some minutes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "drafts",
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("owner_hash", sa.LargeBinary(), nullable=False),
        sa.Column("anonymous", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name="pk_drafts"),
    )
    op.create_index("ix_drafts_owner_hash", "drafts", ["owner_hash"])
    op.create_index("ix_drafts_expires_at", "drafts", ["expires_at"])


def downgrade() -> None:
    raise NotImplementedError("Going back is restoring the backup made before the upgrade.")
