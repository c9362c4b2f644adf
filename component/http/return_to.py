"""Where the browser goes after a sign-in: always a page of this app (RFC 9700 §4.11).

An address is read the way a browser reads it (WHATWG URL §4.4): tabs and newlines vanish, a backslash is a slash. What
is not plainly ``/`` or ``/page`` with an optional query becomes the start page.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

HOME: Final = "/"
RESERVED: Final = frozenset({"_stcore", "media", "component", "static", "app", "auth", "healthz", "oauth2callback"})
"""First path segments that are no pages."""

_MAX_CHARACTERS: Final = 1500
_VANISHING: Final = re.compile(r"[\t\n\r]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_PATH_SAFE: Final = "%!$&'()*+,;=:@-._~"
_QUERY_SAFE: Final = _PATH_SAFE + "/?[]"


def safe_return_to(address: str | None) -> str:
    """The page and query of this app that ``address`` names, as ASCII; ``/`` for anything else, without the fragment.

    A query that would make the whole too long for a cookie is dropped too.
    """
    if not address or len(address) > 2 * _MAX_CHARACTERS:
        return HOME
    text = _VANISHING.sub("", address.strip("".join(map(chr, range(0x21)))))
    text = text.partition("#")[0]
    path, question, query = text.partition("?")
    if not is_page_path(path):
        return HOME
    path = quote(path, safe=f"/{_PATH_SAFE}", errors="replace")
    whole = f"{path}?{quote(_CONTROL.sub('', query), safe=_QUERY_SAFE, errors='replace')}" if question else path
    if len(whole) <= _MAX_CHARACTERS:
        return whole
    return path if len(path) <= _MAX_CHARACTERS else HOME


def is_page_path(path: str) -> bool:
    """Whether ``path`` is ``/`` or has the shape of a page's address: exactly one segment, none of the reserved ones.

    ``path`` may be percent-encoded or not: every reading of it must be a page.
    """
    if not path.startswith("/"):
        return False
    readings = [path[1:]]
    for _ in range(3):
        readings.append(unquote(readings[-1]))
    if readings[-1] != readings[-2]:
        return False  # encoded over and over: no page
    return all(_is_segment(reading) for reading in readings)


def _is_segment(segment: str) -> bool:
    if segment in {".", ".."} or "/" in segment or "\\" in segment or _CONTROL.search(segment):
        return False
    return segment.strip().lower() not in RESERVED
