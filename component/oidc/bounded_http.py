"""HTTP to the provider with limits on everything: time, size, redirects, cookies."""

from __future__ import annotations

import time
from typing import Any, Final

import requests
from requests.exceptions import ConnectionError as ConnectionFailed
from urllib3.exceptions import HTTPError

from app.core.http_client import AnswerTooLarge, PrivateAuthorities, http_session
from app.core.settings import Settings

TIMEOUT_SECONDS: Final = 5.0
MAX_ANSWER_BYTES: Final = 262_144
_CHUNK_BYTES: Final = 16_384


class BoundedAdapter(PrivateAuthorities):
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
                if len(body) > MAX_ANSWER_BYTES:
                    raise AnswerTooLarge
                if time.monotonic() > deadline:
                    raise requests.Timeout("the answer took too long")
        except requests.RequestException:
            raise
        except (HTTPError, OSError) as error:
            raise ConnectionFailed("the answer broke off") from error
        finally:
            response.raw.release_conn() if len(body) <= MAX_ANSWER_BYTES else response.raw.close()
        if response.is_redirect:
            raise requests.HTTPError("the answer leads elsewhere", response=response)
        response._content = bytes(body)  # noqa: SLF001 - requests has no public way to hand over a body read under limits
        response._content_consumed = True  # type: ignore[attr-defined] # noqa: SLF001 - the same
        return response


def bounded_session(settings: Settings) -> requests.Session:
    """A pooled session for the provider of these settings."""
    return http_session(ca_bundle=settings.ca_bundle, proxy=settings.proxy_to_provider, adapter=BoundedAdapter)
