"""The component's event contract: the events that its front end may send, and the replies of the host.

``component.event_schemas`` reads them. Whether a requested action is allowed is decided elsewhere, by its handler.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final, TypeAlias

from app.core.labelled_enum import LabelledEnum

Json: TypeAlias = Mapping[str, object]


class EventName(StrEnum):
    """The names of the four events."""

    STATUS_UPDATE = "onStatusUpdate"
    ADHOC_REPORT = "onAdhocReport"
    ACTION_REQUEST = "onActionRequest"
    ERROR = "onError"


class EventSource(StrEnum):
    """Which side created an event."""

    FRONT_END = "front-end"
    HOST = "host"


class ContractViolation(LabelledEnum):
    """What is wrong with data of the front end. ``sentence`` is the text for people."""

    UNKNOWN_EVENT = "unknown-event", "There is no event of that name."
    NOT_ALLOWED = "not-allowed", "This component does not take events of that name."
    WRONG_SHAPE = "wrong-shape", "What was sent does not have the shape of an event."
    TOO_LARGE = "too-large", "More was sent than an event may hold."
    OUT_OF_ORDER = "out-of-order", "The events were not numbered one after the other."
    TOO_MANY = "too-many", "Too many events came at once. The later ones were dropped."


HANDLER_FAILED: Final = "handler-failed"
"""The code of an ``onError`` for a handler that raised."""


class SignInMode(StrEnum):
    """How the user gets to the sign-in provider."""

    REDIRECT = "redirect"
    POPUP = "popup"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """What the front end knows of the session. For display only: it never decides who is signed in."""

    name: ClassVar[EventName] = EventName.STATUS_UPDATE
    signed_in: bool
    person: str = ""
    valid_until: datetime | None = None
    """When the session ends, aware. No other property of a token reaches a browser."""
    source: EventSource = EventSource.FRONT_END

    @property
    def data(self) -> Json:
        """The event's data as the front end sends it, JSON-ready."""
        until = self.valid_until.isoformat() if self.valid_until is not None else ""
        return {"signedIn": self.signed_in, "person": self.person, "validUntil": until}


@dataclass(frozen=True, slots=True)
class AdhocReport:
    """A report that the user sends from the front end at any time: a title and a text."""

    name: ClassVar[EventName] = EventName.ADHOC_REPORT
    title: str
    text: str
    source: EventSource = EventSource.FRONT_END

    @property
    def data(self) -> Json:
        """The event's data as the front end sends it, JSON-ready."""
        return {"title": self.title, "text": self.text}


@dataclass(frozen=True, slots=True)
class WebRequest:
    """A request to the host to call an API for the front end. The host adds the token, or refuses the request."""

    name: ClassVar[EventName] = EventName.ACTION_REQUEST
    method: str
    path: str
    with_token: bool
    body: str = ""
    """JSON, for a POST."""
    source: EventSource = EventSource.FRONT_END

    @property
    def data(self) -> Json:
        """The event's data as the front end sends it, JSON-ready."""
        return {
            "action": "WebRequest",
            "method": self.method,
            "path": self.path,
            "withToken": self.with_token,
            "body": self.body,
        }


@dataclass(frozen=True, slots=True)
class AppAuthRequest:
    """A request to the host to start a sign-in, and to return the address for it."""

    name: ClassVar[EventName] = EventName.ACTION_REQUEST
    mode: SignInMode
    return_to: str
    """Where the browser is: the page to return to. Validated before use, like every address from outside."""
    source: EventSource = EventSource.FRONT_END

    @property
    def data(self) -> Json:
        """The event's data as the front end sends it, JSON-ready."""
        return {"action": "AppAuthRequest", "mode": self.mode.value, "returnTo": self.return_to}


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """A failure in the front end; created by the host, one of handling an event."""

    name: ClassVar[EventName] = EventName.ERROR
    code: str
    """A ``ContractViolation``, ``HANDLER_FAILED``, the code of a ``GatehouseError``, or a code of the front end."""
    message: str
    source: EventSource = EventSource.FRONT_END

    @property
    def data(self) -> Json:
        """JSON-ready."""
        return {"code": self.code, "message": self.message}


Event: TypeAlias = StatusUpdate | AdhocReport | WebRequest | AppAuthRequest | ErrorEvent


@dataclass(frozen=True, slots=True)
class WebResponse:
    """The response to a ``WebRequest``. Never contains a token, nor a header that could."""

    status: int
    content_type: str
    body: str
    elapsed_ms: float
    complete: bool = True
    """Whether ``body`` is complete."""

    def payload(self) -> Json:
        """As the front end gets it."""
        return {
            "web": {
                "status": self.status,
                "contentType": self.content_type,
                "body": self.body,
                "elapsedMs": round(self.elapsed_ms, 1),
                "complete": self.complete,
            }
        }


@dataclass(frozen=True, slots=True)
class GoTo:
    """The address of this app that the front end navigates to."""

    address: str

    def payload(self) -> Json:
        """As the front end gets it."""
        return {"goTo": self.address}


Reply: TypeAlias = WebResponse | GoTo | None
OnEvent: TypeAlias = Callable[[Event], Reply]
"""The app's handler of events. Called in the script's body, in the order of the events, once for each.

Its result goes to the front end. An exception becomes an ``onError``, for the app and for the front end. It must not
touch ``st`` before it has finished: a run that is interrupted there starts again, and handles the event again.
"""
