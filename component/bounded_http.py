"""HTTP to the provider with limits on everything: time, size, redirects, cookies."""

from __future__ import annotations

import time
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectionError as ConnectionFailed
from urllib3.exceptions import HTTPError

TIMEOUT_SECONDS: Final = 5.0
ANSWER_MAX_BYTES: Final = 262_144
_CHUNK_BYTES: Final = 16_384


class BoundedAdapter(HTTPAdapter):
    """Reads a whole answer within a time and a size, or raises a ``requests`` error.

    ``requests`` alone limits the wait for each byte only, so that a drip of bytes keeps a thread for ever.
    """

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """As the library's; the body is read already."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        options["stream"] = True
        options["timeout"] = TIMEOUT_SECONDS
        response = super().send(request, *args, **options)
        body = bytearray()
        try:
            # One read of the socket at a time, so that the clock is looked at between any two.
            while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
                body += chunk
                if len(body) > ANSWER_MAX_BYTES:
                    raise ConnectionFailed("the answer is too large")
                if time.monotonic() > deadline:
                    raise ConnectionFailed("the answer took too long")
        except (HTTPError, OSError) as error:
            raise ConnectionFailed("the answer broke off") from error
        finally:
            response.raw.release_conn() if len(body) <= ANSWER_MAX_BYTES else response.raw.close()
        response._content = bytes(body)  # noqa: SLF001 - requests has no public way to hand over a body read under limits
        response._content_consumed = True  # type: ignore[attr-defined] # noqa: SLF001 - the same
        return response


def bounded_session() -> requests.Session:
    """A pooled session for the provider: keeps none of its cookies and follows no redirect."""
    session = requests.Session()
    session.max_redirects = 0
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = "Gatehouse"
    session.mount("https://", BoundedAdapter(pool_connections=2, pool_maxsize=16))
    session.mount("http://", BoundedAdapter(pool_connections=2, pool_maxsize=16))
    return session
