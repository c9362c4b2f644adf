"""Why a sign-in failed: each cause has a code of its own in log and audit, and a sentence for administrators."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from app.core.audit_rows import AuditRow
from app.core.failure_reasons import (
    CallbackReason,
    ClaimReason,
    OAuthReason,
    ProviderReason,
    SignInReason,
    TokenReason,
    explain,
)
from remote_api.audit_sentences import sentence
from tests.clock import FakeClock
from tests.issuer import ABSENT, Fault, SigningKey
from tests.provider import FakeProvider, ProviderResponse
from tests.signin import SignInWorld, query, sign_in_world

SECRET_CLAIM = "value-of-a-claim-that-is-never-shown"


@pytest.fixture
def here() -> Iterator[SignInWorld]:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, sign_in_world(fake, clock) as made:
        yield made


def sign_in(here: SignInWorld, **claims: Any) -> None:
    """A sign-in with these claims in the ID token, which fails."""
    client = here.client()
    answer = client.get(here.fake.approve(here.begin(client), **claims))
    assert answer.status in {400, 403, 503}, answer.text
    assert here.cookies.session not in client.cookies


ID_TOKEN: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"iss": "https://evil.example/"}, "id-token:wrong-issuer"),
    "another audience": ({"aud": "another-client"}, "id-token:wrong-audience"),
    "no audience": ({"aud": ABSENT}, "id-token:audience-malformed"),
    "expired": ({"exp": 1_000_000_000, "iat": 1_000_000_000}, "id-token:expired"),
    "not yet valid": ({"nbf": 4_000_000_000}, "id-token:not-yet-valid"),
    "issued in the future": ({"iat": 4_000_000_000, "exp": 4_000_000_100}, "id-token:not-yet-valid"),
    "no expiry": ({"exp": ABSENT}, "id-token:times-missing"),
    "expiry as a text": ({"exp": SECRET_CLAIM}, "id-token:time-malformed"),
    "another sign-in": ({"nonce": SECRET_CLAIM}, "id-token:nonce"),
    "another party": ({"azp": SECRET_CLAIM}, "id-token:wrong-party"),
    "another access token": ({"at_hash": SECRET_CLAIM}, "id-token:at-hash"),
    "sign-in in the future": ({"auth_time": 4_000_000_000}, "id-token:auth-time-ahead"),
    "no subject": ({"sub": ""}, "id-token:identifier-malformed"),
    "session id as a number": ({"sid": 7}, "id-token:identifier-malformed"),
    "a logout token": ({"events": {SECRET_CLAIM: {}}}, "id-token:not-an-id-token"),
    "another type": ({"header": {"typ": "logout+jwt"}}, "id-token:wrong-type"),
    "another algorithm": ({"header": {"alg": "HS256"}}, "id-token:algorithm"),
    "an unknown key": ({"header": {"kid": "made-up"}}, "id-token:key-unknown"),
    "another signature": ({"key": SigningKey("key-0", number=5)}, "id-token:signature"),
    "an extension": ({"header": {"crit": ["x"]}}, "id-token:extension"),
    "key id as a number": ({"header": {"kid": 7}}, "id-token:key-id-malformed"),
}


@pytest.mark.parametrize(("claims", "reason"), ID_TOKEN.values(), ids=ID_TOKEN)
def test_each_cause_is_in_the_log_and_in_the_audit_once(here: SignInWorld, claims: dict[str, Any], reason: str) -> None:
    with structlog.testing.capture_logs() as lines:
        sign_in(here, **claims)
    (event,) = here.audit("app:login:refuse")
    assert event["reason"] == reason
    assert [(line["event"], line["reason"]) for line in lines if reason in str(line)] == [("a sign-in failed", reason)]
    assert SECRET_CLAIM not in str(lines)
    assert SECRET_CLAIM not in str(event)


ACCESS_TOKEN: dict[str, tuple[dict[str, Any], str]] = {
    "another audience": ({"aud": "https://graph.example/"}, "access-token:wrong-audience"),
    "another issuer": ({"iss": "https://sts.example/"}, "access-token:wrong-issuer"),
    "another subject": ({"sub": "auth0|bob"}, "access-token:another-subject"),
    "another client": ({"azp": "client-two"}, "access-token:another-client"),
    "two clients": ({"client_id": "client-two"}, "access-token:two-clients"),
    "bound to its sender": ({"cnf": {"jkt": "x"}}, "access-token:sender-constrained"),
    "an ID token": ({"nonce": "n"}, "access-token:not-an-access-token"),
    "expired": ({"exp": 1_000_000_000, "iat": 1_000_000_000}, "access-token:expired"),
}


@pytest.mark.parametrize(("claims", "reason"), ACCESS_TOKEN.values(), ids=ACCESS_TOKEN)
def test_reasons_name_the_access_token_or_the_id_token(here: SignInWorld, claims: dict[str, Any], reason: str) -> None:
    here.fake.access_claims = claims
    sign_in(here)
    assert [event["reason"] for event in here.audit("app:login:refuse")] == [reason]


@pytest.mark.parametrize(
    ("access_token", "reason"),
    [
        ("opaque-as-without-an-audience", "access-token:not-a-jwt"),
        ("x" * 20_000, "access-token:too-large"),
        ("a.b.c", "access-token:encoding-malformed"),
        ("bnVsbA.bnVsbA.bnVsbA", "access-token:json-malformed"),
    ],
)
def test_an_access_token_that_is_no_token_of_the_api(here: SignInWorld, access_token: str, reason: str) -> None:
    client = here.client()
    callback = here.fake.approve(here.begin(client))
    nonce = next(iter(here.fake.codes.values())).nonce
    id_token = here.fake.issuer.id_token(nonce=nonce)
    here.fake.token_answer = lambda form: ProviderResponse({"access_token": access_token, "id_token": id_token})
    assert client.get(callback).status == 400
    assert [event["reason"] for event in here.audit("app:login:refuse")] == [reason]


TOKEN_ENDPOINT: dict[str, tuple[ProviderResponse, str]] = {
    "wrong client secret": (ProviderResponse({"error": "invalid_client"}, 401), "invalid_client"),
    "flow not allowed": (ProviderResponse({"error": "unauthorized_client"}, 400), "unauthorized_client"),
    "code used before": (ProviderResponse({"error": "invalid_grant"}, 403), "invalid_grant"),
    "unknown error": (ProviderResponse({"error": SECRET_CLAIM}, 400), "provider-refused"),
    "busy": (ProviderResponse({"error": "temporarily_unavailable"}, 400), "provider:busy"),
    "a page": (ProviderResponse(b"<html>It works!</html>"), "provider:not-json"),
    "an error": (ProviderResponse({}, 500), "provider:status"),
    "no tokens": (ProviderResponse({}), "provider:tokens-malformed"),
    "too much": (ProviderResponse(b'{"filler": "' + b"x" * 400_000 + b'"}'), "provider:too-large"),
    "no ID token": (ProviderResponse({"access_token": "a"}), "provider:no-id-token"),
    "an expiry that is a list": (ProviderResponse({"access_token": "a", "expires_in": [1]}), "provider:unexpected"),
}


@pytest.mark.parametrize(("answer", "reason"), TOKEN_ENDPOINT.values(), ids=TOKEN_ENDPOINT)
def test_each_answer_of_the_token_endpoint(here: SignInWorld, answer: ProviderResponse, reason: str) -> None:
    here.fake.token_answer = lambda form: answer
    sign_in(here)
    (event,) = here.audit("app:login:refuse")
    assert event["reason"] == reason
    assert SECRET_CLAIM not in str(event)


def test_the_way_back(here: SignInWorld) -> None:
    state = query(here.begin(client := here.client()))["state"]
    assert client.get(here.fake.answer(state, code="c", iss="https://evil.example/")).status == 400
    state = query(here.begin(client := here.client()))["state"]
    assert client.get(here.fake.answer(state)).status == 400
    reasons = [event["reason"] for event in here.audit("app:login:refuse")]
    assert sorted(reasons) == ["callback:another-issuer", "callback:incomplete"]


DISCOVERY: dict[str, tuple[Callable[[SignInWorld], None], str]] = {
    "refused": (lambda here: here.fake.stop(), "provider:refused"),
    "another issuer": (
        lambda here: setattr(here.fake.issuer, "discovery_fault", Fault.WRONG_ISSUER),
        "provider:issuer-mismatch",
    ),
    "unsafe endpoint": (
        lambda here: here.fake.issuer.metadata_extra.update(token_endpoint="http://provider.example/token"),
        "provider:unsafe-endpoint",
    ),
}


@pytest.mark.parametrize(("spoil", "reason"), DISCOVERY.values(), ids=DISCOVERY)
def test_each_fault_of_discovery(here: SignInWorld, spoil: Callable[[SignInWorld], None], reason: str) -> None:
    spoil(here)
    assert here.client().get("/auth/login").status == 503
    assert [event["reason"] for event in here.audit("app:login:refuse")] == [reason]


# The table


def test_every_code_is_stable_short_and_has_a_sentence() -> None:
    for table in (TokenReason, ProviderReason, CallbackReason, SignInReason, OAuthReason, ClaimReason):
        for row in table:
            assert re.fullmatch(r"[a-z][a-z0-9_-]{1,31}", row.value), row
            assert re.search(r"[.]$", row.sentence), row
            assert len(row.sentence) < 260, row


@pytest.mark.parametrize(
    "text", ["", "joined the team", "id-token:", "id-token:made-up", "made-up:dns", ":dns", "a:b:c"]
)
def test_free_text_is_no_reason_code(text: str) -> None:
    assert explain(text) == ""


@pytest.mark.parametrize(
    ("kind", "reason", "expected"),
    [
        (
            "app:login:refuse",
            "access-token:wrong-audience",
            "A sign-in of x was refused: the access token is not valid. The token is for another audience.",
        ),
        (
            "app:login:refuse",
            "provider:tls-expired",
            "A sign-in of x was refused: the certificate has expired: replace it, or set the clock of this machine.",
        ),
        ("app:login:refuse", "factor-missing", "A sign-in of x was refused: the second factor was not requested."),
        ("app:login:refuse", "user_blocked", "A sign-in of x was refused: the account is blocked at the provider."),
        (
            "policy:grant:add",
            "provider:dns",
            "x granted an unrecorded person a role or permission that was not recorded.",
        ),
    ],
)
def test_administrators_read_the_reason_in_the_audit(kind: str, reason: str, expected: str) -> None:
    row = AuditRow(1, datetime(2026, 1, 1, tzinfo=UTC), kind, "refused", "x", "", reason, "", "")
    assert sentence(row, lambda _: "") == expected
