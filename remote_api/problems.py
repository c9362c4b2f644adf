"""The one error handler: any exception becomes ``application/problem+json`` (RFC 9457), with the right challenge.

A problem never repeats anything that was sent. What was not raised on purpose is ``internal``: the answer has an id
only, the log has the trace. Challenges follow RFC 6750 §3 and RFC 9470 §3.
"""

from __future__ import annotations

import json
import traceback
from typing import Any, Final, NamedTuple

import structlog
from werkzeug.exceptions import HTTPException

from app.core import correlation, logs
from app.core.errors import (
    BadRequest,
    ChangeUnconfirmed,
    GatehouseError,
    MethodNotAllowed,
    MisdirectedRequest,
    NotFound,
    PermissionDenied,
    ServiceUnavailable,
    SessionEnded,
    SessionExpired,
    StepUpRequired,
    TokenInvalid,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    UnsupportedMediaType,
)

MEDIA_TYPE: Final = "application/problem+json"
TYPE_BASE: Final = "https://gatehouse.example/problems/"
RETRY_AFTER_SECONDS: Final = 5
REALM: Final = 'Bearer realm="gatehouse"'

_INTERNAL: Final = "Something went wrong. The administrator of this installation finds the cause by the correlation id."
_SERVER_ERROR: Final = 500
_CLIENT_ERRORS: Final = range(400, 500)
_MAX_CHAIN: Final = 50  # an exception may be its own cause
_BY_STATUS: Final[dict[int, type[GatehouseError]]] = {
    error.status: error for error in (NotFound, MethodNotAllowed, TooLarge, UnsupportedMediaType)
}

log = structlog.get_logger("gatehouse.api")


class Problem(NamedTuple):
    """A problem ready to send: status, headers, body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def problem(error: Exception, *, protected: bool = False, where: str = "a request") -> Problem:
    """Turn any exception into a problem; every 5xx response is logged with its reason, once.

    Args:
        error: The exception.
        protected: Whether the address requires a token: a malformed request then gets a challenge.
        where: The operation, for the log.
    """
    if isinstance(error, HTTPException):
        allow = error.get_headers() if isinstance(error.code, int) and error.code == MethodNotAllowed.status else []
        translated = _of_http(error)
        document = _of_error(translated, protected=protected) if translated is not None else _unexpected(error)
        document.headers.extend((name, value) for name, value in allow if name.lower() == "allow")
        return document
    if isinstance(error, GatehouseError) and error.status != _SERVER_ERROR:
        logs.report(error, where=where)
        return _of_error(error, protected=protected)
    return _unexpected(error)


def misdirected() -> Problem:
    """421: the request names another host (RFC 9110 §15.5.20, against DNS rebinding)."""
    return _of_error(MisdirectedRequest("Use the configured address."), protected=False)


def _of_http(error: HTTPException) -> GatehouseError | None:
    """The same error in our tree; None for one of the server's own making."""
    code = error.code or _SERVER_ERROR
    if code in _BY_STATUS:
        return _BY_STATUS[code]()
    return BadRequest() if code in _CLIENT_ERRORS else None


def _of_error(error: GatehouseError, *, protected: bool) -> Problem:
    headers: list[tuple[str, str]] = []
    if (challenge := _challenge(error, protected=protected)) is not None:
        headers.append(("WWW-Authenticate", challenge))
    if isinstance(error, TooManyRequests):
        headers.append(("Retry-After", str(max(1, error.retry_after_seconds))))
    elif isinstance(error, ServiceUnavailable) and not isinstance(error, ChangeUnconfirmed):
        headers.append(("Retry-After", str(error.retry_after_seconds or RETRY_AFTER_SECONDS)))
    return _make(error.status, error.code, error.title, error.detail or f"{error.title}.", error.fields(), headers)


def report_unexpected(error: Exception) -> None:
    """Log a bug with its trace, which contains no variables."""
    # Some ways of logging a trace show the variables of its frames; the token is one of them. So they are emptied.
    link: BaseException | None = error
    for _ in range(_MAX_CHAIN):
        if link is None:
            break
        traceback.clear_frames(link.__traceback__)
        link = link.__cause__ or link.__context__
    log.error("unexpected error", error=type(error).__name__, correlation_id=correlation.current(), exc_info=error)


def _unexpected(error: Exception) -> Problem:
    report_unexpected(error)
    code = error.code if isinstance(error, GatehouseError) else GatehouseError.code
    return _make(_SERVER_ERROR, code, GatehouseError.title, _INTERNAL, {}, [])


def _challenge(error: GatehouseError, *, protected: bool) -> str | None:
    """RFC 6750 §3 and §3.1: no error code when no token was sent."""
    if isinstance(error, (TokenInvalid, SessionEnded, SessionExpired)):
        return f'{REALM}, error="invalid_token"'
    if isinstance(error, Unauthenticated):
        return REALM
    if isinstance(error, StepUpRequired):
        return _step_up_challenge(error)
    if isinstance(error, PermissionDenied):
        scope = f', scope="{error.permission}"' if error.permission else ""
        return f'{REALM}, error="insufficient_scope"{scope}'
    if isinstance(error, BadRequest) and protected:
        return f'{REALM}, error="invalid_request"'
    return None


def _step_up_challenge(error: StepUpRequired) -> str:
    """The challenge with the requirement on the sign-in, for the client's authorization request (RFC 9470 §3)."""
    parameters = {
        "error": "insufficient_user_authentication",
        "error_description": error.detail or error.title,
        "max_age": "" if error.max_age_seconds is None else str(error.max_age_seconds),
        "acr_values": error.acr,
    }
    return ", ".join([REALM, *(f'{name}="{value}"' for name, value in parameters.items() if value)])


def _make(
    status: int, code: str, title: str, detail: str, fields: dict[str, Any], headers: list[tuple[str, str]]
) -> Problem:
    correlation_id = correlation.current()
    members = fields | {
        "type": TYPE_BASE + code,
        "title": title,
        "status": status,
        "detail": detail,
        "instance": f"urn:gatehouse:request:{correlation_id}",
        "code": code,
        "correlation_id": correlation_id,
    }
    body = json.dumps(members).encode()
    return Problem(status, [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body))), *headers], body)
