"""Every address the server answers, by whom it is asked: the whole list, literally, so that every change shows.

Streamlit's own routes are read from the installed version: one that is not in the table makes this fail.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from requests import Response
from starlette.routing import compile_path
from websockets.exceptions import InvalidStatus

from tests.raw_socket import RawSocket
from tests.security.live import LiveApp, SignedInUser, Tab, live
from tests.stack import ROOT

Statuses = tuple[int, int, int]
"""For nobody, for Ann, for Bob. ``{media}`` was shown to Ann, ``{page}`` is her Streamlit session."""

EVERYBODY, ANN_ONLY = (200, 200, 200), (404, 200, 404)
CLOSED, WRONG_METHOD = (404, 404, 404), (405, 405, 405)

TABLE: dict[str, Statuses] = {
    # Pages: Streamlit's one HTML page. What stands on it comes through the socket.
    "GET /": EVERYBODY,
    "HEAD /": EVERYBODY,
    "POST /": WRONG_METHOD,
    "OPTIONS /": WRONG_METHOD,
    "GET /reports": EVERYBODY,
    "PUT /reports": WRONG_METHOD,
    "DELETE /reports": WRONG_METHOD,
    "PATCH /reports": WRONG_METHOD,
    "TRACE /reports": WRONG_METHOD,
    "GET /reports/": (301, 301, 301),
    "POST /reports/": (308, 308, 308),
    "GET /unknown": EVERYBODY,
    "GET /reports;x": EVERYBODY,
    "GET /index.html": EVERYBODY,
    "GET /nested/page": CLOSED,
    "GET /reports%2Fnested": CLOSED,
    "GET /reports%00": CLOSED,
    "GET /..": CLOSED,
    "GET /%2e%2e/x": CLOSED,
    "GET //": CLOSED,
    "GET //evil.example": CLOSED,
    "GET /%2F%2Fevil.example": CLOSED,
    "GET /%5Cevil.example": CLOSED,
    "GET //media/x": CLOSED,
    "GET /oauth2callback": CLOSED,
    "GET /healthz": CLOSED,
    # Assets: the same for everybody.
    "GET /favicon.png": EVERYBODY,
    "GET /manifest.json": EVERYBODY,
    "GET {asset}": EVERYBODY,
    "HEAD {asset}": EVERYBODY,
    "POST {asset}": WRONG_METHOD,
    "GET /static/": (301, 301, 301),
    "GET /static": CLOSED,
    "GET /static/%2e%2e/%2e%2e/app/main.py": (400, 400, 400),
    "GET /app/static/main.py": CLOSED,
    "GET /component/x/index.html": CLOSED,
    "OPTIONS /component/x": (204, 204, 204),
    "POST /component/x": WRONG_METHOD,
    "GET /_stcore/bidi-components/streamlit-gatehouse.auth0/auth0.js": EVERYBODY,
    "GET {module}": EVERYBODY,
    "HEAD {module}": EVERYBODY,
    "POST {module}": WRONG_METHOD,
    "GET {module}/": CLOSED,
    "GET /_stcore/bidi-components/streamlit-gatehouse.auth0/0000000000000000/auth0.js": CLOSED,  # another version
    "OPTIONS /_stcore/bidi-components/x": (204, 204, 204),
    "GET /_stcore/bidi-components/streamlit-gatehouse.auth0/../../auth0.py": (400, 400, 400),
    "GET /_stcore/bidi-components/streamlit-gatehouse.auth0/%2e%2e/auth0.py": (400, 400, 400),
    "GET /_stcore/bidi-components/streamlit-gatehouse.auth0/": CLOSED,
    # What says that it lives, and nothing else.
    "GET /_stcore/health": EVERYBODY,
    "HEAD /_stcore/health": EVERYBODY,
    "OPTIONS /_stcore/health": (204, 204, 204),
    "POST /_stcore/health": WRONG_METHOD,
    "GET /_stcore/health/": CLOSED,
    "GET /x/_stcore/health": CLOSED,
    "GET /_stcore/host-config": EVERYBODY,
    "POST /_stcore/host-config": WRONG_METHOD,
    # What tells of the server, or steers it.
    "GET /_stcore": CLOSED,
    "GET /_stcore/": CLOSED,
    "GET /_stcore/metrics": CLOSED,
    "OPTIONS /_stcore/metrics": CLOSED,
    "GET /_stcore/metrics/": CLOSED,
    "GET /_stcore%2Fmetrics": CLOSED,
    "GET /%5Fstcore/metrics": CLOSED,
    "GET /_STCORE/metrics": CLOSED,
    "GET /x/_stcore/metrics": CLOSED,
    "GET /_stcore/script-health-check": CLOSED,
    "OPTIONS /_stcore/script-health-check": CLOSED,
    "GET /_stcore/agent/interact": CLOSED,
    "POST /_stcore/agent/interact": CLOSED,
    "GET /_stcore/agent/openapi.json": CLOSED,
    "OPTIONS /_stcore/agent/openapi.json": CLOSED,
    "GET /_stcore/agent/mcp": CLOSED,
    "POST /_stcore/agent/mcp": CLOSED,
    "DELETE /_stcore/agent/mcp": CLOSED,
    "GET /_stcore/stream": CLOSED,  # without a handshake
    "POST /_stcore/stream": CLOSED,
    # Files: for whom they were shown to.
    "GET {media}": ANN_ONLY,
    "HEAD {media}": ANN_ONLY,
    "OPTIONS {media}": (404, 204, 404),
    "POST {media}": (404, 405, 404),
    "GET {media_without_suffix}": ANN_ONLY,
    "GET {media}/": CLOSED,
    "GET {media_encoded}": ANN_ONLY,
    "GET {media_in_capitals}": CLOSED,
    "GET /media/00000000000000000000000000000000": CLOSED,
    "GET /media/": CLOSED,
    "GET /media": CLOSED,
    # Uploads: into one's own Streamlit session.
    "PUT /_stcore/upload_file/{page}/file": (404, 204, 404),
    "DELETE /_stcore/upload_file/{page}/file": (404, 204, 404),
    "OPTIONS /_stcore/upload_file/{page}/file": (404, 204, 404),
    "POST /_stcore/upload_file/{page}/file": (404, 405, 404),
    "PUT /_stcore/upload_file/{page}/file/": CLOSED,
    "PUT /_stcore/upload_file/{page}": CLOSED,
    "PUT /_stcore/upload_file/another/file": CLOSED,
    "PUT /_stcore/upload_file": CLOSED,
    # Our own: each looks at the session itself. There is no provider here: nobody can be sent to it.
    "GET /auth/login": (503, 303, 303),
    "HEAD /auth/login": WRONG_METHOD,
    "POST /auth/login": WRONG_METHOD,
    "GET /auth/callback": (400, 400, 400),
    "HEAD /auth/callback": WRONG_METHOD,
    "GET /auth/session": EVERYBODY,
    "POST /auth/session": WRONG_METHOD,
    "GET /auth/ended": (200, 303, 303),
    "POST /auth/logout": (403, 403, 403),  # not from a page of ours
    "GET /auth/logout": WRONG_METHOD,
    "POST /auth/stay": (403, 403, 403),
    "POST /auth/active": (403, 403, 403),
    "GET /auth/active": WRONG_METHOD,
    "GET /auth/stay": WRONG_METHOD,
    "POST /auth/backchannel-logout": (400, 400, 400),
    "GET /auth/backchannel-logout": WRONG_METHOD,
    "GET /auth/unknown": CLOSED,
    "POST /auth/unknown": CLOSED,
    "GET /auth/login/": CLOSED,
    "GET /auth/": CLOSED,
    "GET /auth": CLOSED,
}


@dataclass
class Shown:
    """What Ann was shown."""

    app: LiveApp
    ann: SignedInUser
    bob: SignedInUser
    names: dict[str, str]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    with live(tmp_path_factory.mktemp("paths"), processes=1) as app:
        ann, bob = app.sign_in("ann"), app.sign_in("bob")
        with app.tab(ann) as tab, app.tab(bob) as other:
            tab.open()
            other.open()
            media = tab.files["media"]
            index = app.request("/").text
            component = "/_stcore/bidi-components/streamlit-gatehouse.auth0/"
            entry = app.request(f"{component}auth0.js").text
            names = {
                "page": tab.session_id,
                "media": media,
                "media_without_suffix": media.partition(".")[0],
                "media_encoded": media.replace("/media/", "/media%2F"),
                "media_in_capitals": media.upper().replace("/MEDIA/", "/media/"),
                "module": component + entry.partition('import "./')[2].partition('"')[0],
                "asset": "/static/" + index.partition('src="./static/')[2].partition('"')[0],
            }
            yield Shown(app, ann, bob, names)


def answer_to(shown: Shown, row: str, user: SignedInUser | None, source: dict[str, str] | None = None) -> Response:
    """What the server answers. ``source``: the headers in which a browser says who had it send the request."""
    method, _, path = row.partition(" ")
    for name, value in shown.names.items():
        path = path.replace(f"{{{name}}}", value)
    uploads = "/upload_file/" in path
    token = shown.app.request("/_stcore/health").cookies["_streamlit_xsrf"]
    headers = {"X-Xsrftoken": token, "Cookie": f"_streamlit_xsrf={token}"} if uploads else {}
    if uploads and user is not None:
        headers["Cookie"] += "".join(f"; {name}={value}" for name, value in user.cookies.items())
        user = None
    files = {"file": ("x.csv", b"a,b")} if method == "PUT" else None
    return shown.app.request(path, user, method=method, headers=headers | (source or {}), files=files)


def cookies_set(answer: Response) -> list[str]:
    """Which of our cookies an answer sets."""
    return [cookie.name for cookie in answer.cookies if "gatehouse" in cookie.name]


@pytest.mark.parametrize("row", TABLE)
def test_every_address_answers_as_the_table_says(shown: Shown, row: str) -> None:
    answers = [answer_to(shown, row, user) for user in (None, shown.ann, shown.bob)]
    assert tuple(answer.status_code for answer in answers) == TABLE[row]
    assert [cookies_set(answer) for answer in answers if answer.status_code >= 400] == [
        [] for answer in answers if answer.status_code >= 400
    ]


FORM = {
    "Origin": "https://evil.example",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
IMAGE = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize("row", TABLE)
def test_another_site_learns_nothing_of_its_visitor_and_sets_nothing(shown: Shown, row: str) -> None:
    for source in (FORM, IMAGE, *([LINK] if row.startswith("GET ") else [])):
        answers = [answer_to(shown, row, user, source) for user in (None, shown.ann, shown.bob)]
        assert len({answer.status_code for answer in answers}) == 1
        assert len({answer.headers.get("Location") for answer in answers}) == 1
        assert len({answer.headers.get("Cross-Origin-Opener-Policy") for answer in answers}) == 1
        if source is not LINK or answers[0].status_code >= 400:
            assert [cookies_set(answer) for answer in answers] == [[], [], []]


def test_streamlits_own_routes_are_all_in_the_table(tmp_path: Path) -> None:
    """An upgrade of Streamlit that answers one more address, or one more method, stops here."""
    script = tmp_path / "empty.py"
    script.write_text("")
    program = f"""
import json, streamlit as st
from starlette.routing import Mount, WebSocketRoute
routes = st.App({str(script)!r})._build_starlette_app().routes
print(json.dumps([[type(at).__name__, at.path, sorted(getattr(at, "methods", None) or [])] for at in routes]))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    routes = json.loads(done.stdout.splitlines()[-1])
    table = {(row.partition(" ")[0], _plain(row.partition(" ")[2])) for row in TABLE}
    missing = []
    for kind, path, methods in routes:
        if kind == "WebSocketRoute":
            assert path == "/_stcore/stream", "a second socket"
        elif kind == "Mount":
            assert path == "", "a second mount"
        else:
            pattern = compile_path(path)[0]
            missing += [
                f"{method} {path}"
                for method in methods
                if not any(method == asked and pattern.match(at) for asked, at in table)
                and not (method == "HEAD" and any(asked == "GET" and pattern.match(at) for asked, at in table))
                and not ("/agent/" in path and any(pattern.match(at) for _, at in table))
            ]
    assert len(routes) > 15
    assert missing == []


def _plain(path: str) -> str:
    return path.replace("{media}", "/media/x").replace("{page}", "page").replace("{asset}", "/static/x.js")


@pytest.mark.parametrize(
    "path", ["/", "/reports", "/_stcore/stream/", "/x/_stcore/stream", "/auth/session", "/media/x"]
)
def test_there_is_one_socket(shown: Shown, path: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        RawSocket(shown.app.base_url, path=path, cookies=shown.ann.cookies)
    assert caught.value.response.status_code == 404
    for user in (None, shown.ann, shown.bob):
        with shown.app.tab(user) as tab:
            assert Tab.open(tab)


def test_the_front_end_is_told_of_no_host_to_take_messages_from(shown: Shown) -> None:
    answer = shown.app.request("/_stcore/host-config")
    assert answer.json() == {
        "allowedOrigins": [],
        "useExternalAuthToken": False,
        "enableCustomParentMessages": False,
        "enforceDownloadInNewTab": False,
        "metricsUrl": "",
        "blockErrorDialogs": False,
        "resourceCrossOriginMode": None,
    }


ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


@pytest.mark.parametrize(
    ("path", "private"),
    [
        ("/", True),
        ("/reports", True),
        ("/nested/page", True),
        ("{media}", True),
        ("/media/00000000000000000000000000000000", True),
        ("/_stcore/metrics", True),
        ("/auth/session", True),
        ("/auth/ended", True),
        ("/auth/unknown", True),
        ("/_stcore/health", False),
        ("{asset}", False),
    ],
)
def test_every_kind_of_answer_has_its_headers(shown: Shown, path: str, private: bool) -> None:
    for name, value in shown.names.items():
        path = path.replace(f"{{{name}}}", value)
    answer = shown.app.request(path, shown.ann)
    print(f"\n{path} → {answer.status_code}")
    print("\n".join(f"  {name}: {value}" for name, value in answer.headers.items()))
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    scripts = answer.headers["Content-Security-Policy"].partition("script-src")[2].partition(";")[0]
    assert "'unsafe-inline'" not in scripts
    assert "'unsafe-eval'" not in scripts
    if private:
        assert answer.headers["Cache-Control"] == "no-store"
        assert "cookie" in answer.headers["Vary"].lower()
    else:
        assert answer.headers.get("Cache-Control", "") != "no-store"
        assert not [cookie for cookie in answer.cookies if cookie.name.startswith("gatehouse")]


def test_another_host_is_misdirected(shown: Shown) -> None:
    for host in ("evil.example", "127.0.0.1:1@evil.example", "", "127.0.0.1, evil.example"):
        answer = shown.app.request("/", headers={"Host": host})
        assert answer.status_code in {400, 421}, host
