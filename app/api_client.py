"""Calls to the remote API as the signed-in person; its problems are raised again as our own error classes.

The token goes to the configured host only, redirects are not followed, path parts are encoded, answers are bounded.
``call`` is the one way; ``fetch`` is the same for files, written as they arrive. ``app.admin`` has typed calls over it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO, Final, NamedTuple, TypeVar
from urllib.parse import quote

import requests
from pydantic import ValidationError
from urllib3.exceptions import HTTPError

from app import access, api_problems
from app.core import correlation
from app.core.contract.base import ResponseModel
from app.core.contract.sessions import EndedCount, SessionBody, Sessions
from app.core.contract.usage import Usage, UsageDayBody
from app.core.errors import (
    ApiUnavailable,
    ChangeUnconfirmed,
    GatehouseError,
    NotFound,
    ServiceUnavailable,
    TooLarge,
    Unauthenticated,
)
from app.core.http_client import AnswerTooLarge, http_session, read_bounded, was_never_sent
from app.services import services

M = TypeVar("M", bound=ResponseModel)

BASE: Final = "/api/v1"
TIMEOUT_SECONDS: Final = (1.5, 3.0)
"""How long connecting, and beginning an answer, may take: five seconds at most, over which a page would seem broken."""
CHANGE_SECONDS: Final = 17.0
"""How long beginning the answer to a change may take: the API's own bounds (``db.timeouts``: a lock, a statement, the
margin until a server counts as frozen) and one second for the network. With less, a kept change would look failed."""
SHOWN_MAX_CHARACTERS: Final = 16_000
"""How much of an answer the API explorer and the component are shown."""
_NOT_AS_AGREED: Final = "The remote API answered something that this version of the app does not understand."
_NOT_ITS_OWN: Final = "The remote API answered something that is not its own."
_NO_RESPONSE: Final = "The remote API does not answer. Try again in a moment."
_SLOW: Final = "The remote API is too slow. Try again in a moment."
_UNCONFIRMED: Final = (
    "The remote API did not confirm the change. It may have been kept all the same: look before you try again."
)
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 §9.2.1
_HEALTH: Final = "/healthz"
_SERVER_ERROR: Final = 500
_FAULT_MAX_BYTES: Final = 256 * 1024
_CHUNK_BYTES: Final = 64 * 1024

Params = Mapping[str, str | Sequence[str]]
"""A query: name → value, or values of one that may be repeated."""


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


class _Limits(NamedTuple):
    """How much of an answer is read, and for how long."""

    bytes: int
    seconds: float


_USING: Final = _Limits(8 * 1024 * 1024, 15.0)
_EXPLORING: Final = _Limits(256 * 1024, 10.0)


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A response, read completely and within bounds."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    elapsed_ms: float
    changes: bool
    """Whether the call may have changed something."""

    @property
    def version(self) -> str:
        """The version from the ETag; empty without one."""
        return self.headers.get("ETag", "").removeprefix("W/").strip('"')

    def object(self) -> dict[str, Any]:
        """Parse the content as a JSON object.

        Raises:
            ServiceUnavailable: The content is anything else, see ``foreign``.
        """
        body = _object(self.content)
        if body is None:
            raise self.foreign()
        return body

    def read(self, model: type[M]) -> M:
        """Parse the content as a response model of the contract.

        Unknown fields are ignored, so that a newer API works with this app.

        Raises:
            ServiceUnavailable: The content is anything else, see ``foreign``.
        """
        try:
            return model.model_validate_json(self.content, strict=True, extra="ignore")
        except ValidationError as error:
            self.object()
            raise self.foreign(_NOT_AS_AGREED) from error

    def file(self, kind: str) -> bytes:
        """Return the content of this content type.

        Raises:
            ServiceUnavailable: The content type is another, see ``foreign``.
        """
        if not self.headers.get("Content-Type", "").startswith(kind):
            raise self.foreign()
        return self.content

    def nothing(self) -> None:
        """Check that the response is 204 (No Content).

        Raises:
            ServiceUnavailable: It is another, see ``foreign``.
        """
        if self.status != requests.codes.no_content:
            raise self.foreign()

    def foreign(self, detail: str = _NOT_ITS_OWN) -> ServiceUnavailable:
        """The error for a response that is not the API's: ``ApiUnavailable``; ``ChangeUnconfirmed`` after a change."""
        return _failed(detail, changes=self.changes)


_SILENCE_SECONDS: Final = 5.0
_unresponsive: ContextVar[tuple[str, float]] = ContextVar("silent_api", default=("", 0.0))
"""The run (by correlation id) in which the API timed out, and until when its other calls fail without waiting.

The time matters because a callback runs before its run has an id of its own.
"""


@cache
def _http() -> requests.Session:
    """The pooled connections of this process."""
    return http_session(ca_bundle=services().settings.ca_bundle)


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
    answer = _send(method, path, token=token, body=body, limits=_EXPLORING, changes=False)
    if token is not None and token.encode() in answer.content:
        raise ApiUnavailable(_NOT_ITS_OWN)  # whatever it is, a browser is not shown a token
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
        _send("GET", _HEALTH, token=None, changes=False)  # silence is noticed here, where nothing is lost by it
    answer = _send(
        method, path, params=params, body=body, version=version, token=token, read_seconds=read_seconds, changes=changes
    )
    if _is_success(answer.status):
        return answer
    raise _problem(answer)


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
    with _open("GET", path, params=params, token=_token(), changes=False) as response:
        if not _is_success(response.status_code):
            content = _bounded(response, _FAULT_MAX_BYTES, time.monotonic() + _USING.seconds, changes=False)
            raise _problem(ApiResponse(response.status_code, response.headers, content, 0.0, changes=False))
        if not response.headers.get("Content-Type", "").startswith(kind):
            raise ApiUnavailable(_NOT_ITS_OWN)
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


def _is_success(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004 - HTTP's own class of success


@contextmanager
def _open(
    method: str,
    path: str,
    *,
    token: str | None,
    changes: bool,
    params: Params | None = None,
    body: Mapping[str, object] | None = None,
    version: str | None = None,
    read_seconds: float | None = None,
) -> Iterator[requests.Response]:
    """Send one request; its answer is still to be read. Raises as ``call``, while it is read too."""
    headers = {correlation.HEADER: correlation.current(), "Accept": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if version is not None:
        headers["If-Match"] = f'"{version}"'
    data = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    url = f"{services().settings.remote_api_base_url}{path}"
    run = correlation.current()
    if _unresponsive.get()[0] == run and time.monotonic() < _unresponsive.get()[1]:
        raise ApiUnavailable(_NO_RESPONSE)
    usual = CHANGE_SECONDS if changes else TIMEOUT_SECONDS[1]
    try:
        with _http().request(
            method, url,
            params=params, headers=headers, data=data,
            timeout=(TIMEOUT_SECONDS[0], read_seconds or usual), allow_redirects=False, stream=True,
        ) as response:  # fmt: skip
            yield response
    except (requests.RequestException, HTTPError) as error:
        if isinstance(error, requests.Timeout) and read_seconds is None:
            _unresponsive.set((run, time.monotonic() + _SILENCE_SECONDS))
        raise _failed(_NO_RESPONSE, changes=changes and not was_never_sent(error)) from error


def _failed(detail: str, *, changes: bool) -> ServiceUnavailable:
    """The error for a call without an answer of the API's own. ``changes``: the call may have changed something."""
    return ChangeUnconfirmed(_UNCONFIRMED) if changes else ApiUnavailable(detail)


def _send(
    method: str,
    path: str,
    *,
    token: str | None,
    changes: bool,
    params: Params | None = None,
    body: Mapping[str, object] | None = None,
    version: str | None = None,
    limits: _Limits | None = None,
    read_seconds: float | None = None,
) -> ApiResponse:
    """Send one request and read its answer, within ``limits``; raises as ``call``."""
    limits = limits or _USING
    started = time.perf_counter()
    until = time.monotonic() + max(limits.seconds, read_seconds or 0.0, CHANGE_SECONDS if changes else 0.0)
    with _open(
        method,
        path,
        token=token,
        changes=changes,
        params=params,
        body=body,
        version=version,
        read_seconds=read_seconds,
    ) as response:
        content = _bounded(response, limits.bytes, until, changes=changes)
    elapsed_ms = (time.perf_counter() - started) * 1000
    return ApiResponse(response.status_code, response.headers, content, elapsed_ms, changes)


def _bounded(response: requests.Response, max_bytes: int, until: float, *, changes: bool) -> bytes:
    """All of an answer; raises as ``call`` for one that is too long, or trickles in beyond ``until``."""
    try:
        return read_bounded(response, max_bytes=max_bytes, deadline=until)
    except AnswerTooLarge:
        raise _failed(_NOT_ITS_OWN, changes=changes) from None
    except requests.Timeout:
        raise _failed(_SLOW, changes=changes) from None


def _object(content: bytes) -> dict[str, Any] | None:
    """The JSON object in ``content``; None when it is anything else."""
    try:
        body = json.loads(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _problem(answer: ApiResponse) -> GatehouseError:
    """The error a problem document stands for.

    For anything that is not one, ``ChangeUnconfirmed`` where a proxy lost the answer to a change (5xx), else
    ``ApiUnavailable``.
    """
    is_problem = answer.headers.get("Content-Type", "").startswith(api_problems.TYPE)
    body = _object(answer.content) if is_problem else None
    if body is None:
        return _failed(_NOT_ITS_OWN, changes=answer.changes and answer.status >= _SERVER_ERROR)
    return api_problems.error_of(body)
