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
from tests.waiting import wait_until

TABS = 20


class TwoProcesses(Stack):
    """The stack with a tenant that counts requests, and one more app process."""

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

    def token_requests(self, grant_type: str = "refresh_token") -> int:
        """How many requests with this grant type the token endpoint has received."""
        return len(re.findall(f"{LINE} {grant_type}", self.log("tenant")))

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.folder / "var" / "gatehouse.sqlite3", timeout=10)) as connection:
            rows = connection.execute(statement, values).fetchall()
            connection.commit()
            return rows

    def sign_in(self, person: str) -> dict[str, str]:
        """The cookies of a browser after a complete sign-in on the tenant's page."""
        with requests.Session() as http:
            page = http.get(f"{self.app_url}/auth/login?return_to=/auth-is-done")
            state = re.search(r'name="state" value="([^"]+)"', page.text)
            assert state is not None, page.text[:2000]
            form = {"state": state[1], "person": person}
            origin = {"Origin": self.issuer.rstrip("/")}
            back = http.post(f"{self.issuer}u/login", data=form, headers=origin, allow_redirects=False)
            response = http.get(back.headers["Location"], allow_redirects=False)
            assert response.headers.get("Location") == f"{self.app_url}/auth-is-done", response.text
            return {cookie.name: cookie.value or "" for cookie in http.cookies if cookie.name.startswith("gatehouse")}

    def token_ends_in(self, seconds: float) -> None:
        """Make the access tokens of all sessions expire in this time."""
        self.sql("UPDATE sessions SET access_expires_at = ?", int((time.time() + seconds) * 1e6))


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoProcesses]:
    with TwoProcesses(tmp_path_factory.mktemp("two")) as stack:
        # A row that expired long ago: the process that starts now purges it.
        stack.sql("INSERT INTO login_states (state_hash, expires_at) VALUES (?, ?)", b"old", 1)
        stack.start_second_app()
        yield stack


def profile(socket: RawSocket, base_url: str) -> str:
    """Run Profile, which calls the API with the session's token; → the texts of the page."""
    message = BackMsg()
    message.rerun_script.page_name = "profile"
    message.rerun_script.context_info.url = f"{base_url}/profile"
    socket.send(message)
    return "\n".join(socket.texts())


def test_expired_rows_are_purged_when_a_process_starts(installation: TwoProcesses) -> None:
    wait_until(lambda: not installation.sql("SELECT 1 FROM login_states WHERE expires_at = 1"))


def test_twenty_reruns_in_two_processes_at_the_tokens_end_are_one_refresh(installation: TwoProcesses) -> None:
    cookies = installation.sign_in("bruno")
    assert installation.token_requests("authorization_code") == 1
    with ExitStack() as stack, ThreadPoolExecutor(TABS) as pool:
        where = [installation.apps[number % 2] for number in range(TABS)]
        tabs = [(stack.enter_context(RawSocket(url, cookies=cookies)), url) for url in where]
        for tab, url in tabs:
            assert "this browser" in profile(tab, url)
        before = installation.token_requests()
        for seconds in (20, -1):  # about to end; ended
            installation.token_ends_in(seconds)
            together = threading.Barrier(TABS)

            def rerun(tab: RawSocket, url: str, together: threading.Barrier = together) -> str:
                together.wait(20)
                return profile(tab, url)

            results = list(pool.map(lambda pair: rerun(*pair), tabs))
            assert all("this browser" in texts for texts in results)  # each got its response from the API
            before += 1
            assert installation.token_requests() == before
    print(f"{2 * TABS} reruns from two processes, tokens ending twice: {before} refresh requests")


def test_a_provider_that_is_down_is_reported_where_the_token_is_needed_and_recovers(installation: TwoProcesses) -> None:
    cookies = installation.sign_in("chiyo")
    with RawSocket(installation.app_url, cookies=cookies) as tab:
        assert "this browser" in profile(tab, installation.app_url)
        installation.stop("tenant")
        installation.token_ends_in(30)
        assert "this browser" in profile(tab, installation.app_url)  # the old token is used while it is valid
        installation.token_ends_in(-1)
        message = BackMsg()
        message.rerun_script.page_name = "profile"
        message.rerun_script.context_info.url = f"{installation.app_url}/profile"
        tab.send(message)
        page = _all_texts(tab)
        assert "provider does not answer" in page
        assert (
            requests.get(f"{installation.app_url}/auth/session", cookies=cookies, timeout=5).json()["authenticated"]
            is True
        )
        installation.start_tenant()
        wait_until(lambda: "this browser" in profile(tab, installation.app_url), within_seconds=PAUSE_SECONDS + 20)


def _all_texts(tab: RawSocket) -> str:
    """All texts of a run, those of its notices too."""
    texts = []
    while True:
        message = tab.receive()
        if message.WhichOneof("type") == "delta":
            element = message.delta.new_element
            texts.append(element.alert.body if element.HasField("alert") else element.markdown.body)
        if message.WhichOneof("type") == "script_finished":
            return "\n".join(texts)
