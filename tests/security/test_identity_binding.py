"""Nobody gets at another's Streamlit session: a real server, a real script, raw sockets (security rule R31).

Streamlit re-attaches a socket to whatever session it names, if the two sides' ``st.user`` are equal. The same takeover
is tried with the guard's identity and without, so that this file proves itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.exceptions import InvalidStatus

from app.core.clock import utc_now
from app.core.keyring import Keyring
from app.core.principal import Subject
from app.core.records import EndReason, NewSession, Person
from component.cookies import Cookies
from db import Database, migrate, open_database
from tests.raw_socket import RawSocket
from tests.security.guarded_app import MODES, settings_for
from tests.stack import ROOT, free_port

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
            if self.mode == "guarded":
                break
            time.sleep(0.1)  # the server may not have noticed yet that the owner is gone
        return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Served]]:
    """The three apps, started together."""
    folder = tmp_path_factory.mktemp("binding")
    script = folder / "tiny.py"
    script.write_text(SCRIPT)
    url = f"sqlite:///{folder}/binding.sqlite3"
    migrate(url)
    running: dict[str, Served] = {}
    processes: list[subprocess.Popen[str]] = []
    databases: list[Database] = []
    try:
        for mode in MODES:
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
        for mode, process in zip(MODES, processes, strict=True):
            assert process.stdout is not None
            running[mode].header_names = json.loads(process.stdout.readline())
            _wait(running[mode].base_url, process, folder / f"{mode}.log")
        yield running.__getitem__
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(10)
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
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_the_owner_comes_back_to_what_was_there(served: Callable[[str], Served]) -> None:
    app = served("guarded")
    alice = app.sign_in("alice")
    session_id = app.leave_something(alice, "alices-draft")
    for _ in range(30):
        with app.socket(alice, reattach_to=session_id) as tab:
            if tab.rerun()[0] == "kept=alices-draft":
                return
        time.sleep(0.1)
    raise AssertionError("Alice lost her own session")


@pytest.mark.parametrize("who", ["bob", "anonymous", "anonymous in her browser", "alice anew", "alice elsewhere"])
def test_nobody_else_gets_it(served: Callable[[str], Served], who: str) -> None:
    app = served("guarded")
    alice = app.sign_in("alice")
    session_id = app.leave_something(alice, "alices-draft")
    if who == "alice anew":
        app.end(alice)
    clients: dict[str, dict[str, str] | None] = {
        "bob": app.sign_in("bob"),
        "anonymous": None,
        "anonymous in her browser": {app.cookies.browser: alice[app.cookies.browser]},
        "alice anew": app.sign_in("alice") | {app.cookies.browser: alice[app.cookies.browser]},
        "alice elsewhere": {app.cookies.session: alice[app.cookies.session]},
    }
    time.sleep(0.3)  # so that the owner's socket is surely gone
    kept, got = app.what_is_there(clients[who], session_id)
    assert kept == "nothing"
    assert got != session_id


def test_a_session_that_ended_is_not_come_back_to(served: Callable[[str], Served]) -> None:
    app = served("guarded")
    alice = app.sign_in("alice")
    session_id = app.leave_something(alice, "alices-draft")
    app.end(alice)
    time.sleep(0.3)
    assert app.what_is_there(alice, session_id)[0] == "nothing"


def test_two_anonymous_browsers_do_not_match_each_other(served: Callable[[str], Served]) -> None:
    app = served("guarded")
    one = {app.cookies.browser: secrets.token_urlsafe(32)}
    session_id = app.leave_something(one, "anonymous-draft")
    time.sleep(0.3)
    other = {app.cookies.browser: secrets.token_urlsafe(32)}
    assert app.what_is_there(other, session_id)[0] == "nothing"
    assert app.what_is_there(None, session_id)[0] == "nothing"


@pytest.mark.parametrize("who", ["bob", "anonymous"])
def test_without_the_user_headers_the_takeover_works(served: Callable[[str], Served], who: str) -> None:
    """What the tests above would miss if Streamlit changed, or if they claimed the session wrongly."""
    app = served("no-user-headers")
    session_id = app.leave_something(app.sign_in("alice"), "alices-draft")
    kept, got = app.what_is_there(app.sign_in("bob") if who == "bob" else None, session_id)
    assert (kept, got) == ("alices-draft", session_id)


def _user(texts: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(texts[1].removeprefix("user="))
    return found


def test_forged_headers_do_nothing(served: Callable[[str], Served]) -> None:
    app = served("guarded")
    bob = app.sign_in("bob")
    forged = {key: name for name, key in app.header_names.items()}
    headers = [(forged["iss_sub"], json.dumps([ISSUER, "alice"])), (forged["sid"], "x"), (forged["guard"], "y")]
    headers += [
        ("X-Streamlit-User", "alice"),
        ("X-Forwarded-User", "alice"),
        ("X-Forwarded-Email", "alice@example.com"),
    ]
    with app.socket(bob) as honest, app.socket(bob, headers=headers) as liar:
        expected = _user(honest.rerun())
        assert _user(liar.rerun()) == expected
    assert expected["iss_sub"] == json.dumps([ISSUER, "bob"])
    with app.socket(None, headers=headers) as nobody:
        told = _user(nobody.rerun())
    assert (told["iss_sub"], told["sid"]) == ("", "")
    assert told["guard"] == expected["guard"]


def test_without_the_guard_forged_headers_work(served: Callable[[str], Served]) -> None:
    """Why ``trustedUserHeaders`` must never be set without the guard."""
    app = served("no-guard")
    forged = {key: name for name, key in app.header_names.items()}
    with app.socket(None, headers=[(forged["iss_sub"], "alice")]) as liar:
        told = _user(liar.rerun())
    assert told["iss_sub"] == "alice"
    assert told["guard"] is None  # and how main.py knows that the guard is not there


def test_scripts_see_none_of_our_cookies(served: Callable[[str], Served]) -> None:
    app = served("guarded")
    with app.socket(app.sign_in("alice") | {"theme": "dark"}) as tab:
        assert json.loads(tab.rerun()[2].removeprefix("cookies=")) == {"theme": "dark"}


def test_a_browser_without_a_cookie_gets_one_at_the_handshake(served: Callable[[str], Served]) -> None:
    app = served("guarded")
    with app.socket(None) as tab:
        (cookie,) = tab.set_cookies
        assert cookie.startswith(f"{app.cookies.browser}=")
        assert "HttpOnly" in cookie
    with app.socket(app.sign_in("alice")) as tab:
        assert tab.set_cookies == []


@pytest.mark.parametrize(
    ("more", "status"), [({"host": "evil.example"}, 421), ({"origin": "https://evil.example"}, 403)]
)
def test_foreign_hosts_and_origins_get_no_socket(
    served: Callable[[str], Served], more: dict[str, str], status: int
) -> None:
    with pytest.raises(InvalidStatus) as caught:
        served("guarded").socket(None, **more)
    assert caught.value.response.status_code == status


def test_what_streamlit_serves_besides_is_closed(served: Callable[[str], Served]) -> None:
    app = served("guarded")
    statuses = {
        "/": 200,
        "/anything": 200,
        "/_stcore/health": 200,
        "/_stcore/host-config": 200,
        "/_stcore/metrics": 404,
        "/_stcore/agent/openapi.json": 404,
        "/_stcore/agent/interact": 404,
        "/_stcore/agent/mcp": 404,
        "/_stcore/script-health-check": 404,
        "/x/_stcore/metrics": 404,
        "/nested/page": 404,
        "/app/static/x": 404,
    }
    found = {path: requests.get(app.base_url + path, timeout=5).status_code for path in statuses}
    assert found == statuses
    open_ones = served("no-guard").base_url
    assert requests.get(f"{open_ones}/_stcore/metrics", timeout=5).status_code == 200  # so closing it means something


def test_the_policy_names_the_inline_script_of_the_installed_page(served: Callable[[str], Served]) -> None:
    answer = requests.get(served("guarded").base_url, timeout=5)
    policy = answer.headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert answer.text.count("<script>") == policy.count("'sha256-") == 1
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"
