"""The form of the database: migrating, comparing with the models, and telling older from newer."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, insert, inspect, select, text

from app.core.errors import ConfigurationError, SchemaMismatch, StorageUnavailable
from app.core.permissions import ADMINISTRATOR, CATALOGUE, ROLES
from db import Database, SchemaState, current_state, migrate, seed
from db.models import metadata, permissions, role_permissions, roles
from db.schema import HEAD, MIGRATIONS, is_modelled, missing_triggers
from tests.db.builders import opened


def test_the_head_is_the_newest_migration_and_numbers_are_in_order() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert scripts.get_heads() == [HEAD]
    revisions = [script.revision for script in scripts.walk_revisions()][::-1]
    assert revisions == [f"{number:04}" for number in range(1, len(revisions) + 1)]
    for script in scripts.walk_revisions():
        assert Path(script.path).name.startswith(f"{script.revision}_")


def test_a_migration_that_databases_have_had_is_never_changed() -> None:
    """Migrated databases would not get the change: a new migration is added instead."""
    had = {
        "0001_first.py": "950537b9225b8e629cdfc9f505154c6ab1b89366ed2bb6ecdbecfa805d1e672e",
        "0002_retention.py": "597cc647548da60c24771c185ae84e0ba3385e4ff7415589ca42d3154b01f965",
        "0003_drafts.py": "ed4d2f5fad9271b588619c0c84b545c4a92524233cf0351ec91abd2466520ca6",
    }
    for name, digest in had.items():
        assert hashlib.sha256((MIGRATIONS / "versions" / name).read_bytes()).hexdigest() == digest


def test_migrations_from_nothing_equal_the_models(empty_url: str) -> None:
    assert current_state(empty_url) in {SchemaState.MISSING, SchemaState.EMPTY}
    migrate(empty_url)
    migrate(empty_url)
    assert current_state(empty_url) is SchemaState.CURRENT
    database = opened(empty_url)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "include_name": is_modelled}
        )
        assert compare_metadata(context, metadata) == []
        for table in metadata.sorted_tables:
            stored = inspect(connection)
            checks = {check["name"] for check in stored.get_check_constraints(table.name)}
            expected = {f"ck_{table.name}_{c.name}" for c in table.constraints if isinstance(c, CheckConstraint)}
            assert checks == expected
        assert missing_triggers(connection) == frozenset()
    database.check()
    database.close()


def test_the_file_and_its_folder_are_made_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "a b" / "ü#x"
    made = folder / "gatehouse.sqlite3"
    migrate(f"sqlite:///{made}")
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    database = opened(f"sqlite:///{made}")
    seed(database)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    with database.engine.connect() as connection:
        pragma = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    assert pragma == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 5000}
    database.close()


def test_states_are_distinguished(empty_url: str) -> None:
    database = opened(empty_url)
    with pytest.raises(StorageUnavailable, match="run: gatehouse migrate"):
        database.check()
    migrate(empty_url)
    database.check()
    for revision, message, state in (
        ("9999", "newer version of Gatehouse", SchemaState.NEWER),
        ("another", "newer version of Gatehouse", SchemaState.NEWER),
        ("0000", "run: gatehouse migrate", SchemaState.OLDER),
    ):
        with database.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
        assert current_state(empty_url) is state
        with pytest.raises(SchemaMismatch, match=message) as caught:
            database.check()
        assert "\n" not in str(caught.value)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="newer version"):
        migrate(empty_url)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
    assert current_state(empty_url) is SchemaState.EMPTY
    with pytest.raises(SchemaMismatch, match="run: gatehouse migrate"):
        database.check()
    database.close()


def test_a_migration_that_loses_the_audits_triggers_is_refused(empty_url: str) -> None:
    migrate(empty_url)
    database = opened(empty_url)
    with database.engine.begin() as connection:
        table = "" if database.engine.dialect.name == "sqlite" else " ON audit_events"
        connection.exec_driver_sql(f"DROP TRIGGER audit_events_no_delete{table}")
    database.close()
    with pytest.raises(SchemaMismatch, match="audit_events_no_delete"):
        migrate(empty_url)


def test_two_processes_migrate_at_once(empty_url: str) -> None:
    code = "import sys; from db import migrate; sys.stdin.read(1); migrate(sys.argv[1])"
    environment = {**os.environ, "PYTHONPATH": str(MIGRATIONS.parent.parent)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, empty_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"x")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, b"")
    assert current_state(empty_url) is SchemaState.CURRENT


@pytest.mark.parametrize("url", ["nonsense", "", "mysql://root@localhost/x", "http://example.org", "oracle://x"])
def test_other_addresses_are_refused_in_plain_words(url: str) -> None:
    for use in (opened, migrate, current_state):
        with pytest.raises(ConfigurationError, match="GATEHOUSE_DATABASE_URL"):
            use(url)


def test_the_command_line_of_alembic_finds_the_migrations(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path}/x.sqlite3")
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "check"],
        cwd=MIGRATIONS.parent.parent,
        env={**os.environ, "GATEHOUSE_DATABASE_URL": f"sqlite:///{tmp_path}/x.sqlite3"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "No new upgrade operations detected."), done.stderr


def test_seeding_writes_the_catalogue_and_the_built_in_roles(database: Database) -> None:
    with database.engine.connect() as connection:
        catalogue = {row.name: (row.sentence, row.by_scope) for row in connection.execute(select(permissions))}
        stored = {row.name: (row.description, row.built_in) for row in connection.execute(select(roles))}
        pairs = select(roles.c.name, role_permissions.c.permission).join(
            role_permissions, role_permissions.c.role_id == roles.c.id
        )
        seeded = {(row[0], row[1]) for row in connection.execute(pairs)}
    assert catalogue == {
        permission.value: (permission.sentence, permission.by_scope) for permission in CATALOGUE.values()
    }
    assert stored == {name: (text, True) for name, (text, _) in ROLES.items()}
    assert seeded == {
        (name, permission.value) for name, (_, names) in ROLES.items() if name != ADMINISTRATOR for permission in names
    }


def test_seeding_again_changes_nothing_and_respects_administrators(database: Database) -> None:
    version = database.read.policy_version()
    assert not seed(database).changed
    with database.engine.begin() as connection:
        viewer = connection.execute(select(roles.c.id).where(roles.c.name == "viewer")).scalar_one()
        connection.execute(insert(role_permissions).values(role_id=viewer, permission="explore:api"))
        analyst = connection.execute(select(roles.c.id).where(roles.c.name == "analyst")).scalar_one()
        connection.execute(
            role_permissions.delete().where(
                role_permissions.c.role_id == analyst, role_permissions.c.permission == "export:reports"
            )
        )
    assert not seed(database).changed
    with database.engine.connect() as connection:
        by_role = {
            role: set(
                connection.execute(
                    select(role_permissions.c.permission).where(role_permissions.c.role_id == role)
                ).scalars()
            )
            for role in (viewer, analyst)
        }
    assert by_role == {viewer: ROLES["viewer"][1] | {"explore:api"}, analyst: ROLES["analyst"][1] - {"export:reports"}}
    assert database.read.policy_version() == version


def test_seeding_adds_what_an_upgrade_brings_once(database: Database) -> None:
    with database.engine.begin() as connection:
        viewer = connection.execute(select(roles.c.id).where(roles.c.name == "viewer")).scalar_one()
        connection.execute(role_permissions.delete().where(role_permissions.c.role_id == viewer))
        connection.execute(roles.update().where(roles.c.id == viewer).values(seeded=""))
        connection.execute(role_permissions.delete().where(role_permissions.c.permission == "explore:api"))
        connection.execute(permissions.delete().where(permissions.c.name == "explore:api"))
    version = database.read.policy_version()
    assert seed(database).changed
    assert database.read.policy_version() == version + 1
    assert not seed(database).changed


def test_a_role_of_nearly_the_same_name_is_not_taken_over(database: Database) -> None:
    with database.engine.begin() as connection:
        viewer = connection.execute(select(roles.c.id).where(roles.c.name == "viewer")).scalar_one()
        connection.execute(roles.update().where(roles.c.id == viewer).values(name="Vi\u0435wer", built_in=False))
    assert seed(database).conflicting_roles == ("viewer",)
