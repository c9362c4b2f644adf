"""The issuer and the addresses of discovery: exact, and safe."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from app.core.errors import ProviderUnavailable
from app.core.tokens.discovery import Discovery
from tests.app.core.tokens.fake_session import fake_session, unavailable
from tests.issuer import ABSENT, Issuer


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


@pytest.mark.parametrize("named", [ABSENT, None, "", "https://another-issuer.test/", 7, "without slash", "in capitals"])
def test_the_issuer_must_name_itself_exactly(issuer: Issuer, named: Any) -> None:
    spelled = {"without slash": issuer.url.rstrip("/"), "in capitals": issuer.url.replace("http", "HTTP")}
    issuer.metadata_extra = {"issuer": spelled.get(named, named)}
    assert issuer.url not in unavailable(issuer.discovery().metadata)


def test_an_issuer_without_slash_is_asked_at_the_same_place(issuer: Issuer) -> None:
    bare = issuer.url.rstrip("/")
    issuer.metadata_extra = {"issuer": bare}
    assert Discovery(bare).metadata().issuer == bare


def test_the_document_is_below_the_path_of_the_issuer() -> None:
    for path in ("", "/", "/tenant", "/tenantX", "/tenant/"):
        provider = Issuer(url=f"https://provider.example{path}")
        session, sent = fake_session(provider.metadata() | {"jwks_uri": "https://provider.example/keys"})
        with contextlib.suppress(ProviderUnavailable):
            Discovery(provider.url, http=session).metadata()
        assert sent == [f"https://provider.example{path.rstrip('/')}/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    "issuer_url",
    ["http://provider.example/", "ftp://localhost/", "localhost", "", "https://", "http://[::1", "https://a b/"],
)
def test_unsafe_issuers_are_never_asked(issuer_url: str) -> None:
    session, sent = fake_session(b"{}")
    unavailable(Discovery(issuer_url, http=session).metadata)
    assert sent == []


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
    session, _ = fake_session(good.metadata())
    assert Discovery(good.url, http=session).metadata().jwks_uri.startswith("https://provider.example/")
    good.metadata_extra = {"token_endpoint": address}
    session, _ = fake_session(good.metadata())
    unavailable(Discovery(good.url, http=session).metadata)
