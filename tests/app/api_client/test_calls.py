"""Calls to the remote API: the requests sent, the responses read, and the responses that are refused."""

from __future__ import annotations

import io
import json
import threading
import time

import pytest

from app import access, api_client, api_transport
from app.core.errors import (
    ApiUnavailable,
    ChangeUnconfirmed,
    Conflict,
    GatehouseError,
    InvalidInput,
    LastAdministrator,
    NotFound,
    PermissionDenied,
    PreconditionRequired,
    StaleVersion,
    StorageUnavailable,
    TokenInvalid,
    TooManyRequests,
    Unauthenticated,
)
from app.services import Services
from tests.app.api_client.signed import Signed
from tests.stub_api import FAULTS, HTML, StubApi, StubResponse


def test_what_a_change_sends(stub: StubApi, signed: Signed) -> None:
    def change() -> api_transport.ApiResponse:
        return api_client.call(
            "PUT", api_client.path("people", 7, "block"), body={"blocked": True, "reason": "é"}, version="v0"
        )

    answer = signed(change)
    assert isinstance(answer, api_transport.ApiResponse)
    assert (answer.version, answer.object()) == ("v1", {"ok": True})
    (request,) = stub.requests
    assert (request.method, request.path) == ("PUT", "/api/v1/people/7/block")
    assert request.headers["authorization"].startswith("Bearer the-token-")
    assert request.headers["if-match"] == '"v0"'
    assert request.headers["content-type"] == "application/json"
    assert request.json() == {"blocked": True, "reason": "é"}
    assert request.headers["x-correlation-id"]
    assert "cookie" not in request.headers


def test_a_read_sends_no_body_and_no_precondition_and_repeats_what_may_be_repeated(
    stub: StubApi, signed: Signed
) -> None:
    signed(lambda: api_client.call("GET", api_client.path("audit"), params={"kind": ["a:b", "c&d"], "q": "x y"}))
    (request,) = stub.requests
    assert request.query == {"kind": ["a:b", "c&d"], "q": ["x y"]}
    assert request.content == b""
    assert "if-match" not in request.headers
    assert "content-type" not in request.headers


@pytest.mark.parametrize(
    ("part", "sent"),
    [
        ("a/b", "a%2Fb"), ("../x", "..%2Fx"), ("a?b=c#d", "a%3Fb%3Dc%23d"), ("é", "%C3%A9"), ("%2e%2e", "%252e%252e"),
        (5, "5"),
    ],
)  # fmt: skip
def test_a_part_of_a_path_stays_one(stub: StubApi, signed: Signed, part: str | int, sent: str) -> None:
    signed(lambda: api_client.call("GET", api_client.path("sessions", part)))
    assert stub.requests[0].path == f"/api/v1/sessions/{sent}"


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_a_part_that_would_climb_is_nothing(part: str) -> None:
    with pytest.raises(NotFound):
        api_client.path("sessions", part)


def test_a_call_without_a_session_is_refused(stub: StubApi, services: Services) -> None:
    with pytest.raises(Unauthenticated):
        api_client.call("GET", "/api/v1/people")
    with pytest.raises(Unauthenticated):
        access.bind_session(lambda: api_client.fetch("/api/v1/audit/export", io.BytesIO(), kind="text/csv"))()
    assert stub.requests == []


ERRORS: dict[str, type[GatehouseError]] = {
    "401": TokenInvalid, "403": PermissionDenied, "404": NotFound, "409": LastAdministrator, "412": StaleVersion,
    "422": InvalidInput, "428": PreconditionRequired, "429": TooManyRequests, "500": GatehouseError,
    "500 html": ApiUnavailable, "503": StorageUnavailable, "html": ApiUnavailable, "list": ApiUnavailable,
    "empty": ApiUnavailable, "redirect": ApiUnavailable, "cut": ApiUnavailable,
}  # fmt: skip


@pytest.mark.parametrize("fault", ERRORS)
def test_each_fault_is_one_of_our_errors(stub: StubApi, signed: Signed, fault: str) -> None:
    stub.default_response = FAULTS[fault]
    with pytest.raises(ERRORS[fault]) as raised:
        signed(lambda: api_client.call("GET", "/api/v1/people").object())
    assert type(raised.value) is ERRORS[fault]
    assert len(stub.requests) == 1, "nothing is followed, and nothing is sent twice"


def test_what_a_problem_says_beside_its_sentence_comes_along(stub: StubApi, signed: Signed) -> None:
    def caught(fault: str) -> GatehouseError:
        stub.default_response = FAULTS[fault]
        with pytest.raises(GatehouseError) as raised:
            signed(lambda: api_client.call("GET", "/api/v1/people"))
        return raised.value

    slow, wrong, last = caught("429"), caught("422"), caught("409")
    assert isinstance(slow, TooManyRequests)
    assert slow.retry_after_seconds == 7
    assert isinstance(wrong, InvalidInput)
    assert wrong.problems == {"reason": "It is too long."}
    assert isinstance(last, Conflict)
    assert last.detail == "Name another one first."


def test_html_is_no_success_of_a_deletion_either(stub: StubApi, signed: Signed) -> None:
    stub.default_response = HTML
    with pytest.raises(ChangeUnconfirmed):
        signed(lambda: api_client.end_my_session("x"))
    with pytest.raises(ApiUnavailable):
        signed(lambda: api_client.usage_csv(7))


def test_an_answer_that_never_ends_is_given_up(stub: StubApi, signed: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_transport, "RESPONSE_LIMITS", api_transport.ReadLimits(8 * 1024 * 1024, 0.3))
    stub.default_response = StubResponse(200, b'{"a": "' + b"x" * 4000, {"Content-Type": "application/json"}, drip=0.05)
    started_at = time.monotonic()
    with pytest.raises(ApiUnavailable, match="too slow"):
        signed(lambda: api_client.call("GET", "/api/v1/people"))
    assert time.monotonic() - started_at < 3


def test_silence_is_noticed_within_five_seconds() -> None:
    assert sum(api_transport.TIMEOUT_SECONDS) <= 5


def test_an_answer_that_does_not_come_is_given_up(
    stub: StubApi, signed: Signed, monkeypatch: pytest.MonkeyPatch, never: threading.Event
) -> None:
    monkeypatch.setattr(api_transport, "TIMEOUT_SECONDS", (5.0, 0.2))
    stub.default_response = StubResponse(until=never)
    with pytest.raises(ApiUnavailable):
        signed(lambda: api_client.call("GET", "/api/v1/people"))


def test_what_is_known_to_take_longer_is_waited_for(
    stub: StubApi, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_transport, "TIMEOUT_SECONDS", (5.0, 0.05))
    stub.default_response = StubResponse(slow_seconds=0.3)
    answer = signed(lambda: api_client.call("GET", "/api/v1/people", read_seconds=60.0))
    assert isinstance(answer, api_transport.ApiResponse)
    assert answer.status == 200


def test_a_silent_api_is_waited_for_once_in_a_run(
    stub: StubApi, signed: Signed, monkeypatch: pytest.MonkeyPatch, never: threading.Event
) -> None:
    """Else a page of five parts would show nothing for five times as long."""
    monkeypatch.setattr(api_transport, "TIMEOUT_SECONDS", (5.0, 0.2))
    stub.default_response = StubResponse(until=never)

    def run() -> None:
        for path in ("/api/v1/people", "/api/v1/audit", "/api/v1/sessions"):
            with pytest.raises(ApiUnavailable, match="Try again in a moment"):
                api_client.call("GET", path)

    signed(run)
    assert [request.path for request in stub.requests] == ["/api/v1/people"]
    signed(run)
    assert [request.path for request in stub.requests] == ["/api/v1/people"] * 2, "the next run asks again"


def test_an_answer_that_is_too_long_is_not_read(stub: StubApi, signed: Signed) -> None:
    stub.default_response = StubResponse(200, json.dumps({"a": "x" * (9 * 1024 * 1024)}).encode())
    with pytest.raises(ApiUnavailable):
        signed(lambda: api_client.call("GET", "/api/v1/people"))
