"""Discovery: read with distrust, over real HTTP (OpenID Connect Discovery 1.0 §4; R22, R27)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from app.core.errors import ProviderUnavailable
from app.core.tokens.discovery import MAX_ANSWER_BYTES, Discovery, ProviderMetadata
from tests.clock import FakeClock
from tests.issuer import ABSENT, Fault, Issuer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


def unavailable(ask: Callable[[], object]) -> str:
    with pytest.raises(ProviderUnavailable) as caught:
        ask()
    return caught.value.detail


def test_what_the_provider_says(issuer: Issuer) -> None:
    assert issuer.discovery().metadata() == ProviderMetadata(
        issuer=issuer.url,
        authorization_endpoint=f"{issuer.url}authorize",
        token_endpoint=f"{issuer.url}oauth/token",
        jwks_uri=f"{issuer.url}.well-known/jwks.json",
        end_session_endpoint=f"{issuer.url}oidc/logout",
        revocation_endpoint=f"{issuer.url}oauth/revoke",
        userinfo_endpoint=f"{issuer.url}userinfo",
        iss_parameter_supported=True,
    )


@pytest.mark.parametrize("absent", [ABSENT, None])
def test_what_the_provider_need_not_say(issuer: Issuer, absent: Any) -> None:
    names = ("end_session_endpoint", "revocation_endpoint", "userinfo_endpoint")
    issuer.metadata_extra = dict.fromkeys(names, absent) | {"authorization_response_iss_parameter_supported": "true"}
    metadata = issuer.discovery().metadata()
    assert [getattr(metadata, name) for name in names] == [None] * 3
    assert metadata.iss_parameter_supported is False


def test_the_key_set_is_fetched_each_time_and_returned_unchanged(issuer: Issuer) -> None:
    discovery = issuer.discovery()
    assert discovery.fetch_jwks() == {"keys": [issuer.keys[0].jwk()]}
    issuer.published = [{"any": "thing"}]
    assert discovery.fetch_jwks() == {"keys": [{"any": "thing"}]}
    assert (issuer.discovery_fetches, issuer.jwks_fetches) == (1, 2)


# The issuer


@pytest.mark.parametrize("named", [ABSENT, None, "", "https://another-issuer.test/", 7, "without slash", "in capitals"])
def test_the_issuer_must_name_itself_exactly(issuer: Issuer, named: Any) -> None:
    spelled = {"without slash": issuer.url.rstrip("/"), "in capitals": issuer.url.replace("http", "HTTP")}
    issuer.metadata_extra = {"issuer": spelled.get(named, named)}
    assert issuer.url not in unavailable(issuer.discovery().metadata)


def test_an_issuer_without_slash_is_asked_at_the_same_place(issuer: Issuer) -> None:
    bare = issuer.url.rstrip("/")
    issuer.metadata_extra = {"issuer": bare}
    assert Discovery(bare).metadata().issuer == bare


@pytest.mark.parametrize(
    "issuer_url",
    ["http://provider.example/", "ftp://localhost/", "localhost", "", "https://", "http://[::1", "https://a b/"],
)
def test_unsafe_issuers_are_never_asked(issuer_url: str) -> None:
    session, sent = fake(b"{}")
    unavailable(Discovery(issuer_url, http=session).metadata)
    assert sent == []


# Addresses


UNSAFE = [
    "http://provider.example/x",
    "//provider.example/x",
    "/x",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "https://user:word@provider.example/x",
    "https://provider.example/x#fragment",
    "https://provider.example/\nx",
    "https://provider.example/ x",
    "https://provider.example\\@evil.test/x",
    "https://provider.example/\\evil.test",
    "https://provider.example:99999/x",
    "https://[bad/x",
    "https:///x",
    "",
    7,
    ["https://provider.example/x"],
]
ENDPOINTS = [
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "end_session_endpoint",
    "revocation_endpoint",
    "userinfo_endpoint",
]


@pytest.mark.parametrize("address", UNSAFE)
@pytest.mark.parametrize("name", ENDPOINTS)
def test_unsafe_addresses_are_refused(issuer: Issuer, name: str, address: Any) -> None:
    issuer.metadata_extra = {name: address}
    unavailable(issuer.discovery().metadata)
    assert issuer.jwks_fetches == 0


@pytest.mark.parametrize("name", ENDPOINTS[:3])
def test_three_addresses_are_required(issuer: Issuer, name: str) -> None:
    for value in (ABSENT, None):
        issuer.metadata_extra = {name: value}
        unavailable(issuer.discovery().metadata)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x", "http://localhost/x", "http://provider.example/x"])
def test_an_https_issuer_has_no_plain_http_anywhere(address: str) -> None:
    good = Issuer(url="https://provider.example/")
    session, _ = fake(good.metadata())
    assert Discovery(good.url, http=session).metadata().jwks_uri.startswith("https://provider.example/")
    good.metadata_extra = {"token_endpoint": address}
    session, _ = fake(good.metadata())
    unavailable(Discovery(good.url, http=session).metadata)


# Faults


def impatient(issuer: Issuer, fault: Fault, clock: FakeClock) -> Discovery:
    return issuer.discovery(clock=clock.monotonic, timeout_seconds=0.25 if fault in {Fault.SLOW, Fault.DRIP} else 1.0)


FAULTS = [fault for fault in Fault if fault is not Fault.WRONG_ISSUER]


@pytest.mark.parametrize("fault", Fault)
def test_a_faulty_provider_and_the_way_back(issuer: Issuer, clock: FakeClock, fault: Fault) -> None:
    discovery = impatient(issuer, fault, clock)
    issuer.discovery_fault = fault
    unavailable(discovery.metadata)
    assert issuer.other_requests == []  # redirects are not followed
    for _ in range(5):
        unavailable(discovery.metadata)
        unavailable(discovery.fetch_jwks)
    clock.move(seconds=4.9)
    unavailable(discovery.metadata)
    assert issuer.discovery_fetches == 1  # the failure is remembered
    issuer.discovery_fault = None
    clock.move(seconds=0.1)
    assert discovery.metadata().issuer == issuer.url


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_key_set_and_the_way_back(issuer: Issuer, clock: FakeClock, fault: Fault) -> None:
    discovery = impatient(issuer, fault, clock)
    issuer.jwks_fault = fault
    for _ in range(5):
        unavailable(discovery.fetch_jwks)
    assert discovery.metadata().issuer == issuer.url
    assert issuer.jwks_fetches == 1
    assert issuer.other_requests == []
    issuer.jwks_fault = None
    clock.move(seconds=5)
    assert len(discovery.fetch_jwks()["keys"]) == 1


@pytest.mark.parametrize("body", [b"", b"nul", b'{"a": ' * 5000, b"\xff\xfe", b'{"a": ' + b"1" * 6000 + b"}", b"null"])
def test_bodies_that_are_no_object(body: bytes) -> None:
    session, _ = fake(body)
    unavailable(Discovery("https://provider.example/", http=session).metadata)


def test_size_is_bounded_while_reading() -> None:
    session, _ = fake(b'{"filler": "' + b"x" * 10 * MAX_ANSWER_BYTES)
    adapter = session.get_adapter("https://")
    unavailable(Discovery("https://provider.example/", http=session).metadata)
    assert isinstance(adapter, Answering)
    assert adapter.read <= MAX_ANSWER_BYTES + 64 * 1024


def test_packed_answers_are_refused_unread() -> None:
    session, _ = fake(Issuer(url="https://provider.example/").metadata(), {"Content-Encoding": "gzip"})
    unavailable(Discovery("https://provider.example/", http=session).metadata)


@pytest.mark.parametrize("error", [requests.ConnectionError, requests.exceptions.InvalidURL, OSError, UnicodeError])
def test_no_error_of_a_library_crosses(error: type[Exception]) -> None:
    session, _ = fake(b"", error=error)
    unavailable(Discovery("https://provider.example/", http=session).metadata)


# Few reads


def test_metadata_is_kept_for_an_hour(issuer: Issuer, clock: FakeClock) -> None:
    discovery = issuer.discovery(clock=clock.monotonic)
    discovery.metadata()
    clock.move(seconds=3599)
    discovery.metadata()
    assert issuer.discovery_fetches == 1
    clock.move(seconds=1)
    issuer.metadata_extra = {"end_session_endpoint": None}
    assert discovery.metadata().end_session_endpoint is None
    assert issuer.discovery_fetches == 2


def test_a_crowd_causes_one_read(issuer: Issuer) -> None:
    issuer.discovery_fault, issuer.slow_seconds = Fault.SLOW, 0.1
    discovery = issuer.discovery(timeout_seconds=2)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: discovery.metadata(), range(8)))
    assert len(set(answers)) == 1
    assert issuer.discovery_fetches == 1


def test_a_crowd_at_a_provider_that_is_down_causes_one_read(issuer: Issuer) -> None:
    issuer.discovery_fault = Fault.DOWN
    discovery = issuer.discovery()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: unavailable(discovery.metadata), range(8)))
    assert issuer.discovery_fetches == 1


def test_the_wait_for_another_readers_response_is_bounded(issuer: Issuer) -> None:
    discovery = issuer.discovery(timeout_seconds=0.02)
    with discovery._lock:  # held for as long as the call lasts: coming back at all is the proof
        unavailable(discovery.metadata)


def test_no_proxy_between_this_machine_and_itself(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert issuer.discovery().metadata().issuer == issuer.url


class Answering(BaseAdapter):
    """Stands in for the network where loopback cannot: https, odd bodies and odd errors."""

    def __init__(self, body: bytes, headers: dict[str, str], error: type[Exception] | None) -> None:
        super().__init__()
        self.body, self.headers, self.error = body, headers, error
        self.sent: list[str] = []
        self.read = 0

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self.sent.append(str(request.url))
        assert kwargs["timeout"] is not None
        if self.error is not None:
            raise self.error("no")
        response = requests.Response()
        response.status_code = 200
        response.headers.update(self.headers)
        response.raw = self
        return response

    def read1(self, size: int, *, decode_content: bool) -> bytes:
        chunk, self.body = self.body[:size], self.body[size:]
        self.read += len(chunk)
        return chunk

    def close(self) -> None:
        pass


def fake(
    body: Any, headers: dict[str, str] | None = None, error: type[Exception] | None = None
) -> tuple[requests.Session, list[str]]:
    session = requests.Session()
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    adapter = Answering(raw, headers or {}, error)
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)
    return session, adapter.sent
