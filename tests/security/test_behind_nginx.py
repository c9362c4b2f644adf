"""Two app processes behind the shipped nginx configuration, unchanged but for addresses and TLS."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.nginx import Nginx
from tests.ports import free_port
from tests.security.app_processes import AppProcesses, SignedInUser, app_processes
from tests.security.socket_tab import SocketTab
from tests.stub_api import RecordedRequest, StubApi, StubResponse
from tests.waiting import wait_until

pytestmark = pytest.mark.xdist_group("behind-nginx")  # its processes start once, not once per worker
APP_ADDRESS = ("172.30.0.3 1;", "127.0.0.1 1;")
"""Makes the address of the tests that of the app."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    with app_processes(tmp_path_factory.mktemp("behind-nginx"), processes=2) as started:
        yield started


@pytest.fixture(scope="module")
def proxy(app: AppProcesses) -> Iterator[Nginx]:
    with Nginx(app.folder / "nginx", apps=app.ports) as started:
        yield started


def call(
    proxy: Nginx, path: str, user: SignedInUser, method: str = "GET", *, token: str = "", file: bytes | None = None
) -> requests.Response:
    cookies = user.cookies | ({"_streamlit_xsrf": token} if token else {})
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()), "X-Xsrftoken": token}
    files = {"file": ("x.csv", file)} if file is not None else None
    return requests.request(
        method, f"{proxy.url}{path}", headers=headers, files=files, timeout=60, allow_redirects=False
    )


@pytest.mark.parametrize("kind", ["media", "uploads"])
def test_files_of_a_tab_are_found_in_every_process(app: AppProcesses, proxy: Nginx, kind: str) -> None:
    """As after a replica came back: the tab is served by one process, and its browser's cookie leads to another.

    One browser with a tab in each process: its cookie leads to one of the two, whichever that is, so that the files of
    the other tab are always asked for at the wrong process first. Each tab is of another user, because the same file of
    the same user has the same address in both processes.
    """
    users = [app.sign_in(f"{kind}-{process}") for process in (0, 1)]
    for process, user in enumerate(users):
        user.cookies[app.cookies.browser] = users[0].cookies[app.cookies.browser]
        with app.tab(user, process) as tab:
            tab.open()
            if kind == "media":
                answer = call(proxy, tab.files["media"], user)
                secret = f'secret of ["https://tests.example/", "test|media-{process}"]'
                assert (answer.status_code, answer.text) == (200, secret), process
            else:
                token = call(proxy, "/_stcore/health", user).cookies["_streamlit_xsrf"]
                upload = f"/_stcore/upload_file/{tab.session_id}/a-file"
                answer = call(proxy, upload, user, "PUT", token=token, file=b"a,b\n" * 4_900_000)
                assert answer.status_code == 204, process
                assert call(proxy, upload, user, "DELETE", token=token).status_code == 204, process


def test_files_of_other_users_are_found_in_no_process(app: AppProcesses, proxy: Nginx) -> None:
    ann, bob = app.sign_in("ann"), app.sign_in("bob")
    with app.tab(ann) as tab:
        tab.open()
        assert call(proxy, tab.files["media"], bob).status_code == 404
        token = call(proxy, "/_stcore/health", bob).cookies["_streamlit_xsrf"]
        upload = f"/_stcore/upload_file/{tab.session_id}/a-file"
        assert call(proxy, upload, bob, "PUT", token=token, file=b"a,b").status_code == 404


def test_a_tab_is_served_through_the_proxy(app: AppProcesses, proxy: Nginx) -> None:
    ann = app.sign_in("ann")
    with SocketTab(proxy.url, cookies=ann.cookies) as tab:
        tab.open()
        assert call(proxy, tab.files["media"], ann).status_code == 200


@contextmanager
def before_api(folder: Path, *changes: tuple[str, str]) -> Iterator[tuple[StubApi, str]]:
    """An API behind the proxy, and its address there."""
    with (
        StubApi() as api,
        Nginx(folder, apps=[free_port()], api=int(api.url.rpartition(":")[2]), changes=changes) as proxy,
    ):
        yield api, f"http://127.0.0.1:{proxy.api_port}"


def test_calls_from_elsewhere_are_limited_by_address(tmp_path: Path) -> None:
    with before_api(tmp_path, ("zone=api_requests:10m rate=100r/s", "zone=api_requests:10m rate=1r/m")) as (api, url):
        api.default_response = StubResponse(204)
        with requests.Session() as session:
            statuses = [session.get(f"{url}/api/v1/me", timeout=60).status_code for _ in range(520)]
    assert statuses[:501] == [204] * 501
    assert 429 in statuses[501:]


def test_calls_of_the_pages_are_not_limited_by_the_apps_address(tmp_path: Path) -> None:
    """The calls of all users come from the app's address."""
    changes = [APP_ADDRESS, ("zone=api_requests:10m rate=100r/s", "zone=api_requests:10m rate=1r/m")]
    with before_api(tmp_path, *changes) as (api, url):
        api.default_response = StubResponse(204)
        with requests.Session() as session:
            statuses = [session.get(f"{url}/api/v1/me", timeout=60).status_code for _ in range(520)]
    assert statuses == [204] * 520


@pytest.mark.parametrize(("changes", "refused"), [([], 20), ([APP_ADDRESS], 0)], ids=["elsewhere", "app"])
def test_only_the_app_may_have_more_than_a_hundred_calls_under_way(
    tmp_path: Path, changes: Sequence[tuple[str, str]], refused: int
) -> None:
    with before_api(tmp_path, *changes) as (api, url), ThreadPoolExecutor(120) as pool:
        release, enough, lock = threading.Event(), threading.Event(), threading.Lock()
        waiting: list[RecordedRequest] = []

        def hold(request: RecordedRequest) -> StubResponse:
            with lock:
                waiting.append(request)
                if len(waiting) == 120 - refused:
                    enough.set()
            return StubResponse(200, b"{}", {"Content-Type": "application/json"}, until=release)

        api.responses["GET", "/api/v1/me"] = hold
        calls = [pool.submit(requests.get, f"{url}/api/v1/me", timeout=120) for _ in range(120)]
        try:
            assert enough.wait(20)
            wait_until(lambda: sum(call.done() for call in calls) >= refused)
        finally:
            release.set()
        statuses = sorted(call.result().status_code for call in calls)
    assert statuses == [200] * (120 - refused) + [503] * refused
