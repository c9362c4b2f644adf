"""Step-up through our routes: the request to the provider, and the re-authenticated session."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.core.assurance import MULTI_FACTOR
from app.core.errors import Unauthenticated
from app.core.tokens.hashes import token_hash
from tests.component.session.removed_secret import seal_with_removed_secret
from tests.component.session.step_up_flow import BACK, FACTOR, FRESH, confirm, session_of
from tests.signin import CookieClient, SignInWorld, query

# What reaches the provider


@pytest.mark.parametrize(
    ("link", "sent"),
    [
        ("max_age=0", {"max_age": "315360000", "prompt": "login"}),
        ("max_age=300", {"max_age": "300"}),
        (f"acr_values={MULTI_FACTOR}", {"max_age": "315360000", "acr_values": MULTI_FACTOR}),
        (
            f"max_age=0&acr_values={MULTI_FACTOR}",
            {"max_age": "315360000", "prompt": "login", "acr_values": MULTI_FACTOR},
        ),
        # an unusable requirement requests a fresh sign-in, never less
        ("", {"max_age": "315360000", "prompt": "login"}),
        ("max_age=-1", {"max_age": "315360000", "prompt": "login"}),
        ("max_age=1e9&acr_values=", {"max_age": "315360000", "prompt": "login"}),
        ("max_age=9999999999", {"max_age": "315360000", "prompt": "login"}),
        ("acr_values=a%20b", {"max_age": "315360000", "prompt": "login"}),
        ("acr_values=a%00b", {"max_age": "315360000", "prompt": "login"}),
        ("max_age=0&max_age=5", {"max_age": "315360000", "prompt": "login"}),
        ("max_age=0&prompt=none", {"max_age": "315360000", "prompt": "login"}),
        (
            "max_age=0&prompt=select_account&login_hint=ann",
            {"max_age": "315360000", "prompt": "login", "login_hint": "ann"},
        ),
    ],
)
def test_the_request_to_the_provider(installation: SignInWorld, link: str, sent: dict[str, str]) -> None:
    client = installation.sign_in()
    parameters = query(client.get(f"/auth/login?step_up=1&return_to=/&{link}&scope=admin&claims=%7B%7D").location)
    names = ("max_age", "prompt", "acr_values", "login_hint", "claims")
    received = {name: parameters[name] for name in names if name in parameters}
    assert received == sent
    assert parameters["scope"] == "openid profile email offline_access"


@pytest.mark.parametrize(
    "link", ["", "&max_age=0", f"&acr_values={MULTI_FACTOR}", "&step_up=0", "&step_up=1&step_up=1"]
)
def test_without_a_step_up_a_signed_in_browser_returns_to_the_page(installation: SignInWorld, link: str) -> None:
    client = installation.sign_in()
    assert client.get(f"/auth/login?return_to=/reports{link}").location == "http://localhost:8501/reports"


# A response that meets the request


def test_the_same_session_is_reauthenticated(installation: SignInWorld, old: CookieClient) -> None:
    before, secret = session_of(installation, old), installation.secret(old)
    first_token = installation.sessions.access_token(before.ref)
    answer = confirm(installation, old, acr=MULTI_FACTOR, amr=["pwd", "mfa"], sid="session-2")
    assert answer.location == BACK
    after = session_of(installation, old)
    assert after.ref == before.ref, "what sockets are bound to stays"
    assert (after.created_at, after.expires_at) == (before.created_at, before.expires_at)
    assert after.authenticated_at is not None
    assert installation.clock() - after.authenticated_at < timedelta(seconds=5)
    assert (after.acr, after.amr) == (MULTI_FACTOR, frozenset({"pwd", "mfa"}))
    assert installation.secret(old) != secret
    with pytest.raises(Unauthenticated):
        installation.sessions.resolve(secret)
    token = installation.sessions.access_token(before.ref)
    assert token != first_token
    facts = installation.storage.read.bearer_facts(
        token_hash(token), after.person.subject, installation.provider.client_id
    )
    assert facts.session == after, "the API finds the sign-in time by the new token too"
    assert installation.rows("sessions") == 1
    (line,) = [line for line in answer.all("set-cookie") if line.startswith(installation.cookies.session)]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in line.split(";")}


def test_a_step_up_is_recorded_in_the_audit(installation: SignInWorld, old: CookieClient) -> None:
    ref = session_of(installation, old).ref
    confirm(installation, old, acr=MULTI_FACTOR)
    (event,) = installation.audit("app:session:step-up")
    assert (event["outcome"], event["address"]) == ("done", "203.0.113.7")
    assert event["actor"] == f"auth0|ann at {installation.fake.url}"
    assert ref in event["details"]
    assert MULTI_FACTOR in event["details"]
    assert event["correlation_id"]
    assert len(installation.audit("app:session:begin")) == 1
    assert not installation.audit("app:session:end")


def test_a_refresh_token_and_session_id_of_the_first_sign_in_only_are_kept(
    installation: SignInWorld, old: CookieClient
) -> None:
    """A refresh token and its session's id."""
    ref = session_of(installation, old).ref
    callback = installation.fake.approve(old.get(FRESH).location, sid="")
    installation.fake.token_answer = lambda form: _without_refresh(installation, form)
    assert old.get(callback).location == BACK
    installation.fake.token_answer = None
    installation.clock.move(seconds=560)
    assert installation.sessions.access_token(ref), "refreshed with the refresh token of the first sign-in"
    assert installation.fake.refreshes() >= 1
    with installation.storage.unit_of_work() as unit:
        assert [session.ref for session in unit.sessions_at_provider(installation.fake.url, sid="session-1")] == [ref]


def _without_refresh(installation: SignInWorld, form: dict[str, str]) -> Any:
    answer = installation.fake._code(form)
    del answer.body["refresh_token"]
    return answer


def test_the_rights_of_the_new_token_count(installation: SignInWorld, old: CookieClient) -> None:
    installation.fake.access_claims = {"roles": ["viewer"]}
    confirm(installation, old)
    assert set(
        installation.storage.read.grants(session_of(installation, old).person.subject, installation.clock()).roles
    ) == {"viewer"}


def test_time_at_the_provider_does_not_count_against_a_fresh_sign_in(
    installation: SignInWorld, old: CookieClient
) -> None:
    """Signed in at once, then nine minutes until the second factor was found."""
    location = old.get(FRESH).location
    signed_in = int(installation.clock.timestamp())
    installation.clock.move(minutes=9)
    assert old.get(installation.fake.approve(location, auth_time=signed_in)).location == BACK


def test_a_max_age_that_is_met_without_a_prompt_is_accepted(installation: SignInWorld, old: CookieClient) -> None:
    """The user signed in at the provider four minutes ago, for another product."""
    link = FRESH.replace("max_age=0", "max_age=300")
    assert confirm(installation, old, link, auth_time=int(installation.clock.timestamp()) - 240).location == BACK
    fresh = session_of(installation, old).authenticated_at
    assert fresh is not None
    assert 230 < (installation.clock() - fresh).total_seconds() < 250


def test_a_sign_in_time_with_fractions_of_a_second_is_good(installation: SignInWorld, old: CookieClient) -> None:
    signed_in = installation.clock.timestamp() - 0.25
    assert confirm(installation, old, auth_time=signed_in).location == BACK
    authenticated_at = session_of(installation, old).authenticated_at
    assert authenticated_at is not None
    assert abs(authenticated_at.timestamp() - signed_in) < 1e-3


def test_an_anonymous_user_signs_in_by_the_same_link(installation: SignInWorld) -> None:
    client = installation.client()
    assert confirm(installation, client, FACTOR, amr=["mfa"]).location == "http://localhost:8501/reports"
    assert session_of(installation, client).amr == {"mfa"}
    assert len(installation.audit("app:session:begin")) == 1


def test_a_sign_in_without_auth_time_is_not_called_fresh(
    installation: SignInWorld,
) -> None:
    client = installation.sign_in(auth_time=0)
    assert session_of(installation, client).authenticated_at is None


def test_a_session_whose_tokens_cannot_be_opened_is_reauthenticated(
    installation: SignInWorld, old: CookieClient
) -> None:
    """They were sealed with an installation secret that was removed since: nothing of them is kept."""
    ref = installation.ref(old)
    seal_with_removed_secret(installation, ref)
    assert confirm(installation, old).location == BACK
    assert session_of(installation, old).ref == ref
    assert installation.sessions.access_token(ref) in installation.fake.issued[-3:]
