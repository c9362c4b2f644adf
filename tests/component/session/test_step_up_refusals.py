"""A step-up that the provider does not meet, of another user, or of an ended session."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.assurance import MULTI_FACTOR
from app.core.errors import SessionEnded
from app.core.records import EndReason
from tests.component.session.step_up_flow import BACK, FACTOR, FRESH, confirm, session_of
from tests.signin import Browser, SignInWorld, query


@pytest.fixture
def old(installation: SignInWorld) -> Browser:
    """A browser whose user signed in two hours ago, and is still active."""
    browser = installation.sign_in(acr="", amr=["pwd"])
    installation.clock.move(minutes=50)
    installation.sessions.touch(session_of(installation, browser))
    installation.clock.move(minutes=50)
    installation.sessions.touch(session_of(installation, browser))
    installation.clock.move(minutes=20)
    return browser


# A response that does not meet the request


@pytest.mark.parametrize(
    ("link", "claims", "reason"),
    [
        (FRESH, {"auth_time": -7200}, "id-token:auth-time-too-old"),
        (FRESH, {"auth_time": -45}, "id-token:auth-time-too-old"),
        (FRESH, {"auth_time": None}, "id-token:auth-time-missing"),
        (FRESH, {"auth_time": 0}, "id-token:auth-time-missing"),
        (FRESH.replace("max_age=0", "max_age=300"), {"auth_time": -400}, "id-token:auth-time-too-old"),
        (FACTOR, {}, "factor-missing"),
        (FACTOR, {"acr": "urn:other", "amr": ["pwd", "otp"]}, "factor-missing"),
        (FACTOR, {"acr": [MULTI_FACTOR], "amr": "mfa"}, "factor-missing"),
        (f"{FRESH}&acr_values={MULTI_FACTOR}", {"amr": ["mfa"], "auth_time": -7200}, "id-token:auth-time-too-old"),
        (f"{FRESH}&acr_values={MULTI_FACTOR}", {}, "factor-missing"),
    ],
)
def test_a_provider_that_does_not_meet_the_request_changes_nothing(
    installation: SignInWorld, old: Browser, link: str, claims: dict[str, Any], reason: str
) -> None:
    before, secret = session_of(installation, old), installation.secret(old)
    if "auth_time" in claims:
        value = claims["auth_time"]
        claims = claims | {"auth_time": int(installation.clock.timestamp()) + value if value else 0}
        if value is None:
            installation.fake.issuer.id_token = _without_auth_time(installation)  # type: ignore[method-assign]
    answer = confirm(installation, old, link, **claims)
    assert answer.status == 400
    step = "for a second factor" if reason == "factor-missing" else "to sign in again"
    assert f"You were not asked {step}" in answer.text
    assert "Nothing was changed" in answer.text
    assert installation.secret(old) == secret
    assert session_of(installation, old) == before
    assert not installation.audit("app:session:step-up")
    (event,) = installation.audit("app:login:refuse")
    assert event["reason"] == reason


def _without_auth_time(installation: SignInWorld) -> Any:
    from tests.issuer import ABSENT

    real = installation.fake.issuer.id_token
    return lambda **claims: real(**(claims | {"auth_time": ABSENT}))


@pytest.mark.parametrize("error", ["access_denied", "login_required", "mfa_required"])
def test_a_cancelled_step_up_changes_nothing(installation: SignInWorld, old: Browser, error: str) -> None:
    before = session_of(installation, old)
    state = query(old.get(FRESH).location)["state"]
    answer = old.get(installation.fake.answer(state, error=error))
    assert answer.status in {400, 403}
    assert "/auth/login?return_to=%2Freports%3Frange%3D7%2Bdays" in answer.text
    assert session_of(installation, old) == before
    # "Try again" leads back to the page, which asks again.
    assert old.get("/auth/login?return_to=/reports").location == "http://localhost:8501/reports"


# Another user, or an ended session


def test_another_person_gets_a_session_of_their_own_and_the_old_one_ends(
    installation: SignInWorld, old: Browser
) -> None:
    before, secret = session_of(installation, old), installation.secret(old)
    assert confirm(installation, old, sub="auth0|bob", name="Bob").location == BACK
    after = session_of(installation, old)
    assert after.person.subject.subject == "auth0|bob"
    assert after.ref != before.ref
    with pytest.raises(SessionEnded):
        installation.sessions.resolve(secret)
    assert not installation.audit("app:session:step-up")
    assert [event["reason"] for event in installation.audit("app:session:end")] == ["replaced"]


def test_a_session_that_ended_meanwhile_is_not_resumed(installation: SignInWorld, old: Browser) -> None:
    before = session_of(installation, old)
    callback = installation.fake.approve(old.get(FRESH).location)
    installation.sessions.end(before.ref, EndReason.ENDED_BY_ADMIN, by="admin")
    assert old.get(callback).location == BACK
    assert session_of(installation, old).ref != before.ref, "a new session, as after any sign-in"
    with pytest.raises(SessionEnded):
        installation.sessions.by_ref(before.ref)


def test_a_session_that_ends_at_the_same_moment_is_not_resumed_either(
    installation: SignInWorld, old: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = session_of(installation, old)
    monkeypatch.setattr(installation.sessions, "resolve", lambda _: before)
    callback = installation.fake.approve(old.get(FRESH).location)
    installation.sessions.end(before.ref, EndReason.ENDED_BY_ADMIN, by="admin")
    assert old.get(callback).location == BACK
    monkeypatch.undo()
    assert session_of(installation, old).ref != before.ref
    with pytest.raises(SessionEnded):
        installation.sessions.by_ref(before.ref)


def test_a_user_blocked_meanwhile_is_refused(installation: SignInWorld, old: Browser) -> None:
    before = session_of(installation, old)
    callback = installation.fake.approve(old.get(FRESH).location)
    with installation.storage.unit_of_work() as unit:
        unit.set_blocked(before.person.subject, blocked=True)
        unit.commit()
    answer = old.get(callback)
    assert answer.status == 403
    assert "blocked" in answer.text
    assert not installation.audit("app:session:step-up")
    assert session_of(installation, old).authenticated_at == before.authenticated_at


def test_an_access_token_of_another_user_is_refused(installation: SignInWorld, old: Browser) -> None:
    before = session_of(installation, old)
    installation.fake.access_claims = {"sub": "auth0|bob"}
    assert confirm(installation, old).status == 400
    assert session_of(installation, old) == before


def test_a_step_up_belongs_to_its_browser_and_works_once(installation: SignInWorld, old: Browser) -> None:
    callback = installation.fake.approve(old.get(FRESH).location)
    other = installation.sign_in()
    assert other.get(callback).status == 400  # a step-up of another browser
    cookies = dict(old.cookies)
    assert old.get(callback).location == BACK
    ref = installation.ref(old)
    replay = Browser(installation.app, cookies=cookies | {installation.cookies.session: installation.secret(old)})
    assert replay.get(callback).status == 303
    assert len(installation.audit("app:session:step-up")) == 1
    assert installation.ref(old) == ref
