"""Each answer of the class 5xx of our own routes is one line in the log, with its reason and correlation id."""

from __future__ import annotations

import pytest
import structlog

from app.core.errors import StorageUnavailable
from app.core.records import Session
from tests.signin import SignInWorld


@pytest.mark.parametrize("path", ["/", "/auth/ended", "/auth/session", "/media/x.png"])
def test_each_503_is_one_line(installation: SignInWorld, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = installation.sign_in()

    def down(_: str) -> Session:
        raise StorageUnavailable

    monkeypatch.setattr(installation.sessions, "resolve", down)
    with structlog.testing.capture_logs() as lines:
        answer = client.get(path)
    assert answer.status == 503
    (line,) = [line for line in lines if line["event"] == "a request failed"]
    assert (line["log_level"], line["status"]) == ("error", 503)
    assert ("storage-unavailable" in line["reason"]) is (path != "/auth/session")
    assert dict(answer.headers)["x-correlation-id"] == line["correlation_id"]
