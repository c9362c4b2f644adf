"""Administration: search and erasure of people, counters, the guard inventory.

Search: on SQLite an FTS5 index of trigrams (``people_search``), maintained by triggers; on PostgreSQL a ``pg_trgm``
index if the extension can be created, else none, and a search reads every person. The indexes of the audit are created
again in the order of its lists; its triggers are not changed.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
EMPTY = sa.text("''")
DAY = 86_400_000_000

SQLITE = (
    """
    CREATE VIRTUAL TABLE people_search USING fts5(
        name_key, email_key, subject, content='people', content_rowid='id', tokenize='trigram'
    )
    """,
    """
    CREATE TRIGGER people_search_insert AFTER INSERT ON people BEGIN
        INSERT INTO people_search (rowid, name_key, email_key, subject)
        VALUES (NEW.id, NEW.name_key, NEW.email_key, NEW.subject);
    END
    """,
    """
    CREATE TRIGGER people_search_delete AFTER DELETE ON people BEGIN
        INSERT INTO people_search (people_search, rowid, name_key, email_key, subject)
        VALUES ('delete', OLD.id, OLD.name_key, OLD.email_key, OLD.subject);
    END
    """,
    """
    CREATE TRIGGER people_search_update AFTER UPDATE OF name_key, email_key, subject ON people
    WHEN OLD.name_key <> NEW.name_key OR OLD.email_key <> NEW.email_key OR OLD.subject <> NEW.subject BEGIN
        INSERT INTO people_search (people_search, rowid, name_key, email_key, subject)
        VALUES ('delete', OLD.id, OLD.name_key, OLD.email_key, OLD.subject);
        INSERT INTO people_search (rowid, name_key, email_key, subject)
        VALUES (NEW.id, NEW.name_key, NEW.email_key, NEW.subject);
    END
    """,
    "INSERT INTO people_search (people_search) VALUES ('rebuild')",
    """
    CREATE TRIGGER people_counted_insert AFTER INSERT ON people BEGIN
        UPDATE counters SET value = value + 1 WHERE name = 'people';
        UPDATE counters SET value = value + 1 WHERE name = 'machines' AND NEW.machine;
    END
    """,
    """
    CREATE TRIGGER people_counted_delete AFTER DELETE ON people BEGIN
        UPDATE counters SET value = value - 1 WHERE name = 'people';
        UPDATE counters SET value = value - 1 WHERE name = 'machines' AND OLD.machine;
    END
    """,
    """
    CREATE TRIGGER people_counted_update AFTER UPDATE OF machine ON people WHEN OLD.machine <> NEW.machine BEGIN
        UPDATE counters SET value = value + CASE WHEN NEW.machine THEN 1 ELSE -1 END WHERE name = 'machines';
    END
    """,
    """
    CREATE TRIGGER grants_counted_insert AFTER INSERT ON grants WHEN NEW.role_id IS NOT NULL BEGIN
        UPDATE people SET role_grants = role_grants + 1 WHERE id = NEW.person_id;
    END
    """,
    """
    CREATE TRIGGER grants_counted_delete AFTER DELETE ON grants WHEN OLD.role_id IS NOT NULL BEGIN
        UPDATE people SET role_grants = role_grants - 1 WHERE id = OLD.person_id;
    END
    """,
    """
    CREATE TRIGGER grants_counted_update BEFORE UPDATE OF person_id, role_id, permission ON grants
    BEGIN SELECT RAISE(ABORT, 'what a grant gives and to whom is never changed'); END
    """,
)
POSTGRES = (
    """
    CREATE FUNCTION people_count() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
        IF TG_OP <> 'UPDATE' THEN
            UPDATE counters SET value = value + CASE WHEN TG_OP = 'INSERT' THEN 1 ELSE -1 END WHERE name = 'people';
        END IF;
        IF TG_OP <> 'INSERT' AND OLD.machine THEN
            UPDATE counters SET value = value - 1 WHERE name = 'machines';
        END IF;
        IF TG_OP <> 'DELETE' AND NEW.machine THEN
            UPDATE counters SET value = value + 1 WHERE name = 'machines';
        END IF;
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER people_counted_insert AFTER INSERT ON people FOR EACH ROW EXECUTE FUNCTION people_count()",
    "CREATE TRIGGER people_counted_delete AFTER DELETE ON people FOR EACH ROW EXECUTE FUNCTION people_count()",
    """
    CREATE TRIGGER people_counted_update AFTER UPDATE OF machine ON people
    FOR EACH ROW WHEN (OLD.machine <> NEW.machine) EXECUTE FUNCTION people_count()
    """,
    """
    CREATE FUNCTION grants_count() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
        IF TG_OP = 'INSERT' THEN
            UPDATE people SET role_grants = role_grants + 1 WHERE id = NEW.person_id;
        ELSE
            UPDATE people SET role_grants = role_grants - 1 WHERE id = OLD.person_id;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER grants_counted_insert AFTER INSERT ON grants
    FOR EACH ROW WHEN (NEW.role_id IS NOT NULL) EXECUTE FUNCTION grants_count()
    """,
    """
    CREATE TRIGGER grants_counted_delete AFTER DELETE ON grants
    FOR EACH ROW WHEN (OLD.role_id IS NOT NULL) EXECUTE FUNCTION grants_count()
    """,
    """
    CREATE FUNCTION grants_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'what a grant gives and to whom is never changed'; END $$
    """,
    """
    CREATE TRIGGER grants_counted_update BEFORE UPDATE OF person_id, role_id, permission ON grants
    FOR EACH ROW EXECUTE FUNCTION grants_refuse()
    """,
    # Sorting by name in the order of code points, whatever the database's own language is.
    'CREATE INDEX people_search_name ON people (name_key COLLATE "C", id)',
)
POSTGRES_SEARCH = """
    CREATE INDEX people_search_text ON people
    USING gin ((name_key || chr(10) || email_key || chr(10) || lower(subject)) gin_trgm_ops)
"""


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.add_column("people", sa.Column("erased_at", sa.BigInteger(), nullable=True))
    op.add_column("people", sa.Column("role_grants", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.execute(
        "UPDATE people SET role_grants = "
        "(SELECT count(*) FROM grants WHERE grants.person_id = people.id AND grants.role_id IS NOT NULL)"
    )
    _tables()
    _indexes()
    op.execute("INSERT INTO counters (name, value) SELECT 'people', count(*) FROM people")
    op.execute("INSERT INTO counters (name, value) SELECT 'machines', count(*) FROM people WHERE machine")
    _days()
    for statement in SQLITE if sqlite else POSTGRES:
        op.execute(statement)
    if not sqlite:
        _trigrams()


def downgrade() -> None:
    raise NotImplementedError("Going back is restoring the backup made before the upgrade.")


def _trigrams() -> None:
    """``pg_trgm`` is trusted: an owner of the database may make it where the server has it."""
    bind = op.get_bind()
    try:
        with bind.begin_nested():
            bind.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except DBAPIError:
        return
    op.execute(POSTGRES_SEARCH)


def _tables() -> None:
    op.create_table(
        "audit_days",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "what", name="pk_audit_days"),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.create_table(
        "guards",
        sa.Column("id", ID, nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("permission", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("file", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), server_default=EMPTY, nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_guards"),
    )
    op.create_index("ix_guards_permission", "guards", ["permission"])
    op.create_index("ix_guards_process", "guards", ["process"])


def _indexes() -> None:
    for table, old in (
        ("grants", "ix_grants_role_id"),
        ("grants", "ix_grants_permission"),
        ("token_roles", "ix_token_roles_name"),
        ("audit_events", "ix_audit_events_actor_seq"),
        ("audit_events", "ix_audit_events_at"),
        ("audit_events", "ix_audit_events_kind_at_outcome"),
        ("audit_events", "ix_audit_events_target_seq"),
    ):
        op.drop_index(old, table_name=table)
    op.create_index("ix_grants_role_id_person_id_until", "grants", ["role_id", "person_id", "until"])
    _partial("ix_grants_permission_person_id", "grants", ["permission", "person_id"], "permission IS NOT NULL")
    op.create_index("ix_token_roles_name_person_id", "token_roles", ["name", "person_id"])
    for first in ((), ("kind",), ("actor",), ("target",)):
        op.create_index(f"ix_audit_events_{'_'.join((*first, 'at', 'seq'))}", "audit_events", [*first, "at", "seq"])
    _partial("ix_audit_events_not_done", "audit_events", ["outcome", "at", "seq"], "outcome <> 'done'")
    _partial("ix_sessions_live_last_seen_at", "sessions", ["last_seen_at", "id"], "ended_at IS NULL")
    _partial("ix_sessions_live_expires_at", "sessions", ["expires_at"], "ended_at IS NULL")
    op.create_index("ix_people_last_seen_at_id", "people", ["last_seen_at", "id"])
    op.create_index("ix_people_first_seen_at_id", "people", ["first_seen_at", "id"])
    _partial("ix_people_blocked", "people", ["id"], "blocked IS 1", "blocked IS TRUE")
    _partial("ix_people_machine", "people", ["id"], "machine IS 1", "machine IS TRUE")
    _partial("ix_people_erased", "people", ["id"], "erased_at IS NOT NULL")
    _partial("ix_people_no_role", "people", ["id"], "role_grants = 0")


def _partial(name: str, table: str, columns: list[str], where: str, postgresql: str = "") -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(postgresql or where))


def _days() -> None:
    """Count the events written before there were counters, as ``db.audit`` counts new ones."""
    for what, which in (
        ("sign-in", "kind = 'app:session:begin' AND outcome = 'done'"),
        ("denial", "kind IN ('app:page:deny', 'app:function:deny', 'api:endpoint:deny') AND actor <> 'nobody'"),
    ):
        op.execute(
            f"INSERT INTO audit_days (day, what, events) SELECT at / {DAY}, '{what}', count(*) FROM audit_events "  # noqa: S608 - literals above
            f"WHERE {which} GROUP BY at / {DAY}"
        )
