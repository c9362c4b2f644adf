"""The address after a sign-in: always a page of this app."""

from __future__ import annotations

from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from component.http.return_to import RESERVED, is_page_path, safe_return_to

BASE = "https://app.example.com/auth/callback"

GOOD = [
    ("/", "/"),
    ("/reports", "/reports"),
    ("/reports?region=emea&year=2026", "/reports?region=emea&year=2026"),
    ("/reports?next=https://elsewhere.example/", "/reports?next=https://elsewhere.example/"),
    ("/reports#part", "/reports"),
    ("/reports?", "/reports?"),
    ("/?a=1", "/?a=1"),
    ("/größe?q=ü b", "/gr%C3%B6%C3%9Fe?q=%C3%BC%20b"),
    ("/gr%C3%B6%C3%9Fe", "/gr%C3%B6%C3%9Fe"),
    ("  /reports  ", "/reports"),
    ("/rep\torts", "/reports"),
    ("/authors", "/authors"),
    ("/r%2565ports", "/r%2565ports"),
]
BAD = [
    None,
    "",
    "reports",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    "/\r\\evil.example",
    "https://evil.example/",
    "https:evil.example",
    "HTTPS://evil.example",
    "javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "/%2fevil.example",
    "/%5cevil.example",
    "/%252f%252fevil.example",
    "/%2525252fevil.example",
    "/r%252565ports",  # encoded over and over, whatever it names
    "/..//evil.example",
    "/..",
    "/%2e%2e",
    "/.",
    "/a/../../b",
    "/a/b",
    "/auth/login",
    "/auth/logout?x=1",
    "/AUTH",
    "/auth",
    "/auth%2flogin",
    "/_stcore/health",
    "/media/x",
    "/component/x",
    "/static/x",
    "@evil.example",
    "/\x00",
    "/x\x0by",
    "?a=1",
    "#x",
    "/" + "x" * 4000,
]


@pytest.mark.parametrize(("requested", "safe"), GOOD)
def test_pages_of_this_app_are_kept(requested: str, safe: str) -> None:
    assert safe_return_to(requested) == safe


@pytest.mark.parametrize("requested", BAD)
def test_everything_else_is_the_start_page(requested: str | None) -> None:
    assert safe_return_to(requested) == "/"


def test_a_query_that_is_too_long_for_a_cookie_is_dropped() -> None:
    assert safe_return_to("/reports?q=" + "x" * 1600) == "/reports"
    assert safe_return_to("/reports?q=" + "ü" * 600) == "/reports"  # long once encoded
    assert safe_return_to("/" + "ü" * 600) == "/"


def test_a_safe_address_stays_as_it_is() -> None:
    for requested, safe in GOOD:
        assert safe_return_to(safe_return_to(requested)) == safe


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            ["/", "\\", "//", ".", "..", "%2f", "%5c", "%2e", "%25", "?", "#", ":", "@", "\t", "\n", "\r", "\x00", " "]
        ),
        st.sampled_from(["https", "http:", "javascript:", "evil.example", "auth", "login", "reports", "a=1", "&", "ü"]),
        st.text(max_size=4),
    ),
    max_size=9,
).map("".join)


@given(PIECES)
@example("/\t/evil.example/%2f..")
def test_every_return_address_stays_on_this_site(requested: str) -> None:
    safe = safe_return_to(requested)
    assert safe.isascii()
    assert safe.isprintable()
    assert " " not in safe
    parts = urlsplit(urljoin(BASE, safe))
    assert (parts.scheme, parts.netloc) == ("https", "app.example.com")
    assert safe[0] == "/"
    assert safe[1:2] not in {"/", "\\"}
    path = safe.partition("?")[0]
    assert is_page_path(path)
    for reading in (path, unquote(path), unquote(unquote(path))):
        assert "\\" not in reading
        assert reading.count("/") == 1
        assert reading[1:].strip().lower() not in RESERVED
        assert reading not in {"/.", "/.."}
    assert safe_return_to(safe) == safe
