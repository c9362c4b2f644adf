"""The event channel: each event is handled once and in order, whatever a browser sends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.core.errors import PermissionDenied, SessionEnded
from component.event_channel import MAX_QUEUE_EVENTS, MAX_REPLIES_CHARACTERS, EventChannel
from component.events import (
    HANDLER_FAILED,
    AdhocReport,
    AppAuthRequest,
    ErrorEvent,
    Event,
    EventName,
    EventSource,
    GoTo,
    Json,
    Reply,
    WebRequest,
    WebResponse,
)

ALL = frozenset(EventName)
REQUEST = {"action": "WebRequest", "method": "GET", "path": "/api/ping", "withToken": True, "body": ""}


class Host:
    """An app that records the events that it received."""

    def __init__(self, **seconds: Any) -> None:
        self.now = 0.0
        self.channel = EventChannel(seconds=lambda: self.now)
        self.received: list[Event] = []
        self.fails: type[BaseException] | BaseException | None = None
        self.sent = 0

    def on_event(self, event: Event) -> Reply:
        if self.fails is not None and not isinstance(event, ErrorEvent):
            raise self.fails
        self.received.append(event)
        if isinstance(event, AppAuthRequest):
            return GoTo("/auth/login")
        return WebResponse(200, "application/json", event.path, 1.0) if isinstance(event, WebRequest) else None

    def receive(self, sent: object, *, allowed: frozenset[EventName] = ALL, state_key: str = "events") -> None:
        self.channel.receive(state_key, sent, allowed, self.on_event)

    def queue(self, *entries: Any, acknowledged: int = 0, channel: str | None = None) -> Json:
        self.sent += 1
        return {
            "channel": channel if channel is not None else self.channel.channel_id,
            "received": acknowledged,
            "sent": self.sent,
            "queue": list(entries),
        }

    @property
    def titles(self) -> list[str]:
        return [event.title for event in self.received if isinstance(event, AdhocReport)]

    @property
    def codes(self) -> list[str]:
        return [event.code for event in self.received if isinstance(event, ErrorEvent)]

    @property
    def replies(self) -> list[dict[str, Any]]:
        replies: Any = self.channel.payload(ALL)["answers"]
        return list(replies)


def entry(seq: object, title: str = "", **more: object) -> dict[str, object]:
    data = {"title": title or f"report {seq}", "text": ""}
    return {"seq": seq, "name": "onAdhocReport", "source": "front-end", "data": data} | more


def test_a_burst_is_handled_in_order_and_each_once() -> None:
    host = Host()
    host.receive(host.queue(*(entry(seq) for seq in range(1, 21))))
    # Sent again, whole, in part and with more behind it, as after a run that was cut off.
    host.receive(host.queue(*(entry(seq) for seq in range(1, 21))))
    host.receive(host.queue(*(entry(seq) for seq in range(15, 23))))
    host.receive(host.queue(entry(23)), state_key="background")
    assert host.titles == [f"report {seq}" for seq in range(1, 24)]
    assert host.channel.acknowledged == 23
    assert host.codes == []


def test_an_event_whose_run_was_cut_off_is_handled_by_the_next() -> None:
    class CutOff(BaseException):
        """As Streamlit's own, which is no Exception either."""

    host = Host()
    host.fails = CutOff
    sent = host.queue(entry(1), entry(2))
    with pytest.raises(CutOff):
        host.receive(sent)
    host.fails = None
    host.receive(sent)
    assert host.titles == ["report 1", "report 2"]


def test_actions_get_replies() -> None:
    host = Host()
    auth = {"action": "AppAuthRequest", "mode": "redirect", "returnTo": "/"}
    host.receive(
        host.queue(
            entry(1, name="onActionRequest", data=REQUEST), entry(2, name="onActionRequest", data=auth), entry(3)
        )
    )
    assert [(reply["seq"], reply["number"]) for reply in host.replies] == [(1, 1), (2, 2)]
    assert host.replies[0]["web"]["status"] == 200
    assert host.replies[1]["goTo"] == "/auth/login"
    # An acknowledged reply is not sent again; the others are, however many runs are cut off.
    host.receive(host.queue(entry(4), acknowledged=1))
    assert [reply["number"] for reply in host.replies] == [2]
    assert json.loads(json.dumps(host.channel.payload(ALL)))["acknowledged"] == 4


def test_a_handler_that_raises_is_reported_and_later_events_are_handled(caplog: pytest.LogCaptureFixture) -> None:
    host = Host()
    host.fails = ZeroDivisionError("secret inside")
    host.receive(host.queue(entry(1)))
    host.fails = None
    host.receive(host.queue(entry(2)))
    assert host.codes == [HANDLER_FAILED]
    assert host.titles == ["report 2"]
    [reply] = host.replies
    assert reply["seq"] == 1
    assert "Its reference is" in reply["error"]["message"]
    assert "secret" not in json.dumps(host.channel.payload(ALL))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermissionDenied("explore:api", "not-granted", "You lack it."), "permission-denied"),
        (SessionEnded(), "session-ended"),
    ],
)
def test_a_refusal_by_a_handler_is_reported_with_its_code(error: Exception, code: str) -> None:
    host = Host()
    host.fails = error
    host.receive(host.queue(entry(1)))
    assert host.codes == [code]
    assert host.replies[0]["error"]["code"] == code


def test_a_handler_of_errors_that_raises_is_survived() -> None:
    channel = EventChannel()

    def always(event: Event) -> Reply:
        raise RuntimeError(event.name)

    sent = {"channel": channel.channel_id, "received": 0, "sent": 1, "queue": [entry(1), entry(2)]}
    channel.receive("events", sent, ALL, always)
    assert channel.acknowledged == 2


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("unreadable", "wrong-shape"),
        (5, "wrong-shape"),
        ([], "wrong-shape"),
        ({}, "wrong-shape"),
        ({"queue": [], "more": 1}, "wrong-shape"),
        ({"received": "1"}, "wrong-shape"),
        ({"channel": None}, "wrong-shape"),
        ({"queue": {}}, "wrong-shape"),
        ({"queue": ["x"]}, "wrong-shape"),
        ({"queue": [{"name": "onError"}]}, "wrong-shape"),
        ({"queue": [entry(0)]}, "wrong-shape"),
        ({"queue": [entry(True)]}, "wrong-shape"),
        ({"queue": [entry(2**31)]}, "wrong-shape"),
        ({"queue": [entry("1")]}, "wrong-shape"),
        ({"queue": [entry(2)]}, "out-of-order"),
        ({"queue": [entry(1), entry(3)]}, "out-of-order"),
        ({"queue": [entry(1, source="host")]}, "wrong-shape"),
        ({"queue": [entry(1, more=1)]}, "wrong-shape"),
        ({"queue": [entry(1, name="onEverything")]}, "unknown-event"),
        ({"queue": [entry(1, data={"title": "x"})]}, "wrong-shape"),
        ({"queue": [entry(1, data={"title": "x", "text": "y" * 20_000})]}, "too-large"),
        ({"queue": [entry(1, data={"title": "x", "text": "y" * 200_000})]}, "too-large"),
        ({"queue": [entry(seq) for seq in range(1, MAX_QUEUE_EVENTS + 2)]}, "too-large"),
    ],
)
def test_a_breach_is_one_error_however_often_it_comes(sent: Any, code: str) -> None:
    host = Host()
    if isinstance(sent, dict) and sent:
        sent = {**host.queue(), **sent}
    for _ in range(3):
        host.receive(sent)
    assert host.codes == [code]
    assert all(event.source is EventSource.HOST for event in host.received if isinstance(event, ErrorEvent))
    # The next event in order is received.
    host.receive(host.queue(entry(host.channel.acknowledged + 1, "after")))
    assert host.titles[-1] == "after"


def test_an_event_that_this_component_does_not_accept_is_refused() -> None:
    host = Host()
    host.receive(host.queue(entry(1)), allowed=frozenset({EventName.ACTION_REQUEST}))
    assert (host.codes, host.titles) == (["not-allowed"], [])


def test_events_of_a_lost_session_are_not_taken_as_new() -> None:
    before, after = Host(), Host()
    sent = before.queue(entry(1), entry(2))
    before.receive(sent)
    after.receive(sent)
    assert (after.received, after.channel.acknowledged) == ([], 0)


def test_a_flood_is_cut_off_with_one_error_and_passes() -> None:
    host = Host()
    for start in range(1, 3_001, 30):
        host.receive(host.queue(*(entry(host.channel.acknowledged + seq) for seq in range(1, 31)), acknowledged=start))
    assert len(host.titles) == 40
    assert set(host.codes) == {"too-many"}
    assert len(host.codes) <= 100
    assert len(host.replies) <= MAX_QUEUE_EVENTS
    host.now += 60
    host.receive(host.queue(entry(host.channel.acknowledged + 1, "later")))
    assert host.titles[-1] == "later"


def test_replies_that_are_not_acknowledged_are_bounded() -> None:
    host = Host()
    path = "/" + "x" * 1_900
    for seq in range(1, 2_000):
        host.now += 1
        data = REQUEST | {"path": path}
        host.receive(host.queue(entry(seq, name="onActionRequest", data=data)))
    assert len(host.received) == 1_999
    assert len(json.dumps(host.channel.payload(ALL))) < MAX_REPLIES_CHARACTERS


def test_of_large_replies_the_oldest_are_dropped_and_the_last_is_kept() -> None:
    channel = EventChannel()
    sizes = iter([100_000, 100_000, 100_000, MAX_REPLIES_CHARACTERS])

    def on_event(event: Event) -> Reply:
        return WebResponse(200, "text/plain", "x" * next(sizes), 1.0)

    def receive(*entries: Json) -> list[Any]:
        sent = {"channel": channel.channel_id, "received": 0, "sent": 1, "queue": list(entries)}
        channel.receive("events", sent, ALL, on_event)
        replies: Any = channel.payload(ALL)["answers"]
        return [reply["seq"] for reply in replies]

    assert receive(entry(1), entry(2)) == [1, 2]
    assert receive(entry(3)) == [2, 3]
    assert receive(entry(4)) == [4]
