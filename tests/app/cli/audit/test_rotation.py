"""``gatehouse audit`` during and after a rotation of the secret."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.cli import doctor, secret
from app.core import settings_loading
from app.core.audit import AuditEvent, AuditKind
from app.core.keyring import Keyring
from app.core.secret_keys import SecretKeys
from app.core.settings import ProcessKind
from db import Database
from db.audit import append
from db.models import audit_events
from tests.app.cli.audit.audit_commands import NO_TERMINAL, OLD, OTHER, SECRET, Run
from tests.app.cli.command_line import invoke
from tests.db.builders import behind_its_back


def break_by_a_rotation(database: Database) -> None:
    """As an earlier version did: one process had ``new,old`` already, the other still ``old``."""
    for secrets in ([SECRET], [OTHER, SECRET], [SECRET]):
        keyring = Keyring(secrets)
        with database.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE audit_head SET key_id = ''")
            append(connection, keyring, [AuditEvent(AuditKind.PAGE_DENY, OLD)], key_id=keyring.key_ids[0])
            connection.exec_driver_sql("UPDATE audit_head SET key_id = ''")


def test_a_break_by_a_rotation_is_healed_with_both_secrets(
    database: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_by_a_rotation(database)
    assert run("heal", "--reason", "r", "--yes")[0] == 1, "with the old secret alone nothing explains it"
    monkeypatch.setenv("GATEHOUSE_SECRET", f"{OTHER},{SECRET}")
    status, text = run("verify")
    assert (status, text.count("WRONG")) == (1, 1)
    assert "`gatehouse audit heal` is for that" in text
    assert run("heal", "--reason", "r") == (1, f"{text}\nNothing was healed.\n{NO_TERMINAL}")
    status, text = run("heal", "--reason", "rotated on 1 March", "--yes")
    assert (status, text.splitlines()[-1]) == (0, "The audit is intact: 5 events, 1 to 5.")
    assert run("verify")[0] == 0
    with database.engine.connect() as connection:
        row = connection.execute(select(audit_events).order_by(audit_events.c.seq.desc())).first()
    assert row is not None
    assert (row.kind, row.reason, row.details) == (
        "audit:log:heal",
        "rotated on 1 March",
        '{"from":3,"until":3}',
    )
    assert run("heal", "--reason", "r", "--yes") == (
        0,
        "The audit is intact: 5 events, 1 to 5.\nThere is nothing to heal.",
    )


def test_real_tampering_is_not_healed(database: Database, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    break_by_a_rotation(database)
    monkeypatch.setenv("GATEHOUSE_SECRET", f"{OTHER},{SECRET}")
    behind_its_back(database, "UPDATE audit_events SET actor = 'x' WHERE seq = 1")
    status, text = run("heal", "--reason", "r", "--yes")
    assert status == 1
    assert text.endswith("Nothing was healed: a rotation of the secret does not explain every problem.")
    assert run("verify")[0] == 1


def test_a_process_that_was_killed_is_not_shown_as_running(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    killed = SecretKeys(database, Keyring([SECRET]), "app", clock=lambda: at - timedelta(hours=3))
    killed.send_heartbeat()
    key = Keyring([SECRET]).key_ids[0]
    lost = f"app           {key}  (last seen 3 hours ago; it has probably ended, and is not counted below)"
    assert secret.print_status(clock=lambda: at) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [lost, "No process runs."]
    SecretKeys(database, Keyring([SECRET]), "remote API", clock=lambda: at - timedelta(seconds=5)).send_heartbeat()
    assert secret.print_status(clock=lambda: at) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        lost,
        f"remote API    {key}  (last seen just now)",
        "No rotation is under way.",
    ]


def test_how_far_a_rotation_is(
    database: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def printed(*arguments: str) -> tuple[int, str]:
        result = invoke(*arguments)
        return result.exit_code, result.stdout + result.stderr

    app = SecretKeys(database, Keyring([SECRET]), "app")
    app.send_heartbeat()
    assert printed("secret", "status")[1].endswith("No rotation is under way.\n")
    newer = SecretKeys(database, Keyring([OTHER, SECRET]), "remote API")
    newer.send_heartbeat()
    status, text = printed("secret", "status")
    assert (status, text.splitlines()[-1]) == (
        0,
        "A new secret is not known yet to: app. Nothing is written with it.",
    )
    settings = settings_loading.load(ProcessKind.CLI)
    assert doctor._check_secret(settings) == "every process has the secret that this installation writes with"
    assert "CHECK secret: A new secret is not known yet to: app." in capsys.readouterr().out
    monkeypatch.setenv("GATEHOUSE_SECRET", OTHER)
    assert printed("secret", "status")[0] == 1
    assert "old,new, then new,old, then new" in printed("purge")[1]
    assert printed("secret", "replace", "--reason", "lost", "--yes")[0] == 0
    assert printed("purge")[0] == 0
    monkeypatch.setenv("GATEHOUSE_SECRET", SECRET)
    assert printed("purge")[0] == 2
