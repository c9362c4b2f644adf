"""What the host does about the events of its component: calls of the remote API, sign-in, reports, errors.

The component only says what its front end asks for. Here is decided whether it is done, as for everybody else; a
refusal is on record. Nothing here touches ``st`` before it is done (see ``component.events.OnEvent``).
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
    Breach,
    ErrorEvent,
    Event,
    EventName,
    EventSource,
    GoTo,
    OnEvent,
    Reply,
    StatusUpdate,
    WebAnswer,
    WebRequest,
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
"""Method → paths of the remote API that the component may ask its host for. No other host, and no other path."""

_QUERY: Final = re.compile(r"[A-Za-z0-9=&._~%+-]{1,200}")
_LOG_KEPT: Final = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an event log, as it is shown."""

    at: datetime
    name: EventName
    source: EventSource
    said: str
    code: str = ""
    """Of an error."""


class EventLog:
    """The newest events of one component, for showing. A plain object: noting something cannot be cut off."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_LOG_KEPT)
        self.count = 0
        self.reports: deque[AdhocReport] = deque(maxlen=_LOG_KEPT)

    def __iter__(self) -> reversed[Entry]:
        """Newest first."""
        return reversed(self._entries)

    def note(self, event: Event, outcome: str = "") -> None:
        """Put an event in."""
        said = f"{_said(event)} {outcome}".strip()
        code = event.code if isinstance(event, ErrorEvent) else ""
        self._entries.append(Entry(utc_now(), event.name, event.source, said, code))
        self.count += 1


def handler(
    *,
    sign_in: Callable[[AppAuthRequest], str] | None = None,
    call: Callable[[WebRequest], WebAnswer] | None = None,
    log: EventLog | None = None,
) -> OnEvent:
    """What the app does about a component's events. What has no handler here is refused.

    ``sign_in``: answers where a sign-in begins. ``call``: makes a call of the remote API, such as ``call_api``.
    ``log``: keeps events and reports.
    """

    def handle(event: Event) -> Reply:
        if isinstance(event, ErrorEvent) and event.source is EventSource.HOST and event.code in set(Breach):
            on_record(AuditKind.COMPONENT_REFUSE, event.code)
        if log is not None:
            log.note(event)
            if isinstance(event, AdhocReport):
                log.reports.appendleft(event)
        if isinstance(event, AppAuthRequest) and sign_in is not None:
            return GoTo(sign_in(event))
        if isinstance(event, WebRequest) and call is not None:
            return call(event)
        if isinstance(event, AppAuthRequest | WebRequest):
            raise NotOffered("This component does not do that.")
        return None

    return handle


@access.requires(Permission.EXPLORE_API)
def call_api(asked: WebRequest) -> WebAnswer:
    """Make a call of the remote API for the component. The token stays here; who may not, never gets this far.

    Raises ``NotOffered`` for anything but ``CALLS``, which is on record, and as ``api_client.explore``.
    """
    if not is_offered(asked.method, asked.path):
        on_record(AuditKind.CALL_REFUSE, "not-offered")
        raise NotOffered("The host calls the remote API only, and of it only what is on its list.")
    body = _object(asked.body) if asked.method == "POST" else None
    answer = api_client.explore(asked.method, asked.path, with_token=asked.with_token, body=body)
    return WebAnswer(answer.status, answer.content_type, answer.body, answer.elapsed_ms, answer.complete)


def _object(text: str) -> dict[str, object]:
    """The JSON object that a call is to send; raises ``NotOffered`` for anything else."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise NotOffered("What such a call sends is a JSON object.")
    return body


def is_offered(method: str, path: str) -> bool:
    """Whether ``CALLS`` has it, letter by letter: nothing is decoded or resolved, so there is nothing to trick."""
    address, question, query = path.partition("?")
    if question and not _QUERY.fullmatch(query):
        return False
    return address in CALLS.get(method, frozenset())


def on_record(kind: AuditKind, reason: str) -> None:
    """Count a refusal under the name of the user: a browser can be made to send any number of them."""
    try:
        actor = actor_of(access.principal())
    except GatehouseError:
        actor = ANONYMOUS_ACTOR
    services().refusals.record(kind, reason, address="", actor=actor)


def _said(event: Event) -> str:
    """What an event says, in a few words."""
    match event:
        case StatusUpdate():
            until = f", valid until {event.valid_until:%H:%M} UTC" if event.valid_until is not None else ""
            return f"Signed in as {event.person}{until}." if event.signed_in else "Nobody is signed in."
        case AdhocReport():
            return f"Report: {event.title}"
        case WebRequest():
            return f"WebRequest: {event.method} {event.path}, {'with' if event.with_token else 'without'} the token."
        case AppAuthRequest():
            return f"AppAuthRequest: {event.mode.value}, back to {event.return_to}"
        case ErrorEvent():
            return event.message
