"""A process that may open few files: how many tabs fit, how the next one is refused, and the content of the log."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests
from websockets.exceptions import InvalidStatus

from app.server import OpenFileLimit
from tests.security.app_processes import AppProcesses, app_processes

OPEN_FILES = 460
PLACES = 19
"""The number of tabs: 256 files are reserved and 128 are for connections of pages; each tab uses four."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    with app_processes(tmp_path_factory.mktemp("few"), processes=1, OPEN_FILES=str(OPEN_FILES), UNEDITED="1") as made:
        yield made


def open_files(app: AppProcesses) -> int:
    return len(list(Path(f"/proc/{app.processes[0].pid}/fd").iterdir()))


@pytest.mark.parametrize(("soft", "places"), [(1024, 160), (460, 19), (100, 1), (16_384, 4000), (1_048_576, 262_048)])
def test_how_many_tabs_fit(soft: int, places: int) -> None:
    assert OpenFileLimit(soft, soft).sockets == places


def test_as_many_tabs_as_fit_are_served_and_the_next_gets_an_explanation(app: AppProcesses) -> None:
    with ExitStack() as stack:
        tabs = [stack.enter_context(app.tab(app.sign_in(f"person {number}"))) for number in range(PLACES)]
        for tab in tabs:
            assert tab.open()
        assert open_files(app) <= OPEN_FILES - 200
        for _ in range(20):
            with pytest.raises(InvalidStatus) as refused:
                app.tab(app.sign_in("late"))
            assert refused.value.response.status_code == 503
            assert b"Too many connections are open" in (refused.value.response.body or b"")
        page = requests.get(app.base_url, timeout=30)
        assert page.status_code == 503
        assert "Too many tabs are open" in page.text
        assert page.headers["Retry-After"] == "10"
        tabs[0].close()
        tabs[1].press("callback")
        assert tabs[1].read_run()
        _place_is_free(app)
    assert app.log().count("connections are refused") == 1
    assert "out of system resource" not in app.log()


def _place_is_free(app: AppProcesses) -> None:
    """Wait until the place of a closed tab is free."""
    for _ in range(200):
        with suppress(InvalidStatus), app.tab(app.sign_in("next")) as tab:
            assert tab.open()
            return
    raise AssertionError("the place of a closed tab was not free in time")


def _is_refused(app: AppProcesses) -> bool:
    """Whether one more connection is answered with 503; a connection that gets a free place receives 408 later."""
    answer = b""
    with socket.create_connection(("127.0.0.1", app.ports[0]), 60) as one_more, suppress(ConnectionResetError):
        while more := one_more.recv(4096):
            answer += more
    return answer.startswith(b"HTTP/1.1 503 ")


def test_idle_connections_use_up_no_files_and_fill_no_log(app: AppProcesses) -> None:
    before = len(app.log().splitlines())
    with ExitStack() as stack:
        for _ in range(2 * OPEN_FILES):
            stack.enter_context(socket.create_connection(("127.0.0.1", app.ports[0]), 60))
        assert any(_is_refused(app) for _ in range(20))
        assert open_files(app) <= OPEN_FILES - 64
    assert len(app.log().splitlines()) - before <= 10
    assert app.processes[0].poll() is None
    _place_is_free(app)
