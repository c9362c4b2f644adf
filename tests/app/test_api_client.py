"""Calls to the remote API: the requests sent, the responses read, and the responses that are refused."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import access, api_client, api_transport, testing
from app import services as composition
from app.admin.api import roles as roles_api
from app.core import correlation
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
    TooLarge,
    TooManyRequests,
    Unauthenticated,
)
from app.runtime import session_binding
from app.services import Services
from db.timeouts import SERVICE_TIMEOUTS
from tests.ports import free_port
from tests.stub_api import FAULTS, HTML, StubApi, StubResponse, json_of

Signed = Callable[[Callable[[], object]], object]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[StubApi, Services]]:
    with StubApi() as started, testing.gatehouse(testing.settings(remote_api_base_url=started.url)) as built:
        yield started, built


@pytest.fixture
def services(served: tuple[StubApi, Services]) -> Services:
    composition.install(served[1])  # another module's tests may have come in between
    return served[1]


@pytest.fixture
def stub(served: tuple[StubApi, Services], services: Services) -> StubApi:
    stub = served[0]
    stub.requests.clear()
    stub.default_response = json_of({"ok": True}, etag='"v1"')
    stub.health = json_of({"status": "ok"})
    return stub


@pytest.fixture
def signed(services: Services) -> Signed:
    """Runs a function as a signed-in user."""
    at = AppTest.from_string("")
    subject = testing.sign_in_as(at, roles=["administrator"], access_token=f"the-token-{id(at)}")

    def run(do: Callable[[], object]) -> object:
        correlation.begin()
        with session_binding._bound_to(session_binding.Binding(str(at.user["sid"]), subject)):
            return do()

    return run


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


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """Set at the end: what waits for it is never answered while the test runs."""
    event = threading.Event()
    yield event
    event.set()


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
            with pytest.raises(ApiUnavailable, match="does not answer"):
                api_client.call("GET", path)

    signed(run)
    assert [request.path for request in stub.requests] == ["/api/v1/people"]
    signed(run)
    assert [request.path for request in stub.requests] == ["/api/v1/people"] * 2, "the next run asks again"


# Changes


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
    with pytest.raises(ApiUnavailable, match="does not answer"):
        signed(change)
    assert stub.requests == []


def test_an_api_that_is_not_there_was_sent_no_change(
    services: Services, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = services.settings.model_copy(update={"remote_api_base_url": f"http://localhost:{free_port()}"})
    monkeypatch.setattr(api_transport, "services", lambda: replace(services, settings=settings))
    with pytest.raises(ApiUnavailable, match="does not answer"):
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


def test_an_answer_that_is_too_long_is_not_read(stub: StubApi, signed: Signed) -> None:
    stub.default_response = StubResponse(200, json.dumps({"a": "x" * (9 * 1024 * 1024)}).encode())
    with pytest.raises(ApiUnavailable):
        signed(lambda: api_client.call("GET", "/api/v1/people"))


# Files


def test_a_file_is_written_as_it_arrives_with_its_progress(stub: StubApi, signed: Signed, tmp_path: Path) -> None:
    content = b"line\n" * 200_000
    stub.default_response = StubResponse(200, content, {"Content-Type": "text/csv; charset=utf-8"})
    reports: list[int] = []
    with (tmp_path / "file").open("wb") as into:
        length = signed(
            lambda: api_client.fetch("/api/v1/audit/export", into, kind="text/csv", progress=reports.append)
        )
    assert (tmp_path / "file").read_bytes() == content
    assert length == len(content)
    assert reports == sorted(reports)
    assert reports[-1] == len(content)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (HTML, ApiUnavailable),
        (FAULTS["403"], PermissionDenied),
        (FAULTS["500 html"], ApiUnavailable),
        (StubResponse(200, b"a,b\n", {"Content-Type": "text/csv"}, cut=True), ApiUnavailable),
        (FAULTS["redirect"], ApiUnavailable),
    ],
)
def test_a_file_that_is_none_or_not_whole_is_refused(
    stub: StubApi, signed: Signed, response: StubResponse, error: type[GatehouseError]
) -> None:
    stub.default_response = response
    with pytest.raises(error):
        signed(lambda: api_client.fetch("/api/v1/audit/export", io.BytesIO(), kind="text/csv"))


def test_a_file_has_an_end(stub: StubApi, signed: Signed) -> None:
    stub.default_response = StubResponse(200, b"x" * 300_000, {"Content-Type": "text/csv"})
    with pytest.raises(TooLarge):
        signed(lambda: api_client.fetch("/x", io.BytesIO(), kind="text/csv", max_bytes=200_000))
