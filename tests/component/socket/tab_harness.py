"""A tab in this process, whose WebSocket and whose Streamlit are fakes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.SessionStatus_pb2 import SessionStatus

from app import testing
from app.core.clock import utc_now
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import EndReason, NewGrant
from app.services import Services
from component.socket.handshake import Handshake
from component.socket.tab import Tab
from component.socket.tabs import Tabs
from tests.clock import settle

CLICK = BackMsg()
CLICK.rerun_script.widget_states.widgets.add().id = "$$ID-button"


@dataclass
class FakeWebSocket:
    """A socket whose other end is the test."""

    incoming: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    sent: list[Any] = field(default_factory=list)
    stuck: bool = False

    async def receive(self) -> Any:
        return await self.incoming.get()

    async def send(self, message: Any) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        self.sent.append(message)

    def deliver(self, message: BackMsg) -> None:
        self.incoming.put_nowait({"type": "websocket.receive", "bytes": message.SerializeToString()})

    def click(self) -> None:
        self.deliver(CLICK)


@dataclass
class Queries:
    """Counts the jobs in threads that coroutines of the tabs await."""

    tabs: Tabs
    under_way: int = 0

    def __post_init__(self) -> None:
        in_thread = self.tabs.in_thread

        async def counted(work: Callable[[], Any]) -> Any:
            self.under_way += 1
            try:
                return await in_thread(work)
            finally:
                self.under_way -= 1

        self.tabs.in_thread = counted  # type: ignore[method-assign]


@dataclass
class TabHarness:
    """One user's tab in this process."""

    services: Services
    subject: Subject
    ref: str
    websocket: FakeWebSocket
    tab: Tab
    queries: Queries
    charged: list[int] = field(default_factory=list)
    """The cost of reading each of its messages."""

    def end(self, reason: EndReason = EndReason.ENDED_BY_ADMIN) -> None:
        with self.services.storage.unit_of_work() as unit:
            unit.end_session(self.ref, reason, utc_now())
            unit.commit()

    def revoke(self, role: str = "analyst") -> None:
        with self.services.storage.unit_of_work() as unit:
            unit.revoke_grant(NewGrant(subject=self.subject, source=Source.ADMIN, author="test", role=role), utc_now())
            unit.commit()

    def block(self) -> None:
        with self.services.storage.unit_of_work() as unit:
            unit.set_blocked(self.subject, blocked=True)
            unit.commit()

    def wants_rerun(self) -> bool:
        return self.tab.wants_rerun

    def advance_clock(self, seconds: float) -> None:
        """Move the clock of the tabs."""
        monotonic = self.services.tabs.monotonic
        self.services.tabs.monotonic = lambda: monotonic() + seconds

    async def settle(self) -> None:
        """Wait for everything that the tab does without another message: its queries and its own messages."""
        await settle()
        while self.queries.under_way or any(task is not None and not task.done() for task in (self.tab._out._pushing,)):
            await asyncio.sleep(0.001)
            await settle()

    async def streamlit_sends(self, **message: Any) -> None:
        await self.tab.send({"type": "websocket.send", "bytes": ForwardMsg(**message).SerializeToString()})

    async def streamlit_starts_run(self, session_id: str) -> None:
        """Send the message with which Streamlit starts a run."""
        started = ForwardMsg()
        started.new_session.initialize.session_id = session_id
        await self.tab.send({"type": "websocket.send", "bytes": started.SerializeToString()})

    async def streamlit_renders_page(self) -> None:
        """Send the messages of a short run."""
        await self.streamlit_starts_run("page")
        await self.streamlit_sends(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)

    async def streamlit_receives(self, *kinds: str) -> BackMsg:
        """The next messages that reach Streamlit, of these kinds; → the last request for a run."""
        messages = [BackMsg.FromString((await self.tab.receive())["bytes"]) for _ in kinds]
        assert [message.WhichOneof("type") for message in messages] == list(kinds)
        return [message for message in messages if message.WhichOneof("type") == "rerun_script"][-1]

    async def streamlit_answers_barrier(self) -> None:
        """Send the messages with which Streamlit answers the barrier behind a run."""
        for option in (True, False):
            await self.streamlit_sends(session_status_changed=SessionStatus(run_on_save=option))

    async def streamlit_renders(self, *buttons: str) -> None:
        for button in buttons:
            message = ForwardMsg()
            message.delta.new_element.button.id = button
            await self.tab.send({"type": "websocket.send", "bytes": message.SerializeToString()})

    def sent_kinds(self) -> list[str | None]:
        """The kinds of messages that were sent to the browser so far."""
        sent = [message["bytes"] for message in self.websocket.sent if message["type"] == "websocket.send"]
        return [ForwardMsg.FromString(data).WhichOneof("type") for data in sent]


OPENING = ("stop_script", "rerun_script", "set_run_on_save", "set_run_on_save")
"""The messages that reach Streamlit for the message that opens a gate."""


def with_tab(test: Callable[[TabHarness], Awaitable[None]], *, clock: Callable[[], float] = time.monotonic) -> None:
    """Run ``test`` with an open tab whose page is rendered; ``clock`` is that of the tabs."""

    async def run() -> None:
        with testing.gatehouse() as services:
            services.tabs.monotonic = clock
            subject = testing.sign_in_as(None, roles=("analyst",))
            (session,) = services.storage.read.sessions_of(subject, utc_now())
            websocket = FakeWebSocket()
            charged: list[int] = []
            queries = Queries(services.tabs)
            tab = services.tabs.open(
                Handshake(session, f"session {session.ref}"), websocket.receive, websocket.send, charge=charged.append
            )
            await tab.send({"type": "websocket.accept"})
            harness = TabHarness(services, subject, session.ref, websocket, tab, queries, charged)
            websocket.click()
            await tab.receive()
            await harness.streamlit_renders_page()
            async with asyncio.timeout(10):
                await test(harness)
                websocket.stuck = False
                await tab.close()

    asyncio.run(run())
