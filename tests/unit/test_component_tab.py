"""A tab by itself: what the watcher and the gate do at the same time, and browsers that do not listen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app import testing
from app.core.clock import utc_now
from app.core.errors import StorageUnavailable
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import EndReason, NewGrant, Pulse
from app.services import Services
from component.shown import Change
from component.tab import Tab
from component.watcher import Watcher

CLICK = BackMsg()
CLICK.rerun_script.widget_states.widgets.add().id = "$$ID-button"


@dataclass
class Wire:
    """A socket whose other end is the test."""

    arriving: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    left: list[Any] = field(default_factory=list)
    stuck: bool = False

    async def receive(self) -> Any:
        return await self.arriving.get()

    async def send(self, message: Any) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        self.left.append(message)

    def click(self) -> None:
        self.arriving.put_nowait({"type": "websocket.receive", "bytes": CLICK.SerializeToString()})


@dataclass
class Here:
    """One person's tab in this process."""

    services: Services
    subject: Subject
    ref: str
    wire: Wire
    tab: Tab

    def end(self, reason: EndReason = EndReason.ENDED_BY_ADMIN) -> None:
        with self.services.storage.unit_of_work() as unit:
            unit.end_session(self.ref, reason, utc_now())
            unit.commit()

    def revoke(self) -> None:
        with self.services.storage.unit_of_work() as unit:
            unit.revoke_grant(NewGrant(subject=self.subject, source=Source.ADMIN, by="test", role="analyst"), utc_now())
            unit.commit()

    def wants_rerun(self) -> bool:
        return self.tab.wants_rerun

    async def shows(self, **message: Any) -> None:
        await self.tab.send({"type": "websocket.send", "bytes": ForwardMsg(**message).SerializeToString()})

    async def draws(self) -> None:
        """What Streamlit sends for a run."""
        begun = ForwardMsg()
        begun.new_session.initialize.session_id = "page"
        await self.tab.send({"type": "websocket.send", "bytes": begun.SerializeToString()})
        await self.shows(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)


def with_tab(test: Callable[[Here], Awaitable[None]]) -> None:
    """Run ``test`` with a tab that is open and drawn."""

    async def run() -> None:
        with testing.gatehouse() as services:
            subject = testing.sign_in_as(None, roles=("analyst",))
            (session,) = services.storage.read.sessions_of(subject, utc_now())
            wire = Wire()
            tab = services.tabs.open(session, f"session {session.ref}", wire.receive, wire.send)
            await tab.send({"type": "websocket.accept"})
            here = Here(services, subject, session.ref, wire, tab)
            wire.click()
            await tab.receive()
            await here.draws()
            async with asyncio.timeout(10):
                await test(here)
                wire.stuck = False
                await tab.close()

    asyncio.run(run())


def test_a_browser_that_does_not_read_holds_up_neither_the_watcher_nor_streamlit() -> None:
    async def check(here: Here) -> None:
        here.wire.stuck = True
        sending = asyncio.ensure_future(here.shows(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY))
        await asyncio.sleep(0)
        here.end()
        assert await asyncio.wait_for(here.tab.look(), 1) is Change.ENDED
        assert (await asyncio.wait_for(here.tab.receive(), 1))["type"] == "websocket.disconnect"
        sending.cancel()
        await asyncio.wait_for(here.tab.close(), 4)

    with_tab(check)


def test_a_browser_that_signs_out_is_left_to_go_where_that_leads_before_it_is_sent_elsewhere() -> None:
    async def check(here: Here) -> None:
        told = len(here.wire.left)
        here.end(EndReason.SIGNED_OUT)
        assert await here.tab.look() is Change.ENDED
        assert (await asyncio.wait_for(here.tab.receive(), 1))["type"] == "websocket.disconnect"  # nothing runs on
        await asyncio.sleep(1)
        assert len(here.wire.left) == told
        await here.tab.close()
        assert [message["type"] for message in here.wire.left[told:]] == ["websocket.send", "websocket.close"]

    with_tab(check)


def test_an_end_found_while_a_message_is_at_the_gate_stops_that_message() -> None:
    async def check(here: Here) -> None:
        resolve, at_gate = here.tab._resolve, asyncio.Event()
        loop = asyncio.get_running_loop()

        def slow() -> Any:
            found = resolve()
            loop.call_soon_threadsafe(at_gate.set)
            here.end()
            return found  # live a moment ago

        here.tab._resolve = slow  # type: ignore[method-assign]
        here.wire.click()
        receiving = asyncio.ensure_future(here.tab.receive())
        await at_gate.wait()
        here.tab._resolve = resolve  # type: ignore[method-assign]
        here.tab._leave(None, 1008)  # as the watcher would, in between
        assert (await receiving)["type"] == "websocket.disconnect"

    with_tab(check)


def test_a_loss_is_lost_to_nobody_whoever_finds_it_first() -> None:
    async def check(here: Here) -> None:
        here.revoke()
        assert await here.tab.look() is Change.LOST  # the watcher
        here.wire.click()
        passed = BackMsg.FromString((await here.tab.receive())["bytes"])
        assert not passed.rerun_script.widget_states.widgets  # the gate's own look finds nothing new
        here.wire.click()
        passed = BackMsg.FromString((await here.tab.receive())["bytes"])
        assert not passed.rerun_script.widget_states.widgets  # nothing was drawn yet
        await here.draws()
        here.wire.click()
        passed = BackMsg.FromString((await here.tab.receive())["bytes"])
        assert not passed.rerun_script.widget_states.widgets  # and this button is not on the page that was

    with_tab(check)


def test_a_watcher_that_could_not_look_looks_again() -> None:
    async def check(here: Here) -> None:
        pulses = [here.services.storage.read.pulse()]
        watcher = Watcher(lambda: pulses[-1], here.services.tabs)
        await watcher.look()
        pulses.append(Pulse(**{name: getattr(pulses[0], name) + 1 for name in Pulse.__slots__}))
        resolve = here.tab._resolve

        def unavailable() -> Any:
            raise StorageUnavailable

        def broken() -> Any:
            raise ValueError("a bug")

        for trouble in (unavailable, broken):
            here.tab._resolve = trouble  # type: ignore[method-assign]
            await watcher.look()
            assert here.tab.session is not None
        here.tab._resolve = resolve  # type: ignore[method-assign]
        here.end()
        await watcher.look()  # the pulse is the same as at the last look
        assert (await here.tab.receive())["type"] == "websocket.disconnect"

    with_tab(check)


@pytest.mark.parametrize("asked", [False, True])
def test_a_page_that_gained_is_not_drawn_anew_while_a_press_is_on_its_way(asked: bool) -> None:
    async def check(here: Here) -> None:
        with here.services.storage.unit_of_work() as unit:
            unit.add_grant(NewGrant(subject=here.subject, source=Source.ADMIN, by="test", role="developer"), utc_now())
            unit.commit()
        assert await here.tab.look() is Change.CHANGED
        assert not here.wants_rerun()  # somebody pressed something a moment ago
        await asyncio.sleep(0.3)
        assert here.wants_rerun()
        if asked:
            here.wire.click()
            await here.tab.receive()
            await asyncio.sleep(0.3)
            assert not here.wants_rerun()  # its own run shows it
        else:
            here.tab.rerun()
            assert not BackMsg.FromString((await here.tab.receive())["bytes"]).rerun_script.widget_states.widgets

    with_tab(check)


def test_a_message_costs_one_query() -> None:
    """As the driver sees it: session, person and policy version in one; the rights are known already."""

    async def check(here: Here) -> None:
        seen: list[str] = []
        pooled = here.services.storage.engine.raw_connection()  # type: ignore[attr-defined] # the one there is, in memory
        driver: Any = pooled.driver_connection
        pooled.close()
        driver.set_trace_callback(seen.append)
        here.wire.click()
        await here.tab.receive()
        driver.set_trace_callback(None)
        assert len(seen) == 1, seen

    with_tab(check)
