"""Only its owner can be reattached to a Streamlit session: a real server, a real script, raw sockets.

Streamlit reattaches a socket to any session that it names if ``st.user`` of both is equal. The same takeover is tried
with the middleware's identity and without it, to show that the tests would notice it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from websockets.exceptions import InvalidStatus

from tests.security.app_modes import ISSUER, GuardedApp, running_apps

pytestmark = pytest.mark.xdist_group("identity-binding")  # its processes start once, not once per worker


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], GuardedApp]]:
    with running_apps(tmp_path_factory.mktemp("binding")) as apps:
        yield apps


def test_the_owner_is_reattached_to_the_session(apps: Callable[[str], GuardedApp]) -> None:
    app = apps("guarded")
    alice = app.sign_in("alice")
    session_id = app.save_draft(alice, "alices-draft")
    with app.socket(alice, reattach_to=session_id) as tab:
        assert tab.rerun()[0] == "draft=alices-draft"


CLIENTS = ["bob", "bob in her browser", "anonymous", "anonymous in her browser", "alice again", "alice elsewhere"]
CASES = [
    (client, mode)
    for client in CLIENTS
    for mode in ("guarded", "identity-only", "claims-only")
    # Her own session in a browser that lost its other cookie: only the identity differs.
    if (client, mode) != ("alice elsewhere", "claims-only")
]


@pytest.mark.parametrize(("client", "mode"), CASES)
def test_no_other_client_is_reattached_to_the_session(
    apps: Callable[[str], GuardedApp], mode: str, client: str
) -> None:
    app = apps(mode)
    alice = app.sign_in("alice")
    session_id = app.save_draft(alice, "alices-draft")
    if client == "alice again":
        app.end(alice)
    clients: dict[str, dict[str, str] | None] = {
        "bob": app.sign_in("bob"),
        "bob in her browser": app.sign_in("bob") | {app.cookies.browser: alice[app.cookies.browser]},
        "anonymous": None,
        "anonymous in her browser": {app.cookies.browser: alice[app.cookies.browser]},
        "alice again": app.sign_in("alice") | {app.cookies.browser: alice[app.cookies.browser]},
        "alice elsewhere": {app.cookies.session: alice[app.cookies.session]},
    }
    draft, claimed_id = app.claim_session(clients[client], session_id)
    assert draft == "nothing"
    assert claimed_id != session_id


def test_an_ended_session_is_not_reattached(apps: Callable[[str], GuardedApp]) -> None:
    app = apps("guarded")
    alice = app.sign_in("alice")
    session_id = app.save_draft(alice, "alices-draft")
    app.end(alice)
    assert app.claim_session(alice, session_id)[0] == "nothing"


def test_two_anonymous_browsers_do_not_match_each_other(apps: Callable[[str], GuardedApp]) -> None:
    app = apps("guarded")
    browser = {app.cookies.browser: secrets.token_urlsafe(32)}
    session_id = app.save_draft(browser, "anonymous-draft")
    other = {app.cookies.browser: secrets.token_urlsafe(32)}
    assert app.claim_session(other, session_id)[0] == "nothing"
    assert app.claim_session(None, session_id)[0] == "nothing"


@pytest.mark.parametrize("mode", ["neither", "no-middleware"])
@pytest.mark.parametrize("client", ["bob", "anonymous", "alice again"])
def test_the_takeover_works_without_the_binding(apps: Callable[[str], GuardedApp], mode: str, client: str) -> None:
    """The tests above would miss a change of Streamlit, or a wrong claim of the session.

    ``neither`` is the whole middleware, with each message through its tab and only the binding switched off.
    """
    app = apps(mode)
    session_id = app.save_draft(app.sign_in("alice"), "alices-draft")
    other = None if client == "anonymous" else app.sign_in(client.partition(" ")[0])
    assert app.claim_session(other, session_id) == ("alices-draft", session_id)


def _user(texts: list[str]) -> dict[str, Any]:
    user: dict[str, Any] = json.loads(texts[1].removeprefix("user="))
    return user


def test_forged_headers_are_ignored(apps: Callable[[str], GuardedApp]) -> None:
    app = apps("guarded")
    bob = app.sign_in("bob")
    forged = {key: name for name, key in app.header_names.items()}
    headers = [(forged["iss_sub"], json.dumps([ISSUER, "alice"])), (forged["sid"], "x"), (forged["marker"], "y")]
    headers += [
        ("X-Streamlit-User", "alice"),
        ("X-Forwarded-User", "alice"),
        ("X-Forwarded-Email", "alice@example.com"),
        ("REMOTE_USER", "alice"),
    ]
    headers += [(name.upper(), value) for name, value in headers[:3]]
    headers += [(name.replace("-", "_"), value) for name, value in headers[:3]]
    with app.socket(bob) as honest, app.socket(bob, headers=headers) as forging:
        expected = _user(honest.rerun())
        assert _user(forging.rerun()) == expected
    assert expected["iss_sub"] == json.dumps([ISSUER, "bob"])
    with app.socket(None, headers=headers) as anonymous:
        user = _user(anonymous.rerun())
    assert (user["iss_sub"], user["sid"]) == ("", "")
    assert user["marker"] == expected["marker"]


def test_without_the_guard_forged_headers_work(apps: Callable[[str], GuardedApp]) -> None:
    """Why ``trustedUserHeaders`` must never be set without the middleware."""
    app = apps("no-middleware")
    forged = {key: name for name, key in app.header_names.items()}
    with app.socket(None, headers=[(forged["iss_sub"], "alice")]) as forging:
        user = _user(forging.rerun())
    assert user["iss_sub"] == "alice"
    assert user["marker"] is None  # this is how main.py knows that the middleware is missing


def test_scripts_see_none_of_our_cookies(apps: Callable[[str], GuardedApp]) -> None:
    app = apps("guarded")
    with app.socket(app.sign_in("alice") | {"theme": "dark"}) as tab:
        assert json.loads(tab.rerun()[2].removeprefix("cookies=")) == {"theme": "dark"}


def test_a_browser_without_a_cookie_gets_one_at_the_handshake(apps: Callable[[str], GuardedApp]) -> None:
    app = apps("guarded")
    with app.socket(None) as tab:
        (cookie,) = tab.set_cookies
        assert cookie.startswith(f"{app.cookies.browser}=")
        assert "HttpOnly" in cookie
    with app.socket(app.sign_in("alice")) as tab:
        assert tab.set_cookies == []


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9"}, 403),  # another program's page at the same host name
        ({"origin": "http://localhost:9"}, 403),
        ({"origin": ""}, 403),  # every browser sends an origin
        ({"headers": [("Origin", "http://127.0.0.1:9")]}, 400),  # and only one: the server itself refuses two
    ],
)
def test_foreign_hosts_and_origins_get_no_socket(
    apps: Callable[[str], GuardedApp], more: dict[str, Any], status: int
) -> None:
    app = apps("guarded")
    with pytest.raises(InvalidStatus) as caught:
        app.socket(app.sign_in("alice"), **more)
    assert caught.value.response.status_code == status


def test_streamlit_alone_accepts_pages_of_other_ports(apps: Callable[[str], GuardedApp]) -> None:
    with apps("no-middleware").socket(None, origin="http://localhost:9") as tab:
        assert tab.rerun()


def test_other_routes_of_streamlit_are_closed(apps: Callable[[str], GuardedApp]) -> None:
    app = apps("guarded")
    statuses = {
        "/": 200,
        "/anything": 200,
        "/_stcore/health": 200,
        "/_stcore/host-config": 200,
        "/_stcore/metrics": 404,
        "/_stcore/agent/openapi.json": 404,
        "/_stcore/agent/interact": 404,
        "/_stcore/agent/mcp": 404,
        "/_stcore/script-health-check": 404,
        "/x/_stcore/metrics": 404,
        "/nested/page": 404,
        "/app/static/x": 404,
    }
    received = {path: requests.get(app.base_url + path, timeout=60).status_code for path in statuses}
    assert received == statuses
    open_app = apps("no-middleware").base_url
    assert requests.get(f"{open_app}/_stcore/metrics", timeout=60).status_code == 200  # so the middleware does close it


def test_the_policy_names_the_inline_script_of_the_installed_page(apps: Callable[[str], GuardedApp]) -> None:
    answer = requests.get(apps("guarded").base_url, timeout=60)
    policy = answer.headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert answer.text.count("<script>") == policy.count("'sha256-") == 1
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"
