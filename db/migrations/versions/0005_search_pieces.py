"""Search of people: trigrams that include spaces on PostgreSQL, and an index that is merged more often on SQLite.

``pg_trgm`` indexes trigrams of words only, so a text with a word of one or two letters returns many candidates, which
are then checked one by one. ``people_search_pieces`` has every trigram, of any characters, and needs no extension.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SQLITE = (
    # Segments are merged as soon as there are two instead of four: each segment slows every search down.
    "INSERT INTO people_search (people_search, rank) VALUES ('automerge', 2)",
    "INSERT INTO people_search (people_search) VALUES ('optimize')",
)
POSTGRES = (
    """
    CREATE FUNCTION people_pieces(said text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
    $$ SELECT array_agg(DISTINCT substr(said, place, 3)) FROM generate_series(1, length(said) - 2) place $$
    """,
    """
    CREATE INDEX people_search_pieces ON people
    USING gin (people_pieces(name_key || chr(10) || email_key || chr(10) || lower(subject)))
    """,
)


def upgrade() -> None:
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRES:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("Going back is restoring the backup made before the upgrade.")
