"""One request to the remote API and its response: timeouts, limits, and what a missing response means.

It knows neither users nor resources; ``app.api_client`` has the calls of the signed-in user over it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar

import requests
from pydantic import ValidationError
from urllib3.exceptions import HTTPError

from app import api_problems
from app.core import correlation
from app.core.contract.base import ResponseModel
from app.core.errors import ApiUnavailable, ChangeUnconfirmed, GatehouseError, ServiceUnavailable
from app.core.http_client import AnswerTooLarge, http_session, read_bounded, was_never_sent
from app.services import services

M = TypeVar("M", bound=ResponseModel)

TIMEOUT_SECONDS: Final = (1.5, 3.0)
"""Seconds to connect, and to begin a response. Their sum stays below five, after which a page seems broken."""
CHANGE_SECONDS: Final = 17.0
"""Seconds to begin the response to a change: the API's own timeouts (``db.timeouts``: a lock, a statement, the margin
until a server counts as frozen) and one for the network. With less, a change that was saved would look failed."""
_NOT_AS_AGREED: Final = "The remote API sent a response that this version of the app does not understand."
UNEXPECTED_RESPONSE: Final = "The response does not come from the remote API."
_NO_RESPONSE: Final = "Try again in a moment."
_SLOW: Final = "The server is too slow. Try again in a moment."
_UNCONFIRMED: Final = "The remote API did not confirm the change. It may have been saved: check before you try again."
_SERVER_ERROR: Final = 500

Params = Mapping[str, str | Sequence[str]]
"""A query: name → value, or values of one that may be repeated."""


class ReadLimits(NamedTuple):
    """How much of a response is read, and for how long."""

    bytes: int
    seconds: float


RESPONSE_LIMITS: Final = ReadLimits(8 * 1024 * 1024, 15.0)
"""The limits of every response but those that the API explorer shows."""


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
            ServiceUnavailable: The content is anything else, see ``unexpected_response``.
        """
        body = _object(self.content)
        if body is None:
            raise self.unexpected_response()
        return body

    def read(self, model: type[M]) -> M:
        """Parse the content as a response model of the contract.

        Unknown fields are ignored, so that a newer API works with this app.

        Raises:
            ServiceUnavailable: The content is anything else, see ``unexpected_response``.
        """
        try:
            return model.model_validate_json(self.content, strict=True, extra="ignore")
        except ValidationError as error:
            self.object()
            raise self.unexpected_response(_NOT_AS_AGREED) from error

    def file(self, kind: str) -> bytes:
        """Return the content of this content type.

        Raises:
            ServiceUnavailable: The content type is another, see ``unexpected_response``.
        """
        if not self.headers.get("Content-Type", "").startswith(kind):
            raise self.unexpected_response()
        return self.content

    def expect_no_content(self) -> None:
        """Check that the response is 204 (No Content).

        Raises:
            ServiceUnavailable: It is another, see ``unexpected_response``.
        """
        if self.status != requests.codes.no_content:
            raise self.unexpected_response()

    def unexpected_response(self, detail: str = UNEXPECTED_RESPONSE) -> ServiceUnavailable:
        """The error for a response that is not the API's: ``ApiUnavailable``; ``ChangeUnconfirmed`` after a change."""
        return failed_call(detail, changes=self.changes)


_SILENCE_SECONDS: Final = 5.0
_unresponsive: ContextVar[tuple[str, float]] = ContextVar("unresponsive_api", default=("", 0.0))
"""The run (by correlation id) in which the API timed out, and until when its other calls fail without waiting.

The time matters because a callback runs before its run has an id of its own.
"""


@cache
def http() -> requests.Session:
    """The pooled connections of this process."""
    return http_session(ca_bundle=services().settings.ca_bundle)


def is_success(status: int) -> bool:
    """Whether an HTTP status is one of success (RFC 9110 §15.3)."""
    return 200 <= status < 300  # noqa: PLR2004 - HTTP's own class of success


@contextmanager
def open_response(
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
    """Send one request; the body of its response is read inside the ``with`` block.

    Args:
        method: The HTTP method.
        path: The path with a leading slash.
        token: Sent as a bearer token; None sends none.
        changes: Whether the request may change something; it then may take ``CHANGE_SECONDS`` to begin its response.
        params: The query.
        body: Sent as JSON.
        version: Sent as ``If-Match``.
        read_seconds: How long beginning the response may take, in place of the usual time.

    Raises:
        ApiUnavailable: No response in time, also while the body is read; or the run has waited for the API already.
        ChangeUnconfirmed: The same of a change that may have been sent.
    """
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
        with http().request(
            method, url,
            params=params, headers=headers, data=data,
            timeout=(TIMEOUT_SECONDS[0], read_seconds or usual), allow_redirects=False, stream=True,
        ) as response:  # fmt: skip
            yield response
    except (requests.RequestException, HTTPError) as error:
        if isinstance(error, requests.Timeout) and read_seconds is None:
            _unresponsive.set((run, time.monotonic() + _SILENCE_SECONDS))
        raise failed_call(_NO_RESPONSE, changes=changes and not was_never_sent(error)) from error


def failed_call(detail: str, *, changes: bool) -> ServiceUnavailable:
    """The error for a call without a response of the API. ``changes``: the call may have changed something."""
    return ChangeUnconfirmed(_UNCONFIRMED) if changes else ApiUnavailable(detail)


def send(
    method: str,
    path: str,
    *,
    token: str | None,
    changes: bool,
    params: Params | None = None,
    body: Mapping[str, object] | None = None,
    version: str | None = None,
    limits: ReadLimits | None = None,
    read_seconds: float | None = None,
) -> ApiResponse:
    """Send one request as ``open_response`` does, and read its response within ``limits`` (``RESPONSE_LIMITS``).

    Raises:
        ApiUnavailable: As ``open_response``; also for a response that is too long or too slow.
        ChangeUnconfirmed: The same of a change that may have been sent.
    """
    limits = limits or RESPONSE_LIMITS
    started = time.perf_counter()
    deadline = time.monotonic() + max(limits.seconds, read_seconds or 0.0, CHANGE_SECONDS if changes else 0.0)
    with open_response(
        method,
        path,
        token=token,
        changes=changes,
        params=params,
        body=body,
        version=version,
        read_seconds=read_seconds,
    ) as response:
        content = read_content(response, limits.bytes, deadline, changes=changes)
    elapsed_ms = (time.perf_counter() - started) * 1000
    return ApiResponse(response.status_code, response.headers, content, elapsed_ms, changes)


def read_content(response: requests.Response, max_bytes: int, deadline: float, *, changes: bool) -> bytes:
    """Read the whole body of a response. ``until``: the deadline, by ``time.monotonic()``.

    Raises:
        ApiUnavailable: The body is longer than ``max_bytes`` or not complete at the deadline.
        ChangeUnconfirmed: The same of a change.
    """
    try:
        return read_bounded(response, max_bytes=max_bytes, deadline=deadline)
    except AnswerTooLarge:
        raise failed_call(UNEXPECTED_RESPONSE, changes=changes) from None
    except requests.Timeout:
        raise failed_call(_SLOW, changes=changes) from None


def _object(content: bytes) -> dict[str, Any] | None:
    """The JSON object in ``content``; None when it is anything else."""
    try:
        body = json.loads(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def problem_of(response: ApiResponse) -> GatehouseError:
    """The error of a problem document.

    A response that is none is ``ChangeUnconfirmed`` if a proxy lost the response to a change (5xx), else
    ``ApiUnavailable``.
    """
    is_problem = response.headers.get("Content-Type", "").startswith(api_problems.TYPE)
    body = _object(response.content) if is_problem else None
    if body is None:
        return failed_call(UNEXPECTED_RESPONSE, changes=response.changes and response.status >= _SERVER_ERROR)
    return api_problems.error_of(body)
