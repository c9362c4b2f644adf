"""Two app processes and the real local tenant: twenty reruns at a token's end are one refresh; a provider that is down.

Nothing is faked: the requests to the token endpoint are counted where they arrive.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import requests
from streamlit.proto.BackMsg_pb2 import BackMsg

from component.session.refresh import PAUSE_SECONDS
from tests.ports import free_port
from tests.raw_socket import RawSocket
from tests.security.counting_tenant import LINE
from tests.stack import Stack

TABS = 20


class TwoProcesses(Stack):
    """The stack, with the tenant that counts and one more app process."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.second_port = free_port()

    def start_tenant(self) -> None:
        arguments = ["tests.security.counting_tenant", "--port", str(self.tenant_port), "--app-url", self.app_url]
        self._start("tenant", arguments, f"{self.issuer}healthz")

    def start_second_app(self) -> None:
        url = f"http://localhost:{self.second_port}/_stcore/health"
        self._start("app-2", ["app", "serve", "--port", str(self.second_port)], url)

    @property
    def apps(self) -> list[str]:
        return [self.app_url, f"http://localhost:{self.second_port}"]

    def asked(self, grant_type: str = "refresh_token") -> int:
        """How many requests of this kind the token endpoint has seen."""
        return len(re.findall(f"{LINE} {grant_type}", self.log("tenant")))

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.folder / "var" / "gatehouse.sqlite3", timeout=10)) as connection:
            found = connection.execute(statement, values).fetchall()
            connection.commit()
            return found

    def sign_in(self, person: str) -> dict[str, str]:
        """The cookies of a browser after the whole way through the tenant's page."""
        with requests.Session() as browser:
            page = browser.get(f"{self.app_url}/auth/login?return_to=/auth-is-done")
            state = re.search(r'name="state" value="([^"]+)"', page.text)
            assert state is not None, page.text[:2000]
            form = {"state": state[1], "person": person}
            origin = {"Origin": self.issuer.rstrip("/")}
            back = browser.post(f"{self.issuer}u/login", data=form, headers=origin, allow_redirects=False)
            done = browser.get(back.headers["Location"], allow_redirects=False)
            assert done.headers.get("Location") == f"{self.app_url}/auth-is-done", done.text
            return {
                cookie.name: cookie.value or "" for cookie in browser.cookies if cookie.name.startswith("gatehouse")
            }

    def token_ends_in(self, seconds: float) -> None:
        """Make the access tokens of all sessions end so soon."""
        self.sql("UPDATE sessions SET access_expires_at = ?", int((time.time() + seconds) * 1e6))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoProcesses]:
    with TwoProcesses(tmp_path_factory.mktemp("two")) as stack:
        # Left from long ago: the process that starts now forgets it.
        stack.sql("INSERT INTO login_states (state_hash, expires_at) VALUES (?, ?)", b"old", 1)
        stack.start_second_app()
        yield stack


def profile(socket: RawSocket, base_url: str) -> str:
    """Run Profile, which asks the API with the session's token; → everything it wrote."""
    message = BackMsg()
    message.rerun_script.page_name = "profile"
    message.rerun_script.context_info.url = f"{base_url}/profile"
    socket.send(message)
    return "\n".join(socket.texts())


def test_what_has_expired_is_forgotten_when_a_process_starts(here: TwoProcesses) -> None:
    deadline = time.monotonic() + 10
    while here.sql("SELECT 1 FROM login_states WHERE expires_at = 1"):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_twenty_reruns_in_two_processes_at_the_tokens_end_are_one_refresh(here: TwoProcesses) -> None:
    cookies = here.sign_in("bruno")
    assert here.asked("authorization_code") == 1
    with ExitStack() as stack, ThreadPoolExecutor(TABS) as pool:
        where = [here.apps[number % 2] for number in range(TABS)]
        tabs = [(stack.enter_context(RawSocket(url, cookies=cookies)), url) for url in where]
        for tab, url in tabs:
            assert "this one" in profile(tab, url)
        before = here.asked()
        for seconds in (20, -1):  # about to end; ended
            here.token_ends_in(seconds)
            together = threading.Barrier(TABS)

            def rerun(tab: RawSocket, url: str, together: threading.Barrier = together) -> str:
                together.wait(20)
                return profile(tab, url)

            found = list(pool.map(lambda pair: rerun(*pair), tabs))
            assert all("this one" in texts for texts in found)  # each got what it asked of the API
            before += 1
            assert here.asked() == before
    print(f"{2 * TABS} reruns from two processes, tokens ending twice: {before} refresh requests")


def test_a_provider_that_is_down_is_said_where_the_token_is_needed_and_it_recovers(here: TwoProcesses) -> None:
    cookies = here.sign_in("chiyo")
    with RawSocket(here.app_url, cookies=cookies) as tab:
        assert "this one" in profile(tab, here.app_url)
        here.stop("tenant")
        here.token_ends_in(30)
        assert "this one" in profile(tab, here.app_url)  # the old token goes on while it lasts
        here.token_ends_in(-1)
        message = BackMsg()
        message.rerun_script.page_name = "profile"
        message.rerun_script.context_info.url = f"{here.app_url}/profile"
        tab.send(message)
        said = _everything(tab)
        assert "provider does not answer" in said
        assert requests.get(f"{here.app_url}/auth/session", cookies=cookies, timeout=5).json()["authenticated"] is True
        here.start_tenant()
        deadline = time.monotonic() + PAUSE_SECONDS + 10
        while "this one" not in profile(tab, here.app_url):
            assert time.monotonic() < deadline
            time.sleep(1)


def _everything(tab: RawSocket) -> str:
    """All texts of a run, those of its notices too."""
    found = []
    while True:
        message = tab.receive()
        if message.WhichOneof("type") == "delta":
            element = message.delta.new_element
            found.append(element.alert.body if element.HasField("alert") else element.markdown.body)
        if message.WhichOneof("type") == "script_finished":
            return "\n".join(found)
