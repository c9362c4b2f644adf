"""A database that is missing, locked, damaged, full or forbidden: one plain sentence, without SQL or values."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback
from dataclasses import replace
from pathlib import Path

import psycopg.errors
import pytest
from sqlalchemy.exc import OperationalError

from app.core.errors import ChangeUnconfirmed, SchemaMismatch, StorageUnavailable
from app.core.records import Person
from db import Database, current_state, migrate
from db.faults import BUSY, UNCONFIRMED, UNRESPONSIVE, translated_error
from db.timeouts import SERVICE_TIMEOUTS
from tests.db.builders import ANN, NOW, grant, new_session, opened, signed_in, written

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA locking_mode=EXCLUSIVE" if sys.argv[2] == "all" else "SELECT 1")
connection.execute("BEGIN EXCLUSIVE")
connection.execute("UPDATE policy SET version = version")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def file(tmp_path: Path, file_template: Path) -> Path:
    path = tmp_path / "here" / "gatehouse.sqlite3"
    path.parent.mkdir()
    path.write_bytes(file_template.read_bytes())
    return path


def errors_of_every_use(database: Database) -> list[str]:
    """Check that every use fails with our error; returns the messages."""
    messages = []

    def unit() -> None:
        with database.unit_of_work() as work:
            work.save_person(Person(ANN, "very secret name"), NOW)
            work.commit()

    for use in (database.check, database.read.policy_version, lambda: database.read.grants(ANN, NOW), unit):
        with pytest.raises(StorageUnavailable) as caught:
            use()
        trace = "".join(traceback.format_exception(caught.value))
        assert "SELECT" not in trace
        assert "INSERT" not in trace
        assert "very secret" not in trace.replace('Person(ANN, "very secret name")', "")
        assert caught.value.__context__ is None
        assert caught.value.detail
        assert "\n" not in caught.value.detail
        messages.append(caught.value.detail)
    return messages


@pytest.mark.parametrize("hold", ["all", "writes"])
def test_a_database_locked_by_another_process(file: Path, hold: str) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file), hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    database = opened(f"sqlite:///{file}", timeouts=replace(SERVICE_TIMEOUTS, lock_seconds=0.2))
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(StorageUnavailable, match="busy"), database.unit_of_work() as unit:
            unit.save_person(Person(ANN), NOW)
        if hold == "all":
            assert all("busy" in message for message in errors_of_every_use(database))
        else:
            database.check()
            assert database.read.policy_version() > 0, "reads continue while another process writes"
    finally:
        holder.communicate(timeout=10)
    database.check()
    signed_in(database)
    database.close()


def test_what_a_unit_has_read_cannot_change_before_it_commits(file: Path) -> None:
    database, another_process = (
        opened(f"sqlite:///{file}"),
        opened(f"sqlite:///{file}", timeouts=replace(SERVICE_TIMEOUTS, lock_seconds=0.2)),
    )
    with database.unit_of_work() as unit:
        before = unit.administrators(NOW)
        with pytest.raises(StorageUnavailable, match="busy"), another_process.unit_of_work() as other:
            other.add_grant(grant("administrator"), NOW)
        assert unit.administrators(NOW) == before
    another_process.close()
    database.close()


def test_a_missing_file_is_not_created_by_using_it(tmp_path: Path) -> None:
    database = opened(f"sqlite:///{tmp_path}/nowhere/x.sqlite3")
    messages = errors_of_every_use(database)
    assert messages[0] == "There is no database yet; run: gatehouse migrate"
    assert not (tmp_path / "nowhere").exists()
    database.close()


@pytest.mark.parametrize("content", [b"this is no database " * 500, "half"])
def test_a_damaged_file(file: Path, content: bytes | str) -> None:
    whole = file.read_bytes()
    file.write_bytes(content if isinstance(content, bytes) else whole[:4096] + b"\xff" * (len(whole) - 4096))
    database = opened(f"sqlite:///{file}")
    assert all("damaged" in message for message in errors_of_every_use(database))
    database.close()
    for use in (migrate, current_state):
        with pytest.raises(StorageUnavailable, match="damaged"):
            use(f"sqlite:///{file}")


def test_an_empty_file_must_be_migrated(file: Path) -> None:
    file.write_bytes(b"")
    database = opened(f"sqlite:///{file}")
    for use in (database.check, database.read.policy_version):
        with pytest.raises(SchemaMismatch, match="run: gatehouse migrate"):
            use()
    database.close()


def test_a_full_disk_keeps_nothing_and_is_reported(file: Path) -> None:
    database = opened(f"sqlite:///{file}")
    signed_in(database)
    with database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    def fill() -> None:
        with database.unit_of_work() as unit:
            for number in range(2000):
                unit.begin_session(new_session(f"big {number}", user_agent="x" * 500), NOW)
            unit.commit()

    with pytest.raises(StorageUnavailable, match="full"):
        fill()
    assert len(database.read.sessions_of(ANN, NOW)) == 1
    database.close()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="file modes are POSIX")
def test_a_folder_or_file_that_may_not_be_used(file_template: Path) -> None:
    """In a process without root's rights, where modes count."""
    code = """
import os, sys
from tests.db.builders import opened
from tests.db.test_faults import errors_of_every_use
from app.core.errors import StorageUnavailable
from db import migrate
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
from tests.db.builders import ANN, NOW
from app.core.records import Person
database = opened(sys.argv[1])
try:
    if sys.argv[2] == "nothing":
        print(*errors_of_every_use(database), sep="\\n")
        migrate(sys.argv[1])
    else:
        with database.unit_of_work() as unit:
            unit.save_person(Person(ANN), NOW)
except StorageUnavailable as error:
    print("refused:", error)
database.close()
"""
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are closed to other users
    file = folder / "gatehouse.sqlite3"
    file.write_bytes(file_template.read_bytes())
    root = Path(__file__).parents[2]

    def tried(mode: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code, f"sqlite:///{file}", mode],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        return done.stdout + done.stderr

    file.chmod(0o444)
    folder.chmod(0o555)
    try:
        assert "refused: The database file" in tried("write")
        folder.chmod(0o000)
        assert "refused: The database file" in tried("nothing")
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_closed_database_is_reported(durable: Database) -> None:
    assert durable.read.policy_version() > 0
    durable.close()
    durable.close()
    with pytest.raises(StorageUnavailable, match="closed"):
        durable.read.policy_version()


def test_a_process_killed_while_writing_loses_nothing_and_leaves_no_half(durable: Database, url: str) -> None:
    code = """
import sys, os, signal
from tests.db.builders import *
from app.core.records import Person
database = opened(sys.argv[1])
signed_in(database, "kept")
written(database, lambda unit: unit.record(event()))
opening = database.unit_of_work()
unit = opening.__enter__()
unit.begin_session(new_session("lost"), NOW)
unit.add_grant(grant("viewer"), NOW)
unit.record(event())
print("writing", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, url],
        cwd=root,
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert (done.stdout, done.returncode) == (b"writing\n", -9), done.stderr
    assert [session.ref for session in durable.read.sessions_of(ANN, NOW)] == ["kept"]
    assert not durable.read.grants(ANN, NOW).roles
    written(durable, lambda unit: unit.add_grant(grant("viewer"), NOW))


def test_reads_wait_for_a_connection_and_give_up_in_time(file: Path) -> None:
    database = opened(f"sqlite:///{file}", timeouts=replace(SERVICE_TIMEOUTS, lock_seconds=0.2))
    readers = database._read_connections
    taken = [readers._acquire() for _ in range(16)]  # type: ignore[attr-defined] # takes all there are
    with pytest.raises(StorageUnavailable, match="busy"):
        database.read.policy_version()
    database._read_connections._wait_seconds = 10.0  # type: ignore[attr-defined] # long enough to be waiting
    versions: list[int] = []
    waiting = threading.Thread(target=lambda: versions.append(database.read.policy_version()))
    waiting.start()
    connection, _ = taken.pop()
    readers._idle.append(connection)  # type: ignore[attr-defined] # what `fetch` does when it is done
    readers._notify()  # type: ignore[attr-defined] # the same
    waiting.join(10)
    assert versions
    for connection, _ in taken:
        connection.close()
    database.close()


def test_a_server_that_is_not_there() -> None:
    database = opened("postgresql://user@127.0.0.1:1/nothing?connect_timeout=2")
    assert all("server does not answer" in message for message in errors_of_every_use(database))
    database.close()


def test_reading_while_a_unit_is_open_sees_only_what_was_committed(durable: Database) -> None:
    with durable.unit_of_work() as unit:
        unit.save_person(Person(ANN, "Ann"), NOW)
        assert durable.read.person(ANN) is None
        unit.commit()
    assert durable.read.person(ANN) is not None


@pytest.mark.parametrize(
    ("cause", "doubtful", "message"),
    [
        (psycopg.errors.StatementCompletionUnknown("secret"), True, UNRESPONSIVE),  # 40003: the server does not know
        (psycopg.errors.ConnectionFailure("secret"), True, ""),
        (psycopg.errors.AdminShutdown("secret"), True, "The database server is starting or stopping."),
        (psycopg.OperationalError("secret"), True, UNRESPONSIVE),  # no SQLSTATE: the connection went
        (psycopg.errors.SerializationFailure("secret"), False, BUSY),  # rolled back, for certain
        (psycopg.errors.DeadlockDetected("secret"), False, BUSY),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_commit_with_an_unknown_outcome_is_not_reported_as_failed(
    cause: psycopg.Error, message: str, *, doubtful: bool
) -> None:
    error = OperationalError("COMMIT", None, cause)
    problem, committing = translated_error(error), translated_error(error, committing=True)
    assert type(problem) is StorageUnavailable
    assert str(problem) == (message or StorageUnavailable.title)
    assert type(committing) is (ChangeUnconfirmed if doubtful else StorageUnavailable)
    assert str(committing) == (UNCONFIRMED if doubtful else message)
