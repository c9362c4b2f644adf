"""Drafts: returned once, to their owner, through the sign-in that they were saved for; few, small, and encrypted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import cast

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
from tests.signin import CookieClient, SignInWorld, query

TEXT = b'{"title": "half a sentence"}'


def hash_of(installation: SignInWorld, client: CookieClient) -> str:
    return browser_hash(client.cookies[installation.cookies.browser])


def arrived(installation: SignInWorld) -> CookieClient:
    """A browser that has its cookie."""
    client = installation.client()
    client.get("/reports")
    return client


def ann(installation: SignInWorld) -> Subject:
    return Subject(installation.fake.url, "auth0|ann")


def begin(client: CookieClient, draft: str, more: str = "") -> str:
    return client.get(f"/auth/login?return_to=/reports%3Fa%3D1&draft={draft}{more}").location


def took(
    installation: SignInWorld, client: CookieClient, *, path: str = "/reports", subject: str = "auth0|ann"
) -> bytes | None:
    """The draft that the page at ``path`` of the browser's session takes."""
    owner = Subject(installation.fake.url, subject)
    return installation.drafts.take(
        installation.ref(client), path, subject=owner, browser_hash=hash_of(installation, client)
    )


def anonymous_draft(installation: SignInWorld, client: CookieClient) -> str:
    return installation.drafts.keep(DraftOwner.of(None, hash_of(installation, client)), TEXT)


def test_an_anonymous_draft_is_returned_once_through_its_sign_in(installation: SignInWorld) -> None:
    client = arrived(installation)
    draft = anonymous_draft(installation, client)
    assert TEXT not in installation.dump()
    assert draft.encode() not in installation.dump()
    assert client.get(installation.fake.approve(begin(client, draft))).location == "http://localhost:8501/reports?a=1"
    assert took(installation, client, path="/csv") is None  # the draft of another page
    assert took(installation, client) == TEXT
    assert took(installation, client) is None
    assert installation.rows("drafts") == 0


def test_a_sign_in_in_a_popup_returns_it_too(installation: SignInWorld) -> None:
    client = arrived(installation)
    answer = client.get(installation.fake.approve(begin(client, anonymous_draft(installation, client), "&mode=popup")))
    assert answer.status == 200
    assert took(installation, client) == TEXT


def test_an_anonymous_draft_is_not_returned_to_another_browser(installation: SignInWorld) -> None:
    client, other = arrived(installation), arrived(installation)
    draft = anonymous_draft(installation, client)
    other.get(installation.fake.approve(begin(other, draft)))
    assert took(installation, other) is None
    assert installation.rows("drafts") == 0  # and it is deleted


def test_an_anonymous_draft_waits_for_one_sign_in_only(installation: SignInWorld) -> None:
    """Another user of a shared browser who signs in by the address in its history gets no draft."""
    client = arrived(installation)
    draft = anonymous_draft(installation, client)
    first, second = begin(client, draft), begin(client, draft)
    client.get(installation.fake.approve(second, sub="auth0|bob"))
    assert took(installation, client, subject="auth0|bob") is None
    client.logout()
    client.get(installation.fake.approve(first))
    assert took(installation, client) == TEXT


def test_a_users_draft_is_returned_to_that_user_only(installation: SignInWorld) -> None:
    client = installation.sign_in()
    for sub, draft_text in (("auth0|ann", TEXT), ("auth0|bob", None)):
        draft = installation.drafts.keep(DraftOwner.of(ann(installation), hash_of(installation, client)), TEXT)
        client.get(installation.fake.approve(begin(client, draft, "&step_up=1&max_age=0"), sub=sub))
        assert installation.rows("drafts") == (1 if draft_text else 0)
        assert took(installation, client, subject=sub) == draft_text
    assert installation.rows("drafts") == 0


def test_an_encrypted_draft_opens_for_its_owner_only(installation: SignInWorld) -> None:
    """Even if a row were moved in the database."""
    client = arrived(installation)
    client.get(installation.fake.approve(begin(client, anonymous_draft(installation, client))))
    assert installation.rows("drafts") == 1
    other = Drafts(installation.storage, installation.keyring, clock=installation.clock)
    assert other.take(installation.ref(client), "/reports", subject=ann(installation), browser_hash="another") is None


def test_a_cancelled_sign_in_keeps_the_draft_for_the_next_try(installation: SignInWorld) -> None:
    client = arrived(installation)
    for more in ("", "&mode=popup"):
        state = query(begin(client, anonymous_draft(installation, client), more))["state"]
        page = client.get(installation.fake.answer(state, error="access_denied"))
        assert page.status == 403
        again = page.text.partition('href="')[2].partition('"')[0].replace("&amp;", "&")
        assert query(again)["return_to"] == "/reports?a=1"
        assert ("mode" in query(again)) is bool(more)
        client.get(installation.fake.approve(client.get(again).location))
        assert took(installation, client) == TEXT
        client.logout()


def test_a_draft_expires_after_minutes(installation: SignInWorld) -> None:
    client = arrived(installation)
    address = begin(client, anonymous_draft(installation, client))
    installation.clock.move(seconds=SIGN_IN_SECONDS - 70)
    client.get(installation.fake.approve(address))
    installation.clock.move(seconds=TAKE_SECONDS + 1)
    assert took(installation, client) is None
    anonymous_draft(installation, client)
    installation.clock.move(seconds=SIGN_IN_SECONDS + 1)
    assert purge(installation.storage, clock=installation.clock) >= 1
    assert installation.rows("drafts") == 0


def test_two_processes_share_them(installation: SignInWorld) -> None:
    client = arrived(installation)
    elsewhere = Drafts(installation.storage, installation.keyring, clock=installation.clock)
    draft = elsewhere.keep(DraftOwner.of(None, hash_of(installation, client)), TEXT)
    client.get(installation.fake.approve(begin(client, draft)))
    taken = elsewhere.take(
        installation.ref(client), "/reports/", subject=ann(installation), browser_hash=hash_of(installation, client)
    )
    assert taken == TEXT


def test_size_number_and_pace_are_bounded(installation: SignInWorld) -> None:
    seconds = [0.0]
    drafts = Drafts(installation.storage, installation.keyring, clock=installation.clock, monotonic=lambda: seconds[0])
    person = DraftOwner.of(ann(installation), "")
    assert drafts.keep(person, b"x" * (MAX_BYTES + 1)) == ""
    assert drafts.keep(person, b"") == ""
    for _ in range(MAX_DRAFTS_PER_OWNER + 3):
        assert drafts.keep(person, TEXT)
        installation.clock.move(seconds=1)
    assert installation.rows("drafts") == MAX_DRAFTS_PER_OWNER
    # Anonymous drafts: a burst, then a rate, and a total; drafts of users are not affected.
    assert sum(bool(drafts.keep(DraftOwner.of(None, f"{n}"), TEXT)) for n in range(100)) == MAX_ANONYMOUS_BURST
    for n in range(MAX_ANONYMOUS_DRAFTS):
        seconds[0] += 1.0
        assert drafts.keep(DraftOwner.of(None, f"more {n}"), TEXT)
    assert installation.rows("drafts") == MAX_DRAFTS_PER_OWNER + MAX_ANONYMOUS_DRAFTS


def test_an_address_without_a_draft_writes_nothing(installation: SignInWorld) -> None:
    client = arrived(installation)
    before = installation.dump()
    for made_up in ("", "x", "A" * 43, "%00"):
        assert query(begin(client, made_up))["state"]
    assert installation.dump() == before


def test_a_made_up_draft_opens_no_unit_of_work(installation: SignInWorld) -> None:
    """One unit of work runs at a time: a request of an anonymous client does not open one."""
    drafts = Drafts(
        cast("Storage", SimpleNamespace(read=installation.storage.read)), installation.keyring, clock=installation.clock
    )
    assert drafts.bind("A" * 43, "state") is False
    assert drafts.release("state") == ""


def test_without_the_database_only_the_draft_is_lost(installation: SignInWorld) -> None:
    """At each step: it is not stored, not assigned to the sign-in, nor to its page, nor returned. The sign-in works."""
    client, waiting = arrived(installation), arrived(installation)
    kept = begin(waiting, anonymous_draft(installation, waiting))
    with without_drafts(installation):
        assert anonymous_draft(installation, client) == ""
        address = begin(client, "A" * 43)
        assert client.get(installation.fake.approve(address)).location == "http://localhost:8501/reports?a=1"
        assert waiting.get(installation.fake.approve(kept)).location == "http://localhost:8501/reports?a=1"
        assert took(installation, waiting) is None
        assert installation.drafts.release("state") == ""
    assert installation.rows("drafts") == 1  # of the sign-in that is over: no page has it
    assert took(installation, waiting) is None
    assert anonymous_draft(installation, client)


@contextmanager
def without_drafts(installation: SignInWorld) -> Iterator[None]:
    """Let every statement about drafts fail."""
    engine = installation.storage.engine
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE drafts RENAME TO gone")
    yield
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO drafts")


def test_a_draft_that_another_page_has_taken_meanwhile_is_not_returned(installation: SignInWorld) -> None:
    client = arrived(installation)
    client.get(installation.fake.approve(begin(client, anonymous_draft(installation, client))))
    read = installation.storage.read

    class TakenMeanwhile:
        def draft_waits(self, key: bytes) -> bool:
            waits = read.draft_waits(key)
            assert took(installation, client) == TEXT
            return waits

    storage = SimpleNamespace(read=TakenMeanwhile(), unit_of_work=installation.storage.unit_of_work)
    second = Drafts(cast("Storage", storage), installation.keyring, clock=installation.clock)
    browser = hash_of(installation, client)
    ref = installation.ref(client)
    assert second.take(ref, "/reports", subject=ann(installation), browser_hash=browser) is None
