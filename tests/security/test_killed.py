"""Two sign-ins that race one sign-out; and a process killed in the middle of ending a session, or of a refresh."""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app import testing
from app.core.clock import utc_now
from app.core.errors import ProviderUnavailable, SessionEnded
from app.core.keyring import Keyring
from app.core.principal import Subject
from app.core.records import EndReason, NewSession, Person
from component.session.context import SessionContext
from component.session.lifetimes import SessionLifetimes
from component.session.provider_tokens import ProviderTokens
from component.session.refresh import LEASE_SECONDS
from component.session.service import SessionService
from db import Database, migrate, open_database
from tests.clock import FakeClock
from tests.cookie_client import CookieClient
from tests.provider import FakeProvider
from tests.signin import sign_in_world
from tests.stack import ROOT


@pytest.mark.parametrize("attempt", range(5))
def test_two_sign_ins_race_one_sign_out(tmp_path: Path, attempt: int) -> None:
    """In any order: the old session has ended once, and every other session is complete."""
    clock = FakeClock()
    with (
        FakeProvider(clock.timestamp) as fake,
        sign_in_world(fake, clock, database_url=f"sqlite:///{_migrated(tmp_path)}") as installed,
    ):
        client = installed.sign_in()
        old = installed.ref(client)
        anonymous = CookieClient(installed.app, client.base_url, dict(client.cookies))
        del anonymous.cookies[installed.cookies.session]  # for two tabs that were opened before the first sign-in
        callbacks = [fake.approve(url) for url in (installed.begin(anonymous), installed.begin(anonymous))]
        barrier = threading.Barrier(3)

        def come_back(url: str) -> CookieClient:
            tab = CookieClient(installed.app, client.base_url, anonymous.cookies | client.cookies)
            barrier.wait()
            assert tab.get(url).status == 303
            return tab

        def leave() -> CookieClient:
            tab = CookieClient(installed.app, client.base_url, anonymous.cookies | client.cookies)
            barrier.wait()
            assert tab.request("POST", "/auth/logout", origin=client.base_url).status == 200
            return tab

        with ThreadPoolExecutor(3) as pool:
            futures = [*(pool.submit(come_back, url) for url in callbacks), pool.submit(leave)]
            first, second, _ = [future.result(30) for future in futures]
        with installed.storage.engine.connect() as connection:
            rows = connection.execute(text("SELECT ref, ended_at, sealed_tokens FROM sessions")).all()
        live = {row.ref for row in rows if row.ended_at is None}
        assert old not in live
        assert {installed.ref(first), installed.ref(second)} == live
        assert all((row.sealed_tokens is not None) == (row.ref in live) for row in rows)
        ends = Counter(event["target"] for event in installed.audit("app:session:end"))
        assert sum(ends.values()) == len(rows) - len(live) == 1
        assert len(installed.audit("app:session:begin")) == len(rows) == 3


# Killed

PROGRAM = """
import sys
from contextlib import contextmanager
from threading import Event
from app.core.records import EndReason
from tests.security.test_killed import installation
mode, url, ref = sys.argv[1:]
sessions, storage, provider = installation(url)

def hang(*_, **__):
    print("now", flush=True)
    Event().wait()

if mode == "ending, before the commit":
    unit = storage.unit_of_work
    @contextmanager
    def hanging():
        with unit() as work:
            work.commit = hang
            yield work
    storage.unit_of_work = hanging
    sessions.end(ref, EndReason.SIGNED_OUT, by="test")
elif mode == "ending, after the commit":
    provider.revoke = hang
    sessions.end(ref, EndReason.SIGNED_OUT, by="test")
else:
    provider.refresh = hang
    sessions.access_token(ref)
"""


class NoProvider:
    """Stands for a provider that does not answer; counts the requests for a refresh."""

    client_id = "client"

    def __init__(self) -> None:
        self.refreshes = 0

    def refresh(self, _: str) -> Any:
        self.refreshes += 1
        raise ProviderUnavailable

    def revoke(self, _: str) -> None:
        """Do nothing."""


@dataclass
class Ahead:
    """A clock that can be moved forward."""

    by: timedelta = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.by


def installation(url: str, clock: Ahead | None = None) -> tuple[SessionService, Database, NoProvider]:
    """The sessions of one more process over this database."""
    settings = testing.settings(database_url=url)
    keyring = Keyring(settings.secrets)
    storage, provider = open_database(settings, keyring), NoProvider()
    context = SessionContext(
        storage,
        keyring,
        provider,  # type: ignore[arg-type] # the methods that the sessions call
        None,  # type: ignore[arg-type] # no token is verified here
        SessionLifetimes(3600, 28800, 300),
        implicit_role_mapping=True,
        clock=clock or utc_now,
    )
    sessions = SessionService(context)
    return sessions, storage, provider


@dataclass
class Victim:
    """A database with one session, and a process that was killed over it."""

    url: str
    ref: str
    storage: Database

    def kill(self, mode: str) -> None:
        """Let a process start the operation, and kill it in the middle."""
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, mode, self.url, self.ref],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "now\n"
            process.kill()

    def ends(self) -> int:
        with self.storage.engine.connect() as connection:
            return int(
                connection.execute(
                    text("SELECT count(*) FROM audit_events WHERE kind = 'app:session:end'")
                ).scalar_one()
            )


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    url = f"sqlite:///{_migrated(tmp_path)}"
    _, storage, _ = installation(url)
    keyring = Keyring(testing.settings().secrets)
    ref, now = secrets.token_urlsafe(16), utc_now()
    with storage.unit_of_work() as unit:
        subject = Subject(testing.ISSUER, "test|ann")
        unit.save_person(Person(subject=subject, name="Ann"), now)
        unit.begin_session(
            NewSession(
                ref=ref,
                secret_hash=secrets.token_bytes(32),
                subject=subject,
                authenticated_at=now,
                expires_at=now + timedelta(hours=8),
                sealed_tokens=ProviderTokens("the token", "the refresh token", "").seal(keyring, ref),
                access_token_hash=secrets.token_bytes(32),
                access_expires_at=now + timedelta(hours=1),
            ),
            # Due because its rights were synced that long ago: the token itself lasts, however slow this runs.
            now - timedelta(minutes=20),
        )
        unit.commit()
    try:
        yield Victim(url, ref, storage)
    finally:
        storage.close()


def test_killed_before_an_end_is_committed_the_session_is_unchanged(victim: Victim) -> None:
    victim.kill("ending, before the commit")
    sessions, storage, _ = installation(victim.url)
    assert sessions.by_ref(victim.ref).ended_at is None
    assert victim.ends() == 0
    sessions.end(victim.ref, EndReason.SIGNED_OUT, by="test")  # no lock was left behind
    with pytest.raises(SessionEnded):
        sessions.by_ref(victim.ref)
    assert victim.ends() == 1
    storage.close()


def test_killed_after_an_end_is_committed_the_session_has_ended_and_its_tokens_are_deleted(victim: Victim) -> None:
    victim.kill("ending, after the commit")
    sessions, storage, _ = installation(victim.url)
    with pytest.raises(SessionEnded):
        sessions.by_ref(victim.ref)
    assert storage.read.sealed_tokens(victim.ref) is None
    assert victim.ends() == 1
    storage.close()


def test_killed_in_the_middle_of_a_refresh_the_session_lives_and_the_lease_runs_out(victim: Victim) -> None:
    victim.kill("refreshing")
    clock = Ahead()
    sessions, storage, provider = installation(victim.url, clock)
    assert sessions.by_ref(victim.ref).ended_at is None
    assert sessions.access_token(victim.ref) == "the token"  # the old one, while it is valid
    assert provider.refreshes == 0  # the lease still belongs to the killed process
    clock.by = timedelta(seconds=LEASE_SECONDS + 1)
    assert sessions.access_token(victim.ref) == "the token"
    assert provider.refreshes == 1  # taken over
    storage.close()


def _migrated(folder: Path) -> Path:
    file = folder / "killed.sqlite3"
    migrate(f"sqlite:///{file}")
    return file
