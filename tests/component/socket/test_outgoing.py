"""The messages to one browser: none of the middleware's own follows the last one."""

from __future__ import annotations

import pytest
from starlette.types import Message

from component.socket.outgoing import Outgoing
from tests.clock import FakeClock, settle

pytestmark = pytest.mark.anyio


class Browser:
    """A browser that reads everything."""

    def __init__(self) -> None:
        self.received: list[object] = []

    async def send(self, message: Message) -> None:
        self.received.append(message.get("bytes", message.get("code", message["type"])))


async def opened(browser: Browser, clock: FakeClock) -> Outgoing:
    out = Outgoing(browser.send, None, sleep=clock.sleep)
    await out.send({"type": "websocket.accept"}, unless=lambda: False)
    return out


async def test_own_messages_arrive_in_order() -> None:
    browser = Browser()
    out = await opened(browser, FakeClock())
    for data in (b"first", b"second"):
        out.push(data)
    await settle()
    assert browser.received == ["websocket.accept", b"first", b"second"]


async def test_a_message_that_was_not_sent_before_the_end_is_dropped() -> None:
    browser, clock = Browser(), FakeClock()
    out = await opened(browser, clock)
    out.push(b"late")
    out.close_with(b"last", 1008, after_seconds=1)
    await clock.run_for(2)
    assert browser.received == ["websocket.accept", b"last", 1008]
