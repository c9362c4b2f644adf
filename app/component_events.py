"""The host's handlers for the component's events: calls of the remote API, sign-in, reports, errors.

The component only forwards the requests of its front end. The host decides about them here with the same guards as
everywhere, and records each refusal. No handler calls ``st`` before it has finished (see ``component.events.OnEvent``).
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app import access, api_client
from app.core.audit import ANONYMOUS_ACTOR, AuditKind, actor_of
from app.core.clock import utc_now
from app.core.errors import GatehouseError, NotOffered
from app.core.permissions import Permission
from app.services import services
from component.events import (
    AdhocReport,
    AppAuthRequest,
    ContractViolation,
    ErrorEvent,
    Event,
    EventName,
    EventSource,
    GoTo,
    OnEvent,
    Reply,
    StatusUpdate,
    WebRequest,
    WebResponse,
)

CALLS: Final[Mapping[str, frozenset[str]]] = {
    "GET": frozenset(
        {
            "/api/ping",
            "/api/pong",
            "/api/pong-scoped",
            "/api/v1/me",
            "/api/v1/me/sessions",
            "/api/v1/reports/usage",
        }
    ),
    "POST": frozenset({"/api/echo"}),
}
"""Method → paths of the remote API that the component may request through its host. No other host, no other path."""

_QUERY: Final = re.compile(r"[A-Za-z0-9=&._~%+-]{1,200}")
_MAX_LOG_ENTRIES: Final = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an event log."""

    at: datetime
    name: EventName
    source: EventSource
    message: str
    code: str = ""
    """The code of an error event; empty for any other."""


class EventLog:
    """The newest events of one component, for display. A plain object, so that a stopped run cannot lose an entry."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_MAX_LOG_ENTRIES)
        self.count = 0
        self.reports: deque[AdhocReport] = deque(maxlen=_MAX_LOG_ENTRIES)

    def __iter__(self) -> reversed[Entry]:
        """Newest first."""
        return reversed(self._entries)

    def record(self, event: Event) -> None:
        """Add an event."""
        code = event.code if isinstance(event, ErrorEvent) else ""
        self._entries.append(Entry(utc_now(), event.name, event.source, _message(event), code))
        self.count += 1


def handler(
    *,
    sign_in: Callable[[AppAuthRequest], str] | None = None,
    call: Callable[[WebRequest], WebResponse] | None = None,
    log: EventLog | None = None,
) -> OnEvent:
    """Create the handler of a component's events. It refuses events that no argument handles.

    Args:
        sign_in: Returns the address of a sign-in.
        call: Makes a call of the remote API, such as ``call_api``.
        log: Keeps events and reports.
    """

    def handle(event: Event) -> Reply:
        if isinstance(event, ErrorEvent) and event.source is EventSource.HOST and event.code in set(ContractViolation):
            record_refusal(AuditKind.COMPONENT_REFUSE, event.code)
        if log is not None:
            log.record(event)
            if isinstance(event, AdhocReport):
                log.reports.appendleft(event)
        if isinstance(event, AppAuthRequest) and sign_in is not None:
            return GoTo(sign_in(event))
        if isinstance(event, WebRequest) and call is not None:
            return call(event)
        if isinstance(event, AppAuthRequest | WebRequest):
            raise NotOffered("This component does not handle that event.")
        return None

    return handle


@access.requires(Permission.EXPLORE_API)
def call_api(request: WebRequest) -> WebResponse:
    """Make a call of the remote API for the component. The token stays in this process.

    Raises:
        Unauthenticated: The caller is anonymous, or the session is over.
        PermissionDenied: The user may not explore the API.
        NotOffered: The call is not in ``CALLS``; the refusal is recorded.
        ApiUnavailable: The API does not answer in time, or with far more than is shown.
    """
    if not is_offered(request.method, request.path):
        record_refusal(AuditKind.CALL_REFUSE, "not-offered")
        raise NotOffered("The host calls only the remote API, and there only the paths on its list.")
    body = _object(request.body) if request.method == "POST" else None
    response = api_client.explore(request.method, request.path, with_token=request.with_token, body=body)
    return WebResponse(response.status, response.content_type, response.body, response.elapsed_ms, response.complete)


def _object(text: str) -> dict[str, object]:
    """The JSON object in the body of a call.

    Raises:
        NotOffered: The text is not a JSON object.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise NotOffered("The body of this call must be a JSON object.")
    return body


def is_offered(method: str, path: str) -> bool:
    """Whether ``CALLS`` contains exactly this path: nothing is decoded or resolved, so no encoding gets around it."""
    address, question, query = path.partition("?")
    if question and not _QUERY.fullmatch(query):
        return False
    return address in CALLS.get(method, frozenset())


def record_refusal(kind: AuditKind, reason_code: str) -> None:
    """Count a refusal for the user. Refusals are counted because a browser can be made to send any number of them."""
    try:
        actor = actor_of(access.principal())
    except GatehouseError:
        actor = ANONYMOUS_ACTOR
    services().refusals.record(kind, reason_code, address="", actor=actor)


def _message(event: Event) -> str:
    """One line about an event."""
    match event:
        case StatusUpdate():
            until = f", valid until {event.valid_until:%H:%M} UTC" if event.valid_until is not None else ""
            return f"Signed in as {event.person}{until}." if event.signed_in else "No user is signed in."
        case AdhocReport():
            return f"Report: {event.title}"
        case WebRequest():
            return f"WebRequest: {event.method} {event.path}, {'with' if event.with_token else 'without'} the token."
        case AppAuthRequest():
            return f"AppAuthRequest: {event.mode.value}, back to {event.return_to}"
        case ErrorEvent():
            return event.message
