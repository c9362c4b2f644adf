"""Which requests are meant for this site, and which requests and sockets come from a page of it.

Only the headers of the browser itself count: ``Host`` and ``Origin``, never a forwarded header.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

from component.http.cookies import HeaderList

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:\[\]/@?#\\]+)(?::\d{1,5})?", re.IGNORECASE)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


def origin_of(base_url: str) -> str:
    """The origin a browser sends for this address (RFC 6454 §6.2): without the scheme's own port."""
    parts = urlsplit(base_url.lower())
    standard = {"http": ":80", "https": ":443"}[parts.scheme]
    return f"{parts.scheme}://{parts.netloc.removesuffix(standard)}"


def is_same_origin(origin: str, request: Request) -> bool:
    """Whether a script of a page at ``origin`` sent this request."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    return request.headers.getlist("origin") == [origin] and site == "same-origin"


class Site:
    """The configured address, as requests name it."""

    def __init__(self, base_url: str, *, loopback_too: bool) -> None:
        """``loopback_too``: whether this machine's own names are accepted as well, in development."""
        self._loopback_too = loopback_too
        self._origin = origin_of(base_url)
        self._scheme = urlsplit(base_url).scheme.lower()
        self._hosts = {_host_of(base_url)} | (_LOOPBACK if loopback_too else set())

    def is_host(self, headers: HeaderList) -> bool:
        """Whether a request names this site as its host, once."""
        values = header_values(headers, b"host")
        match = _HOST.fullmatch(values[0]) if len(values) == 1 else None
        return match is not None and match[1] in self._hosts

    def is_origin(self, headers: HeaderList) -> bool:
        """Whether a page of this site opens a socket (RFC 6455 §10.2).

        Every browser sends the origin of the page, so a client that does not is no browser. Streamlit's own check
        accepts any page of the same host name, whatever its port, any page of this machine, and no origin at all.
        """
        values = header_values(headers, b"origin")
        if values == [self._origin]:
            return True
        return self._loopback_too and values == [f"{self._scheme}://{host}" for host in header_values(headers, b"host")]


def _host_of(base_url: str) -> str:
    """The host of an address as a ``Host`` header has it: in lower case, an IPv6 address in brackets."""
    host = urlsplit(base_url).hostname or ""
    return f"[{host}]" if ":" in host else host


def header_values(headers: HeaderList, name: bytes) -> list[str]:
    """Every value under one name, in lower case."""
    return [value.decode("latin-1").lower() for other, value in headers if other.lower() == name]
