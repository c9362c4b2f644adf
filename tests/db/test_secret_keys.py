"""Rotation of the secret with several processes: none writes with a key that another does not have."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core.audit import AuditKind
from app.core.errors import Conflict, SecretMismatch, StorageUnavailable
from app.core.keyring import Keyring
from app.core.records import AnnouncedProcess
from app.core.secret_keys import MISSED_BEATS, START_ATTEMPTS, SecretKeys, replace_lost_secret, running, undecided
from db import ChainState, Database, audit, checkpoint, verify_chain
from db.models import audit_events, audit_head
from db.timeouts import SERVICE_TIMEOUTS
from tests.db.builders import NOW, behind_its_back, event, opened, recorded, written
from tests.db.processes import two_at_once
from tests.db.tampering import problems_of

OLD, NEW = "k" * 40, "n" * 40
OLD_ID, NEW_ID = Keyring([OLD]).key_ids[0], Keyring([NEW]).key_ids[0]
Start = Callable[..., "Running"]


class Running:
    """A process: its secrets, its connections, and what it announces."""

    def __init__(self, url: str, *secrets: str, name: str = "app") -> None:
        self.keyring = Keyring(secrets)
        self.database = opened(url, keyring=self.keyring)
        self.keys = SecretKeys(self.database, self.keyring, name, clock=lambda: NOW)
        try:
            self.database.check()
            self.keys.beat()
        except SecretMismatch:
            self.database.close()
            raise

    def writes(self) -> None:
        written(self.database, lambda unit: unit.record(event()))

    def stop(self) -> None:
        with self.database.unit_of_work() as unit:
            unit.withdraw({process.id for process in unit.announced() if process.id == self.keys._id})
            unit.commit()
        self.database.close()


@pytest.fixture
def start(url: str) -> Iterator[Start]:
    made: list[Running] = []

    def run(*secrets: str, name: str = "app") -> Running:
        made.append(Running(url, *secrets, name=name))
        return made[-1]

    yield run
    for process in made:
        process.database.close()


def kinds(database: Database) -> list[str]:
    with database.engine.connect() as connection:
        return list(connection.execute(select(audit_events.c.kind).order_by(audit_events.c.seq)).scalars())


def write_key(database: Database) -> str:
    with database.engine.connect() as connection:
        return str(connection.execute(select(audit_head.c.key_id)).scalar_one())


def test_two_processes_rotate_by_the_documented_steps_and_the_audit_stays_whole(start: Start) -> None:
    app, api = start(OLD), start(OLD, name="api")
    for secrets in ((OLD, NEW), (NEW, OLD), (NEW,)):
        app.writes()
        app.stop()
        app = start(*secrets)
        app.writes()
        api.writes()
        api.stop()
        api = start(*secrets, name="api")
        api.writes()
        app.keys.beat()
        app.writes()
    assert (app.keyring.write_key, api.keyring.write_key, write_key(app.database)) == (NEW_ID, NEW_ID, NEW_ID)
    events = kinds(app.database)
    assert events.count("audit:key:rotate") == 1
    assert "audit:log:broken" not in events
    app.database.keyring = Keyring([NEW, OLD])
    assert verify_chain(app.database) == ChainState(events=16, first_seq=1, last_seq=16)


def test_the_new_secret_in_front_at_once_breaks_nothing(start: Start) -> None:
    """What the documentation once said to do: one process has ``new,old``, the other still ``old``."""
    app, api = start(OLD), start(OLD, name="api")
    app.writes()
    app.stop()
    app = start(NEW, OLD)
    sealed = app.keyring.seal("login transaction", b"state", "x")
    assert api.keyring.open("login transaction", sealed, "x") == b"state", "a sign-in started there ends here"
    app.writes()
    api.writes()
    made = checkpoint(app.database, at=NOW, installation="x").signed(app.keyring)
    assert made == checkpoint(api.database, at=NOW, installation="x").signed(api.keyring)
    assert (write_key(app.database), kinds(app.database).count("audit:log:broken")) == (OLD_ID, 0)
    assert verify_chain(app.database).good


def test_the_write_key_moves_on_when_all_list_the_new_secret_first(start: Start) -> None:
    app, api = start(OLD, NEW), start(OLD, NEW, name="api")
    app.stop()
    app = start(NEW, OLD)
    assert app.keyring.write_key == OLD_ID, "the other one lists the old one first"
    api.stop()
    api = start(NEW, OLD, name="api")
    assert api.keyring.write_key == NEW_ID
    assert app.keyring.write_key == OLD_ID, "it has not checked yet, and that does no harm"
    app.writes()
    app.keys.beat()
    assert app.keyring.write_key == NEW_ID
    assert verify_chain(app.database).good


def test_one_process_alone_rotates_when_it_starts(start: Start) -> None:
    app = start(OLD)
    app.writes()
    app.stop()
    app = start(NEW, OLD)
    assert app.keyring.write_key == NEW_ID
    app.stop()
    app = start(NEW)
    app.writes()
    assert kinds(app.database) == ["app:page:deny", "audit:key:rotate", "app:page:deny"]


@pytest.mark.parametrize("secrets", [(OLD,), ("x" * 40,), ("x" * 40, OLD)])
def test_a_process_without_the_write_key_does_not_start(start: Start, secrets: tuple[str, ...]) -> None:
    app = start(OLD, NEW)
    app.stop()
    app = start(NEW, OLD)
    assert app.keyring.write_key == NEW_ID
    with pytest.raises(SecretMismatch, match="old,new, then new,old, then new"):
        start(*secrets)
    assert kinds(app.database) == ["audit:key:rotate"]


def test_the_new_secret_alone_does_not_start_before_it_is_written_with(start: Start) -> None:
    start(OLD)
    with pytest.raises(SecretMismatch):
        start(NEW)


def test_a_process_that_was_taken_for_gone_writes_nothing_afterwards(start: Start) -> None:
    """A process that stopped for long while the others continued must not write what they would report as tampering."""
    stopped, app = start(OLD), start(NEW, OLD)
    app.writes()
    for _ in range(MISSED_BEATS + 1):
        app.keys.beat()
    assert write_key(app.database) == NEW_ID
    with pytest.raises(SecretMismatch):
        stopped.writes()
    with pytest.raises(SecretMismatch):
        stopped.keys.beat()
    app.writes()
    app.database.keyring = Keyring([NEW, OLD])
    assert verify_chain(app.database) == ChainState(events=3, first_seq=1, last_seq=3)


def test_a_process_counts_as_gone_by_its_counter_and_by_no_clock(start: Start) -> None:
    crashed, app = start(OLD), start(NEW, OLD)
    for _ in range(MISSED_BEATS - 1):
        app.keys.beat()
    assert app.keyring.write_key == OLD_ID
    crashed.keys.beat()
    for _ in range(MISSED_BEATS):
        app.keys.beat()
    assert app.keyring.write_key == OLD_ID, "it lived meanwhile"
    app.keys.beat()
    assert app.keyring.write_key == NEW_ID


def test_a_database_that_does_not_answer_withdraws_no_process(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    other, app = start(OLD), start(NEW, OLD)
    with monkeypatch.context() as patch:

        def away(*_: object) -> None:
            raise StorageUnavailable

        patch.setattr("db.secret_keys.SecretKeyWrites.announce", away)
        for _ in range(MISSED_BEATS * 3):
            with pytest.raises(StorageUnavailable):
                app.keys.beat()
    app.keys.beat()
    assert app.keyring.write_key == OLD_ID
    other.writes()
    assert verify_chain(other.database).good


def test_start_announces_and_close_withdraws(url: str) -> None:
    database = opened(url)
    keys = SecretKeys(database, database.keyring, "app", clock=lambda: NOW, new_id=lambda: "1f")
    keys.start()
    with database.unit_of_work() as unit:
        assert unit.announced() == [AnnouncedProcess("1f", "app", (OLD_ID,), 1, NOW, NOW)]
    keys.close()
    keys.close()
    with database.unit_of_work() as unit:
        assert unit.announced() == []
    database.close()


IMPATIENT = replace(SERVICE_TIMEOUTS, lock_seconds=0.1)


def test_a_process_that_starts_waits_for_a_busy_database(url: str) -> None:
    """As behind a long change of another process; a gunicorn whose first beat fails does not come back."""
    busy, database = opened(url), opened(url, timeouts=IMPATIENT)
    pauses: list[float] = []
    with busy.unit_of_work() as unit:
        unit.write_key()

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == START_ATTEMPTS - 1:
                unit.commit()

        keys = SecretKeys(database, database.keyring, "app", clock=lambda: NOW, new_id=lambda: "1f", pause=pause)
        keys.start()
    assert pauses == [1.0] * 5
    with database.unit_of_work() as reading:
        assert [process.id for process in reading.announced()] == ["1f"]
    keys.close()
    database.close()
    busy.close()


def test_a_database_that_stays_busy_is_explained(url: str) -> None:
    busy, database = opened(url), opened(url, timeouts=IMPATIENT)
    pauses: list[float] = []
    keys = SecretKeys(database, database.keyring, "app", clock=lambda: NOW, pause=pauses.append)
    with busy.unit_of_work() as unit:
        unit.write_key()
        with pytest.raises(StorageUnavailable, match="busy"):
            keys.start()
    assert pauses == [1.0] * 5
    database.close()
    busy.close()


def test_what_no_waiting_helps_against_is_refused_at_once(start: Start, url: str) -> None:
    start(OLD)
    database = opened(url, keyring=Keyring([NEW]))
    pauses: list[float] = []
    with pytest.raises(SecretMismatch):
        SecretKeys(database, database.keyring, "app", clock=lambda: NOW, pause=pauses.append).start()
    assert pauses == []
    database.close()


def test_what_was_not_seen_for_longer_than_a_minute_is_not_shown_as_running() -> None:
    app = AnnouncedProcess("1", "app", ("old",), 7, NOW, NOW - timedelta(seconds=60))
    killed = replace(app, id="2", seen_at=NOW - timedelta(seconds=61))
    ahead = replace(app, id="3", seen_at=NOW + timedelta(seconds=90))
    assert running([app, killed, ahead], NOW) == [app, ahead]


ROTATING = """
import sys
from app.core.keyring import Keyring
from app.core.secret_keys import SecretKeys
from tests.db.builders import *
keyring = Keyring(["n" * 40, "k" * 40])
database = opened(sys.argv[1], keyring=keyring)
keys = SecretKeys(database, keyring, "app")
print("ready", flush=True)
sys.stdin.readline()
for number in range(10):
    keys.beat()
    written(database, lambda unit: unit.record(event(details={"n": number})))
print(keyring.write_key)
"""


def test_two_processes_that_rotate_at_once_switch_once(start: Start, url: str) -> None:
    before = start(OLD)
    before.writes()
    before.stop()
    processes = two_at_once(ROTATING, url)
    assert [ended(process) for process in processes] == [NEW_ID, NEW_ID]
    app = start(NEW, OLD)
    assert kinds(app.database).count("audit:key:rotate") == 1
    assert verify_chain(app.database) == ChainState(events=22, first_seq=1, last_seq=22)


def ended(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output.strip()


def test_the_replacement_of_a_lost_secret_is_recorded(start: Start, url: str) -> None:
    app = start(OLD)
    app.writes()
    with pytest.raises(Conflict, match="rotate it instead"):
        replace_lost_secret(app.database, Keyring([OLD]), actor="operator:ann", reason="r")
    app.stop()
    keyring = Keyring([NEW])
    database = opened(url, keyring=keyring)
    replace_lost_secret(database, keyring, actor="operator:ann", reason="the vault burnt", clock=lambda: NOW)
    database.close()
    app = start(NEW)
    app.writes()
    assert kinds(app.database) == ["app:page:deny", "audit:log:broken", "audit:key:replace", "app:page:deny"]
    assert problems_of(app.database) == [("edited", 1), ("broken", 2)]


def test_what_keeps_the_write_key_from_moving_on() -> None:
    def running(name: str, *key_ids: str) -> AnnouncedProcess:
        return AnnouncedProcess(name, name, key_ids, 1, NOW, NOW)

    app, api = running("app", "old"), running("api", "old")
    assert undecided("old", [app, api]) == ""
    assert undecided("old", [replace(app, key_ids=("old", "new")), api]) == ""
    front = replace(app, key_ids=("new", "old"))
    assert undecided("old", [front, api]) == "A new secret is not known yet to: api. Nothing is written with it."
    assert undecided("old", [front, replace(api, key_ids=("old", "new"))]) == (
        "Every process has the new secret; it is written with when all list it first. Not yet: api."
    )
    assert undecided("new", [front]) == ""


# --- chains that versions before this one broke ---


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
    assert (problem.kind.value, problem.seq, problem.until, problem.detail) == ("rotated", 3, 90, "30 times")
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
    SecretKeys(database, database.keyring, "app").beat()
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
