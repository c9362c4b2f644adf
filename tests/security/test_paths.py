"""The responses of every route to an anonymous client, the owner of a page, and another user, from a literal table.

Streamlit's own routes are read from the installed version: a route that is not in the table is a failure.
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
from tests.security.app_processes import AppProcesses, SignedInUser, app_processes
from tests.security.route_statuses import STATUSES
from tests.security.socket_tab import SocketTab
from tests.stack import ROOT

pytestmark = pytest.mark.xdist_group("paths")  # its processes start once, not once per worker


@dataclass
class Pages:
    """The open pages of Ann and Bob, and the paths of Ann's files."""

    app: AppProcesses
    ann: SignedInUser
    bob: SignedInUser
    names: dict[str, str]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with app_processes(tmp_path_factory.mktemp("paths"), processes=1) as app:
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
            yield Pages(app, ann, bob, names)


def response_to(pages: Pages, row: str, user: SignedInUser | None, source: dict[str, str] | None = None) -> Response:
    """Send the request of a row; ``source`` are the headers in which a browser reports the initiator."""
    method, _, path = row.partition(" ")
    for name, value in pages.names.items():
        path = path.replace(f"{{{name}}}", value)
    uploads = "/upload_file/" in path
    token = pages.app.request("/_stcore/health").cookies["_streamlit_xsrf"]
    headers = {"X-Xsrftoken": token, "Cookie": f"_streamlit_xsrf={token}"} if uploads else {}
    if uploads and user is not None:
        headers["Cookie"] += "".join(f"; {name}={value}" for name, value in user.cookies.items())
        user = None
    files = {"file": ("x.csv", b"a,b")} if method == "PUT" else None
    return pages.app.request(path, user, method=method, headers=headers | (source or {}), files=files)


def cookies_set(response: Response) -> list[str]:
    """The names of our cookies that a response sets."""
    return [cookie.name for cookie in response.cookies if "gatehouse" in cookie.name]


@pytest.mark.parametrize("row", STATUSES)
def test_every_route_responds_as_the_table_says(pages: Pages, row: str) -> None:
    responses = [response_to(pages, row, user) for user in (None, pages.ann, pages.bob)]
    assert tuple(response.status_code for response in responses) == STATUSES[row]
    assert [cookies_set(response) for response in responses if response.status_code >= 400] == [
        [] for response in responses if response.status_code >= 400
    ]


FORM = {
    "Origin": "https://evil.example",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
IMAGE = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize("row", STATUSES)
def test_another_site_learns_nothing_about_its_visitor_and_sets_no_cookie(pages: Pages, row: str) -> None:
    for source in (FORM, IMAGE, *([LINK] if row.startswith("GET ") else [])):
        responses = [response_to(pages, row, user, source) for user in (None, pages.ann, pages.bob)]
        assert len({response.status_code for response in responses}) == 1
        assert len({response.headers.get("Location") for response in responses}) == 1
        assert len({response.headers.get("Cross-Origin-Opener-Policy") for response in responses}) == 1
        if source is not LINK or responses[0].status_code >= 400:
            assert [cookies_set(response) for response in responses] == [[], [], []]


def test_streamlits_own_routes_are_all_in_the_table(tmp_path: Path) -> None:
    """An upgrade of Streamlit with another route, or another method, must add it to the table."""
    script = tmp_path / "empty.py"
    script.write_text("")
    program = f"""
import json, streamlit as st
from starlette.routing import Mount, WebSocketRoute
routes = st.App({str(script)!r})._build_starlette_app().routes
print(json.dumps([[type(at).__name__, at.path, sorted(getattr(at, "methods", None) or [])] for at in routes]))
"""
    completed = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    routes = json.loads(completed.stdout.splitlines()[-1])
    table = {(row.partition(" ")[0], _plain(row.partition(" ")[2])) for row in STATUSES}
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
                if not any(method == verb and pattern.match(at) for verb, at in table)
                and not (method == "HEAD" and any(verb == "GET" and pattern.match(at) for verb, at in table))
                and not ("/agent/" in path and any(pattern.match(at) for _, at in table))
            ]
    assert len(routes) > 15
    assert missing == []


def _plain(path: str) -> str:
    return path.replace("{media}", "/media/x").replace("{page}", "page").replace("{asset}", "/static/x.js")


@pytest.mark.parametrize(
    "path", ["/", "/reports", "/_stcore/stream/", "/x/_stcore/stream", "/auth/session", "/media/x"]
)
def test_no_other_path_opens_a_socket(pages: Pages, path: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        RawSocket(pages.app.base_url, path=path, cookies=pages.ann.cookies)
    assert caught.value.response.status_code == 404
    for user in (None, pages.ann, pages.bob):
        with pages.app.tab(user) as tab:
            assert SocketTab.open(tab)


def test_the_front_end_accepts_messages_from_no_other_host(pages: Pages) -> None:
    response = pages.app.request("/_stcore/host-config")
    assert response.json() == {
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
def test_every_kind_of_response_has_its_headers(pages: Pages, path: str, private: bool) -> None:
    for name, value in pages.names.items():
        path = path.replace(f"{{{name}}}", value)
    response = pages.app.request(path, pages.ann)
    print(f"\n{path} → {response.status_code}")
    print("\n".join(f"  {name}: {value}" for name, value in response.headers.items()))
    assert {name: response.headers.get(name) for name in ALWAYS} == ALWAYS
    assert "camera=()" in response.headers["Permissions-Policy"]
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    scripts = response.headers["Content-Security-Policy"].partition("script-src")[2].partition(";")[0]
    assert "'unsafe-inline'" not in scripts
    assert "'unsafe-eval'" not in scripts
    if private:
        assert response.headers["Cache-Control"] == "no-store"
        assert "cookie" in response.headers["Vary"].lower()
    else:
        assert response.headers.get("Cache-Control", "") != "no-store"
        assert not [cookie for cookie in response.cookies if cookie.name.startswith("gatehouse")]


def test_another_host_is_misdirected(pages: Pages) -> None:
    for host in ("evil.example", "127.0.0.1:1@evil.example", "", "127.0.0.1, evil.example"):
        response = pages.app.request("/", headers={"Host": host})
        assert response.status_code in {400, 421}, host
