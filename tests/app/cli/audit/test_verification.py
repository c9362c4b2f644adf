"""``gatehouse audit verify`` and ``checkpoint``, and the deletion of old events."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.core.chain_problems import ProblemKind
from app.core.checkpoints import MAX_BYTES
from app.core.keyring import Keyring
from app.core.secret_keys import SecretKeys
from db import Database
from tests.app.cli.audit.audit_commands import OLD, OTHER, SECRET, Run, fill, kept, rewrite
from tests.db.builders import behind_its_back


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
    SecretKeys(database, database.keyring, "app").send_heartbeat()
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
