"""Drafts: given back once, to their owner, through the sign-in they were made for; few, small, and unreadable."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from app.cleanup import purge
from app.core.ports import Storage
from app.core.principal import Subject
from component.drafts import (
    MAX_ANONYMOUS_BURST,
    MAX_ANONYMOUS_DRAFTS,
    MAX_BYTES,
    MAX_DRAFTS_PER_OWNER,
    SIGN_IN_SECONDS,
    TAKE_SECONDS,
    DraftOwner,
    Drafts,
)
from component.http.cookies import browser_hash
from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import Browser, SignInWorld, query, world

TEXT = b'{"title": "half a sentence"}'


@pytest.fixture
def here() -> Iterator[SignInWorld]:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, world(fake, clock) as made:
        yield made


def hash_of(here: SignInWorld, browser: Browser) -> str:
    return browser_hash(browser.cookies[here.cookies.browser])


def arrived(here: SignInWorld) -> Browser:
    """A browser that has its cookie."""
    browser = here.browser()
    browser.get("/reports")
    return browser


def ann(here: SignInWorld) -> Subject:
    return Subject(here.fake.url, "auth0|ann")


def begin(browser: Browser, draft: str, more: str = "") -> str:
    return browser.get(f"/auth/login?return_to=/reports%3Fa%3D1&draft={draft}{more}").location


def took(here: SignInWorld, browser: Browser, *, path: str = "/reports", subject: str = "auth0|ann") -> bytes | None:
    """What the page at ``path`` of the browser's session takes."""
    who = Subject(here.fake.url, subject)
    return here.drafts.take(here.ref(browser), path, subject=who, browser_hash=hash_of(here, browser))


def kept_by_nobody(here: SignInWorld, browser: Browser) -> str:
    return here.drafts.keep(DraftOwner.of(None, hash_of(here, browser)), TEXT)


def test_an_anonymous_draft_comes_back_once_through_its_sign_in(here: SignInWorld) -> None:
    browser = arrived(here)
    draft = kept_by_nobody(here, browser)
    assert TEXT not in here.dump()
    assert draft.encode() not in here.dump()
    assert browser.get(here.fake.approve(begin(browser, draft))).location == "http://localhost:8501/reports?a=1"
    assert took(here, browser, path="/csv") is None  # another page's
    assert took(here, browser) == TEXT
    assert took(here, browser) is None
    assert here.rows("drafts") == 0


def test_a_sign_in_in_a_popup_gives_it_back_too(here: SignInWorld) -> None:
    browser = arrived(here)
    answer = browser.get(here.fake.approve(begin(browser, kept_by_nobody(here, browser), "&mode=popup")))
    assert answer.status == 200
    assert took(here, browser) == TEXT


def test_an_anonymous_draft_is_nothing_to_another_browser(here: SignInWorld) -> None:
    browser, other = arrived(here), arrived(here)
    draft = kept_by_nobody(here, browser)
    other.get(here.fake.approve(begin(other, draft)))
    assert took(here, other) is None
    assert here.rows("drafts") == 0  # and it is gone


def test_an_anonymous_draft_waits_for_one_sign_in_only(here: SignInWorld) -> None:
    """Whoever finds the address in the history of a shared browser, and signs in by it, gets nothing."""
    browser = arrived(here)
    draft = kept_by_nobody(here, browser)
    first, second = begin(browser, draft), begin(browser, draft)
    browser.get(here.fake.approve(second, sub="auth0|bob"))
    assert took(here, browser, subject="auth0|bob") is None
    browser.logout()
    browser.get(here.fake.approve(first))
    assert took(here, browser) == TEXT


def test_a_persons_draft_comes_back_to_that_person_only(here: SignInWorld) -> None:
    browser = here.sign_in()
    for sub, given in (("auth0|ann", TEXT), ("auth0|bob", None)):
        draft = here.drafts.keep(DraftOwner.of(ann(here), hash_of(here, browser)), TEXT)
        browser.get(here.fake.approve(begin(browser, draft, "&step_up=1&max_age=0"), sub=sub))
        assert here.rows("drafts") == (1 if given else 0)
        assert took(here, browser, subject=sub) == given
    assert here.rows("drafts") == 0


def test_what_is_sealed_opens_for_its_owner_only(here: SignInWorld) -> None:
    """Even if a row were moved in the database."""
    browser = arrived(here)
    browser.get(here.fake.approve(begin(browser, kept_by_nobody(here, browser))))
    assert here.rows("drafts") == 1
    other = Drafts(here.storage, here.keyring, clock=here.clock)
    assert other.take(here.ref(browser), "/reports", subject=ann(here), browser_hash="another") is None


def test_a_cancelled_sign_in_keeps_it_for_the_next_try(here: SignInWorld) -> None:
    browser = arrived(here)
    for more in ("", "&mode=popup"):
        state = query(begin(browser, kept_by_nobody(here, browser), more))["state"]
        page = browser.get(here.fake.answer(state, error="access_denied"))
        assert page.status == 403
        again = page.text.partition('href="')[2].partition('"')[0].replace("&amp;", "&")
        assert query(again)["return_to"] == "/reports?a=1"
        assert ("mode" in query(again)) is bool(more)
        browser.get(here.fake.approve(browser.get(again).location))
        assert took(here, browser) == TEXT
        browser.logout()


def test_it_lasts_for_minutes(here: SignInWorld) -> None:
    browser = arrived(here)
    address = begin(browser, kept_by_nobody(here, browser))
    here.clock.move(seconds=SIGN_IN_SECONDS - 70)
    browser.get(here.fake.approve(address))
    here.clock.move(seconds=TAKE_SECONDS + 1)
    assert took(here, browser) is None
    kept_by_nobody(here, browser)
    here.clock.move(seconds=SIGN_IN_SECONDS + 1)
    assert purge(here.storage, clock=here.clock) >= 1
    assert here.rows("drafts") == 0


def test_two_processes_share_them(here: SignInWorld) -> None:
    browser = arrived(here)
    elsewhere = Drafts(here.storage, here.keyring, clock=here.clock)
    draft = elsewhere.keep(DraftOwner.of(None, hash_of(here, browser)), TEXT)
    browser.get(here.fake.approve(begin(browser, draft)))
    given = elsewhere.take(here.ref(browser), "/reports/", subject=ann(here), browser_hash=hash_of(here, browser))
    assert given == TEXT


def test_size_number_and_pace_are_bounded(here: SignInWorld) -> None:
    seconds = [0.0]
    drafts = Drafts(here.storage, here.keyring, clock=here.clock, monotonic=lambda: seconds[0])
    person = DraftOwner.of(ann(here), "")
    assert drafts.keep(person, b"x" * (MAX_BYTES + 1)) == ""
    assert drafts.keep(person, b"") == ""
    for _ in range(MAX_DRAFTS_PER_OWNER + 3):
        assert drafts.keep(person, TEXT)
        here.clock.move(seconds=1)
    assert here.rows("drafts") == MAX_DRAFTS_PER_OWNER
    # Strangers: so many at once, then so many a second, and in all; nobody else loses anything by that.
    assert sum(bool(drafts.keep(DraftOwner.of(None, f"{n}"), TEXT)) for n in range(100)) == MAX_ANONYMOUS_BURST
    for n in range(MAX_ANONYMOUS_DRAFTS):
        seconds[0] += 1.0
        assert drafts.keep(DraftOwner.of(None, f"more {n}"), TEXT)
    assert here.rows("drafts") == MAX_DRAFTS_PER_OWNER + MAX_ANONYMOUS_DRAFTS


def test_an_address_without_a_draft_writes_nothing(here: SignInWorld) -> None:
    browser = arrived(here)
    before = here.dump()
    for made_up in ("", "x", "A" * 43, "%00"):
        assert query(begin(browser, made_up))["state"]
    assert here.dump() == before


def test_a_made_up_draft_makes_nobody_wait(here: SignInWorld) -> None:
    """A unit of work is one at a time for everybody: strangers do not get one for the asking."""
    drafts = Drafts(cast("Storage", SimpleNamespace(read=here.storage.read)), here.keyring, clock=here.clock)
    assert drafts.bind("A" * 43, "state") is False
    assert drafts.release("state") == ""
