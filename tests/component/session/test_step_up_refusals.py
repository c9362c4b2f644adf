"""A step-up that is cancelled, of another user, or of an ended session."""

from __future__ import annotations

import pytest

from app.core.errors import SessionEnded
from app.core.records import EndReason
from tests.component.session.step_up_flow import BACK, FRESH, confirm, session_of
from tests.signin import CookieClient, SignInWorld, query

# A step-up that the user cancels


@pytest.mark.parametrize("error", ["access_denied", "login_required", "mfa_required"])
def test_a_cancelled_step_up_changes_nothing(installation: SignInWorld, old: CookieClient, error: str) -> None:
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
    installation: SignInWorld, old: CookieClient
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


def test_a_session_that_ended_meanwhile_is_not_resumed(installation: SignInWorld, old: CookieClient) -> None:
    before = session_of(installation, old)
    callback = installation.fake.approve(old.get(FRESH).location)
    installation.sessions.end(before.ref, EndReason.ENDED_BY_ADMIN, by="admin")
    assert old.get(callback).location == BACK
    assert session_of(installation, old).ref != before.ref, "a new session, as after any sign-in"
    with pytest.raises(SessionEnded):
        installation.sessions.by_ref(before.ref)


def test_a_session_that_ends_at_the_same_moment_is_not_resumed_either(
    installation: SignInWorld, old: CookieClient, monkeypatch: pytest.MonkeyPatch
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


def test_a_user_blocked_meanwhile_is_refused(installation: SignInWorld, old: CookieClient) -> None:
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


def test_an_access_token_of_another_user_is_refused(installation: SignInWorld, old: CookieClient) -> None:
    before = session_of(installation, old)
    installation.fake.access_claims = {"sub": "auth0|bob"}
    assert confirm(installation, old).status == 400
    assert session_of(installation, old) == before


def test_a_step_up_belongs_to_its_browser_and_works_once(installation: SignInWorld, old: CookieClient) -> None:
    callback = installation.fake.approve(old.get(FRESH).location)
    other = installation.sign_in()
    assert other.get(callback).status == 400  # a step-up of another browser
    cookies = dict(old.cookies)
    assert old.get(callback).location == BACK
    ref = installation.ref(old)
    replay = CookieClient(installation.app, cookies=cookies | {installation.cookies.session: installation.secret(old)})
    assert replay.get(callback).status == 303
    assert len(installation.audit("app:session:step-up")) == 1
    assert installation.ref(old) == ref
