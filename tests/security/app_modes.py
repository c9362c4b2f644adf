"""Tiny apps as real processes, with the identity middleware and without it, and users signed in to them."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests

from app.core.clock import utc_now
from app.core.keyring import Keyring
from app.core.principal import Subject
from app.core.records import EndReason, NewSession, Person
from component.http.cookies import Cookies
from db import Database, migrate, open_database
from tests import preloaded_python
from tests.ports import free_port
from tests.preloaded_python import Process
from tests.raw_socket import RawSocket
from tests.security.guarded_app import CONNECTED_SESSIONS_PATH, MODES, settings_for
from tests.stack import ROOT
from tests.waiting import wait_until

SCRIPT = """
import json
import streamlit as st

draft = st.query_params.get("draft")
if draft:
    st.session_state["draft"] = draft
st.markdown("draft=" + st.session_state.get("draft", "nothing"))
st.markdown("user=" + json.dumps(st.user.to_dict()))
st.markdown("cookies=" + json.dumps(dict(st.context.cookies)))
"""
ISSUER = "http://127.0.0.1:1/"


@dataclass
class GuardedApp:
    """A running app in one of the modes of ``guarded_app``."""

    mode: str
    base_url: str
    header_names: dict[str, str]
    database: Database
    cookies: Cookies
    pid: int = 0

    def sign_in(self, name: str) -> dict[str, str]:
        """Issue a session of the user; → the cookies of its browser."""
        ref, secret, now = secrets.token_urlsafe(16), secrets.token_urlsafe(32), utc_now()
        with self.database.unit_of_work() as unit:
            unit.save_person(Person(subject=Subject(ISSUER, name), name=name), now)
            unit.begin_session(
                NewSession(
                    ref=ref,
                    secret_hash=hashlib.sha256(secret.encode()).digest(),
                    subject=Subject(ISSUER, name),
                    authenticated_at=now,
                    expires_at=now + timedelta(hours=1),
                    sealed_tokens=b"none",
                    access_token_hash=secrets.token_bytes(32),
                    access_expires_at=now + timedelta(hours=1),
                ),
                now,
            )
            unit.commit()
        return {self.cookies.session: secret, self.cookies.browser: secrets.token_urlsafe(32)}

    def end(self, cookies: dict[str, str]) -> None:
        session = self.database.read.session_by_secret(hashlib.sha256(cookies[self.cookies.session].encode()).digest())
        assert session is not None
        with self.database.unit_of_work() as unit:
            assert unit.end_session(session.ref, EndReason.SIGNED_OUT, utc_now())
            unit.commit()

    def socket(self, cookies: dict[str, str] | None = None, **more: Any) -> RawSocket:
        return RawSocket(self.base_url, cookies=cookies, **more)

    def save_draft(self, cookies: dict[str, str], text: str) -> str:
        """Open the app, save ``text`` in its session state, disconnect; → the id of the Streamlit session."""
        with self.socket(cookies) as tab:
            assert f"draft={text}" in tab.rerun(f"draft={text}")
            session_id = tab.session_id
        wait_until(lambda: session_id not in self.connected_sessions(), description="the server has noticed the close")
        return session_id

    def connected_sessions(self) -> list[str]:
        """The Streamlit sessions that have a socket, according to Streamlit."""
        response = requests.get(f"{self.base_url}{CONNECTED_SESSIONS_PATH}", timeout=10)
        sessions: list[str] = response.json()
        return sessions

    def claim_session(self, cookies: dict[str, str] | None, session_id: str, **more: Any) -> tuple[str, str]:
        """Claim a Streamlit session; → the draft in its state for this client, and the session it really got."""
        with self.socket(cookies, reattach_to=session_id, **more) as tab:
            return tab.rerun()[0].removeprefix("draft="), tab.session_id


@contextmanager
def running_apps(folder: Path, modes: Sequence[str] = MODES) -> Iterator[Callable[[str], GuardedApp]]:
    """Start one app for each mode, and stop them at the end of the block; the result maps a mode to its app."""
    script = folder / "tiny.py"
    script.write_text(SCRIPT)
    url = f"sqlite:///{folder}/binding.sqlite3"
    migrate(url)
    running: dict[str, GuardedApp] = {}
    processes: list[Process] = []
    databases: list[Database] = []
    try:
        for mode in modes:
            port = free_port()
            environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAMLIT")}
            with (folder / f"{mode}.log").open("w") as log:
                process = preloaded_python.shared().start(
                    ["tests.security.guarded_app", mode, str(port), url, str(script)],
                    cwd=folder,
                    env=environment | {"PYTHONPATH": str(ROOT)},
                    stdout=subprocess.PIPE,
                    stderr=log,
                )
            processes.append(process)
            settings = settings_for(f"http://127.0.0.1:{port}", url)
            databases.append(open_database(settings, Keyring(settings.secrets)))
            running[mode] = GuardedApp(mode, settings.app_base_url, {}, databases[-1], Cookies(settings.app_base_url))
        for mode, process in zip(modes, processes, strict=True):
            assert process.stdout is not None
            running[mode].pid = process.pid
            running[mode].header_names = json.loads(process.stdout.readline())
            _wait(running[mode].base_url, process, folder / f"{mode}.log")
        yield running.__getitem__
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)
            if process.stdout is not None:
                process.stdout.close()
        for database in databases:
            database.close()


def _wait(base_url: str, process: Process, log: Path) -> None:
    def is_healthy() -> bool:
        assert process.poll() is None, log.read_text()
        with suppress(requests.RequestException):  # not up yet, or too busy to answer
            return requests.get(f"{base_url}/_stcore/health", timeout=2).ok
        return False

    wait_until(is_healthy, within_seconds=60)
