"""Withheld grants: roles and permissions that no automatic source grants, by decision of an administrator."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "withheld_grants",
        sa.Column("id", number, nullable=False),
        sa.Column("person_id", number, nullable=False),
        sa.Column("role_id", number),
        sa.Column("permission", sa.Text()),
        sa.Column("withheld_by", sa.Text(), nullable=False),
        sa.Column("withheld_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("from_token", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("from_default", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.CheckConstraint("(role_id IS NULL) <> (permission IS NULL)", name="ck_withheld_grants_one_thing"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_withheld_grants_person_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name="fk_withheld_grants_role_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["permission"], ["permissions.name"], name="fk_withheld_grants_permission"),
        sa.PrimaryKeyConstraint("id", name="pk_withheld_grants"),
    )
    op.create_index("ix_withheld_grants_role_id", "withheld_grants", ["role_id"])
    for what in ("role_id", "permission"):
        where = sa.text(f"{what} IS NOT NULL")
        op.create_index(
            f"uq_withheld_grants_{what.removesuffix('_id')}",
            "withheld_grants",
            ["person_id", what],
            unique=True,
            sqlite_where=where,
            postgresql_where=where,
        )


def downgrade() -> None:
    raise NotImplementedError("Going back is restoring the backup made before the upgrade.")
