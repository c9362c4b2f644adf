"""Whatever the provider answers: a sign-in, or a page that explains it with an audit entry; never a 500.

Generated are types, nesting, sizes, content types, statuses, redirects and bodies that break off.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import GatehouseError, ProviderUnavailable, TokenInvalid
from app.core.tokens.discovery import Discovery
from app.core.tokens.key_set import KeySet
from tests.provider import ProviderResponse
from tests.signin import SignInWorld, sign_in_world

FEW = settings(max_examples=60, deadline=None, derandomize=True)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["Bearer", "https://", "http://[::1", "1e999", "\ud800", "a.b.c", "x" * 70_000])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
HEADERS: list[dict[str, str]] = [
    {},
    {"Content-Type": "application/json"},
    {"Content-Type": "text/html; charset=utf-16"},
    {"Content-Type": "application/json; charset=nonsense"},
    {"Content-Encoding": "gzip"},
    {"Content-Encoding": "nonsense"},
    {"Content-Length": "99999"},
    {"Content-Length": "nonsense"},
    {"Location": "http://127.0.0.1:1/"},
    {"Set-Cookie": "a=b; Path=/; Expires=nonsense"},
    {"Retry-After": "nonsense"},
]
BODIES = [
    b"",
    b"{",
    b"null",
    b"\xff\xfe{}",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"NaN",
    b'"' + b"x" * 300_000 + b'"',
    b"1" * 5000,
]


def answers(*names: str, usual: dict[str, Any] | None = None) -> st.SearchStrategy[ProviderResponse]:
    """Responses with correct member names and any values; ``usual`` are valid ones, some of them replaced."""
    members = st.fixed_dictionaries({}, optional=dict.fromkeys(names, values)).map(lambda drawn: (usual or {}) | drawn)
    bodies = members | values | st.sampled_from(BODIES) | st.binary(max_size=50)
    statuses = st.sampled_from([200, 200, 200, 201, 204, 301, 307, 400, 401, 403, 404, 418, 429, 500, 503])
    return st.builds(ProviderResponse, bodies.map(_sendable), statuses, st.sampled_from(HEADERS))


def _sendable(body: Any) -> Any:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def finish(installation: SignInWorld) -> None:
    """Sign in; a failure is a page with the reference of an audit event."""
    client = installation.client()
    before = len(installation.audit("app:login:refuse"))
    answer = client.get("/auth/login")
    if answer.status == 303:
        answer = client.get(installation.fake.approve(answer.location))
    assert answer.status in {303, 400, 403, 503}, answer.text
    if answer.status == 303:
        assert installation.cookies.session in client.cookies
        return
    assert "Reference: " in answer.text
    assert "Traceback" not in answer.text
    events = installation.audit("app:login:refuse")[before:]
    assert events, "the failure is in the audit"
    assert all(":" in event["reason"] or "-" in event["reason"] or "_" in event["reason"] for event in events)


def test_any_answer_of_the_token_endpoint(installation: SignInWorld) -> None:
    names = ("access_token", "id_token", "refresh_token", "token_type", "expires_in", "expires_at", "scope", "error")
    usual = {"access_token": installation.fake.issuer.access_token(), "id_token": installation.fake.issuer.id_token()}

    @FEW
    @given(answers(*names, "error_description", usual=usual))
    def check(answer: ProviderResponse) -> None:
        installation.fake.token_answer = lambda form: answer
        with sign_in_world(installation.fake, installation.clock) as fresh:  # codes that are refused are counted
            finish(fresh)

    check()


@pytest.mark.parametrize("expires_in", [[1], {}, {"a": 1}, "", "soon", True, -1, 1e308, 10**400, [[]]])
@pytest.mark.parametrize("name", ["expires_in", "expires_at"])
def test_an_expiry_of_any_type(installation: SignInWorld, name: str, expires_in: object) -> None:
    usual = installation.fake.tokens

    def tokens(claims: Any, *, nonce: str | None = None) -> ProviderResponse:
        answer = usual(claims, nonce=nonce)
        answer.body[name] = expires_in
        return answer

    installation.fake.tokens = tokens  # type: ignore[method-assign]
    finish(installation)


def test_any_answer_to_a_refresh(installation: SignInWorld) -> None:
    ref = installation.ref(installation.sign_in())
    installation.clock.move(seconds=580)

    @FEW
    @given(answers("access_token", "refresh_token", "token_type", "expires_in", "error"))
    def check(answer: ProviderResponse) -> None:
        installation.fake.token_answer = lambda form: answer
        try:
            tokens = installation.provider.refresh("refresh-token")
        except GatehouseError:
            return
        assert isinstance(tokens.access_token, str)

    check()
    assert installation.sessions.by_ref(ref).ref == ref


def test_any_discovery_document(installation: SignInWorld) -> None:
    metadata = installation.fake.issuer.metadata()

    @FEW
    @given(answers(*metadata, "prompt_values_supported", usual=metadata))
    def check(answer: ProviderResponse) -> None:
        installation.fake.document = lambda path: answer
        installation.discovery._known = None
        finish(installation)

    check()


def test_any_key_set(installation: SignInWorld) -> None:
    jwk = installation.fake.issuer.keys[0].jwk()
    keys = st.lists(
        st.fixed_dictionaries({}, optional=dict.fromkeys(jwk, values)).map(lambda drawn: jwk | drawn) | values
    )
    jwks = st.builds(lambda keys: ProviderResponse(_sendable({"keys": keys})), keys) | answers("keys")

    @FEW
    @given(jwks)
    def check(answer: ProviderResponse) -> None:
        installation.fake.document = lambda path: answer if path.endswith("jwks.json") else None
        discovery = Discovery(installation.fake.url, cooldown_seconds=0, timeout_seconds=1)
        with contextlib.suppress(TokenInvalid, ProviderUnavailable):
            KeySet(discovery.fetch_jwks).key("key-0", "RS256")

    check()
