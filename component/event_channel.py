"""The link between one front end and its host: which events are new, in which order, and what was answered.

The front end numbers its events and sends those that were not acknowledged again and again, so nothing is lost when a
run is cut off; the host handles each number once and acknowledges it. Plain objects only, so that nothing here can be
cut off half-way. Knows no Streamlit.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

import structlog

from app.core import correlation
from app.core.errors import GatehouseError
from component.event_schemas import parse, weight
from component.events import HANDLER_FAILED, Breach, ErrorEvent, Event, EventName, Json, OnEvent, Source
from component.limits.token_bucket import TokenBucket

MAX_QUEUE_EVENTS: Final = 32
MAX_QUEUE_CHARACTERS: Final = 65_536
MAX_ANSWERS: Final = MAX_QUEUE_EVENTS
MAX_ANSWERS_CHARACTERS: Final = 262_144
_BURST: Final = 40
_PER_SECOND: Final = 4.0

_log = structlog.get_logger(__name__)


class EventChannel:
    """The host's end, one for each component of each Streamlit session."""

    def __init__(self, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self.channel_id = secrets.token_urlsafe(12)
        """Names this end. What was meant for another (a session the server has lost) is not taken for new here."""
        self.acknowledged = 0
        """The number of the last event that was handled, or refused."""
        self._seconds = seconds
        self._answers: list[tuple[int, Json]] = []
        self._answered = 0
        self._last: dict[str, object] = {}
        self._events = TokenBucket.full(_PER_SECOND, _BURST, seconds())

    def receive(self, lane: str, sent: object, allowed: Collection[EventName], on_event: OnEvent) -> None:
        """Take what the front end holds under ``lane``: handle what is new, in order; report every breach, once."""
        last = self._last.get(lane)
        if sent is None or sent is last or sent == last:
            return
        for number, found in self._read(sent, allowed):
            if isinstance(found, Breach):
                self._answer(number, self._report(ErrorEvent(found.value, found.sentence, Source.HOST), on_event))
            else:
                self._handle(number, found, on_event)
            self.acknowledged = max(self.acknowledged, number)
        self._last[lane] = sent

    def payload(self, allowed: Collection[EventName]) -> Json:
        """What the front end is told of the link; JSON-ready."""
        return {
            "channel": self.channel_id,
            "done": self.acknowledged,
            "answers": [{"no": no, **payload} for no, payload in self._answers],
            "events": sorted(name.value for name in allowed),
        }

    def _read(self, sent: object, allowed: Collection[EventName]) -> Iterator[tuple[int, Event | Breach]]:
        """Number and event (or what is wrong with it) of all that is new. Number 0: of nothing in particular."""
        if weight(sent, MAX_QUEUE_CHARACTERS) > MAX_QUEUE_CHARACTERS:
            yield 0, Breach.TOO_LARGE
            return
        queue = self._queue(sent)
        if queue is None:
            return
        if isinstance(queue, Breach):
            yield 0, queue
            return
        for entry in queue:
            number = _number(entry)
            if number is None:
                yield 0, Breach.WRONG_SHAPE
                return
            if number <= self.acknowledged:
                continue
            if number != self.acknowledged + 1:
                yield 0, Breach.OUT_OF_ORDER
                return
            if not self._is_within_limit():
                # All of them at once: a flood is answered by one error, not by a flood of errors.
                yield number + len(queue), Breach.TOO_MANY
                return
            yield number, self._one(entry, allowed)

    def _queue(self, sent: object) -> list[Mapping[str, object]] | Breach | None:
        """The entries of what was sent; None when it was sent to another end."""
        if not isinstance(sent, Mapping) or sent.keys() != {"channel", "heard", "sent", "queue"}:
            return Breach.WRONG_SHAPE
        queue, heard = sent["queue"], sent["heard"]
        if not isinstance(sent["channel"], str) or not isinstance(queue, list) or not isinstance(heard, int):
            return Breach.WRONG_SHAPE
        if sent["channel"] != self.channel_id:
            return None
        self._answers = [answer for answer in self._answers if answer[0] > heard]
        if len(queue) > MAX_QUEUE_EVENTS:
            return Breach.TOO_LARGE
        entries = [entry for entry in queue if isinstance(entry, Mapping)]
        return entries if len(entries) == len(queue) else Breach.WRONG_SHAPE

    @staticmethod
    def _one(entry: Mapping[str, object], allowed: Collection[EventName]) -> Event | Breach:
        if entry.keys() != {"seq", "name", "source", "data"} or entry["source"] != Source.FRONT_END:
            return Breach.WRONG_SHAPE
        found = parse(entry["name"], entry["data"])
        if not isinstance(found, Breach) and found.name not in allowed:
            return Breach.NOT_ALLOWED
        return found

    def _handle(self, number: int, event: Event, on_event: OnEvent) -> None:
        try:
            reply = on_event(event)
        except GatehouseError as error:
            failed = ErrorEvent(error.code, error.detail or error.title, Source.HOST)
            self._answer(number, self._report(failed, on_event))
        except Exception:  # noqa: BLE001 - whatever a handler raises is reported, never an exception page
            said = f"Something went wrong here, and it has been logged. Its number is {correlation.current()}."
            _log.exception("a handler of the component failed", event_name=event.name.value)
            self._answer(number, self._report(ErrorEvent(HANDLER_FAILED, said, Source.HOST), on_event))
        else:
            if reply is not None:
                self._answer(number, reply.payload())

    @staticmethod
    def _report(error: ErrorEvent, on_event: OnEvent) -> Json:
        """Tell the app of an error, and return it as the front end gets it."""
        try:
            on_event(error)
        except Exception:  # noqa: BLE001 - there is nobody left to report it to but the log
            _log.exception("the handler of the component's errors failed", code=error.code)
        return {"error": dict(error.data)}

    def _answer(self, number: int, payload: Json) -> None:
        self._answered += 1
        self._answers = [*self._answers, (self._answered, {"seq": number, **payload})][-MAX_ANSWERS:]
        while len(self._answers) > 1 and self._answers_weigh() > MAX_ANSWERS_CHARACTERS:
            del self._answers[0]

    def _answers_weigh(self) -> int:
        return weight([payload for _, payload in self._answers], MAX_ANSWERS_CHARACTERS)

    def _is_within_limit(self) -> bool:
        return self._events.try_take(1, self._seconds())


def _number(entry: Mapping[str, object]) -> int | None:
    """The number of an entry; None when it has none."""
    number = entry.get("seq")
    return number if isinstance(number, int) and not isinstance(number, bool) and 0 < number < 2**31 else None
