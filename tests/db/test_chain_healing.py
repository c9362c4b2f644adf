"""Breaks of the audit chain by rotations of earlier versions: explained, healed, and distinct from tampering."""

from __future__ import annotations

import pytest

from app.core.audit import AuditKind
from app.core.keyring import Keyring
from app.core.secret_keys import SecretKeys
from db import ChainState, Database, audit, verify_chain
from tests.db.builders import behind_its_back, event, recorded, written
from tests.db.rotation import NEW, OLD, kinds
from tests.db.tampering import problems_of


def by_an_old_version(database: Database, *secrets: str) -> None:
    """Write one event as versions without a write key did: with the first secret, whatever the others have."""
    keyring = Keyring(secrets)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit_head SET key_id = ''")
        audit.append(connection, keyring, [event()], key_id=keyring.key_ids[0])
        connection.exec_driver_sql("UPDATE audit_head SET key_id = ''")


def broken_by_a_rotation(database: Database, times: int = 1) -> None:
    """One process had ``new,old`` already, the other still ``old``."""
    by_an_old_version(database, OLD)
    for _ in range(times):
        by_an_old_version(database, NEW, OLD)
        by_an_old_version(database, OLD)
    database.keyring = Keyring([NEW, OLD])


def healed(database: Database, until: int) -> None:
    written(database, lambda unit: unit.record(event(AuditKind.LOG_HEAL, details={"until": until})))


def test_breaks_that_a_rotation_explains_are_one_problem_until_they_are_healed(database: Database) -> None:
    broken_by_a_rotation(database, 30)
    (problem,) = verify_chain(database).problems
    assert (problem.kind.value, problem.seq, problem.last_seq, problem.detail) == ("rotated", 3, 90, "30 times")
    assert kinds(database).count("audit:log:broken") == 30
    healed(database, 89)
    assert problems_of(database) == [("rotated", 3)]
    healed(database, 90)
    assert verify_chain(database) == ChainState(events=93, first_seq=1, last_seq=93)


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (["UPDATE audit_head SET seal = mac"], [("broken", 4)]),
        (["DELETE FROM audit_events WHERE seq = 3"], [("removed", 3)]),
        (
            [
                "UPDATE audit_head SET seq = 2, mac = (SELECT mac FROM audit_events WHERE seq = 2), seal = mac",
                "DELETE FROM audit_events WHERE seq > 2",
            ],
            [("broken", 3)],
        ),
    ],
)
def test_tampering_beside_a_rotation_is_never_healed(
    database: Database, statements: list[str], named: list[tuple[str, int | None]]
) -> None:
    by_an_old_version(database, OLD)
    SecretKeys(database, database.keyring, "app").send_heartbeat()
    recorded(database, 2)
    behind_its_back(database, *statements)
    recorded(database, 1)
    healed(database, 99)
    database.keyring = Keyring([NEW, OLD])
    assert problems_of(database) == named


def test_a_cut_by_an_attacker_is_not_explained_by_a_rotation(database: Database) -> None:
    """The process that found it has both secrets, so that it could have read the head."""
    by_an_old_version(database, OLD)
    by_an_old_version(database, OLD)
    behind_its_back(
        database,
        "UPDATE audit_head SET seq = 1, mac = (SELECT mac FROM audit_events WHERE seq = 1), seal = mac",
        "DELETE FROM audit_events WHERE seq > 1",
    )
    by_an_old_version(database, NEW, OLD)
    database.keyring = Keyring([NEW, OLD])
    healed(database, 99)
    assert problems_of(database) == [("broken", 2)]


def test_a_head_that_named_another_end_is_not_taken_for_a_rotation(database: Database) -> None:
    by_an_old_version(database, OLD)
    by_an_old_version(database, NEW, OLD)
    by_an_old_version(database, NEW, OLD)
    behind_its_back(database, "DELETE FROM audit_events WHERE seq = 3")
    by_an_old_version(database, OLD)
    database.keyring = Keyring([NEW, OLD])
    healed(database, 99)
    assert problems_of(database) == [("broken", 3)]


def test_a_secret_that_is_not_known_explains_nothing(database: Database) -> None:
    broken_by_a_rotation(database)
    for secrets in ((OLD,), (NEW,), (OLD, NEW)):
        database.keyring = Keyring(secrets)
        assert "rotated" not in {kind for kind, _ in problems_of(database)}
        assert not verify_chain(database).good


def test_an_event_that_was_edited_heals_nothing(database: Database) -> None:
    broken_by_a_rotation(database)
    healed(database, 1)
    behind_its_back(database, """UPDATE audit_events SET details = '{"until":99}' WHERE kind = 'audit:log:heal'""")
    assert problems_of(database) == [("edited", 5), ("rotated", 3)]
