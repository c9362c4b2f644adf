"""Discovery: read with distrust, over real HTTP (OpenID Connect Discovery 1.0 §4)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from app.core.tokens.discovery import MAX_ANSWER_BYTES, Discovery, ProviderMetadata
from tests.app.core.tokens.fake_session import FixedResponse, fake_session, unavailable
from tests.clock import FakeClock
from tests.issuer import ABSENT, Fault, Issuer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


def test_discovery_reads_the_providers_metadata(issuer: Issuer) -> None:
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
def test_optional_metadata_may_be_absent(issuer: Issuer, absent: Any) -> None:
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
    session, _ = fake_session(body)
    unavailable(Discovery("https://provider.example/", http=session).metadata)


def test_size_is_bounded_while_reading() -> None:
    session, _ = fake_session(b'{"filler": "' + b"x" * 10 * MAX_ANSWER_BYTES)
    adapter = session.get_adapter("https://")
    unavailable(Discovery("https://provider.example/", http=session).metadata)
    assert isinstance(adapter, FixedResponse)
    assert adapter.read <= MAX_ANSWER_BYTES + 64 * 1024


def test_packed_answers_are_refused_unread() -> None:
    session, _ = fake_session(Issuer(url="https://provider.example/").metadata(), {"Content-Encoding": "gzip"})
    unavailable(Discovery("https://provider.example/", http=session).metadata)


@pytest.mark.parametrize("error", [requests.ConnectionError, requests.exceptions.InvalidURL, OSError, UnicodeError])
def test_no_error_of_a_library_crosses(error: type[Exception]) -> None:
    session, _ = fake_session(b"", error=error)
    unavailable(Discovery("https://provider.example/", http=session).metadata)


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
