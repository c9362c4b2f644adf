"""Cookies of a request: which are read, and which the app's own code never gets."""

from __future__ import annotations

import pytest

from component.http.cookies import Cookies, read_cookies

COOKIES = Cookies("http://localhost:8501")
LARGEST = 65_536


def test_all_cookie_headers_of_a_request_are_read_and_no_other() -> None:
    headers = [(b"cookie", b"a=1; b=2"), (b"accept", b"x=9"), (b"Cookie", b"c=3")]
    assert read_cookies(headers) == {"a": "1", "b": "2", "c": "3"}


def test_a_larger_header_than_any_browser_sends_has_no_cookies() -> None:
    largest = b"a=" + b"x" * (LARGEST - 2)
    assert read_cookies([(b"cookie", largest)]) == {"a": "x" * (LARGEST - 2)}
    assert read_cookies([(b"cookie", largest + b"x")]) == {}
    # Together with the "; " between them, two halves are larger.
    assert read_cookies([(b"cookie", largest[: LARGEST // 2]), (b"cookie", b"b=" + b"x" * (LARGEST // 2 - 2))]) == {}


@pytest.mark.parametrize("part", ["no-equals", "=value", 'a="quoted"', "a=b c", "a=b\\c", "a=ü", ""])
def test_a_malformed_cookie_is_skipped_and_the_others_are_read(part: str) -> None:
    assert read_cookies([(b"cookie", f"x=1; {part};y=2".encode("latin-1"))]) == {"x": "1", "y": "2"}


def test_a_name_with_two_values_counts_as_absent_and_a_repeated_value_does_not() -> None:
    assert read_cookies([(b"cookie", b"a=1; b=2; a=3")]) == {"b": "2"}
    assert read_cookies([(b"cookie", b"a=1; b=2; a=1")]) == {"a": "1", "b": "2"}
    assert read_cookies([(b"cookie", b"a=1"), (b"cookie", b"a=2")]) == {}


def test_hidden_cookies_leave_the_others_and_no_empty_header() -> None:
    own_cookies = f"{COOKIES.session}=s; {COOKIES.login('state')}=l; {COOKIES.browser}=b; _streamlit_user=u".encode()
    accept = (b"accept", b"text/html")
    assert COOKIES.hide([accept, (b"cookie", own_cookies)]) == [accept]
    mixed = (b"Cookie", b"theme=dark; " + own_cookies + b"; lang=de")
    assert COOKIES.hide([mixed, accept]) == [(b"Cookie", b"theme=dark; lang=de"), accept]


def test_a_new_browser_id_replaces_any_other() -> None:
    headers = [(b"cookie", f"theme=dark; {COOKIES.browser}=planted".encode())]
    assert read_cookies(COOKIES.with_browser(headers, "b" * 43)) == {"theme": "dark", COOKIES.browser: "b" * 43}
