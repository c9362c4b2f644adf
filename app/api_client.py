"""Calls to the remote API as the signed-in user; problem documents are raised as our own error classes.

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
    FOREIGN_RESPONSE,
    RESPONSE_LIMITS,
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
SHOWN_MAX_CHARACTERS: Final = 16_000
"""How much of an answer the API explorer and the component are shown."""
_EXPLORING: Final = ReadLimits(256 * 1024, 10.0)
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 §9.2.1
_HEALTH: Final = "/healthz"
_FAULT_MAX_BYTES: Final = 256 * 1024
_CHUNK_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call as the API explorer shows it. Never holds the token itself."""

    method: str
    url: str
    with_token: bool
    status: int
    elapsed_ms: float
    content_type: str
    headers: Mapping[str, str]
    body: str
    complete: bool
    """Whether ``body`` is all of it."""


def usage(days: int) -> tuple[UsageDayBody, ...]:
    """The usage report of so many days, oldest first."""
    return call("GET", f"{BASE}/reports/usage", params={"days": str(days)}).read(Usage).days


def usage_csv(days: int) -> bytes:
    """The usage report as a CSV file (UTF-8)."""
    return call("GET", f"{BASE}/reports/usage.csv", params={"days": str(days)}).file("text/csv")


def my_sessions() -> tuple[SessionBody, ...]:
    """The signed-in person's live sessions, newest first."""
    return call("GET", f"{BASE}/me/sessions").read(Sessions).sessions


def end_my_session(ref: str) -> None:
    """End one of the signed-in person's sessions; raises ``NotFound`` when it is gone already."""
    call("DELETE", path("me", "sessions", ref)).nothing()


def end_my_other_sessions() -> int:
    """End all sessions of the signed-in person but this one; returns how many."""
    return call("DELETE", f"{BASE}/me/sessions").read(EndedCount).ended


def explore(method: str, path: str, *, with_token: bool, body: Mapping[str, object] | None = None) -> Exchange:
    """Make one call for the API explorer, or for the component, and return request and response, errors included.

    Args:
        method: The HTTP method.
        path: One of a fixed list of paths, all of which change nothing.
        with_token: Whether to send the user's access token.
        body: Sent as JSON.

    Raises:
        ApiUnavailable: No response in time, or one far longer than what is shown.
    """
    token = _token() if with_token else None
    answer = send(method, path, token=token, body=body, limits=_EXPLORING, changes=False)
    if token is not None and token.encode() in answer.content:
        raise ApiUnavailable(FOREIGN_RESPONSE)  # whatever it is, a browser is not shown a token
    return Exchange(
        method=method,
        url=f"{services().settings.remote_api_base_url}{path}",
        with_token=with_token,
        status=answer.status,
        elapsed_ms=answer.elapsed_ms,
        content_type=answer.headers.get("Content-Type", ""),
        headers={name: value for name, value in answer.headers.items() if name.lower() in _SHOWN_HEADERS},
        body=answer.content.decode(errors="replace")[:SHOWN_MAX_CHARACTERS],
        complete=len(answer.content) <= SHOWN_MAX_CHARACTERS,
    )


_SHOWN_HEADERS: Final = frozenset(
    {"content-type", "www-authenticate", "x-correlation-id", "cache-control", "retry-after", "etag"}
)


def _token() -> str:
    """The access token of the current session; raises ``Unauthenticated`` without one."""
    session = access.current_session()
    if session is None:
        raise Unauthenticated("Sign in to continue.")
    return services().sessions.access_token(session.ref)


def path(*parts: str | int) -> str:
    """The path of a resource of the API; each part is encoded.

    Raises:
        NotFound: A part is empty or would climb (``.``, ``..``).
    """
    if any(str(part) in {"", ".", ".."} for part in parts):
        raise NotFound("There is no such thing.")
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
    """Call the API as the signed-in person and return what it answers when that is a success (2xx).

    A change is sent only to an API that answers, and is then waited for as long as the API's own bounds allow.

    Args:
        method: of HTTP.
        path: of the API, see ``path``.
        params: the query.
        body: sent as JSON.
        version: of what is to be changed, sent as ``If-Match``.
        read_seconds: how long it may take to begin its answer; None: as usual.
        changes: whether it changes something; None: as its method says (RFC 9110 §9.2.1).

    Raises:
        ApiUnavailable: Nothing answered, or something that is not the API. Nothing was changed.
        ChangeUnconfirmed: The same of a change that was sent: it may have been kept.
        GatehouseError: What the problem that was answered stands for, such as ``StaleVersion``.
    """
    token = _token()
    if changes is None:
        changes = method not in _SAFE_METHODS
    if changes:
        send("GET", _HEALTH, token=None, changes=False)  # silence is noticed here, where nothing is lost by it
    answer = send(
        method, path, params=params, body=body, version=version, token=token, read_seconds=read_seconds, changes=changes
    )
    if is_success(answer.status):
        return answer
    raise problem_of(answer)


def fetch(
    path: str,
    into: BinaryIO,
    *,
    kind: str,
    params: Params | None = None,
    progress: Callable[[int], None] = lambda _: None,
    max_bytes: int = 512 * 1024 * 1024,
) -> int:
    """Write a file of the API to ``into`` as it arrives; returns its length in bytes.

    ``kind``: the content type it must have. ``progress`` is called with the bytes so far, at most five times a second.
    What was written before an error is not complete.

    Raises:
        TooLarge: The file has more than ``max_bytes``.
        GatehouseError: As ``call``.
    """
    so_far, reported_at = 0, time.monotonic()
    with open_response("GET", path, params=params, token=_token(), changes=False) as response:
        if not is_success(response.status_code):
            until = time.monotonic() + RESPONSE_LIMITS.seconds
            content = read_content(response, _FAULT_MAX_BYTES, until, changes=False)
            raise problem_of(ApiResponse(response.status_code, response.headers, content, 0.0, changes=False))
        if not response.headers.get("Content-Type", "").startswith(kind):
            raise ApiUnavailable(FOREIGN_RESPONSE)
        for chunk in response.iter_content(_CHUNK_BYTES):
            so_far += len(chunk)
            if so_far > max_bytes:
                raise TooLarge(f"The file has more than {max_bytes // (1024 * 1024)} MB. Ask for less of it.")
            into.write(chunk)
            if time.monotonic() - reported_at >= 0.2:  # noqa: PLR2004 - five times a second
                reported_at = time.monotonic()
                progress(so_far)
    progress(so_far)
    return so_far
