"""Nobody gets at another's Streamlit session: a real server, a real script, raw sockets (security rule R31).

Streamlit re-attaches a socket to whatever session it names, if the two sides' ``st.user`` are equal. The same takeover
is tried with the guard's identity and without, so that this file proves itself.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from websockets.exceptions import InvalidStatus

from tests.security.served import ISSUER, Served, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Served]]:
    with serving(tmp_path_factory.mktemp("binding")) as made:
        yield made


def test_the_owner_comes_back_to_what_was_there(served: Callable[[str], Served]) -> None:
    app = served("guarded")
    alice = app.sign_in("alice")
    session_id = app.leave_something(alice, "alices-draft")
    for _ in range(30):
        with app.socket(alice, reattach_to=session_id) as tab:
            if tab.rerun()[0] == "kept=alices-draft":
                return
        time.sleep(0.1)
    raise AssertionError("Alice lost her own session")


OTHERS = ["bob", "bob in her browser", "anonymous", "anonymous in her browser", "alice anew", "alice elsewhere"]


CASES = [
    (who, mode)
    for who in OTHERS
    for mode in ("guarded", "identity-only", "claims-only")
    # Her own session at a browser that lost its other cookie: only the identity tells that apart.
    if (who, mode) != ("alice elsewhere", "claims-only")
]


@pytest.mark.parametrize(("who", "mode"), CASES)
def test_nobody_else_gets_it(served: Callable[[str], Served], mode: str, who: str) -> None:
    app = served(mode)
    alice = app.sign_in("alice")
    session_id = app.leave_something(alice, "alices-draft")
    if who == "alice anew":
        app.end(alice)
    clients: dict[str, dict[str, str] | None] = {
        "bob": app.sign_in("bob"),
        "bob in her browser": app.sign_in("bob") | {app.cookies.browser: alice[app.cookies.browser]},
        "anonymous": None,
        "anonymous in her browser": {app.cookies.browser: alice[app.cookies.browser]},
        "alice anew": app.sign_in("alice") | {app.cookies.browser: alice[app.cookies.browser]},
        "alice elsewhere": {app.cookies.session: alice[app.cookies.session]},
    }
    time.sleep(0.3)  # so that the owner's socket is surely gone
    kept, got = app.what_is_there(clients[who], session_id)
    assert kept == "nothing"
    assert got != session_id


def test_a_session_that_ended_is_not_come_back_to(served: Callable[[str], Served]) -> None:
    app = served("guarded")
    alice = app.sign_in("alice")
    session_id = app.leave_something(alice, "alices-draft")
    app.end(alice)
    time.sleep(0.3)
    assert app.what_is_there(alice, session_id)[0] == "nothing"


def test_two_anonymous_browsers_do_not_match_each_other(served: Callable[[str], Served]) -> None:
    app = served("guarded")
    one = {app.cookies.browser: secrets.token_urlsafe(32)}
    session_id = app.leave_something(one, "anonymous-draft")
    time.sleep(0.3)
    other = {app.cookies.browser: secrets.token_urlsafe(32)}
    assert app.what_is_there(other, session_id)[0] == "nothing"
    assert app.what_is_there(None, session_id)[0] == "nothing"


@pytest.mark.parametrize("mode", ["neither", "no-guard"])
@pytest.mark.parametrize("who", ["bob", "anonymous", "alice anew"])
def test_with_the_binding_switched_off_the_takeover_works(served: Callable[[str], Served], mode: str, who: str) -> None:
    """What the tests above would miss if Streamlit changed, or if they claimed the session wrongly.

    ``neither`` is the whole guard, each message through its tab, with only the binding switched off.
    """
    app = served(mode)
    session_id = app.leave_something(app.sign_in("alice"), "alices-draft")
    other = None if who == "anonymous" else app.sign_in(who.partition(" ")[0])
    assert app.what_is_there(other, session_id) == ("alices-draft", session_id)


def _user(texts: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(texts[1].removeprefix("user="))
    return found


def test_forged_headers_do_nothing(served: Callable[[str], Served]) -> None:
    app = served("guarded")
    bob = app.sign_in("bob")
    forged = {key: name for name, key in app.header_names.items()}
    headers = [(forged["iss_sub"], json.dumps([ISSUER, "alice"])), (forged["sid"], "x"), (forged["guard"], "y")]
    headers += [
        ("X-Streamlit-User", "alice"),
        ("X-Forwarded-User", "alice"),
        ("X-Forwarded-Email", "alice@example.com"),
        ("REMOTE_USER", "alice"),
    ]
    headers += [(name.upper(), value) for name, value in headers[:3]]
    headers += [(name.replace("-", "_"), value) for name, value in headers[:3]]
    with app.socket(bob) as honest, app.socket(bob, headers=headers) as liar:
        expected = _user(honest.rerun())
        assert _user(liar.rerun()) == expected
    assert expected["iss_sub"] == json.dumps([ISSUER, "bob"])
    with app.socket(None, headers=headers) as nobody:
        told = _user(nobody.rerun())
    assert (told["iss_sub"], told["sid"]) == ("", "")
    assert told["guard"] == expected["guard"]


def test_without_the_guard_forged_headers_work(served: Callable[[str], Served]) -> None:
    """Why ``trustedUserHeaders`` must never be set without the guard."""
    app = served("no-guard")
    forged = {key: name for name, key in app.header_names.items()}
    with app.socket(None, headers=[(forged["iss_sub"], "alice")]) as liar:
        told = _user(liar.rerun())
    assert told["iss_sub"] == "alice"
    assert told["guard"] is None  # and how main.py knows that the guard is not there


def test_scripts_see_none_of_our_cookies(served: Callable[[str], Served]) -> None:
    app = served("guarded")
    with app.socket(app.sign_in("alice") | {"theme": "dark"}) as tab:
        assert json.loads(tab.rerun()[2].removeprefix("cookies=")) == {"theme": "dark"}


def test_a_browser_without_a_cookie_gets_one_at_the_handshake(served: Callable[[str], Served]) -> None:
    app = served("guarded")
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
        ({"origin": ""}, 403),  # every browser sends one
        ({"headers": [("Origin", "http://127.0.0.1:9")]}, 400),  # and one only: the server itself says so
    ],
)
def test_foreign_hosts_and_origins_get_no_socket(
    served: Callable[[str], Served], more: dict[str, Any], status: int
) -> None:
    app = served("guarded")
    with pytest.raises(InvalidStatus) as caught:
        app.socket(app.sign_in("alice"), **more)
    assert caught.value.response.status_code == status


def test_streamlit_alone_would_let_pages_of_other_ports_in(served: Callable[[str], Served]) -> None:
    with served("no-guard").socket(None, origin="http://localhost:9") as tab:
        assert tab.rerun()


def test_what_streamlit_serves_besides_is_closed(served: Callable[[str], Served]) -> None:
    app = served("guarded")
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
    found = {path: requests.get(app.base_url + path, timeout=60).status_code for path in statuses}
    assert found == statuses
    open_ones = served("no-guard").base_url
    assert requests.get(f"{open_ones}/_stcore/metrics", timeout=60).status_code == 200  # so closing it means something


def test_the_policy_names_the_inline_script_of_the_installed_page(served: Callable[[str], Served]) -> None:
    answer = requests.get(served("guarded").base_url, timeout=60)
    policy = answer.headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert answer.text.count("<script>") == policy.count("'sha256-") == 1
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"
