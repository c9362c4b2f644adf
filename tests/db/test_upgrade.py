"""From the first revision to today's: data stays, the audit verifies, and every trigger is there and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from app.core import retention
from app.core.audit import AuditKind
from db import ChainState, Database, SchemaState, current_state, migrate, seed, verify_chain
from db.audit_chain import HEAD_PURPOSE, chain_events, head_bytes
from db.engine import make_engine, parsed
from db.models import audit_events, audit_head, audit_retention
from db.schema import MIGRATIONS, missing_triggers
from db.timeouts import SERVICE_TIMEOUTS
from db.triggers import MAINTENANCE_TRIGGERS, TRIGGERS
from tests.db.builders import ANN, KEYRING, NOW, SECOND, event, opened, signed_in


def test_a_database_of_the_first_revision_is_brought_up_with_its_data(empty_url: str) -> None:
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).parent.mkdir(parents=True)
        Path(empty_url.removeprefix("sqlite:///")).touch()
    engine = make_engine(parsed(empty_url), SERVICE_TIMEOUTS, pooled=False)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        rows = chain_events(KEYRING, 0, b"", [event(AuditKind.SESSION_BEGIN, actor=f"{n}") for n in range(7)])
        connection.execute(insert(audit_events), rows)
        mac = rows[-1]["mac"]
        connection.execute(
            audit_head.update().values(seq=7, mac=mac, seal=KEYRING.mac(HEAD_PURPOSE, head_bytes(7, mac)))
        )
        connection.exec_driver_sql("UPDATE policy SET version = 41")
        connection.exec_driver_sql("INSERT INTO people (issuer, subject, name) VALUES ('https://i', 's', 'Ann')")
    assert current_state(empty_url) is SchemaState.OLDER
    engine.dispose()
    migrate(empty_url)
    assert current_state(empty_url) is SchemaState.CURRENT
    database = opened(empty_url)
    seed(database)
    assert verify_chain(database) == ChainState(events=7, first_seq=1, last_seq=7)
    with database.engine.connect() as connection:
        assert missing_triggers(connection) == frozenset()
        assert connection.execute(text("SELECT name FROM people")).scalars().all() == ["Ann"]
        assert connection.execute(select(audit_retention)).all() == []
    assert database.read.policy_version() >= 41
    for statement in ("UPDATE audit_events SET actor = 'x'", "DELETE FROM audit_events WHERE seq = 1"):
        with pytest.raises(DBAPIError, match="audit events are never"), database.engine.begin() as connection:
            connection.exec_driver_sql(statement)
    retention.prune(database, NOW + SECOND, actor="me", reason="", now=NOW + 2 * SECOND)
    signed_in(database, subject=ANN)
    assert verify_chain(database) == ChainState(events=1, first_seq=8, last_seq=8, boundary_seq=7)
    database.close()


def test_the_names_of_the_triggers_are_all_there_is(database: Database) -> None:
    """A trigger that a migration adds must be entered in ``db.schema``, or its loss is not noticed."""
    statement = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if database.engine.dialect.name == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    name = database.engine.dialect.name
    with database.engine.connect() as connection:
        assert set(connection.execute(text(statement)).scalars()) == TRIGGERS[name] | MAINTENANCE_TRIGGERS[name]
