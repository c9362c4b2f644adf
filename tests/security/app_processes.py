"""Two app processes over one database, a script that leaves traces, and users whose permissions change meanwhile."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import text

from app import testing
from app.core.audit import AuditKind, subject_name
from app.core.clock import utc_now
from app.core.hosted_app_config import load_hosted_app_config
from app.core.keyring import Keyring
from app.core.policy import Source
from app.core.ports import UnitOfWork
from app.core.principal import Subject
from app.core.records import EndReason, NewGrant, NewSession, Person, SteppedUp
from component.http.cookies import Cookies
from component.session.provider_tokens import ProviderTokens
from db import Database, migrate, open_database, seed
from tests import preloaded_python
from tests.ports import free_port
from tests.preloaded_python import Process
from tests.security.socket_tab import SocketTab
from tests.security.traced_script import SCRIPT
from tests.stack import ROOT
from tests.waiting import wait_until

ISSUER = testing.ISSUER


@dataclass
class SignedInUser:
    """A user with a session in one browser."""

    subject: Subject
    ref: str
    cookies: dict[str, str]


@dataclass
class AppProcesses:
    """The running installation."""

    folder: Path
    base_url: str
    ports: list[int]
    database: Database
    keyring: Keyring
    cookies: Cookies
    processes: list[Process] = field(default_factory=list)

    @property
    def traces(self) -> list[str]:
        """Names of the script's functions that have run, in order."""
        file = self.folder / "traces"
        return file.read_text().split() if file.exists() else []

    @property
    def ended(self) -> list[str]:
        """Names of the script's loops that have ended, however they did."""
        file = self.folder / "ended"
        return file.read_text().split() if file.exists() else []

    def sign_in(self, name: str, *roles: str, lasts_seconds: float = 3600.0) -> SignedInUser:
        """A new session of a user with these roles, in a browser of its own."""
        user = SignedInUser(Subject(ISSUER, f"test|{name}"), secrets.token_urlsafe(16), {})
        secret, now = secrets.token_urlsafe(32), utc_now()
        with self.database.unit_of_work() as unit:
            unit.save_person(Person(subject=user.subject, name=name), now)
            unit.begin_session(
                NewSession(
                    ref=user.ref,
                    secret_hash=hashlib.sha256(secret.encode()).digest(),
                    subject=user.subject,
                    authenticated_at=now,
                    expires_at=now + timedelta(seconds=lasts_seconds),
                    sealed_tokens=ProviderTokens("token", "", "").seal(self.keyring, user.ref),
                    access_token_hash=secrets.token_bytes(32),
                    access_expires_at=now + timedelta(hours=1),
                ),
                now,
            )
            for role in roles:
                unit.add_grant(NewGrant(subject=user.subject, source=Source.ADMIN, author="test", role=role), now)
            unit.commit()
        user.cookies = {self.cookies.session: secret, self.cookies.browser: secrets.token_urlsafe(32)}
        return user

    def tab(self, user: SignedInUser | None, process: int = 0, **more: Any) -> SocketTab:
        """A new tab, connected to one of the processes."""
        return SocketTab(
            f"http://127.0.0.1:{self.ports[process]}", cookies=user.cookies if user is not None else None, **more
        )

    def grant(self, user: SignedInUser, role: str, *, lasts_seconds: float | None = None) -> None:
        """Grant a role."""
        now = utc_now()
        until = now + timedelta(seconds=lasts_seconds) if lasts_seconds is not None else None
        with self.database.unit_of_work() as unit:
            unit.add_grant(
                NewGrant(subject=user.subject, source=Source.ADMIN, author="test", role=role, expires_at=until), now
            )
            unit.commit()

    def revoke(self, user: SignedInUser, role: str) -> None:
        """Revoke a role."""
        with self.database.unit_of_work() as unit:
            grant = NewGrant(subject=user.subject, source=Source.ADMIN, author="test", role=role)
            assert unit.revoke_grant(grant, utc_now())
            unit.commit()

    def end(self, user: SignedInUser) -> None:
        """End the session, as an administrator does."""
        with self.database.unit_of_work() as unit:
            assert unit.end_session(user.ref, EndReason.ENDED_BY_ADMIN, utc_now())
            unit.commit()

    def backdate_activity(self, user: SignedInUser, seconds: float) -> None:
        """Move the time of the user's last activity into the past."""
        with self.database.engine.connect() as connection:
            microseconds = int(seconds * 1_000_000)
            statement = "UPDATE sessions SET last_seen_at = last_seen_at - ? WHERE ref = ?"
            connection.exec_driver_sql(statement, (microseconds, user.ref))
            connection.commit()

    def resume_session(self, user: SignedInUser) -> None:
        """Resume an expired session, as after the user signed in again."""
        self._reauthenticate(user, lambda unit, fresh, now: unit.resume_session(fresh, now + timedelta(hours=1), now))

    def step_up(self, user: SignedInUser) -> None:
        """Re-authenticate a live session, as after a step-up sign-in of the user."""
        self._reauthenticate(user, lambda unit, fresh, now: unit.step_up_session(fresh, now))

    def _reauthenticate(self, user: SignedInUser, update: Callable[[UnitOfWork, SteppedUp, datetime], bool]) -> None:
        """Issue a new secret for the session, and the cookie that holds it."""
        now, secret = utc_now(), secrets.token_urlsafe(32)
        fresh = SteppedUp(
            ref=user.ref,
            secret_hash=hashlib.sha256(secret.encode()).digest(),
            authenticated_at=now,
            sealed_tokens=ProviderTokens("token", "", "").seal(self.keyring, user.ref),
            access_token_hash=secrets.token_bytes(32),
            access_expires_at=now + timedelta(hours=1),
        )
        with self.database.unit_of_work() as unit:
            assert update(unit, fresh, now)
            unit.commit()
        user.cookies = {**user.cookies, self.cookies.session: secret}

    def block(self, user: SignedInUser) -> None:
        """Block the user, and change nothing else."""
        with self.database.unit_of_work() as unit:
            assert unit.set_blocked(user.subject, blocked=True)
            unit.commit()

    def remove_access(self, change: str, user: SignedInUser) -> None:
        """Make one of the changes ``lost role``, ``ended``, ``blocked``."""
        if change == "lost role":
            self.revoke(user, "analyst")
        elif change == "ended":
            self.end(user)
        else:
            self.block(user)

    def refusals(self, user: SignedInUser) -> list[str]:
        """The functions that the user was refused, as the audit log has them."""
        with self.database.engine.connect() as connection:
            rows = connection.execute(
                text("SELECT target FROM audit_events WHERE kind = :kind AND actor = :actor ORDER BY seq"),
                {"kind": AuditKind.FUNCTION_DENY.value, "actor": subject_name(user.subject)},
            )
            return [str(row.target) for row in rows]

    def request(
        self, path: str, user: SignedInUser | None = None, *, process: int = 0, method: str = "GET", **more: Any
    ) -> requests.Response:
        """Send one request from the user's browser, with the path unchanged."""
        session = requests.Session()
        session.trust_env = False
        request = requests.Request(method, "http://unset/", cookies=user.cookies if user else None, **more)
        prepared = session.prepare_request(request)
        prepared.url = f"http://127.0.0.1:{self.ports[process]}{path}"
        return session.send(prepared, timeout=10, allow_redirects=False)

    def log(self, process: int = 0) -> str:
        """The log of a process."""
        return (self.folder / f"app-{process}.log").read_text(errors="replace")


@contextmanager
def app_processes(
    folder: Path, *, script: str = SCRIPT, processes: int = 2, **environment: str
) -> Iterator[AppProcesses]:
    """Start the processes, and stop them at the end of the block."""
    file = folder / "script.py"
    file.write_text(script)
    ports = [free_port() for _ in range(processes)]
    base_url = f"http://127.0.0.1:{ports[0]}"
    url = f"sqlite:///{folder}/live.sqlite3"
    migrate(url)
    settings = testing.settings(database_url=url, app_base_url=base_url)
    keyring = Keyring(settings.secrets)
    database = open_database(settings, keyring)
    load_hosted_app_config(file if "HOSTED" in environment else None)
    seed(database)
    load_hosted_app_config(None)
    app = AppProcesses(folder, base_url, ports, database, keyring, Cookies(base_url))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("STREAMLIT")}
    try:
        for number, port in enumerate(ports):
            with (folder / f"app-{number}.log").open("w") as log:
                app.processes.append(
                    preloaded_python.shared().start(
                        ["tests.security.script_server", str(port), base_url, url, str(file)],
                        cwd=folder,
                        env=environ | {"PYTHONPATH": str(ROOT), "TRACES": str(folder / "traces")} | environment,
                        stdout=log,
                        stderr=log,
                    )
                )
        for number, port in enumerate(ports):
            _wait(app, number, port)
        yield app
    finally:
        for process in app.processes:
            process.terminate()
        for process in app.processes:
            process.wait(60)
        database.close()


def _wait(app: AppProcesses, number: int, port: int) -> None:
    def is_healthy() -> bool:
        assert app.processes[number].poll() is None, app.log(number)
        with suppress(requests.RequestException):  # not up yet, or too busy to answer
            return requests.get(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).ok
        return False

    wait_until(is_healthy, within_seconds=60)
