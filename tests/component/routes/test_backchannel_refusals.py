"""Logout tokens and requests that the back-channel logout refuses."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from app.core.tokens.verifier import LOGOUT_EVENT
from tests.clock import FakeClock
from tests.component.routes.logout_tokens import FORM, PATH, is_live, post, post_logout_token
from tests.cookie_client import call
from tests.issuer import ABSENT, CLIENT_ID
from tests.provider import FakeProvider
from tests.signin import SignInWorld, sign_in_world


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "another"}, "wrong-audience"),
        ({"iss": "https://evil.example/"}, "wrong-issuer"),
        ({"events": ABSENT}, "not-a-logout-token"),
        ({"nonce": "n"}, "not-a-logout-token"),
        ({"jti": ABSENT}, "nobody-named"),
        ({"sid": ABSENT, "sub": ABSENT}, "nobody-named"),
        ({"exp": 1_600_000_000, "iat": 1_600_000_000}, "expired"),
        ({"iat": 4_000_000_000, "exp": 4_000_000_100}, "not-yet-valid"),
    ],
)
def test_a_bad_token_is_refused_and_nothing_is_written_for_it(
    installation: SignInWorld, claims: dict[str, Any], reason: str
) -> None:
    """Each check has its own test in ``test_tokens_logout``; this tests the response to a refusal."""
    client = installation.sign_in()
    before = installation.dump()
    answer = post_logout_token(installation, **claims)
    assert (answer.status, answer.header("cache-control")) == (400, "no-store")
    assert installation.dump() == before
    assert is_live(installation, client)
    (event,) = installation.audit("app:logout:refuse")
    assert (event["outcome"], event["reason"]) == ("refused", f"logout-token:{reason}")


def test_an_id_token_ends_no_session(installation: SignInWorld) -> None:
    client = installation.sign_in()
    assert post(installation, urlencode({"logout_token": installation.fake.issued[-1]})).status == 400
    assert is_live(installation, client)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("", {}),
        ("token=x", {}),
        ("logout_token=", {}),
        ("logout_token=a&logout_token=b", {}),
        ("logout_token=" + "a" * 16_385, {}),
        ("logout_token=" + "a" * 100_000, {}),
        ("&".join(f"f{number}=x" for number in range(50)), {}),
        (b"logout_token=\xff\xfe", {}),
        ("logout_token=%FF%00", {}),
        ("GOOD&GOOD", {}),
        ("GOOD&pad=" + "x" * 40_000, {}),
        ("GOOD", {"content_type": "application/json"}),
        ("GOOD", {"content_type": "multipart/form-data; boundary=x"}),
        ("GOOD", {"content_type": ""}),
    ],
)
def test_only_one_token_in_a_bounded_form(
    installation: SignInWorld, body: str | bytes, headers: dict[str, str]
) -> None:
    client = installation.sign_in()
    good = urlencode(
        {"logout_token": installation.fake.issuer.logout_token(iat=int(installation.clock.timestamp()) + 1)}
    )
    answer = post(installation, body.replace("GOOD", good) if isinstance(body, str) else body, **headers)
    assert (answer.status, answer.header("cache-control")) == (400, "no-store")
    assert answer.header("content-type") == "application/problem+json"
    assert is_live(installation, client)


def test_the_token_is_read_from_the_body_only(installation: SignInWorld) -> None:
    client = installation.sign_in()
    token = installation.fake.issuer.logout_token()
    answer = call(installation.app, "POST", f"{PATH}?{urlencode({'logout_token': token})}", {"content-type": FORM})
    assert answer.status == 400
    assert is_live(installation, client)


def test_a_charset_and_other_fields_are_accepted(installation: SignInWorld) -> None:
    client = installation.sign_in()
    token = installation.fake.issuer.logout_token(iat=int(installation.clock.timestamp()) + 1)
    body = urlencode({"state": "x", "logout_token": token, "more": ""})
    assert post(installation, body, content_type=f"{FORM.upper()}; charset=UTF-8").status == 200
    assert not is_live(installation, client)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused_and_not_redirected(installation: SignInWorld, method: str) -> None:
    answer = call(installation.app, method, PATH)
    assert (answer.status, answer.header("allow")) == (405, "POST")


def test_the_response_contains_no_part_of_the_token(installation: SignInWorld) -> None:
    token = installation.fake.issuer.logout_token(aud="another", sid="a-very-secret-session")
    answer = post(installation, urlencode({"logout_token": token}))
    assert token.split(".")[1][:20] not in answer.text
    assert "secret" not in answer.text


def test_made_up_key_ids_prevent_no_sign_in_after_a_rotation() -> None:
    """Any client can post here; its key fetches are limited apart from those of sign-ins."""
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, sign_in_world(fake, clock, with_real_keys=True) as installation:
        installation.sign_in()
        for number in range(10):
            claims = fake.issuer.claims(aud=CLIENT_ID, events={LOGOUT_EVENT: {}}, jti=f"made-up-{number}")
            token = fake.issuer.sign(claims, header={"kid": f"made-up-{number}"})
            assert post(installation, urlencode({"logout_token": token})).status == 400
        fake.issuer.rotate(keep_old=False)
        installation.sign_in()


def test_a_logout_token_whose_key_cannot_be_fetched_now_may_be_sent_again() -> None:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, sign_in_world(fake, clock, with_real_keys=True) as installation:
        client = installation.sign_in()
        fake.issuer.rotate(keep_old=False)
        answer = post_logout_token(installation)
        assert answer.status == 400, "the standard defines 200 and 400 only"
        assert 1 <= int(answer.header("retry-after")) <= 12
        assert is_live(installation, client)
        assert [event["reason"] for event in installation.audit("app:logout:refuse")] == ["provider:keys-later"]
