"""A tab by itself: what the watcher and the gate do at the same time, and browsers that do not listen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.SessionStatus_pb2 import SessionStatus

from app import testing
from app.core.clock import utc_now
from app.core.errors import StorageUnavailable
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import ChangeCounters, EndReason, NewGrant
from app.services import Services
from component.socket.handshake import Handshake
from component.socket.tab import Tab
from component.socket.tab_state import SessionChange
from component.socket.tabs import Tabs
from component.socket.watcher import Watcher
from tests.clock import FakeClock, settle

CLICK = BackMsg()
CLICK.rerun_script.widget_states.widgets.add().id = "$$ID-button"


@dataclass
class FakeBrowser:
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

    def deliver(self, message: BackMsg) -> None:
        self.arriving.put_nowait({"type": "websocket.receive", "bytes": message.SerializeToString()})

    def click(self) -> None:
        self.deliver(CLICK)


@dataclass
class Queries:
    """Counts the jobs of the tabs in threads that a coroutine awaits."""

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
class Here:
    """One person's tab in this process."""

    services: Services
    subject: Subject
    ref: str
    browser: FakeBrowser
    tab: Tab
    queries: Queries
    charged: list[int] = field(default_factory=list)
    """What its messages have cost to read."""

    def end(self, reason: EndReason = EndReason.ENDED_BY_ADMIN) -> None:
        with self.services.storage.unit_of_work() as unit:
            unit.end_session(self.ref, reason, utc_now())
            unit.commit()

    def revoke(self, role: str = "analyst") -> None:
        with self.services.storage.unit_of_work() as unit:
            unit.revoke_grant(NewGrant(subject=self.subject, source=Source.ADMIN, by="test", role=role), utc_now())
            unit.commit()

    def block(self) -> None:
        with self.services.storage.unit_of_work() as unit:
            unit.set_blocked(self.subject, blocked=True)
            unit.commit()

    def wants_rerun(self) -> bool:
        return self.tab.wants_rerun

    def later(self, seconds: float) -> None:
        """Move the clock of the tabs."""
        monotonic = self.services.tabs.monotonic
        self.services.tabs.monotonic = lambda: monotonic() + seconds

    async def settled(self) -> None:
        """Let the tab do everything it can do without another message: its queries, and what it sends itself."""
        await settle()
        while self.queries.under_way or any(task is not None and not task.done() for task in (self.tab._out._pushing,)):
            await asyncio.sleep(0.001)
            await settle()

    async def shows(self, **message: Any) -> None:
        await self.tab.send({"type": "websocket.send", "bytes": ForwardMsg(**message).SerializeToString()})

    async def begins(self, session_id: str) -> None:
        """What Streamlit sends at the beginning of a run."""
        started = ForwardMsg()
        started.new_session.initialize.session_id = session_id
        await self.tab.send({"type": "websocket.send", "bytes": started.SerializeToString()})

    async def draws(self) -> None:
        """What Streamlit sends for a run."""
        await self.begins("page")
        await self.shows(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)

    async def streamlit_gets(self, *kinds: str) -> BackMsg:
        """The next messages that Streamlit gets, of these kinds; → the last that asks for a run."""
        messages = [BackMsg.FromString((await self.tab.receive())["bytes"]) for _ in kinds]
        assert [message.WhichOneof("type") for message in messages] == list(kinds)
        return [message for message in messages if message.WhichOneof("type") == "rerun_script"][-1]

    async def marks(self) -> None:
        """What Streamlit sends when it comes to the mark behind a run."""
        for option in (True, False):
            await self.shows(session_status_changed=SessionStatus(run_on_save=option))

    async def renders(self, *buttons: str) -> None:
        for button in buttons:
            message = ForwardMsg()
            message.delta.new_element.button.id = button
            await self.tab.send({"type": "websocket.send", "bytes": message.SerializeToString()})

    def browser_got(self) -> list[str | None]:
        """The kinds of messages that the browser got so far."""
        sent = [message["bytes"] for message in self.browser.left if message["type"] == "websocket.send"]
        return [ForwardMsg.FromString(data).WhichOneof("type") for data in sent]


OPENING = ("stop_script", "rerun_script", "set_run_on_save", "set_run_on_save")
"""What Streamlit gets for the message that opens a gate."""


def with_tab(test: Callable[[Here], Awaitable[None]]) -> None:
    """Run ``test`` with a tab that is open and drawn."""

    async def run() -> None:
        with testing.gatehouse() as services:
            subject = testing.sign_in_as(None, roles=("analyst",))
            (session,) = services.storage.read.sessions_of(subject, utc_now())
            browser = FakeBrowser()
            charged: list[int] = []
            queries = Queries(services.tabs)
            tab = services.tabs.open(
                Handshake(session, f"session {session.ref}"), browser.receive, browser.send, charge=charged.append
            )
            await tab.send({"type": "websocket.accept"})
            here = Here(services, subject, session.ref, browser, tab, queries, charged)
            browser.click()
            await tab.receive()
            await here.draws()
            async with asyncio.timeout(10):
                await test(here)
                browser.stuck = False
                await tab.close()

    asyncio.run(run())


def test_a_browser_that_does_not_read_delays_neither_the_watcher_nor_streamlit() -> None:
    async def check(here: Here) -> None:
        here.browser.stuck = True
        sending = asyncio.ensure_future(here.shows(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY))
        await asyncio.sleep(0)
        here.end()
        assert await asyncio.wait_for(here.tab.recheck(), 1) is SessionChange.ENDED
        assert (await asyncio.wait_for(here.tab.receive(), 1))["type"] == "websocket.disconnect"
        sending.cancel()
        await asyncio.wait_for(here.tab.close(), 4)

    with_tab(check)


def test_a_sign_out_in_another_tab_redirects_a_tab_at_once() -> None:
    """However new it is: it may have started to listen to the browser's other tabs only after they announced it."""

    async def check(here: Here) -> None:
        here.end(EndReason.SIGNED_OUT)
        assert await here.tab.recheck() is SessionChange.ENDED
        assert here.tab._out.goodbye is not None
        await asyncio.wait_for(here.tab._out.goodbye, 1)
        assert ForwardMsg.FromString(here.browser.left[-2]["bytes"]).auth_redirect.url == "/auth/ended?return_to=%2F"

    with_tab(check)


def test_a_page_that_signs_out_may_navigate_before_it_is_redirected() -> None:
    async def check(here: Here) -> None:
        clock = FakeClock()
        here.tab._out._sleep = clock.sleep
        leaving = BackMsg()
        state = leaving.rerun_script.widget_states.widgets.add()
        state.id = "$$STREAMLIT_INTERNAL_KEY_$$ID-account__events"
        state.json_trigger_value = '[{"event": "leaving", "value": true}]'
        here.browser.deliver(leaving)
        here.browser.deliver(BackMsg(app_heartbeat=True))
        assert BackMsg.FromString((await here.tab.receive())["bytes"]).app_heartbeat  # no run for a page that goes
        response = len(here.browser.left)
        here.end(EndReason.SIGNED_OUT)
        assert await here.tab.recheck() is SessionChange.ENDED
        assert (await asyncio.wait_for(here.tab.receive(), 1))["type"] == "websocket.disconnect"  # nothing runs on
        await clock.run_for(1)
        assert len(here.browser.left) == response
        await clock.run_for(4)
        await here.tab.close()
        assert [message["type"] for message in here.browser.left[response:]] == ["websocket.send", "websocket.close"]

    with_tab(check)


def test_an_end_detected_while_a_message_is_at_the_gate_stops_it() -> None:
    async def check(here: Here) -> None:
        resolve, at_gate = here.tab._check_session, asyncio.Event()
        loop = asyncio.get_running_loop()

        def slow() -> Any:
            result = resolve()
            loop.call_soon_threadsafe(at_gate.set)
            here.end()
            return result  # live a moment ago

        here.tab._check_session = slow  # type: ignore[method-assign]
        here.browser.click()
        receiving = asyncio.ensure_future(here.tab.receive())
        await at_gate.wait()
        here.tab._check_session = resolve  # type: ignore[method-assign]
        here.tab._close_with(None, 1008)  # as the watcher would, in between
        assert (await receiving)["type"] == "websocket.disconnect"

    with_tab(check)


def test_a_lost_right_closes_the_gate_whichever_check_detects_it_first() -> None:
    async def check(here: Here) -> None:
        here.revoke()
        assert await here.tab.recheck() is SessionChange.LOST  # the watcher
        here.browser.click()
        run = await here.streamlit_gets(*OPENING)
        assert not run.rerun_script.widget_states.widgets  # the gate's own recheck finds nothing new
        here.browser.click()
        run = await here.streamlit_gets("rerun_script")
        assert not run.rerun_script.widget_states.widgets  # nothing was drawn yet
        await here.marks()
        await here.draws()
        here.browser.click()
        run = await here.streamlit_gets("rerun_script")
        assert not run.rerun_script.widget_states.widgets  # and this button is not on the page that was
        await here.renders("$$ID-button")
        here.browser.click()
        run = await here.streamlit_gets("rerun_script")
        assert [widget.id for widget in run.rerun_script.widget_states.widgets] == ["$$ID-button"]

    with_tab(check)


def test_output_of_a_run_from_before_a_loss_does_not_count() -> None:
    """A browser that reads slowly decides when it is sent: here after the run that opens the gate was handed over."""

    async def check(here: Here) -> None:
        here.revoke()
        here.browser.click()
        await here.streamlit_gets(*OPENING)
        before = here.browser_got()
        await here.draws()
        await here.renders("$$ID-button")
        await here.shows(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
        assert "delta" not in here.browser_got()[len(before) :]
        here.browser.click()
        run = await here.streamlit_gets("rerun_script")
        assert not run.rerun_script.widget_states.widgets
        await here.marks()
        here.browser.click()
        run = await here.streamlit_gets("rerun_script")
        assert not run.rerun_script.widget_states.widgets
        assert "session_status_changed" not in here.browser_got()  # marks are nothing to a browser

    with_tab(check)


def test_the_mark_of_one_loss_does_not_stand_for_another() -> None:
    async def check(here: Here) -> None:
        with here.services.storage.unit_of_work() as unit:
            unit.add_grant(NewGrant(subject=here.subject, source=Source.ADMIN, by="test", role="developer"), utc_now())
            unit.commit()
        await here.tab.recheck()
        for role in ("analyst", "developer"):
            here.revoke(role)
            here.browser.click()
            await here.streamlit_gets(*OPENING)
        await here.marks()
        await here.renders("$$ID-button")
        here.browser.click()
        run = await here.streamlit_gets("rerun_script")
        assert not run.rerun_script.widget_states.widgets  # rendered by a run between the two
        await here.marks()
        await here.renders("$$ID-button")
        here.browser.click()
        run = await here.streamlit_gets("rerun_script")
        assert run.rerun_script.widget_states.widgets

    with_tab(check)


def test_a_browser_does_not_stop_the_run_that_opens_the_gate() -> None:
    async def check(here: Here) -> None:
        here.revoke()
        here.browser.click()
        await here.streamlit_gets(*OPENING)
        here.browser.deliver(BackMsg(stop_script=True))
        here.browser.click()
        await here.streamlit_gets("rerun_script")  # the click; the stop went no further

    with_tab(check)


def rows(request: str) -> BackMsg:
    """A request for rows of a lazy dataframe."""
    message = BackMsg()
    message.backend_operation_request.request_id = request
    message.backend_operation_request.dataframe_chunk.source_id = "table"
    return message


def test_a_dataframe_rendered_before_a_loss_returns_no_more_rows() -> None:
    async def check(here: Here) -> None:
        table = ForwardMsg()
        table.delta.new_element.dataframe.lazy_data.source_id = "table"
        await here.tab.send({"type": "websocket.send", "bytes": table.SerializeToString()})
        here.revoke()
        here.browser.click()
        await here.streamlit_gets(*OPENING)
        await here.marks()
        here.browser.deliver(rows("old"))
        here.browser.click()
        await here.streamlit_gets("rerun_script")  # the click: the request went no further
        assert here.browser_got()[-1] == "backend_operation_response"
        await here.tab.send({"type": "websocket.send", "bytes": table.SerializeToString()})
        here.browser.deliver(rows("new"))
        assert BackMsg.FromString((await here.tab.receive())["bytes"]) == rows("new")

    with_tab(check)


def test_the_result_of_an_operation_from_before_a_loss_is_refused() -> None:
    async def check(here: Here) -> None:
        here.browser.deliver(rows("before"))
        await here.tab.receive()
        here.revoke()
        here.browser.click()
        await here.streamlit_gets(*OPENING)
        await here.marks()
        answer = ForwardMsg()
        answer.backend_operation_response.request_id = "before"
        answer.backend_operation_response.dataframe_chunk.arrow_data.data = b"the report"
        await here.tab.send({"type": "websocket.send", "bytes": answer.SerializeToString()})
        response = ForwardMsg.FromString(here.browser.left[-1]["bytes"]).backend_operation_response
        assert (response.request_id, response.error_msg) == (
            "before",
            "This is no longer offered to you. Reload the page.",
        )
        assert not response.HasField("dataframe_chunk")

    with_tab(check)


def test_a_replaced_socket_does_not_affect_the_page() -> None:
    async def check(here: Here) -> None:
        other = FakeBrowser()
        again = here.services.tabs.open(
            Handshake(here.tab.session, f"session {here.ref}", claimed="page", is_resumed=True),
            other.receive,
            other.send,
        )
        await again.send({"type": "websocket.accept"})
        assert (await here.tab.receive())["type"] == "websocket.disconnect"
        moved = Here(here.services, here.subject, here.ref, other, again, here.queries)
        here.revoke()
        other.click()
        await moved.streamlit_gets(*OPENING)
        await moved.marks()
        await here.renders("$$ID-button")  # still on its way to the first socket
        other.click()
        run = await moved.streamlit_gets("rerun_script")
        assert not run.rerun_script.widget_states.widgets
        await again.close()

    with_tab(check)


def test_a_page_whose_mark_was_lost_with_its_socket_cannot_be_resumed() -> None:
    async def check(here: Here) -> None:
        owner = f"session {here.ref}"
        assert here.services.tabs.may_resume(owner, "page")
        here.revoke()
        here.browser.click()
        await here.streamlit_gets(*OPENING)
        assert not here.services.tabs.may_resume(owner, "page")
        await here.marks()
        assert here.services.tabs.may_resume(owner, "page")

    with_tab(check)


def test_a_right_lost_before_anything_was_rendered_reloads_the_page() -> None:
    async def check(here: Here) -> None:
        other = FakeBrowser()
        tab = here.services.tabs.open(Handshake(here.tab.session, f"session {here.ref}"), other.receive, other.send)
        await tab.send({"type": "websocket.accept"})
        other.click()
        await tab.receive()  # the first run is under way
        here.revoke()
        assert await tab.recheck() is SessionChange.ENDED
        assert (await tab.receive())["type"] == "websocket.disconnect"
        await tab.close()
        assert ForwardMsg.FromString(other.left[1]["bytes"]).auth_redirect.url == "/"

    with_tab(check)


def test_a_watcher_rechecks_a_tab_after_a_failure() -> None:
    async def check(here: Here) -> None:
        counters = [here.services.storage.read.change_counters()]
        watcher = Watcher(lambda: counters[-1], here.services.tabs)
        await watcher.recheck()
        counters.append(ChangeCounters(**{name: getattr(counters[0], name) + 1 for name in ChangeCounters.__slots__}))
        resolve = here.tab._check_session

        def unavailable() -> Any:
            raise StorageUnavailable

        def broken() -> Any:
            raise ValueError("a bug")

        for trouble in (unavailable, broken):
            here.tab._check_session = trouble  # type: ignore[method-assign]
            await watcher.recheck()
            assert here.tab.session is not None
        here.tab._check_session = resolve  # type: ignore[method-assign]
        here.end()
        await watcher.recheck()  # the change counters are the same as at the last recheck
        assert (await here.tab.receive())["type"] == "websocket.disconnect"

    with_tab(check)


@pytest.mark.parametrize("requested", [False, True])
def test_a_page_with_a_new_right_is_not_rerun_while_a_press_is_on_its_way(requested: bool) -> None:
    async def check(here: Here) -> None:
        with here.services.storage.unit_of_work() as unit:
            unit.add_grant(NewGrant(subject=here.subject, source=Source.ADMIN, by="test", role="developer"), utc_now())
            unit.commit()
        assert await here.tab.recheck() is SessionChange.CHANGED
        assert not here.wants_rerun()  # the user pressed something a moment ago
        here.later(0.3)
        assert here.wants_rerun()
        if requested:
            here.browser.click()
            await here.tab.receive()
            here.later(0.3)
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
        here.browser.click()
        await here.tab.receive()
        driver.set_trace_callback(None)
        assert len(seen) == 1, seen

    with_tab(check)


@pytest.mark.parametrize(("size", "ends"), [(4 * 1024 * 1024 - 20, False), (4 * 1024 * 1024 + 1, True)])
def test_a_message_that_is_too_long_is_refused_before_it_is_read(size: int, ends: bool) -> None:
    async def test(here: Here) -> None:
        message = BackMsg()
        message.rerun_script.query_string = "x" * size
        here.browser.arriving.put_nowait({"type": "websocket.receive", "bytes": message.SerializeToString()})
        assert (await here.tab.receive())["type"] == ("websocket.disconnect" if ends else "websocket.receive")

    with_tab(test)


def test_a_refused_message_counts_for_its_client() -> None:
    async def run(here: Here) -> None:
        here.browser.deliver(BackMsg(clear_cache=True))
        await here.tab.receive()
        assert here.charged == [480, 120]

    with_tab(run)


def test_too_costly_text_is_refused_with_an_explanation() -> None:
    async def run(here: Here) -> None:
        costly = BackMsg()
        editor = costly.rerun_script.widget_states.widgets.add()
        editor.id, editor.string_value = "$$ID-editor", "[" + "{}," * 40_000 + "{}]"
        here.browser.deliver(costly)
        here.browser.click()
        passed = BackMsg.FromString((await here.tab.receive())["bytes"])
        assert [widget.id for widget in passed.rerun_script.widget_states.widgets] == ["$$ID-button"]
        assert here.charged == [480, 400_600, 480]  # 120 for each field
        while "session_event" not in here.browser_got():  # noqa: ASYNC110 - the tab has no event for it
            await asyncio.sleep(0)
        assert not [message for message in here.browser.left if message["type"] == "websocket.close"]

    with_tab(run)
