"""Every rule of a bearer token, at the level of HTTP: what is sent, and the status and challenge that come back."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.issuer import ABSENT, Issuer, SigningKey
from tests.remote_api.world import ApiWorld

NO_TOKEN = 'Bearer realm="gatehouse"'
INVALID = 'Bearer realm="gatehouse", error="invalid_token"'
MALFORMED = 'Bearer realm="gatehouse", error="invalid_request"'

Make = Callable[[Issuer], str]


def _without_signature(issuer: Issuer) -> str:
    token = issuer.access_token(header={"alg": "none"})
    return token.rpartition(".")[0] + "."


def _tampered(token: str) -> str:
    header, payload, signature = token.split(".")
    claims = base64.urlsafe_b64decode(payload + "==").replace(b"auth0|ann", b"auth0|bob")
    return f"{header}.{base64.urlsafe_b64encode(claims).rstrip(b'=').decode()}.{signature}"


REFUSED: dict[str, Make] = {
    "another issuer": lambda issuer: issuer.access_token(iss="https://elsewhere.test/"),
    "issuer without its slash": lambda issuer: issuer.access_token(iss=issuer.url.rstrip("/")),
    "another audience": lambda issuer: issuer.access_token(aud="https://elsewhere.test/"),
    "audience as a prefix": lambda issuer: issuer.access_token(aud=issuer.audience + "v2"),
    "no audience": lambda issuer: issuer.access_token(aud=ABSENT),
    "expired": lambda issuer: issuer.access_token(iat=int(time.time()) - 900, exp=int(time.time()) - 300),
    "no expiry": lambda issuer: issuer.access_token(exp=ABSENT),
    "expiry as text": lambda issuer: issuer.access_token(exp=str(int(time.time()) + 600)),
    "not yet": lambda issuer: issuer.access_token(nbf=int(time.time()) + 600),
    "issued in the future": lambda issuer: issuer.access_token(iat=int(time.time()) + 600),
    "no subject": lambda issuer: issuer.access_token(sub=ABSENT),
    "empty subject": lambda issuer: issuer.access_token(sub=""),
    "subject of another type": lambda issuer: issuer.access_token(sub=["auth0|ann"]),
    "an ID token": lambda issuer: issuer.id_token(nonce="n", aud=issuer.audience),
    "a logout token": lambda issuer: issuer.logout_token(aud=issuer.audience),
    "bound to a sender": lambda issuer: issuer.access_token(cnf={"jkt": "x"}),
    "a DPoP proof": lambda issuer: issuer.access_token(header={"typ": "dpop+jwt"}),
    "critical header": lambda issuer: issuer.access_token(header={"crit": ["b64"], "b64": False}),
    "without a signature": _without_signature,
    "signed by another key": lambda issuer: issuer.access_token(key=SigningKey("key-0", number=7)),
    "key of another algorithm": lambda issuer: issuer.access_token(key=SigningKey("key-0", "ES256", 8)),
    "tampered payload": lambda issuer: _tampered(issuer.access_token()),
    "not a token": lambda _: "garbage",
    "two parts": lambda issuer: issuer.access_token().rpartition(".")[0],
    "four parts": lambda issuer: issuer.access_token() + ".x",
    "huge": lambda issuer: "a" * 20_000,
    "wrong alphabet": lambda issuer: issuer.access_token() + "!",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(world: ApiWorld, name: str) -> None:
    token = REFUSED[name](world.issuer)
    answer = world.call("/api/pong", token)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, INVALID)
    assert answer.json["code"] == ("token-expired" if name == "expired" else "token-invalid")
    assert token not in answer.text


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({}, id="as Auth0's"),
        pytest.param({"aud": Issuer().audience}, id="audience as a text"),
        pytest.param({"header": {"typ": "at+jwt"}}, id="RFC 9068"),
        pytest.param({"header": {"typ": ABSENT}}, id="no type"),
        pytest.param({"azp": ABSENT, "client_id": "x"}, id="client_id for azp"),
        pytest.param({"scope": ABSENT, "permissions": ABSENT}, id="no scope"),
    ],
)
def test_accepted(world: ApiWorld, claims: dict[str, Any]) -> None:
    assert world.call("/api/pong", world.issuer.access_token(**claims)).status_code == 200


@pytest.mark.parametrize(
    ("header", "status", "challenge"),
    [
        ("Bearer {}", 200, None),
        ("bearer {}", 200, None),
        ("BEARER   {}", 200, None),
        ("", 401, NO_TOKEN),
        ("Basic dXNlcjpwYXNz", 401, NO_TOKEN),
        ("{}", 401, NO_TOKEN),
        ("Token {}", 401, NO_TOKEN),
        ("Bearer", 400, MALFORMED),
        ("Bearer ", 400, MALFORMED),
        ("Bearer {} {}", 400, MALFORMED),
        ("Bearer {} trailing", 400, MALFORMED),
        ("Bearer {},Bearer {}", 400, MALFORMED),
        ("Bearer {}, Bearer {}", 400, MALFORMED),
        ("Basic dXNlcjpwYXNz, Bearer {}", 400, MALFORMED),
        ("Bearer {}, Basic dXNlcjpwYXNz", 400, MALFORMED),
        ("Bearer\t{}", 400, MALFORMED),
        ("Bearer \t{}", 401, INVALID),
        ("Bearer\u00a0{}", 400, MALFORMED),
        ("Bearer \xff", 401, INVALID),
    ],
)
def test_the_header(world: ApiWorld, header: str, status: int, challenge: str | None) -> None:
    value = header.replace("{}", world.issuer.access_token())
    answer = world.call("/api/pong", environ_overrides={"HTTP_AUTHORIZATION": value})
    assert (answer.status_code, answer.headers.get("WWW-Authenticate")) == (status, challenge)


def test_two_headers_are_malformed_even_when_both_are_good(world: ApiWorld) -> None:
    token = world.issuer.access_token()
    headers = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
    answer = world.app.test_client().get("/api/pong", headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (400, MALFORMED)


@pytest.mark.parametrize("query", ["access_token={}", "a=b&access_token={}", "access_token=", "a=1;access_token={}"])
def test_never_in_the_query(world: ApiWorld, query: str) -> None:
    token = world.issuer.access_token()
    for sent in (None, token):
        answer = world.call(f"/api/pong?{query.replace('{}', token)}", sent)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (400, MALFORMED)
        assert token not in answer.text


def test_never_in_a_cookie_a_body_or_another_header(world: ApiWorld) -> None:
    token = world.issuer.access_token()
    headers = {"Cookie": f"access_token={token}", "X-Authorization": f"Bearer {token}", "X-Forwarded-User": "root"}
    requests: list[dict[str, Any]] = [
        {"headers": headers},
        {"data": {"access_token": token}},
        {"json": {"access_token": token}},
    ]
    for options in requests:
        answer = world.call("/api/pong", **options)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, NO_TOKEN)


def test_a_missing_permission_names_the_scope(world: ApiWorld) -> None:
    answer = world.call("/api/v1/reports/usage", world.issuer.access_token())
    assert answer.status_code == 403
    expected = 'Bearer realm="gatehouse", error="insufficient_scope", scope="read:reports"'
    assert answer.headers["WWW-Authenticate"] == expected
    assert (answer.json["permission"], answer.json["reason"]) == ("read:reports", "not-granted")


def test_a_blocked_person_is_refused_without_a_scope_to_request(world: ApiWorld) -> None:
    signed_in = world.sign_in()
    world.block(signed_in.subject)
    answer = world.call("/api/pong", signed_in.token)
    assert (answer.status_code, answer.json["reason"], answer.json["permission"]) == (403, "blocked", "")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="gatehouse", error="insufficient_scope"'


def test_public_addresses_ignore_tokens_good_or_bad(world: ApiWorld) -> None:
    for token in ("garbage", "a b c", world.issuer.access_token()):
        assert world.call("/api/ping", token).status_code == 200
