"""``gatehouse audit …``: its output, its exit status, and what it deletes; through the real command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from app.__main__ import main
from app.cli import doctor, secret
from app.core import settings_loading
from app.core.audit import AuditEvent, AuditKind
from app.core.chain import ProblemKind
from app.core.checkpoints import MAX_BYTES
from app.core.keyring import Keyring
from app.core.secret_keys import SecretKeys
from app.core.settings import Process
from db import Database, open_database
from db.audit import HEAD_PURPOSE, append, chained, head_bytes
from db.models import audit_events, audit_head
from tests.app.cli.command_line import invoke
from tests.db.builders import behind_its_back

SECRET = "kJ8dW2mQ9xZ4vB7nR1tY6uH3pL5sG0aF-cE_iO"
OTHER = "Zq3wE7rT1yU9iO5pA8sD2fG6hJ4kL0zX-cV_bN"
NO_TERMINAL = "This asks before it acts: run it in a terminal, or add --yes."
OLD = datetime(2020, 1, 1, tzinfo=UTC)
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Database]:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "GATEHOUSE_OIDC_ISSUER": "https://tests.example/",
        "GATEHOUSE_DATABASE_URL": f"sqlite:///{tmp_path}/gatehouse.sqlite3",
        "GATEHOUSE_SECRET": SECRET,
        "GATEHOUSE_APP_BASE_URL": "http://localhost:8599",
    }.items():
        monkeypatch.setenv(name, value)
    assert main(["migrate"]) == 0
    settings = settings_loading.load(Process.CLI)
    opened = open_database(settings, Keyring(settings.secrets))
    yield opened
    opened.close()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``gatehouse audit``; returns the exit status, and what it wrote to both streams."""

    def run(*arguments: str) -> tuple[int, str]:
        result = invoke("audit", *arguments)
        text = (result.stdout + result.stderr).strip()
        with capsys.disabled():
            command = " ".join(Path(part).name for part in arguments)
            print(f"\n$ gatehouse audit {command}\n{text}\n(exit {result.exit_code})")
        return result.exit_code, text

    return run


def fill(database: Database, count: int = 5, at: datetime = OLD) -> None:
    for number in range(count):
        with database.unit_of_work() as unit:
            unit.record(AuditEvent(AuditKind.PAGE_DENY, at + timedelta(days=number), actor=f"actor {number}"))
            unit.commit()


def kept(run: Run, tmp_path: Path) -> str:
    """A checkpoint, kept in a file."""
    status, line = run("checkpoint")
    assert status == 0
    file = tmp_path / "elsewhere.jsonl"
    with file.open("a", encoding="utf-8") as lines:
        lines.write(f"{line}\n")
    return str(file)


def rewrite(database: Database, secret: str, count: int = 5) -> None:
    keyring = Keyring([secret])
    rows = chained(keyring, 0, b"", [AuditEvent(AuditKind.PAGE_DENY, OLD, actor="another actor")] * count)
    behind_its_back(database, "DELETE FROM audit_events")
    with database.engine.begin() as connection:
        connection.execute(insert(audit_events), rows)
        mac = rows[-1]["mac"]
        seal = keyring.mac(HEAD_PURPOSE, head_bytes(count, mac))
        connection.execute(audit_head.update().values(seq=count, mac=mac, seal=seal))


def test_a_good_chain_and_a_checkpoint(database: Database, run: Run, tmp_path: Path) -> None:
    assert run("verify") == (0, "The audit is intact: 0 events.")
    fill(database)
    assert run("verify") == (0, "The audit is intact: 5 events, 1 to 5.")
    file = kept(run, tmp_path)
    report = json.loads(Path(file).read_text(encoding="utf-8"))
    assert list(report) == ["form", "seq", "mac", "at", "installation", "signature"]
    assert (report["seq"], report["installation"]) == (5, "http://localhost:8599")
    fill(database, 2)
    status, text = run("verify", "--since", file)
    assert status == 0
    assert text.startswith("The audit is intact: 7 events, 1 to 7.\nIt agrees with the checkpoint of ")
    assert text.endswith("(event 5, http://localhost:8599).")


@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        (["UPDATE audit_events SET actor = 'x' WHERE seq = 3"], "Event 3 was changed after it was written."),
        (["DELETE FROM audit_events WHERE seq IN (2, 3)"], "Events 2 to 3 were removed."),
        (
            [
                "UPDATE audit_events SET seq = 99 WHERE seq = 3",
                "UPDATE audit_events SET seq = 3 WHERE seq = 4",
                "UPDATE audit_events SET seq = 4 WHERE seq = 99",
            ],
            "Event 4 stands in the place of event 3: events were put in another order.",
        ),
        (["DELETE FROM audit_events WHERE seq > 3"], "The end is cut off: events 4 to 5 were removed."),
        (
            ["UPDATE audit_head SET seq = 3", "DELETE FROM audit_events WHERE seq > 3"],
            "The head was changed: it does not carry the seal of this installation.",
        ),
        (
            ["INSERT INTO audit_retention SELECT seq, mac, at, at, 'x', mac FROM audit_events WHERE seq = 2"],
            "The retention boundary at event 2 does not carry the seal of this installation.",
        ),
    ],
)
def test_what_is_wrong_is_named(database: Database, run: Run, statements: list[str], sentence: str) -> None:
    fill(database)
    behind_its_back(database, *statements)
    status, text = run("verify")
    assert status == 1
    assert text.splitlines()[0] == f"WRONG {sentence}"


def test_a_missing_trigger_is_named(database: Database, run: Run) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_events_no_update")
    status, text = run("verify")
    assert status == 1
    assert text.endswith("the trigger audit_events_no_update is missing.")


def test_a_tail_cut_with_its_head_set_back_shows_against_the_checkpoint(
    database: Database, run: Run, tmp_path: Path
) -> None:
    fill(database, 3)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE old AS SELECT * FROM audit_head")
    fill(database, 2)
    file = kept(run, tmp_path)
    behind_its_back(
        database,
        "DELETE FROM audit_events WHERE seq > 3",
        "UPDATE audit_head SET seq = 3, mac = (SELECT mac FROM old), seal = (SELECT seal FROM old)",
    )
    assert run("verify")[0] == 0
    status, text = run("verify", "--since", file)
    assert status == 1
    assert "cut off, and the head set back: events 4 to 5 were there at the checkpoint of" in text


def test_a_full_rewrite_shows_against_the_checkpoint(database: Database, run: Run, tmp_path: Path) -> None:
    fill(database)
    file = kept(run, tmp_path)
    rewrite(database, OTHER)
    status, text = run("verify")
    assert status == 1
    assert text.startswith("WRONG Event 1 was changed")
    rewrite(database, SECRET)
    assert run("verify")[0] == 0
    status, text = run("verify", "--since", file)
    assert status == 1
    assert "the audit was written again" in text


def test_a_rotated_secret(database: Database, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(database)
    file = kept(run, tmp_path)
    monkeypatch.setenv("GATEHOUSE_SECRET", f"{OTHER},{SECRET}")
    database.keyring = Keyring([OTHER, SECRET])
    SecretKeys(database, database.keyring, "app").beat()
    fill(database)
    kept(run, tmp_path)
    status, text = run("verify", "--since", file)
    assert status == 0
    assert text.endswith("and 1 older.")
    monkeypatch.setenv("GATEHOUSE_SECRET", OTHER)
    assert run("verify")[0] == 1
    status, text = run("verify", "--since", file)
    assert status == 2
    assert "not in GATEHOUSE_SECRET" in text


def test_another_secret_altogether_gets_a_hint(database: Database, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(database, 30)
    monkeypatch.setenv("GATEHOUSE_SECRET", OTHER)
    status, text = run("verify")
    assert status == 1
    assert "is GATEHOUSE_SECRET the one" in text
    status, text = run("checkpoint")
    assert status == 2
    assert "does not have the secret that this installation writes with" in text


def test_what_cannot_be_checked_is_status_2(
    database: Database, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database)
    file = tmp_path / "given"
    for content in (b"", b"nothing of the kind\n", b"\xff\xfe", b"x" * (MAX_BYTES + 1)):
        file.write_bytes(content)
        assert run("verify", "--since", str(file))[0] == 2
    assert run("verify", "--since", str(tmp_path / "missing"))[0] == 2
    assert run("verify", "--since", str(tmp_path))[0] == 2
    status, text = run("verify", "--json", "--since", str(file))
    assert (status, json.loads(text)["checked"], json.loads(text)["good"]) == (2, False, None)
    monkeypatch.setenv("GATEHOUSE_DATABASE_URL", f"sqlite:///{tmp_path}/nowhere.sqlite3")
    for action in (["verify"], ["checkpoint"], ["prune", "--before", "2021-01-01", "--yes"]):
        status, text = run(*action)
        assert status == 2
        assert "gatehouse migrate" in text


def test_json(database: Database, run: Run, tmp_path: Path) -> None:
    fill(database)
    file = kept(run, tmp_path)
    status, text = run("verify", "--json", "--since", file)
    report: dict[str, Any] = json.loads(text)
    assert status == 0
    assert (report["good"], report["checked"], report["events"], report["problems"]) == (True, True, 5, [])
    assert (report["checkpoints_given"], report["checkpoints_compared"]) == (1, 1)
    behind_its_back(database, "UPDATE audit_events SET actor = 'x' WHERE seq = 3")
    status, text = run("verify", "--json")
    report = json.loads(text)
    assert (status, report["good"]) == (1, False)
    (problem,) = report["problems"]
    assert (problem["kind"], problem["seq"]) == (ProblemKind.EDITED, 3)
    assert problem["sentence"] == "Event 3 was changed after it was written."


def test_pruning(database: Database, run: Run, tmp_path: Path) -> None:
    fill(database, 9)
    file = kept(run, tmp_path)
    fill(database, 1, at=OLD + timedelta(days=9))
    assert run("prune", "--before", "2020-01-06") == (
        1,
        "Nothing was deleted.\nThis asks before it acts: run it in a terminal, or add --yes.",
    )
    status, text = run("prune", "--before", "2020-01-06", "--yes", "--reason", "kept for a year")
    assert status == 0
    assert text.startswith("Deleted 5 events up to number 5;")
    assert run("verify") == (0, "The audit is intact: 6 events, 6 to 11, from the retention boundary at 5 on.")
    assert run("verify", "--since", file)[0] == 0
    status, text = run("prune", "--before", "2020-01-06", "--yes")
    assert (status, text) == (0, "There is nothing older than 2020-01-06. Nothing was sealed or deleted.")
    assert run("prune", "--before", "2099-01-01", "--yes")[0] == 2
    assert run("prune", "--before", "2021-01-01", "--yes")[0] == 0
    status, text = run("verify", "--since", file)
    assert status == 2
    assert "could not be compared" in text
    assert run("prune", "--before", "yesterday")[0] == 2


def test_a_chain_that_is_not_whole_is_not_pruned_by_accident(database: Database, run: Run) -> None:
    fill(database, 10)
    behind_its_back(database, "UPDATE audit_events SET actor = 'x' WHERE seq = 3")
    status, text = run("prune", "--before", "2020-01-06", "--yes")
    assert status == 1
    assert "Nothing was deleted" in text
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM audit_events").scalar_one() == 10
    assert run("prune", "--before", "2020-01-06", "--yes", "--even-if-broken")[0] == 0
    assert run("verify")[0] == 0
    with database.engine.connect() as connection:
        details = connection.exec_driver_sql("SELECT details FROM audit_events WHERE seq = 11").scalar_one()
    assert json.loads(details)["known_broken"] is True


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
    killed.beat()
    key = Keyring([SECRET]).key_ids[0]
    lost = f"app           {key}  (last seen 3 hours ago; it has probably ended, and is not counted below)"
    assert secret.print_status(clock=lambda: at) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [lost, "No process runs."]
    SecretKeys(database, Keyring([SECRET]), "remote API", clock=lambda: at - timedelta(seconds=5)).beat()
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
    app.beat()
    assert printed("secret", "status")[1].endswith("No rotation is under way.\n")
    newer = SecretKeys(database, Keyring([OTHER, SECRET]), "remote API")
    newer.beat()
    status, text = printed("secret", "status")
    assert (status, text.splitlines()[-1]) == (
        0,
        "A new secret is not known yet to: app. Nothing is written with it.",
    )
    settings = settings_loading.load(Process.CLI)
    assert doctor._check_secret(settings) == "every process has the secret that this installation writes with"
    assert "CHECK secret: A new secret is not known yet to: app." in capsys.readouterr().out
    monkeypatch.setenv("GATEHOUSE_SECRET", OTHER)
    assert printed("secret", "status")[0] == 1
    assert "old,new, then new,old, then new" in printed("purge")[1]
    assert printed("secret", "replace", "--reason", "lost", "--yes")[0] == 0
    assert printed("purge")[0] == 0
    monkeypatch.setenv("GATEHOUSE_SECRET", SECRET)
    assert printed("purge")[0] == 2
