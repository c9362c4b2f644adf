"""Each fault of the provider has its reason, and evidence for the doctor; the request is as intended."""

from __future__ import annotations

import json
import math
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import ProviderUnavailable
from app.core.failure_reasons import ProviderReason
from app.core.settings import Settings
from app.core.tokens.discovery import MAX_ANSWER_BYTES, Discovery
from tests.app.core.tokens.fake_session import FixedResponse, fake_session
from tests.authority import Authority
from tests.clock import FakeClock
from tests.issuer import Fault, Issuer

METADATA = ".well-known/openid-configuration"
KEYS = ".well-known/jwks.json"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


def failure(ask: Callable[[], object]) -> ProviderUnavailable:
    """The ``ProviderUnavailable`` that ``ask`` raises."""
    with pytest.raises(ProviderUnavailable) as caught:
        ask()
    return caught.value


FAULTS: dict[Fault, tuple[ProviderReason, str]] = {
    Fault.DOWN: (ProviderReason.BROKEN_OFF, "Asked was {}"),
    Fault.ERROR: (ProviderReason.STATUS, "{} answers 500"),
    Fault.SLOW: (ProviderReason.TIMEOUT, "Asked was {}"),
    Fault.DRIP: (ProviderReason.TIMEOUT, "Asked was {}"),
    Fault.GARBAGE: (ProviderReason.NOT_JSON, "Asked was {}"),
    Fault.LIST: (ProviderReason.NOT_JSON, "Asked was {}"),
    Fault.HUGE: (ProviderReason.TOO_LARGE, "Asked was {}"),
    Fault.REDIRECT: (ProviderReason.STATUS, "{} answers 302"),
}


@pytest.mark.parametrize("document", [METADATA, KEYS])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_has_its_reason_at_once_and_during_the_cooldown(
    issuer: Issuer, clock: FakeClock, fault: Fault, document: str
) -> None:
    timeout_seconds = 0.25 if fault in {Fault.SLOW, Fault.DRIP} else 1.0
    discovery = issuer.discovery(clock=clock.monotonic, timeout_seconds=timeout_seconds)
    ask: Callable[[], object] = discovery.metadata
    if document == KEYS:
        discovery.metadata()  # before the clock of the cooldown
        issuer.jwks_fault, ask = fault, discovery.fetch_jwks
    else:
        issuer.discovery_fault = fault
    reason, evidence = FAULTS[fault]
    expected = (reason, evidence.format(issuer.url + document))
    first = failure(ask)
    assert (first.reason, first.evidence, first.retry_after_seconds) == (*expected, None)
    for seconds, left in ((0, 5), (0.5, 5), (0.5, 4), (3.5, 1)):
        clock.move(seconds=seconds)
        again = failure(ask)
        assert (again.reason, again.evidence, again.retry_after_seconds) == (*expected, left)


def test_another_issuer_is_named_with_the_configured_one(issuer: Issuer) -> None:
    issuer.discovery_fault = Fault.WRONG_ISSUER
    error = failure(issuer.discovery().metadata)
    assert error.reason is ProviderReason.ISSUER
    assert error.evidence == f"It names itself https://another-issuer.test/; configured is {issuer.url}"
    issuer.discovery_fault = None
    for named, text in (("x" * 300, "x" * 200), (7, "nothing")):
        issuer.metadata_extra = {"issuer": named}
        error = failure(issuer.discovery().metadata)
        assert error.evidence == f"It names itself {text}; configured is {issuer.url}"


@pytest.mark.parametrize("address", ["http://provider.example/x", "https:///x", "https://[bad/x", "https://a:0/x"])
def test_an_unsafe_address_is_the_reason(issuer: Issuer, address: str) -> None:
    issuer.metadata_extra = {"token_endpoint": address}
    assert failure(issuer.discovery().metadata).reason is ProviderReason.ENDPOINT
    assert failure(Discovery(address).metadata).reason is ProviderReason.ENDPOINT


def test_packed_answers_have_the_reason_of_a_status() -> None:
    session, _ = fake_session(Issuer(url="https://provider.example/").metadata(), {"Content-Encoding": "gzip"})
    error = failure(Discovery("https://provider.example/", http=session).metadata)
    assert (error.reason, error.evidence) == (
        ProviderReason.STATUS,
        f"https://provider.example/{METADATA} answers 200",
    )


def test_an_answer_of_the_greatest_size_is_read() -> None:
    provider = Issuer(url="https://provider.example/")
    for extra, readable in ((0, True), (1, False)):
        provider.metadata_extra = {}
        empty = len(json.dumps(provider.metadata() | {"filler": ""}))
        provider.metadata_extra = {"filler": "x" * (MAX_ANSWER_BYTES - empty + extra)}
        session, _ = fake_session(provider.metadata())
        discovery = Discovery(provider.url, http=session)
        if readable:
            assert discovery.metadata().issuer == provider.url
        else:
            assert failure(discovery.metadata).reason is ProviderReason.TOO_LARGE


def test_the_wait_for_another_callers_answer_has_its_reason(issuer: Issuer) -> None:
    discovery = issuer.discovery(timeout_seconds=0.01)
    with discovery._lock:
        assert failure(discovery.metadata).reason is ProviderReason.TIMEOUT
        assert discovery._lock.locked(), "it stays with the caller that reads"


@pytest.mark.parametrize("timeout_seconds", [5, 2])
def test_the_request_is_bounded_streamed_and_unpacked(timeout_seconds: float) -> None:
    session, sent = fake_session(Issuer(url="https://provider.example/").metadata())
    options: dict[str, Any] = {"timeout_seconds": timeout_seconds} if timeout_seconds != 5 else {}
    Discovery("https://provider.example/", http=session, **options).metadata()
    adapter = session.get_adapter("https://")
    assert isinstance(adapter, FixedResponse)
    ((request, sending),) = adapter.requests
    assert sent == [f"https://provider.example/{METADATA}"]
    assert (sending["timeout"], sending["stream"]) == (timeout_seconds, True)
    assert {name: request.headers[name] for name in ("Accept", "Accept-Encoding", "Connection")} == {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }


def test_metadata_names_what_the_provider_supports(issuer: Issuer) -> None:
    for prompts, supported in (
        (["none", "select_account"], True),
        (["none"], False),
        ("select_account", False),
        (None, False),
    ):
        issuer.metadata_extra = {"prompt_values_supported": prompts}
        assert issuer.discovery().metadata().account_selection_supported is supported


@pytest.mark.parametrize("seconds", [3, 0])
def test_the_cooldown_is_that_of_the_discovery(issuer: Issuer, clock: FakeClock, seconds: float) -> None:
    discovery = issuer.discovery(clock=clock.monotonic, cooldown_seconds=seconds)
    issuer.discovery_fault = Fault.ERROR
    failure(discovery.metadata)
    issuer.discovery_fault = None
    if seconds:
        assert failure(discovery.metadata).retry_after_seconds == math.ceil(seconds)
    clock.move(seconds=seconds)
    assert discovery.metadata().issuer == issuer.url


def settings(issuer_url: str, **more: Any) -> Settings:
    return Settings(_env_file=None, oidc_issuer=issuer_url, **more)


def test_the_discovery_of_settings_has_their_issuer_cooldown_proxy_and_authority(tmp_path: Path) -> None:
    authority = Authority.in_folder(tmp_path)
    far = Discovery.of(
        settings(
            "https://provider.example/",
            jwks_cooldown_seconds=17,
            provider_proxy="http://proxy.example:3128",
            ca_bundle=authority.file,
        )
    )
    assert (far._issuer, far._cooldown_seconds) == ("https://provider.example/", 17)
    assert far._http.proxies == {"http": "http://proxy.example:3128", "https": "http://proxy.example:3128"}
    trusted = far._http.get_adapter("https://").poolmanager.connection_pool_kw["ssl_context"]  # type: ignore[attr-defined]
    assert isinstance(trusted, ssl.SSLContext)
    assert [each["subject"] for each in trusted.get_ca_certs()] == [((("commonName", "A private authority"),),)]
    near = Discovery.of(settings("http://127.0.0.1:9/", provider_proxy="http://proxy.example:3128"))
    assert near._http.proxies == {}


def test_a_discovery_without_a_session_makes_its_own() -> None:
    assert Discovery("https://provider.example/")._http.trust_env is False
