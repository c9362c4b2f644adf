"""The component's event contract: all that its front end may say, as frozen classes. Everything else is a breach of it.

A front end runs in somebody's browser, so whatever it sends is read here before anybody acts on it: names from one
list, exact shapes, bounded sizes. What an event *asks for* is decided elsewhere, by its handler.
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
    """The four events there are."""

    STATUS_UPDATE = "onStatusUpdate"
    ADHOC_REPORT = "onAdhocReport"
    ACTION_REQUEST = "onActionRequest"
    ERROR = "onError"


class Source(StrEnum):
    """Who made an event."""

    FRONT_END = "front-end"
    HOST = "host"


class Breach(LabelledEnum):
    """What is wrong with something that was sent. ``sentence`` is how people read it."""

    UNKNOWN_EVENT = "unknown-event", "There is no event of that name."
    NOT_ALLOWED = "not-allowed", "This component does not take events of that name."
    WRONG_SHAPE = "wrong-shape", "What was sent does not have the shape of an event."
    TOO_LARGE = "too-large", "More was sent than an event may hold."
    OUT_OF_ORDER = "out-of-order", "The events were not numbered one after the other."
    TOO_MANY = "too-many", "Too many events came at once. The later ones were dropped."


HANDLER_FAILED: Final = "handler-failed"
"""The code of an ``onError`` for a handler that raised."""


class Mode(StrEnum):
    """How somebody is led to the sign-in provider."""

    REDIRECT = "redirect"
    POPUP = "popup"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """What the front end knows of the session. For showing only: who is signed in is never taken from here."""

    name: ClassVar[EventName] = EventName.STATUS_UPDATE
    signed_in: bool
    person: str = ""
    valid_until: datetime | None = None
    """All there is to know of a token in a browser: until when the session that holds it lasts; aware."""
    source: Source = Source.FRONT_END

    @property
    def data(self) -> Json:
        """As it came, JSON-ready."""
        until = self.valid_until.isoformat() if self.valid_until is not None else ""
        return {"signedIn": self.signed_in, "person": self.person, "validUntil": until}


@dataclass(frozen=True, slots=True)
class AdhocReport:
    """A report that somebody sends from the front end whenever they like: a title and a text."""

    name: ClassVar[EventName] = EventName.ADHOC_REPORT
    title: str
    text: str
    source: Source = Source.FRONT_END

    @property
    def data(self) -> Json:
        """As it came, JSON-ready."""
        return {"title": self.title, "text": self.text}


@dataclass(frozen=True, slots=True)
class WebRequest:
    """The front end asks its host to call an API for it. The host puts the token in, or refuses all of it."""

    name: ClassVar[EventName] = EventName.ACTION_REQUEST
    method: str
    path: str
    with_token: bool
    body: str = ""
    """JSON, for a POST."""
    source: Source = Source.FRONT_END

    @property
    def data(self) -> Json:
        """As it came, JSON-ready."""
        return {
            "action": "WebRequest",
            "method": self.method,
            "path": self.path,
            "withToken": self.with_token,
            "body": self.body,
        }


@dataclass(frozen=True, slots=True)
class AppAuthRequest:
    """The front end asks its host to begin a sign-in, and to say where to go for it."""

    name: ClassVar[EventName] = EventName.ACTION_REQUEST
    mode: Mode
    return_to: str
    """Where the browser is: the page to come back to. Checked before it is used, like every address from outside."""
    source: Source = Source.FRONT_END

    @property
    def data(self) -> Json:
        """As it came, JSON-ready."""
        return {"action": "AppAuthRequest", "mode": self.mode.value, "returnTo": self.return_to}


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """Something did not work: in the front end, or, made by the host, with what the front end sent."""

    name: ClassVar[EventName] = EventName.ERROR
    code: str
    """A ``Breach``, ``HANDLER_FAILED``, one of our errors' codes, or the front end's own word."""
    message: str
    source: Source = Source.FRONT_END

    @property
    def data(self) -> Json:
        """JSON-ready."""
        return {"code": self.code, "message": self.message}


Event: TypeAlias = StatusUpdate | AdhocReport | WebRequest | AppAuthRequest | ErrorEvent


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What a ``WebRequest`` brought. Never holds a token, nor any header that could."""

    status: int
    content_type: str
    body: str
    elapsed_ms: float
    complete: bool = True
    """Whether ``body`` is all of it."""

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
    """Where the front end is to go: an address of this app."""

    address: str

    def payload(self) -> Json:
        """As the front end gets it."""
        return {"goTo": self.address}


Reply: TypeAlias = WebAnswer | GoTo | None
OnEvent: TypeAlias = Callable[[Event], Reply]
"""What the app does about an event. Called in the script's body, in the order of the events, once for each.

What it returns goes to the front end. What it raises becomes an ``onError``, for the app and for the front end. Let it
not touch ``st`` before it is done: a run that is cut off there begins again, and with it the event.
"""
