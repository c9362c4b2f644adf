"""Changes sent to the remote API: how long a response is awaited, and changes without a response."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from app import api_client, api_transport
from app.admin.api import roles as roles_api
from app.core import correlation
from app.core.errors import (
    ApiUnavailable,
    ChangeUnconfirmed,
)
from app.services import Services
from db.timeouts import SERVICE_TIMEOUTS
from tests.app.api_client.signed import Signed
from tests.ports import free_port
from tests.stub_api import FAULTS, HTML, StubApi, StubResponse


def change() -> api_transport.ApiResponse:
    return api_client.call("PUT", "/api/v1/people/7/block", body={"blocked": True}, version="v0")


def test_a_change_is_waited_for_as_long_as_the_bounds_of_the_api_allow() -> None:
    longest = (
        SERVICE_TIMEOUTS.lock_seconds + SERVICE_TIMEOUTS.unit_statement_seconds + SERVICE_TIMEOUTS.answer_margin_seconds
    )
    assert longest == 16.0
    assert longest + 1 <= api_transport.CHANGE_SECONDS


def test_only_a_change_is_waited_for_so_long_and_only_behind_an_api_that_answers(
    stub: StubApi, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    http = api_transport.http()
    request, sent = http.request, []

    def observed(method: str, url: str, **options: Any) -> Any:
        sent.append((method, url.removeprefix(stub.url), options["timeout"]))
        return request(method, url, **options)

    monkeypatch.setattr(http, "request", observed)
    signed(change)
    signed(lambda: api_client.call("GET", "/api/v1/people"))
    assert sent == [
        ("GET", "/healthz", (1.5, 3.0)),
        ("PUT", "/api/v1/people/7/block", (1.5, 17.0)),
        ("GET", "/api/v1/people", (1.5, 3.0)),
    ]


UNCONFIRMED = {
    "silent": None,
    "hangs up": StubResponse(hang_up=True),
    "cut": FAULTS["cut"],
    "html": HTML,
    "500 html": FAULTS["500 html"],
    "drips": StubResponse(200, b'{"a": "' + b"x" * 4000, {"Content-Type": "application/json"}, drip=0.05),
}


@pytest.mark.parametrize("fault", UNCONFIRMED)
def test_a_change_without_its_answer_may_have_been_kept(
    stub: StubApi, signed: Signed, monkeypatch: pytest.MonkeyPatch, never: threading.Event, fault: str
) -> None:
    monkeypatch.setattr(api_transport, "TIMEOUT_SECONDS", (30.0, 30.0))  # its health is asked for first
    if fault == "silent":
        monkeypatch.setattr(api_transport, "CHANGE_SECONDS", 0.3)
    if fault == "drips":
        monkeypatch.setattr(api_transport, "CHANGE_SECONDS", 5.0)
        monkeypatch.setattr(api_transport, "RESPONSE_LIMITS", api_transport.ReadLimits(8 * 1024 * 1024, 5.0))
    stub.default_response = UNCONFIRMED[fault] or StubResponse(until=never)
    with pytest.raises(ChangeUnconfirmed) as raised:
        signed(lambda: change().object())
    assert raised.value.detail == (
        "The remote API did not confirm the change. It may have been saved: check before you try again."
    )
    assert len(stub.requests) == 1, "it is not sent twice"


def test_a_silent_api_is_sent_no_change(
    stub: StubApi, signed: Signed, monkeypatch: pytest.MonkeyPatch, never: threading.Event
) -> None:
    """It is noticed as soon as for a read, and nothing can have been kept."""
    monkeypatch.setattr(api_transport, "TIMEOUT_SECONDS", (5.0, 0.2))
    stub.health = StubResponse(until=never)
    with pytest.raises(ApiUnavailable, match="Try again in a moment"):
        signed(change)
    assert stub.requests == []


def test_an_api_that_is_not_there_was_sent_no_change(
    services: Services, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = services.settings.model_copy(update={"remote_api_base_url": f"http://localhost:{free_port()}"})
    monkeypatch.setattr(api_transport, "services", lambda: replace(services, settings=settings))
    with pytest.raises(ApiUnavailable, match="Try again in a moment"):
        signed(change)
    correlation.begin()
    with pytest.raises(ApiUnavailable), api_transport.open_response("PUT", "/api/v1/x", token=None, changes=True):
        pass  # gone between the look at its health and the change


@pytest.mark.parametrize("fault", ["redirect", "429 html"])
def test_a_change_that_a_proxy_refused_was_not_kept(stub: StubApi, signed: Signed, fault: str) -> None:
    stub.default_response = FAULTS["redirect"] if fault == "redirect" else StubResponse(429, b"<h1>Slower</h1>")
    with pytest.raises(ApiUnavailable):
        signed(change)


def test_a_post_that_changes_nothing_is_a_read(
    stub: StubApi, signed: Signed, monkeypatch: pytest.MonkeyPatch, never: threading.Event
) -> None:
    monkeypatch.setattr(api_transport, "TIMEOUT_SECONDS", (5.0, 0.2))
    stub.default_response = StubResponse(until=never)
    with pytest.raises(ApiUnavailable):
        signed(lambda: roles_api.review_role(3, ["read:people"]))
    with pytest.raises(ApiUnavailable):
        signed(lambda: api_client.explore("POST", "/api/echo", with_token=True, body={"text": "x"}))
