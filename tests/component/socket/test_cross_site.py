"""A cross-site request changes nothing in a visitor's browser, and reveals nothing about the visitor.

One table: every route, by every method, from every kind of source, with the right status and the cookies set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from app.core.records import EndReason
from component.http.origin import Site
from component.socket.cross_site import Initiator, initiator_of, link_answer
from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import HTTP, ClientResponse, CookieClient, SignInWorld, sign_in_world

EVIL = "https://evil.example"

OWN = {
    "a link of our own page": {
        "sec_fetch_site": "same-origin", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document",
    },
    "the address bar": {"sec_fetch_site": "none", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"},
    "a script of our own page": {
        "sec_fetch_site": "same-origin", "sec_fetch_mode": "cors", "sec_fetch_dest": "empty", "origin": HTTP,
    },
    "no browser": {},
}  # fmt: skip
LINK = {
    "a link of another site": {
        "sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document",
    },
    "a link of a sibling site": {
        "sec_fetch_site": "same-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document",
    },
}  # fmt: skip
FOREIGN = {
    "a form": {
        "sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document", "origin": EVIL,
    },
    "a form of a sibling site": {
        "sec_fetch_site": "same-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document",
        "origin": "http://localhost:9000",
    },
    "a form of an old browser": {"origin": EVIL},
    "a form in a sandbox": {"origin": "null"},
    "a frame": {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
    "an object": {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "object"},
    "an image": {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"},
    "an image of a sibling": {"sec_fetch_site": "same-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"},
    "a script": {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "script"},
    "a fetch": {
        "sec_fetch_site": "cross-site", "sec_fetch_mode": "cors", "sec_fetch_dest": "empty", "origin": EVIL,
    },
    "a made-up word": {"sec_fetch_site": "nearly-same", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"},
}  # fmt: skip
SOURCES = {"own": OWN, "link": LINK, "foreign": FOREIGN}

# Method and path; then for our own pages, for a link of another site, and for everything else of another site: the
# status, and the cookies that are set in a browser without any. b: the browser's, l: a login transaction.
TABLE = """
GET    /                                     own 200 b     link 200 b    foreign 403
HEAD   /                                     own 200 b     link -        foreign 403
POST   /                                     own -         link -        foreign 403
GET    /reports                              own 200 b     link 200 b    foreign 403
DELETE /reports                              own 405       link -        foreign 403
GET    /media/0123456789abcdef.png           own 404       link 200      foreign 403
PUT    /_stcore/upload_file/session/file     own 404       link -        foreign 403
GET    /app/static/x                         own 404       link 404      foreign 404
GET    /_stcore/metrics                      own 404       link 404      foreign 404
GET    /auth/login                           own 303 b l   link 200      foreign 403
GET    /auth/login?mode=popup                own 303 b l   link 200      foreign 403
GET    /auth/login?silent=1                  own 303 b l s link 200      foreign 403
GET    /auth/login?another=1                 own 303 b l   link 200      foreign 403
GET    /auth/login?step_up=1                 own 303 b l   link 200      foreign 403
POST   /auth/login                           own 405       link -        foreign 403
HEAD   /auth/login                           own 405       link -        foreign 403
GET    /auth/callback                        own 400       link 400      foreign 403
GET    /auth/callback?state=STATE&code=x     own 400       link 400      foreign 403
GET    /auth/callback?state=STATE&error=x    own 400       link 400      foreign 403
POST   /auth/callback                        own 405       link -        foreign 403
GET    /auth/ended                           own 200 b     link 200      foreign 403
GET    /auth/ended?sign_in=unknown           own 400       link 200      foreign 403
POST   /auth/ended                           own 405       link -        foreign 403
GET    /auth/session                         own 200 b     link 403      foreign 403
POST   /auth/session                         own 405       link -        foreign 403
GET    /auth/stay                            own 405       link 403      foreign 403
GET    /auth/active                          own 405       link 403      foreign 403
GET    /auth/logout                          own 405       link 403      foreign 403
GET    /auth/backchannel-logout              own 405       link 403      foreign 403
POST   /auth/backchannel-logout              own 400       link -        foreign 403
GET    /auth/anything                        own 200 b     link 403      foreign 403
""".replace("STATE", "s" * 43)
NAMES = {"b": "browser", "l": "login", "s": "silent"}


def rows() -> Iterator[tuple[str, str, str, int, list[str]]]:
    """Method, path, source, status, cookies set."""
    for line in TABLE.strip().splitlines():
        method, path, rest = line.split(maxsplit=2)
        for source, status, cookies in re.findall(r"(own|link|foreign) (\d{3}|-)((?: [bls]\b)*)", rest):
            if status != "-":
                yield method, path, source, int(status), sorted(NAMES[item] for item in cookies.split())


@pytest.fixture(scope="module")
def installation() -> Iterator[SignInWorld]:
    clock = FakeClock()
    with FakeProvider(clock.timestamp) as fake, sign_in_world(fake, clock) as installation:
        yield installation


def cookies_set(installation: SignInWorld, answer: ClientResponse) -> list[str]:
    """The cookies that a response sets or removes, by the part of their name that states their purpose."""
    prefix = installation.cookies.session.removesuffix("session")
    return sorted(line.removeprefix(prefix).partition("=")[0].partition("-")[0] for line in answer.all("set-cookie"))


def stored(installation: SignInWorld) -> dict[str, int]:
    """How many rows each table has, with the failures of anonymous clients saved."""
    installation.refusals.flush()
    with installation.storage.engine.connect() as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    return {str(name): installation.rows(str(name)) for name in names}


def observable(answer: ClientResponse) -> tuple[object, ...]:
    """All of an answer but the reference number that each has of its own."""
    reference = next((value for name, value in answer.headers if name == "x-correlation-id"), "none")
    kept = [(name, value) for name, value in answer.headers if name not in {"x-correlation-id", "content-length"}]
    text = "" if answer.text.startswith('{"headers":') else answer.text  # the stand-in for Streamlit's page
    return answer.status, kept, text.replace(reference, "REFERENCE")


@pytest.mark.parametrize(("method", "path", "source", "status", "cookies"), [*rows()])
def test_responses_and_cookies_by_initiator(
    installation: SignInWorld, method: str, path: str, source: str, status: int, cookies: list[str]
) -> None:
    before = stored(installation)
    for kind, headers in SOURCES[source].items():
        answer = installation.client().request(method, path, **headers)
        assert (kind, answer.status, cookies_set(installation, answer)) == (kind, status, cookies)
        assert stored(installation) == before or path == "/auth/backchannel-logout", kind


@pytest.mark.parametrize(("method", "path", "source", "status", "cookies"), [row for row in rows() if row[2] != "own"])
def test_another_site_gets_the_same_response_for_every_user(
    installation: SignInWorld, method: str, path: str, source: str, status: int, cookies: list[str]
) -> None:
    signed_in, ended, known = installation.sign_in(), installation.sign_in(), installation.client()
    installation.sessions.end(installation.ref(ended), EndReason.SIGNED_OUT, by="test")
    known.get("/")
    for kind, headers in SOURCES[source].items():
        before = stored(installation)
        answers = [
            observable(CookieClient(installation.app, cookies=dict(client.cookies)).request(method, path, **headers))
            for client in (known, signed_in, ended)
        ]
        assert answers[0][0] == status
        assert answers == [answers[0]] * 3, kind
        assert stored(installation) == before, kind


def test_a_form_of_another_site_replaces_no_cookie_and_the_sign_in_continues(installation: SignInWorld) -> None:
    client = installation.client()
    approved = installation.fake.approve(installation.begin(client))
    cookies = dict(client.cookies)
    for path in ("/", "/reports", "/auth/login", "/auth/callback", "/auth/logout", "/auth/stay", "/auth/session"):
        client.cookies.clear()  # browsers send none with a cross-site form, and keep those of the response
        answer = client.request("POST", path, **FOREIGN["a form"])
        assert (answer.status, answer.all("set-cookie")) == (403, [])
        client.cookies = dict(cookies)
    assert client.get(approved, **LINK["a link of another site"]).status == 303
    assert client.get("/auth/session").json()["authenticated"] is True


@pytest.mark.parametrize(
    ("query", "address"),
    [
        ("", "/auth/login?return_to=%2F"),
        ("return_to=/reports?range=7", "/auth/login?return_to=%2Freports%3Frange%3D7"),
        ("return_to=https://evil.example/", "/auth/login?return_to=%2F"),
        ("mode=popup&return_to=/reports", "/auth/login?return_to=%2Freports"),
        ("silent=1&return_to=/reports", "/reports"),
        ("another=1&step_up=1&draft=x", "/auth/login?return_to=%2F"),
        ("organization=org_1&prompt=none", "/auth/login?organization=org_1&return_to=%2F"),
    ],
)
def test_a_cross_site_link_to_the_sign_in_continues_on_our_own_page(
    installation: SignInWorld, query: str, address: str
) -> None:
    answer = installation.sign_in().get(f"/auth/login?{query}", **LINK["a link of another site"])
    assert answer.status == 200
    assert f'content="0; url={address.replace("&", "&amp;")}"' in answer.text
    assert answer.header("cross-origin-opener-policy") == "same-origin"


def test_pages_and_notices_outside_our_popups_detach_from_a_foreign_opener(installation: SignInWorld) -> None:
    client = installation.sign_in()
    policies = {
        path: client.get(path).header("cross-origin-opener-policy")
        for path in ("/", "/auth/callback", "/auth/login?mode=popup", "/auth/ended")
    }
    assert policies == {
        "/": "same-origin-allow-popups",
        "/auth/callback": "same-origin",
        "/auth/login?mode=popup": "",  # the end of a popup, which has to close itself
        "/auth/ended": "",  # redirects back to the page
    }
    assert installation.client().get("/auth/ended").header("cross-origin-opener-policy") == "same-origin"


def test_a_sign_in_that_failed_uses_up_its_own_transaction_and_sets_nothing_else(installation: SignInWorld) -> None:
    client = installation.client()
    state = installation.begin(client).partition("state=")[2].partition("&")[0]
    before = stored(installation)
    answer = client.get(
        f"/auth/callback?state={state}&error=access_denied&iss={installation.fake.url}",
        **LINK["a link of another site"],
    )
    assert (answer.status, cookies_set(installation, answer)) == (403, ["login"])
    assert "Max-Age=0" in answer.header("set-cookie")
    changed = {table: count - before[table] for table, count in stored(installation).items() if count != before[table]}
    assert changed == {"audit_events": 1}, "its count; the transaction goes with its cookie"


def test_a_repeated_callback_redirects_a_signed_in_user_and_explains_itself_to_others(
    installation: SignInWorld,
) -> None:
    client = installation.client()
    approved = installation.fake.approve(installation.begin(client))
    client.get(approved, **LINK["a link of another site"])
    again = client.get(approved, **LINK["a link of another site"])
    assert (again.status, again.all("set-cookie")) == (400, [])
    (address,) = re.findall(r'content="0; url=([^"]+)"', again.text)
    assert client.get(address, **OWN["a link of our own page"]).location == f"{HTTP}/"
    response = installation.client().get(address, **OWN["a link of our own page"])
    assert response.status == 400
    assert "This sign-in is over" in response.text


def test_a_link_to_a_media_address_is_kept(installation: SignInWorld) -> None:
    answer = link_answer('/media/0123.png"><script>', "title=a&b=c")
    assert answer is not None
    assert b"/media/0123.png%22%3E%3Cscript%3E?title=a&amp;b=c" in answer.body


def test_this_machines_other_names_are_this_site_in_development() -> None:
    headers = [(b"host", b"127.0.0.1:8501"), (b"origin", b"http://127.0.0.1:8501")]
    assert initiator_of("POST", headers, Site(HTTP, loopback_too=True)) is Initiator.OWN
    assert initiator_of("POST", headers, Site(HTTP, loopback_too=False)) is Initiator.FOREIGN
