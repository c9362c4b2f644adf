"""Each answer of the class 5xx of our own routes is one line in the log, with its reason and correlation id."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from app.core.errors import StorageUnavailable
from app.core.records import Session
from component.http import static_pages
from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import SignInWorld, world


@pytest.fixture
def installation() -> Iterator[SignInWorld]:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, world(fake, clock) as installation:
        yield installation


@pytest.mark.parametrize("path", ["/", "/auth/ended", "/auth/session", "/media/x.png"])
def test_each_503_is_one_line(
    installation: SignInWorld, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    browser = installation.sign_in()

    def down(_: str) -> Session:
        raise StorageUnavailable

    monkeypatch.setattr(installation.sessions, "resolve", down)
    caplog.set_level(logging.INFO)
    caplog.clear()
    answer = browser.get(path)
    assert answer.status == 503
    (line,) = [record for record in caplog.records if record.name == static_pages.__name__]
    assert line.levelname == "ERROR"
    assert "503" in line.getMessage()
    assert ("storage-unavailable" in line.getMessage()) is (path != "/auth/session")
    assert dict(answer.headers)["x-correlation-id"] in line.getMessage()
