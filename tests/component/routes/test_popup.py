"""Sign-in in a popup: its result, with success or an error, and that its last page can only report it."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from tests.signin import CookieClient, SignInWorld, query

POPUP = "/auth/login?mode=popup&return_to=/reports"


def test_a_popup_ends_on_a_page_that_notifies_the_tabs_and_closes(installation: SignInWorld) -> None:
    client = installation.client()
    page = client.get(installation.fake.approve(client.get(POPUP).location, name="Ann"))
    assert page.status == 200
    assert page.header("cache-control") == "no-store"
    assert "If it does not, close it" in page.text
    (channel, kind, script) = re.findall(
        r'<script data-channel="([^"]*)" data-kind="([^"]*)">(.*?)</script>', page.text
    )[0]
    assert (channel, kind) == (installation.cookies.broadcast_channel, "signed-in")
    assert "opener" not in script
    # Its policy allows only this script, and no page can frame it.
    policy = page.header("content-security-policy")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "cross-origin-opener-policy" not in dict(page.headers)  # or it could not close itself
    assert client.get("/auth/session").json()["name"] == "Ann"


def test_no_other_page_of_ours_has_a_script(installation: SignInWorld) -> None:
    page = installation.client().get("/auth/callback?state=made-up")
    assert "<script" not in page.text
    assert "script-src" not in page.header("content-security-policy")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("login_required", "Sign in to continue"),
        ("consent_required", "One more step"),
        ("mfa_required", "One more step"),
        ("access_denied", "Sign-in was cancelled"),
        ("temporarily_unavailable", "busy"),
    ],
)
def test_a_refusal_is_reported_in_the_popup_and_trying_again_stays_in_it(
    installation: SignInWorld, error: str, message: str
) -> None:
    client = installation.client()
    state = query(client.get(POPUP).location)["state"]
    page = client.get(installation.fake.answer(state, error=error))
    assert message in page.text
    assert "close this window" in page.text
    assert "Back to the start page" not in page.text  # a second window of the app would be of no use
    assert "<script" not in page.text
    again = page.text.partition('href="')[2].partition('"')[0].replace("&amp;", "&")
    assert query(again) == {"return_to": "/reports", "mode": "popup"}
    assert "If it does not" in client.get(installation.fake.approve(client.get(again).location)).text


def test_a_popup_closed_half_way_changes_nothing(installation: SignInWorld) -> None:
    client = installation.client()
    before = installation.dump()
    client.get(POPUP)
    assert installation.dump() == before
    installation.sign_in(client)  # and the next sign-in works as usual


def test_two_popups_each_finish_and_the_second_replaces_the_first(installation: SignInWorld) -> None:
    client = installation.client()
    first, second = client.get(POPUP).location, client.get(POPUP).location
    assert client.get(installation.fake.approve(first)).status == 200
    ref = installation.ref(client)
    assert client.get(installation.fake.approve(second)).status == 200
    assert installation.ref(client) != ref
    assert len(installation.audit("app:session:end")) == 1


def test_the_same_callback_again_shows_the_same_page(installation: SignInWorld) -> None:
    client = installation.client()
    callback = installation.fake.approve(client.get(POPUP).location)
    cookies = dict(client.cookies)
    client.get(callback)
    client.cookies |= cookies
    assert "You are signed in" in client.get(callback).text
    assert len(installation.audit("app:session:begin")) == 1


def test_another_user_in_the_popup_replaces_the_session(installation: SignInWorld) -> None:
    client = installation.sign_in()
    before = installation.ref(client)
    location = client.get(f"{POPUP}&another=1").location
    client.get(installation.fake.approve(location, sub="auth0|bob", name="Bob"))
    assert client.get("/auth/session").json()["name"] == "Bob"
    assert installation.ref(client) != before


def test_a_popup_of_a_signed_in_browser_closes_at_once(installation: SignInWorld) -> None:
    client: CookieClient = installation.sign_in()
    assert "You are signed in" in client.get(POPUP).text
