"""${message}.

Follows ${down_revision | comma,n}. Name the file after its revision, the next number of four digits, and set
``HEAD`` in ``db/schema.py`` to it.
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    raise NotImplementedError("Going back is restoring the backup made before the upgrade.")
