"""Two app processes over one database, a script that leaves traces, and people whose rights change meanwhile."""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app import testing
from app.core.clock import utc_now
from app.core.keyring import Keyring
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant, NewSession, Person
from component.cookies import Cookies
from component.provider_tokens import ProviderTokens
from db import Database, migrate, open_database, seed
from tests.raw_socket import RawSocket
from tests.stack import ROOT, free_port

SCRIPT = """
import os
import pathlib

import streamlit as st

from app import access
from app.core.permissions import Permission

TRACES = pathlib.Path(os.environ["TRACES"])


def trace(what):
    with TRACES.open("a") as file:
        file.write(what + "\\n")


@access.requires(Permission.EXPORT_REPORTS)
def guarded(what):
    trace(what)


@st.fragment
def part():
    if st.button("fragment", key="fragment"):
        trace("fragment")


st.text_input("draft", key="draft")
st.button("callback", key="callback", on_click=trace, args=("callback",))
part()
if st.button("function", key="function"):
    guarded("function")
st.download_button("media", data=b"secret of " + str(st.user.get("iss_sub")).encode(), key="media")
who = access.principal()
st.markdown("may=" + str(access.allows(Permission.EXPORT_REPORTS)))
st.markdown("who=" + (who.name or "nobody"))
"""
ISSUER = testing.ISSUER


@dataclass
class Someone:
    """A person with one browser."""

    subject: Subject
    ref: str
    cookies: dict[str, str]


class Tab(RawSocket):
    """A tab that knows its widgets."""

    widgets: dict[str, str]
    seen: list[ForwardMsg]

    def open(self, query: str = "") -> list[str]:
        """Run the script as a new tab does; → its texts."""
        self.widgets, self.seen = {}, []
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.context_info.url = "http://localhost/"
        self.send(message)
        return self.read_run()

    def read_run(self, timeout_seconds: float = 15.0) -> list[str]:
        """Read one run to its end; → the texts it wrote."""
        texts = []
        while True:
            message = self.receive(timeout_seconds)
            self.seen.append(message)
            if message.WhichOneof("type") == "delta":
                element = message.delta.new_element
                kind = element.WhichOneof("type")
                if kind == "markdown":
                    texts.append(element.markdown.body)
                elif kind in {"button", "download_button", "text_input"}:
                    widget = getattr(element, kind)
                    self.widgets[widget.label] = widget.id
                    if message.delta.fragment_id:
                        self.widgets[f"{widget.label} in"] = message.delta.fragment_id
            if message.WhichOneof("type") in {"script_finished", "auth_redirect"}:
                return texts

    def press(self, label: str) -> None:
        """Press a button, as its browser would."""
        message = BackMsg()
        state = message.rerun_script.widget_states.widgets.add()
        state.id = self.widgets[label]
        state.trigger_value = True
        fragment = self.widgets.get(f"{label} in")
        if fragment:
            message.rerun_script.fragment_id = fragment
        self.send(message)

    def wait_for_push(self, timeout_seconds: float = 10.0) -> str:
        """Wait for what the server sends by itself; → the address it sends to, or "" for a run."""
        while True:
            message = self.receive(timeout_seconds)
            self.seen.append(message)
            if message.WhichOneof("type") == "auth_redirect":
                return message.auth_redirect.url
            if message.WhichOneof("type") == "script_finished":
                return ""


@dataclass
class Live:
    """The running installation."""

    folder: Path
    base_url: str
    ports: list[int]
    database: Database
    keyring: Keyring
    cookies: Cookies
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def traces(self) -> list[str]:
        """What has run, in order."""
        file = self.folder / "traces"
        return file.read_text().split() if file.exists() else []

    def sign_in(self, name: str, *roles: str) -> Someone:
        """A new session of a person with these roles, at a browser of its own."""
        who = Someone(Subject(ISSUER, f"test|{name}"), secrets.token_urlsafe(16), {})
        secret, now = secrets.token_urlsafe(32), utc_now()
        with self.database.unit_of_work() as unit:
            unit.save_person(Person(subject=who.subject, name=name), now)
            unit.begin_session(
                NewSession(
                    ref=who.ref,
                    secret_hash=hashlib.sha256(secret.encode()).digest(),
                    subject=who.subject,
                    authenticated_at=now,
                    expires_at=now + timedelta(hours=1),
                    sealed_tokens=ProviderTokens("token", "", "").seal(self.keyring, who.ref),
                    access_token_hash=secrets.token_bytes(32),
                    access_expires_at=now + timedelta(hours=1),
                ),
                now,
            )
            for role in roles:
                unit.add_grant(NewGrant(subject=who.subject, source=Source.ADMIN, by="test", role=role), now)
            unit.commit()
        who.cookies = {self.cookies.session: secret, self.cookies.browser: secrets.token_urlsafe(32)}
        return who

    def tab(self, who: Someone | None, process: int = 0) -> Tab:
        """A new tab at one of the processes."""
        return Tab(f"http://127.0.0.1:{self.ports[process]}", cookies=who.cookies if who is not None else None)

    def grant(self, who: Someone, role: str) -> None:
        """Give a role."""
        with self.database.unit_of_work() as unit:
            unit.add_grant(NewGrant(subject=who.subject, source=Source.ADMIN, by="test", role=role), utc_now())
            unit.commit()

    def revoke(self, who: Someone, role: str) -> None:
        """Take a role away."""
        with self.database.unit_of_work() as unit:
            grant = NewGrant(subject=who.subject, source=Source.ADMIN, by="test", role=role)
            assert unit.revoke_grant(grant, utc_now())
            unit.commit()

    def log(self, process: int = 0) -> str:
        """What a process has written."""
        return (self.folder / f"app-{process}.log").read_text(errors="replace")


@contextmanager
def live(folder: Path, *, script: str = SCRIPT, processes: int = 2, **environment: str) -> Iterator[Live]:
    """Start the processes; the caller's block uses them."""
    file = folder / "script.py"
    file.write_text(script)
    ports = [free_port() for _ in range(processes)]
    base_url = f"http://127.0.0.1:{ports[0]}"
    url = f"sqlite:///{folder}/live.sqlite3"
    migrate(url)
    settings = testing.settings(database_url=url, app_base_url=base_url)
    keyring = Keyring(settings.secrets)
    database = open_database(settings, keyring)
    seed(database)
    made = Live(folder, base_url, ports, database, keyring, Cookies(base_url))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAMLIT")}
    try:
        for number, port in enumerate(ports):
            with (folder / f"app-{number}.log").open("w") as log:
                made.processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "tests.security.live_app", str(port), base_url, url, str(file)],
                        cwd=folder,
                        env=kept
                        | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "TRACES": str(folder / "traces")}
                        | environment,
                        stdout=log,
                        stderr=log,
                    )
                )
        for number, port in enumerate(ports):
            _wait(made, number, port)
        yield made
    finally:
        for process in made.processes:
            process.terminate()
        for process in made.processes:
            process.wait(15)
        database.close()


def _wait(made: Live, number: int, port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert made.processes[number].poll() is None, made.log(number)
        try:
            if requests.get(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError(made.log(number))
