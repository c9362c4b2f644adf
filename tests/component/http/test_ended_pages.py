"""The pages of ended sessions and blocked accounts, and the wait that a failed sign-in announces."""

from __future__ import annotations

import pytest

from app.core.errors import ProviderUnavailable, SessionEnded, SessionReplaced
from app.core.principal import Subject
from app.core.records import EndReason
from component.http.error_pages import ended_page, failure_page
from tests.signin import SignInWorld

ENDED = "/auth/ended?return_to=%2Freports"
AGAIN = '<a href="/auth/login?return_to=%2Freports">Sign in again</a>'


def test_the_page_of_an_expired_session_explains_it_and_leads_back(installation: SignInWorld) -> None:
    client = installation.sign_in()
    lifetimes = installation.sessions.lifetimes
    installation.clock.move(seconds=lifetimes.idle_seconds + 1)
    answer = client.get(ENDED)
    assert answer.status == 200
    assert "<h1>Your session has expired</h1>" in answer.text
    assert "You were not here for a while, or signed in long ago" in answer.text
    assert AGAIN in answer.text


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (EndReason.ENDED_BY_ADMIN, "You were signed out by an administrator."),
        (EndReason.BACKCHANNEL_LOGOUT, "You signed out at the sign-in provider."),
    ],
)
def test_the_page_of_an_ended_session_has_its_reason(
    installation: SignInWorld, reason: EndReason, sentence: str
) -> None:
    client = installation.sign_in()
    installation.sessions.end(installation.ref(client), reason, by="admin")
    answer = client.get(ENDED)
    assert answer.status == 200
    assert "<h1>You were signed out</h1>" in answer.text
    assert sentence in answer.text
    assert AGAIN in answer.text
    assert answer.header("retry-after") == "", "it does not reload"


def test_the_end_of_a_session_without_a_reason_has_a_sentence_of_its_own() -> None:
    page = bytes(ended_page(SessionEnded(), "/reports", signed_out=False).body).decode()
    assert "<h1>You were signed out</h1>" in page
    assert "Your session was ended." in page


def test_the_page_of_a_replaced_session_reloads_to_the_new_one() -> None:
    answer = ended_page(SessionReplaced(), "/reports", signed_out=False)
    assert answer.headers["retry-after"] == "2"
    assert '<meta http-equiv="refresh" content="2">' in bytes(answer.body).decode()


def test_a_signed_in_user_who_is_blocked_is_not_returned_to_the_page(installation: SignInWorld) -> None:
    client = installation.sign_in()
    assert client.get(ENDED).location.endswith("/reports")
    with installation.storage.unit_of_work() as unit:
        assert unit.set_blocked(Subject(installation.fake.url, "auth0|ann"), blocked=True)
        unit.commit()
    answer = client.get(ENDED)
    assert answer.status == 403
    assert "<h1>Your account is blocked</h1>" in answer.text
    assert "An administrator has blocked your account. Ask them about it." in answer.text
    assert "Sign in again" not in answer.text


@pytest.mark.parametrize(
    ("seconds", "sentence"), [(1, "Try again in 1 second."), (2, "Try again in 2 seconds."), (None, "")]
)
def test_the_wait_that_the_provider_requests_is_announced(seconds: int | None, sentence: str) -> None:
    answer = failure_page(ProviderUnavailable(retry_after_seconds=seconds), "/")
    page = bytes(answer.body).decode()
    assert answer.status_code == 503
    assert (f"<p>{sentence}</p>" in page) is bool(sentence)
    assert "Try again in a moment." in page
    assert answer.headers.get("retry-after") == (str(seconds) if seconds else None)
