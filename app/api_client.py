"""Calls to the remote API as the signed-in user; problem documents are raised as the error classes of ``app.core``.

The token goes to the configured host only, redirects are not followed, path parts are encoded, responses are bounded.
``call`` makes every call; ``fetch`` does the same for files, written as they arrive. ``app.admin.api`` has the typed
calls of administrators, ``app.api_transport`` the single request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final
from urllib.parse import quote

from app import access
from app.api_transport import (
    RESPONSE_LIMITS,
    UNEXPECTED_RESPONSE,
    ApiResponse,
    Params,
    ReadLimits,
    is_success,
    open_response,
    problem_of,
    read_content,
    send,
)
from app.core.contract.sessions import EndedCount, SessionBody, Sessions
from app.core.contract.usage import Usage, UsageDayBody
from app.core.errors import ApiUnavailable, NotFound, TooLarge, Unauthenticated
from app.services import services

BASE: Final = "/api/v1"
MAX_SHOWN_CHARACTERS: Final = 16_000
"""How many characters of a response the API explorer and the component show."""
_EXPLORING: Final = ReadLimits(256 * 1024, 10.0)
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 §9.2.1
_HEALTH: Final = "/healthz"
_MAX_PROBLEM_BYTES: Final = 256 * 1024
_CHUNK_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class ExploredCall:
    """One call as the API explorer shows it, without the token."""

    method: str
    url: str
    with_token: bool
    status: int
    elapsed_ms: float
    content_type: str
    headers: Mapping[str, str]
    body: str
    complete: bool
    """Whether ``body`` is the complete body of the response."""


def usage(days: int) -> tuple[UsageDayBody, ...]:
    """The days of ``usage_report``, oldest first.

    Raises:
        GatehouseError: As ``call``.
    """
    return usage_report(days).days


def usage_report(days: int) -> Usage:
    """The usage report of the last ``days`` days, and the sums of as many days before.

    Raises:
        GatehouseError: As ``call``.
    """
    return call("GET", f"{BASE}/reports/usage", params={"days": str(days)}).read(Usage)


def usage_csv(days: int) -> bytes:
    """The usage report of the last ``days`` days as a CSV file (UTF-8).

    Raises:
        GatehouseError: As ``call``.
    """
    return call("GET", f"{BASE}/reports/usage.csv", params={"days": str(days)}).file("text/csv")


def my_sessions() -> tuple[SessionBody, ...]:
    """The user's live sessions, newest first.

    Raises:
        GatehouseError: As ``call``.
    """
    return call("GET", f"{BASE}/me/sessions").read(Sessions).sessions


def end_my_session(ref: str) -> None:
    """End one of the user's sessions.

    Raises:
        NotFound: The session does not exist or has ended already.
        GatehouseError: As ``call``.
    """
    call("DELETE", path("me", "sessions", ref)).expect_no_content()


def end_my_other_sessions() -> int:
    """End all sessions of the user except this one; returns how many.

    Raises:
        GatehouseError: As ``call``.
    """
    return call("DELETE", f"{BASE}/me/sessions").read(EndedCount).ended


def explore(method: str, path: str, *, with_token: bool, body: Mapping[str, object] | None = None) -> ExploredCall:
    """Make one call for the API explorer or the component. A response with an error status is a result too.

    Args:
        method: The HTTP method.
        path: One of a fixed list of paths whose calls change nothing.
        with_token: Whether to send the user's access token.
        body: Sent as JSON.

    Raises:
        Unauthenticated: A token is needed, and the caller is anonymous or the session is over.
        ApiUnavailable: No response in time, or one far longer than what is shown.
    """
    token = _token() if with_token else None
    response = send(method, path, token=token, body=body, limits=_EXPLORING, changes=False)
    if token is not None and token.encode() in response.content:
        raise ApiUnavailable(UNEXPECTED_RESPONSE)  # a browser never receives a token
    return ExploredCall(
        method=method,
        url=f"{services().settings.remote_api_base_url}{path}",
        with_token=with_token,
        status=response.status,
        elapsed_ms=response.elapsed_ms,
        content_type=response.headers.get("Content-Type", ""),
        headers={name: value for name, value in response.headers.items() if name.lower() in _SHOWN_HEADERS},
        body=response.content.decode(errors="replace")[:MAX_SHOWN_CHARACTERS],
        complete=len(response.content) <= MAX_SHOWN_CHARACTERS,
    )


_SHOWN_HEADERS: Final = frozenset(
    {"content-type", "www-authenticate", "x-correlation-id", "cache-control", "retry-after", "etag"}
)


def _token() -> str:
    """The access token of the current session.

    Raises:
        Unauthenticated: The caller is anonymous, or the session is over.
    """
    session = access.current_session()
    if session is None:
        raise Unauthenticated("Sign in to continue.")
    return services().sessions.access_token(session.ref)


def path(*parts: str | int) -> str:
    """The path of a resource of the API; each part is encoded.

    Raises:
        NotFound: A part is empty or a relative path (``.``, ``..``).
    """
    if any(str(part) in {"", ".", ".."} for part in parts):
        raise NotFound("There is no such resource.")
    return "/".join([BASE, *(quote(str(part), safe="") for part in parts)])


def call(
    method: str,
    path: str,
    *,
    params: Params | None = None,
    body: Mapping[str, object] | None = None,
    version: str | None = None,
    read_seconds: float | None = None,
    changes: bool | None = None,
) -> ApiResponse:
    """Call the API as the signed-in user and return its response if that is a success (2xx).

    A change is sent only after a health check, and its response may take as long as the API's own timeouts allow.

    Args:
        method: The HTTP method.
        path: A path of the API, see ``path``.
        params: The query.
        body: Sent as JSON.
        version: The version of the resource to change, sent as ``If-Match``.
        read_seconds: How long beginning the response may take; None for the usual time.
        changes: Whether the call changes something; None to decide by the method (RFC 9110 §9.2.1).

    Raises:
        Unauthenticated: The caller is anonymous, or the session is over.
        ApiUnavailable: No response in time, or none of the API. Nothing was changed.
        ChangeUnconfirmed: The same of a change that was sent, which may have been saved.
        GatehouseError: The error of the API's problem document, such as ``StaleVersion``.
    """
    token = _token()
    if changes is None:
        changes = method not in _SAFE_METHODS
    if changes:
        send(
            "GET", _HEALTH, token=None, changes=False
        )  # an API that does not answer is detected before the change is sent
    response = send(
        method, path, params=params, body=body, version=version, token=token, read_seconds=read_seconds, changes=changes
    )
    if is_success(response.status):
        return response
    raise problem_of(response)


def fetch(
    path: str,
    into: BinaryIO,
    *,
    kind: str,
    params: Params | None = None,
    progress: Callable[[int], None] = lambda _: None,
    max_bytes: int = 512 * 1024 * 1024,
) -> int:
    """Stream a file of the API to ``into``; after an error the written content is incomplete.

    Args:
        path: A path of the API, see ``path``.
        into: A binary file.
        kind: The expected content type.
        params: The query.
        progress: Called with the number of bytes so far, at most five times a second and at the end.
        max_bytes: The maximum size of the file.

    Returns:
        The size of the file in bytes.

    Raises:
        TooLarge: The file has more than ``max_bytes``.
        GatehouseError: As ``call``.
    """
    so_far, reported_at = 0, time.monotonic()
    with open_response("GET", path, params=params, token=_token(), changes=False) as response:
        if not is_success(response.status_code):
            deadline = time.monotonic() + RESPONSE_LIMITS.seconds
            content = read_content(response, _MAX_PROBLEM_BYTES, deadline, changes=False)
            raise problem_of(ApiResponse(response.status_code, response.headers, content, 0.0, changes=False))
        if not response.headers.get("Content-Type", "").startswith(kind):
            raise ApiUnavailable(UNEXPECTED_RESPONSE)
        for chunk in response.iter_content(_CHUNK_BYTES):
            so_far += len(chunk)
            if so_far > max_bytes:
                raise TooLarge(f"The file has more than {max_bytes // (1024 * 1024)} MB. Request a smaller range.")
            into.write(chunk)
            if time.monotonic() - reported_at >= 0.2:  # noqa: PLR2004 - five times a second
                reported_at = time.monotonic()
                progress(so_far)
    progress(so_far)
    return so_far
