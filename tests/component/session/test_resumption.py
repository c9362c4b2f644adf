"""Sessions that expired and go on: for their own subject, in their own browser, within an hour, and never else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.core.errors import SessionEnded, Unauthenticated
from app.core.principal import Subject
from app.core.records import EndReason
from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import Browser, SignInWorld, world


@pytest.fixture
def here() -> Iterator[SignInWorld]:
    clock = FakeClock()
    with (
        FakeProvider(clock.timestamp) as fake,
        world(fake, clock, session_idle_seconds=600, session_absolute_seconds=7200) as made,
    ):
        yield made


def expired(here: SignInWorld, **after: float) -> tuple[Browser, str, str]:
    """A browser whose session expired; → its reference and its old secret."""
    browser = here.sign_in()
    ref, secret = here.ref(browser), here.secret(browser)
    here.clock.move(**(after or {"seconds": 601}))
    with pytest.raises(Unauthenticated):
        here.sessions.resolve(secret)
    return browser, ref, secret


@pytest.mark.parametrize("popup", [True, False])
def test_its_own_subject_goes_on_with_it(here: SignInWorld, popup: bool) -> None:
    browser, ref, secret = expired(here)
    before = here.storage.read.change_counters()
    payload = browser.get("/auth/session").json()
    assert payload == {"authenticated": False, "expired": True}
    location = browser.get(f"/auth/login?return_to=/reports{'&mode=popup' if popup else ''}").location
    answer = browser.get(here.fake.approve(location, name="Ann"))
    assert answer.status == (200 if popup else 303)
    session = here.sessions.resolve(here.secret(browser))
    assert session.ref == ref
    now = here.clock()
    assert abs(session.last_seen_at - now) < timedelta(seconds=5)
    assert abs(session.expires_at - now - timedelta(seconds=7200)) < timedelta(seconds=5)
    with pytest.raises(Unauthenticated):
        here.sessions.resolve(secret)  # the old cookie is worth nothing
    assert here.sessions.access_token(ref) == here.fake.issued[-3]
    assert here.storage.read.change_counters() != before  # so that covered tabs look
    assert len(here.audit("app:session:begin")) == 1
    (event,) = here.audit("app:session:resume")
    assert event["actor"].startswith("auth0|ann at ")
    assert ref in event["details"]


def test_after_the_absolute_limit_too_for_which_the_cookie_stays(here: SignInWorld) -> None:
    browser = here.sign_in()
    ref = here.ref(browser)
    (line,) = [line for line in browser.seen[-1].all("set-cookie") if "-session=" in line]
    assert f"Max-Age={7200 + 3600}" in line
    here.clock.move(seconds=7201 + 600)
    here.sign_in(browser)
    assert here.ref(browser) != ref  # idle for longer than an hour beyond its end
    browser = here.sign_in()
    ref = here.ref(browser)
    for _ in range(13):
        here.clock.move(seconds=550)
        here.sessions.touch(here.sessions.resolve(here.secret(browser)))
    here.clock.move(seconds=7201 - 13 * 550)
    with pytest.raises(Unauthenticated):
        here.sessions.resolve(here.secret(browser))
    here.sign_in(browser)
    assert here.ref(browser) == ref


def test_another_subject_gets_a_session_of_their_own_and_the_old_one_is_over(here: SignInWorld) -> None:
    browser, ref, secret = expired(here)
    here.sign_in(browser, sub="auth0|bob", name="Bob")
    session = here.sessions.resolve(here.secret(browser))
    assert session.ref != ref
    assert session.person.subject == Subject(here.fake.url, "auth0|bob")
    assert not here.audit("app:session:resume")
    with pytest.raises(SessionEnded):  # for good: nobody revives it any more
        here.sessions.by_ref(ref)
    assert here.sessions.resumption.by_secret(secret) is None


def test_another_browser_begins_anew(here: SignInWorld) -> None:
    _, ref, _ = expired(here)
    assert here.ref(here.sign_in()) != ref


@pytest.mark.parametrize(("seconds", "resumed"), [(600 + 3590, True), (600 + 3610, False)])
def test_for_an_hour(here: SignInWorld, seconds: float, resumed: bool) -> None:
    browser, ref, _ = expired(here, seconds=seconds)
    here.sign_in(browser)
    assert (here.ref(browser) == ref) is resumed


@pytest.mark.parametrize("end", ["signed out", "administrator", "blocked"])
def test_one_that_was_ended_stays_over(here: SignInWorld, end: str) -> None:
    browser, ref, secret = expired(here)
    if end == "signed out":
        assert browser.logout().status == 200
        assert here.audit("app:session:end")[-1]["reason"] == EndReason.SIGNED_OUT
        browser.cookies[here.cookies.session] = secret
    elif end == "administrator":
        here.sessions.end(ref, EndReason.ENDED_BY_ADMIN, by="test")
    else:
        with here.storage.unit_of_work() as unit:
            unit.set_blocked(Subject(here.fake.url, "auth0|ann"), blocked=True)
            unit.commit()
    answer = browser.get(here.fake.approve(here.begin(browser)))
    assert answer.status == (403 if end == "blocked" else 303)
    assert not here.audit("app:session:resume")
    if end != "blocked":
        assert here.ref(browser) != ref


def test_ended_between_the_look_and_the_revival(here: SignInWorld) -> None:
    browser, ref, secret = expired(here)
    session = here.sessions.resumption.by_secret(secret)
    assert session is not None
    here.sessions.end(ref, EndReason.ENDED_BY_ADMIN, by="test")
    with here.storage.unit_of_work() as unit:
        assert here.sessions.resumption.by_ref(ref) is None
        unit.commit()
    here.sign_in(browser)
    assert here.ref(browser) != ref


def test_a_live_session_is_not_revived(here: SignInWorld) -> None:
    browser = here.sign_in()
    assert here.sessions.resumption.by_secret(here.secret(browser)) is None
    assert here.sessions.resumption.by_ref(here.ref(browser)) is None
