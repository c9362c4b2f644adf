"""``POST /auth/backchannel-logout``: the sessions that a logout token ends, refused tokens, and the responses."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from app.core.errors import SessionEnded, StorageUnavailable
from app.core.records import EndReason
from app.core.tokens.verifier import LOGOUT_EVENT
from tests.browser import Answer, call
from tests.clock import FakeClock
from tests.issuer import ABSENT, CLIENT_ID
from tests.provider import FakeProvider
from tests.signin import Browser, SignInWorld, world

PATH = "/auth/backchannel-logout"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def installation() -> Iterator[SignInWorld]:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, world(fake, clock) as installation:
        yield installation


def post(installation: SignInWorld, body: bytes | str, **headers: str) -> Answer:
    """Post as the provider does; no cookie, no ``Origin``."""
    sent = {"content-type": FORM} | {name.replace("_", "-"): value for name, value in headers.items()}
    return call(installation.app, "POST", PATH, sent, body.encode() if isinstance(body, str) else body)


def post_logout_token(installation: SignInWorld, **claims: Any) -> Answer:
    """Post a logout token with these claims, by default issued one second after the current time."""
    usual = {"jti": secrets.token_hex(8), "iat": int(installation.clock.timestamp()) + 1}
    return post(installation, urlencode({"logout_token": installation.fake.issuer.logout_token(**(usual | claims))}))


def live(installation: SignInWorld, browser: Browser) -> bool:
    return bool(browser.get("/auth/session").json()["authenticated"])


def test_the_session_with_that_id_ends_and_no_other(installation: SignInWorld) -> None:
    first, second = installation.sign_in(), installation.sign_in(sid="session-2")
    bob = installation.sign_in(sub="auth0|bob", sid="session-3")
    change_counters = installation.storage.read.change_counters().sessions_ended
    ref = installation.ref(first)
    answer = post_logout_token(installation, sid="session-1")
    assert (answer.status, answer.body, answer.header("cache-control")) == (200, b"", "no-store")
    assert [live(installation, browser) for browser in (first, second, bob)] == [False, True, True]
    assert installation.storage.read.change_counters().sessions_ended == change_counters + 1, (
        "so the watcher of every process notifies the tabs"
    )
    with pytest.raises(SessionEnded) as caught:
        installation.sessions.by_ref(ref)
    assert caught.value.detail == "You signed out at the sign-in provider."
    (event,) = installation.audit("app:session:end")
    assert (event["reason"], event["actor"], event["target"]) == (
        "provider-logout",
        "system",
        f"auth0|ann at {installation.fake.url}",
    )
    assert event["correlation_id"] == answer.header("x-correlation-id")
    assert installation.storage.read.sealed_tokens(ref) is None


def test_refresh_tokens_of_ended_sessions_are_revoked_at_the_provider_after_the_response(
    installation: SignInWorld,
) -> None:
    installation.sign_in()
    installation.sign_in(sid="session-2")
    had = list(installation.fake.refresh_tokens)
    assert len(had) == 2
    assert post_logout_token(installation, sid="session-1").status == 200
    assert installation.fake.revoked == had[:1]
    assert post_logout_token(installation, sid=ABSENT).status == 200
    assert installation.fake.revoked == had


def test_a_provider_that_refuses_the_revocation_changes_nothing(installation: SignInWorld) -> None:
    browser = installation.sign_in()
    installation.fake.revoke_status = 500
    assert post_logout_token(installation, sid="session-1").status == 200
    assert not live(installation, browser)


def test_without_a_session_id_all_of_the_subject_end(installation: SignInWorld) -> None:
    first, second = installation.sign_in(), installation.sign_in(sid="session-2")
    bob = installation.sign_in(sub="auth0|bob", sid="session-1")
    assert post_logout_token(installation, sid=ABSENT).status == 200
    assert [live(installation, browser) for browser in (first, second, bob)] == [False, False, True]
    assert len(installation.audit("app:session:end")) == 2


@pytest.mark.parametrize(
    ("claims", "left"),
    [
        ({"sid": "session-9"}, [True, True]),  # an unknown session id never ends all sessions
        ({"sid": "session-1", "sub": "auth0|bob"}, [True, True]),  # a session of another subject
        ({"sid": "session-1", "sub": ABSENT}, [False, True]),
        ({"sub": "auth0|bob", "sid": ABSENT}, [True, True]),
    ],
)
def test_the_session_id_and_the_subject_select_the_sessions(
    installation: SignInWorld, claims: dict[str, Any], left: list[bool]
) -> None:
    first, second = installation.sign_in(), installation.sign_in(sid="session-2")
    assert post_logout_token(installation, **claims).status == 200
    assert [live(installation, browser) for browser in (first, second)] == left


def test_a_logout_token_without_a_matching_session_is_no_error(installation: SignInWorld) -> None:
    assert post_logout_token(installation).status == 200
    assert not installation.audit("app:session:end")


def test_a_token_works_once(installation: SignInWorld) -> None:
    browser = installation.sign_in()
    claims = {"jti": "the-same", "sid": ABSENT, "iat": int(installation.clock.timestamp()) + 5}
    assert post_logout_token(installation, **claims).status == 200
    assert not live(installation, browser)
    again = installation.sign_in(browser)
    assert post_logout_token(installation, **claims).status == 400
    assert live(installation, again)
    (event,) = installation.audit("app:logout:refuse")
    assert (event["reason"], event["address"]) == ("logout-token:replayed", "203.0.113.7")


def test_a_token_is_remembered_for_its_lifetime(installation: SignInWorld) -> None:
    browser = installation.sign_in()
    claims = {
        "jti": "the-same",
        "iat": int(installation.clock.timestamp()),
        "exp": int(installation.clock.timestamp()) + 120,
    }
    assert post_logout_token(installation, **claims).status == 200
    installation.sign_in(browser)
    for seconds in (100, 45):  # within its lifetime, within the leeway; other tokens purge the expired ones
        installation.clock.move(seconds=seconds)
        assert post_logout_token(installation, sub="auth0|unknown").status == 200
        assert post_logout_token(installation, **claims).status == 400
    installation.clock.move(seconds=60)
    assert post_logout_token(installation, **claims).status == 400, "expired"
    assert live(installation, browser)


def test_a_session_started_after_the_token_was_issued_continues(installation: SignInWorld) -> None:
    """Signed out at the provider and in again before the token arrived."""
    before = installation.sign_in()
    issued = int(installation.clock.timestamp()) + 1
    installation.clock.move(seconds=5)
    after = installation.sign_in()
    assert post_logout_token(installation, sid=ABSENT, iat=issued).status == 200
    assert [live(installation, browser) for browser in (before, after)] == [False, True]


def test_a_session_started_within_the_same_second_ends(installation: SignInWorld) -> None:
    browser = installation.sign_in()
    created_at = installation.sessions.resolve(installation.secret(browser)).created_at
    assert post_logout_token(installation, iat=int(created_at.timestamp())).status == 200
    assert not live(installation, browser)


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
    browser = installation.sign_in()
    before = installation.dump()
    answer = post_logout_token(installation, **claims)
    assert (answer.status, answer.header("cache-control")) == (400, "no-store")
    assert installation.dump() == before
    assert live(installation, browser)
    (event,) = installation.audit("app:logout:refuse")
    assert (event["outcome"], event["reason"]) == ("refused", f"logout-token:{reason}")


def test_an_id_token_ends_no_session(installation: SignInWorld) -> None:
    browser = installation.sign_in()
    assert post(installation, urlencode({"logout_token": installation.fake.issued[-1]})).status == 400
    assert live(installation, browser)


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
    browser = installation.sign_in()
    good = urlencode(
        {"logout_token": installation.fake.issuer.logout_token(iat=int(installation.clock.timestamp()) + 1)}
    )
    answer = post(installation, body.replace("GOOD", good) if isinstance(body, str) else body, **headers)
    assert (answer.status, answer.header("cache-control")) == (400, "no-store")
    assert answer.header("content-type") == "application/problem+json"
    assert live(installation, browser)


def test_the_token_is_read_from_the_body_only(installation: SignInWorld) -> None:
    browser = installation.sign_in()
    token = installation.fake.issuer.logout_token()
    answer = call(installation.app, "POST", f"{PATH}?{urlencode({'logout_token': token})}", {"content-type": FORM})
    assert answer.status == 400
    assert live(installation, browser)


def test_a_charset_and_other_fields_are_accepted(installation: SignInWorld) -> None:
    browser = installation.sign_in()
    token = installation.fake.issuer.logout_token(iat=int(installation.clock.timestamp()) + 1)
    body = urlencode({"state": "x", "logout_token": token, "more": ""})
    assert post(installation, body, content_type=f"{FORM.upper()}; charset=UTF-8").status == 200
    assert not live(installation, browser)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_it_is_posted_and_never_redirected(installation: SignInWorld, method: str) -> None:
    answer = call(installation.app, method, PATH)
    assert (answer.status, answer.header("allow")) == (405, "POST")


def test_the_response_contains_no_part_of_the_token(installation: SignInWorld) -> None:
    token = installation.fake.issuer.logout_token(aud="another", sid="a-very-secret-session")
    answer = post(installation, urlencode({"logout_token": token}))
    assert token.split(".")[1][:20] not in answer.text
    assert "secret" not in answer.text


def test_an_unavailable_database_does_not_use_up_the_token(
    installation: SignInWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = installation.sign_in()
    claims = {"jti": "the-same", "iat": int(installation.clock.timestamp()) + 1}

    def down(*_: object) -> None:
        raise StorageUnavailable

    with monkeypatch.context() as patch:
        patch.setattr("db.database.DatabaseUnitOfWork.end_session", down)
        assert post_logout_token(installation, **claims).status == 400
    assert live(installation, browser)
    assert post_logout_token(installation, **claims).status == 200
    assert not live(installation, browser)


def test_a_session_that_is_over_keeps_its_reason(installation: SignInWorld) -> None:
    browser = installation.sign_in()
    ref = installation.ref(browser)
    installation.sessions.end(ref, EndReason.ENDED_BY_ADMIN, by="admin")
    assert post_logout_token(installation).status == 200
    session = installation.storage.read.session_by_ref(ref)
    assert session is not None
    assert session.end_reason is EndReason.ENDED_BY_ADMIN


def test_made_up_key_ids_prevent_no_sign_in_after_a_rotation() -> None:
    """Any client can post here; its key fetches are limited apart from those of sign-ins (R51)."""
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, world(fake, clock, with_real_keys=True) as installation:
        installation.sign_in()
        for number in range(10):
            claims = fake.issuer.claims(aud=CLIENT_ID, events={LOGOUT_EVENT: {}}, jti=f"made-up-{number}")
            token = fake.issuer.sign(claims, header={"kid": f"made-up-{number}"})
            assert post(installation, urlencode({"logout_token": token})).status == 400
        fake.issuer.rotate(keep_old=False)
        installation.sign_in()


def test_a_logout_token_whose_key_cannot_be_fetched_now_may_be_sent_again() -> None:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, world(fake, clock, with_real_keys=True) as installation:
        browser = installation.sign_in()
        fake.issuer.rotate(keep_old=False)
        answer = post_logout_token(installation)
        assert answer.status == 400, "the standard defines 200 and 400 only"
        assert 1 <= int(answer.header("retry-after")) <= 12
        assert live(installation, browser)
        assert [event["reason"] for event in installation.audit("app:logout:refuse")] == ["provider:keys-later"]
