"""Sign-out: from our own pages only, here and at the provider; and the methods of the routes."""

from __future__ import annotations

import pytest

from app.core.errors import SessionEnded
from tests.signin import SignInWorld, query


@pytest.mark.parametrize(
    ("origin", "site"),
    [
        ("https://evil.example", "cross-site"),
        ("http://localhost:8501", "cross-site"),
        ("http://localhost:8501", "same-site"),
        ("http://localhost:8502", "same-site"),
        ("http://localhost:8501.evil.example", "cross-site"),
        ("null", "cross-site"),
        ("https://localhost:8501", "same-origin"),
        ("http://localhost:8501/", "same-origin"),
    ],
)
def test_signing_out_is_for_our_own_pages_only(installation: SignInWorld, origin: str, site: str) -> None:
    client = installation.sign_in()
    assert client.logout(origin=origin, sec_fetch_site=site).status == 403
    assert client.get("/auth/session").json()["authenticated"] is True


def test_signing_out_without_an_origin_is_refused(installation: SignInWorld) -> None:
    client = installation.sign_in()
    assert client.request("POST", "/auth/logout").status == 403
    assert client.get("/auth/session").json()["authenticated"] is True


def test_an_open_tab_reports_that_its_user_is_signed_out(installation: SignInWorld) -> None:
    anonymous, client = installation.client(), installation.sign_in()
    client.logout(sec_fetch_site="same-origin")
    page = client.get("/auth/ended?return_to=/reports").text
    assert "You are signed out" in page
    assert "return_to=%2Freports" in page
    assert "You are not signed in" in anonymous.get("/auth/ended").text


def test_signing_out(installation: SignInWorld) -> None:
    client = installation.sign_in()
    secret = installation.secret(client)
    answer = client.logout(sec_fetch_site="same-origin")
    location = answer.json()["location"]
    assert location.startswith(f"{installation.fake.url}oidc/logout?")
    assert query(location) == {
        "client_id": "client-one",
        "post_logout_redirect_uri": "http://localhost:8501",
        "logout_hint": "session-1",
    }
    assert installation.cookies.session not in client.cookies
    with pytest.raises(SessionEnded):
        installation.sessions.resolve(secret)
    assert installation.fake.revoked
    assert installation.fake.revoked[0] in installation.fake.issued
    (event,) = installation.audit("app:session:end")
    assert (event["reason"], event["actor"]) == ("signed-out", f"auth0|ann at {installation.fake.url}")
    assert client.logout().json() == {"location": "/"}


def test_signing_out_while_the_provider_is_down(installation: SignInWorld) -> None:
    client = installation.sign_in()
    installation.fake.stop()
    installation.discovery._known = None
    assert client.logout().json() == {"location": "/"}
    assert client.get("/auth/session").json() == {"authenticated": False}


@pytest.mark.parametrize("path", ["/auth/login", "/auth/callback", "/auth/session"])
def test_other_methods_are_refused(installation: SignInWorld, path: str) -> None:
    for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        assert installation.client().request(method, path).status == 405, method
    assert installation.client().get("/auth/logout").status == 405
