"""Tiny apps as real processes, with the socket guard and without, and people signed in to them."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
from tests.ports import free_port
from tests.raw_socket import RawSocket
from tests.security.guarded_app import MODES, settings_for
from tests.stack import ROOT

SCRIPT = """
import json
import streamlit as st

given = st.query_params.get("keep")
if given:
    st.session_state["kept"] = given
st.markdown("kept=" + st.session_state.get("kept", "nothing"))
st.markdown("user=" + json.dumps(st.user.to_dict()))
st.markdown("cookies=" + json.dumps(dict(st.context.cookies)))
"""
ISSUER = "http://127.0.0.1:1/"


@dataclass
class Served:
    """A running app."""

    mode: str
    base_url: str
    header_names: dict[str, str]
    database: Database
    cookies: Cookies
    pid: int = 0

    def sign_in(self, name: str) -> dict[str, str]:
        """A session of this person; → the cookies of the browser it is in."""
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
        found = self.database.read.session_by_secret(hashlib.sha256(cookies[self.cookies.session].encode()).digest())
        assert found is not None
        with self.database.unit_of_work() as unit:
            assert unit.end_session(found.ref, EndReason.SIGNED_OUT, utc_now())
            unit.commit()

    def socket(self, cookies: dict[str, str] | None = None, **more: Any) -> RawSocket:
        return RawSocket(self.base_url, cookies=cookies, **more)

    def leave_something(self, cookies: dict[str, str], text: str) -> str:
        """Open the app, leave ``text`` in its state, lose the connection; → the Streamlit session's id."""
        with self.socket(cookies) as tab:
            assert f"kept={text}" in tab.rerun(f"keep={text}")
            return tab.session_id

    def what_is_there(self, cookies: dict[str, str] | None, session_id: str, **more: Any) -> tuple[str, str]:
        """Claim a Streamlit session; → what its state holds for this client, and the session it really got."""
        for _ in range(20):
            with self.socket(cookies, reattach_to=session_id, **more) as tab:
                kept = tab.rerun()[0].removeprefix("kept=")
                if kept != "nothing" or tab.session_id == session_id:
                    return kept, tab.session_id
                found = kept, tab.session_id
            if self.mode not in {"neither", "no-guard"}:
                break
            time.sleep(0.1)  # the server may not have noticed yet that the owner is gone
        return found


@contextmanager
def serving(folder: Path, modes: Sequence[str] = MODES) -> Iterator[Callable[[str], Served]]:
    """The apps of these modes, started together; mode → app."""
    script = folder / "tiny.py"
    script.write_text(SCRIPT)
    url = f"sqlite:///{folder}/binding.sqlite3"
    migrate(url)
    running: dict[str, Served] = {}
    processes: list[subprocess.Popen[str]] = []
    databases: list[Database] = []
    try:
        for mode in modes:
            port = free_port()
            environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAMLIT")}
            with (folder / f"{mode}.log").open("w") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "tests.security.guarded_app", mode, str(port), url, str(script)],
                    cwd=folder,
                    env=environment | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
            processes.append(process)
            settings = settings_for(f"http://127.0.0.1:{port}", url)
            databases.append(open_database(settings, Keyring(settings.secrets)))
            running[mode] = Served(mode, settings.app_base_url, {}, databases[-1], Cookies(settings.app_base_url))
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


def _wait(base_url: str, process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            if requests.get(f"{base_url}/_stcore/health", timeout=2).ok:
                return
        except requests.RequestException:  # not up yet, or too busy to answer
            time.sleep(0.1)
    raise AssertionError(log.read_text())
