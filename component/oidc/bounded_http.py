"""HTTP to the provider with limits on time, size, redirects and cookies."""

from __future__ import annotations

import time
from typing import Any, Final

import requests
from requests.exceptions import ConnectionError as ConnectionFailed
from urllib3.exceptions import HTTPError

from app.core.http_client import PrivateAuthorities, http_session, read_bounded
from app.core.settings import Settings

TIMEOUT_SECONDS: Final = 5.0
MAX_ANSWER_BYTES: Final = 262_144


class BoundedAdapter(PrivateAuthorities):
    """Reads each response whole, within a time and a size, or raises a ``requests`` error."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send as the library does; the body of the response has been read.

        Raises:
            requests.RequestException: No response arrived, or it is too long, too slow or a redirect.
        """
        deadline = time.monotonic() + TIMEOUT_SECONDS
        options["stream"] = True
        options["timeout"] = TIMEOUT_SECONDS
        response = super().send(request, *args, **options)
        body = None
        try:
            body = read_bounded(response, max_bytes=MAX_ANSWER_BYTES, deadline=deadline)
        except requests.RequestException:
            raise
        except (HTTPError, OSError) as error:
            raise ConnectionFailed("the answer broke off") from error
        finally:
            # A connection with an unread rest must not serve the next request.
            response.raw.release_conn() if body is not None else response.raw.close()
        if response.is_redirect:
            raise requests.HTTPError("the answer leads elsewhere", response=response)
        response._content = body  # noqa: SLF001 - requests has no public way to hand over a body read under limits
        response._content_consumed = True  # type: ignore[attr-defined] # noqa: SLF001 - the same
        return response


def bounded_session(settings: Settings) -> requests.Session:
    """A pooled session for the provider of these settings."""
    return http_session(ca_bundle=settings.ca_bundle, proxy=settings.proxy_to_provider, adapter=BoundedAdapter)
