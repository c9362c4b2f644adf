"""Rotation of the secret with several processes: none writes with a key that another does not have."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.core.errors import Conflict, SecretMismatch
from app.core.keyring import Keyring
from app.core.records import AnnouncedProcess
from app.core.secret_keys import replace_lost_secret, rotation_blocker
from db import ChainState, checkpoint, verify_chain
from db.models import audit_events
from tests.db.builders import NOW, opened
from tests.db.processes import output_of, two_at_once
from tests.db.rotation import NEW, NEW_ID, OLD, OLD_ID, Start, kinds, write_key
from tests.db.tampering import problems_of


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
        app.keys.send_heartbeat()
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
    app.keys.send_heartbeat()
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
    with pytest.raises(SecretMismatch) as caught:
        start(*secrets)
    assert caught.value.detail == (
        "GATEHOUSE_SECRET of this process does not have the secret that this installation writes with now. A secret is"
        " rotated in three steps, each in every process before the next: old,new, then new,old, then new."
        " `gatehouse secret status` shows which process holds what. If the secret from before is lost, stop"
        " every process and run: gatehouse secret replace --reason …"
    )
    assert kinds(app.database) == ["audit:key:rotate"]


def test_the_new_secret_alone_does_not_start_before_it_is_written_with(start: Start) -> None:
    start(OLD)
    with pytest.raises(SecretMismatch):
        start(NEW)


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
    keys.send_heartbeat()
    written(database, lambda unit: unit.record(event(details={"n": number})))
print(keyring.write_key)
"""


def test_two_processes_that_rotate_at_once_switch_once(start: Start, url: str) -> None:
    before = start(OLD)
    before.writes()
    before.stop()
    processes = two_at_once(ROTATING, url)
    assert [output_of(process).strip() for process in processes] == [NEW_ID, NEW_ID]
    app = start(NEW, OLD)
    assert kinds(app.database).count("audit:key:rotate") == 1
    assert verify_chain(app.database) == ChainState(events=22, first_seq=1, last_seq=22)


def test_the_replacement_of_a_lost_secret_is_recorded(start: Start, url: str) -> None:
    app = start(OLD)
    app.writes()
    with pytest.raises(Conflict, match="rotate it instead"):
        replace_lost_secret(app.database, Keyring([OLD]), actor="operator:ann", reason="r")
    app.stop()
    keyring = Keyring([NEW])
    database = opened(url, keyring=keyring)
    replace_lost_secret(database, keyring, actor="operator:ann", reason="the vault burnt", clock=lambda: NOW)
    with database.engine.connect() as connection:
        row = connection.execute(select(audit_events).where(audit_events.c.kind == "audit:key:replace")).one()
    assert (row.actor, row.reason, json.loads(row.details)) == ("operator:ann", "the vault burnt", {"from": OLD_ID})
    database.close()
    app = start(NEW)
    app.writes()
    assert kinds(app.database) == ["app:page:deny", "audit:log:broken", "audit:key:replace", "app:page:deny"]
    assert problems_of(app.database) == [("edited", 1), ("broken", 2)]


def test_what_prevents_a_change_of_the_write_key() -> None:
    def running(name: str, *key_ids: str) -> AnnouncedProcess:
        return AnnouncedProcess(name, name, key_ids, 1, NOW, NOW)

    app, api = running("app", "old"), running("api", "old")
    assert rotation_blocker("old", [app, api]) == ""
    assert rotation_blocker("old", [replace(app, key_ids=("old", "new")), api]) == ""
    front = replace(app, key_ids=("new", "old"))
    assert rotation_blocker("old", [front, api]) == "A new secret is not known yet to: api. Nothing is written with it."
    assert rotation_blocker("old", [front, replace(api, key_ids=("old", "new"))]) == (
        "Every process has the new secret; it is written with when all list it first. Not yet: api."
    )
    assert rotation_blocker("new", [front]) == ""
    cli = replace(running("cli", "old"), key_ids=("old",))
    assert rotation_blocker("old", [front, cli, api]) == (
        "A new secret is not known yet to: api, cli. Nothing is written with it."
    )
    both = [replace(process, key_ids=("old", "new")) for process in (cli, api)]
    assert rotation_blocker("old", [front, *both]).endswith(" Not yet: api, cli.")
