"""The event channel between one front end and its host: which events are new, in which order, and their replies.

The front end numbers its events and sends them until they are acknowledged, so an interrupted run loses nothing; the
host handles each number once and acknowledges it. Only plain objects are used, so nothing here can be
interrupted halfway. Knows no Streamlit.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

import structlog

from app.core import correlation
from app.core.errors import GatehouseError
from component.event_schemas import json_size, parse
from component.events import HANDLER_FAILED, ContractViolation, ErrorEvent, Event, EventName, EventSource, Json, OnEvent
from component.limits.token_bucket import TokenBucket

MAX_QUEUE_EVENTS: Final = 32
MAX_QUEUE_CHARACTERS: Final = 65_536
MAX_REPLIES: Final = MAX_QUEUE_EVENTS
MAX_REPLIES_CHARACTERS: Final = 262_144
_BURST: Final = 40
_PER_SECOND: Final = 4.0

_log = structlog.get_logger(__name__)


class EventChannel:
    """The host's end of a channel, one for each component of each Streamlit session."""

    def __init__(self, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self.channel_id = secrets.token_urlsafe(12)
        """Identifies this end. Events for another one (of a session that the server has lost) are ignored."""
        self.acknowledged = 0
        """The number of the last event that was handled or refused."""
        self._seconds = seconds
        self._replies: list[tuple[int, Json]] = []
        self._reply_count = 0
        self._last: dict[str, object] = {}
        self._events = TokenBucket.full(_PER_SECOND, _BURST, seconds())

    def receive(self, state_key: str, sent: object, allowed: Collection[EventName], on_event: OnEvent) -> None:
        """Handle the new events of the component's state under ``state_key``, in order; report every violation once."""
        last = self._last.get(state_key)
        if sent is None or sent is last or sent == last:
            return
        for number, result in self._read(sent, allowed):
            if isinstance(result, ContractViolation):
                self._reply(number, self._report(ErrorEvent(result.value, result.sentence, EventSource.HOST), on_event))
            else:
                self._handle(number, result, on_event)
            self.acknowledged = max(self.acknowledged, number)
        self._last[state_key] = sent

    def payload(self, allowed: Collection[EventName]) -> Json:
        """The front end's payload for the channel; JSON-ready."""
        return {
            "channel": self.channel_id,
            "acknowledged": self.acknowledged,
            "answers": [{"number": number, **payload} for number, payload in self._replies],
            "events": sorted(name.value for name in allowed),
        }

    def _read(self, sent: object, allowed: Collection[EventName]) -> Iterator[tuple[int, Event | ContractViolation]]:
        """The number and the event (or the violation) of everything that is new. Number 0: of no particular event."""
        if json_size(sent, MAX_QUEUE_CHARACTERS) > MAX_QUEUE_CHARACTERS:
            yield 0, ContractViolation.TOO_LARGE
            return
        queue = self._queue(sent)
        if queue is None:
            return
        if isinstance(queue, ContractViolation):
            yield 0, queue
            return
        for entry in queue:
            number = _number(entry)
            if number is None:
                yield 0, ContractViolation.WRONG_SHAPE
                return
            if number <= self.acknowledged:
                continue
            if number != self.acknowledged + 1:
                yield 0, ContractViolation.OUT_OF_ORDER
                return
            if not self._is_within_limit():
                # All of them at once: a flood gets one error in reply, not a flood of errors.
                yield number + len(queue), ContractViolation.TOO_MANY
                return
            yield number, self._event(entry, allowed)

    def _queue(self, sent: object) -> list[Mapping[str, object]] | ContractViolation | None:
        """The entries of the queue; None when they are for another end."""
        if not isinstance(sent, Mapping) or sent.keys() != {"channel", "received", "sent", "queue"}:
            return ContractViolation.WRONG_SHAPE
        queue, received = sent["queue"], sent["received"]
        if not isinstance(sent["channel"], str) or not isinstance(queue, list) or not isinstance(received, int):
            return ContractViolation.WRONG_SHAPE
        if sent["channel"] != self.channel_id:
            return None
        self._replies = [reply for reply in self._replies if reply[0] > received]
        if len(queue) > MAX_QUEUE_EVENTS:
            return ContractViolation.TOO_LARGE
        entries = [entry for entry in queue if isinstance(entry, Mapping)]
        return entries if len(entries) == len(queue) else ContractViolation.WRONG_SHAPE

    @staticmethod
    def _event(entry: Mapping[str, object], allowed: Collection[EventName]) -> Event | ContractViolation:
        if entry.keys() != {"seq", "name", "source", "data"} or entry["source"] != EventSource.FRONT_END:
            return ContractViolation.WRONG_SHAPE
        event = parse(entry["name"], entry["data"])
        if not isinstance(event, ContractViolation) and event.name not in allowed:
            return ContractViolation.NOT_ALLOWED
        return event

    def _handle(self, number: int, event: Event, on_event: OnEvent) -> None:
        try:
            reply = on_event(event)
        except GatehouseError as error:
            failed = ErrorEvent(error.code, error.detail or error.title, EventSource.HOST)
            self._reply(number, self._report(failed, on_event))
        except Exception:  # noqa: BLE001 - whatever a handler raises is reported, never an exception page
            message = f"Something went wrong here, and it has been logged. Its reference is {correlation.current()}."
            _log.exception("a handler of the component failed", event_name=event.name.value)
            self._reply(number, self._report(ErrorEvent(HANDLER_FAILED, message, EventSource.HOST), on_event))
        else:
            if reply is not None:
                self._reply(number, reply.payload())

    @staticmethod
    def _report(error: ErrorEvent, on_event: OnEvent) -> Json:
        """Report an error to the app, and return it as the front end gets it."""
        try:
            on_event(error)
        except Exception:  # noqa: BLE001 - only the log is left to report it to
            _log.exception("the handler of the component's errors failed", code=error.code)
        return {"error": dict(error.data)}

    def _reply(self, number: int, payload: Json) -> None:
        self._reply_count += 1
        self._replies = [*self._replies, (self._reply_count, {"seq": number, **payload})][-MAX_REPLIES:]
        while len(self._replies) > 1 and self._replies_size() > MAX_REPLIES_CHARACTERS:
            del self._replies[0]

    def _replies_size(self) -> int:
        return json_size([payload for _, payload in self._replies], MAX_REPLIES_CHARACTERS)

    def _is_within_limit(self) -> bool:
        return self._events.try_take(1, self._seconds())


def _number(entry: Mapping[str, object]) -> int | None:
    """The number of an entry; None when it has none."""
    number = entry.get("seq")
    return number if isinstance(number, int) and not isinstance(number, bool) and 0 < number < 2**31 else None
