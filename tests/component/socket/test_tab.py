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
class TabHarness:
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


def with_tab(test: Callable[[TabHarness], Awaitable[None]]) -> None:
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
            harness = TabHarness(services, subject, session.ref, browser, tab, queries, charged)
            browser.click()
            await tab.receive()
            await harness.draws()
            async with asyncio.timeout(10):
                await test(harness)
                browser.stuck = False
                await tab.close()

    asyncio.run(run())


def test_a_browser_that_does_not_read_delays_neither_the_watcher_nor_streamlit() -> None:
    async def check(harness: TabHarness) -> None:
        harness.browser.stuck = True
        sending = asyncio.ensure_future(harness.shows(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY))
        await asyncio.sleep(0)
        harness.end()
        assert await asyncio.wait_for(harness.tab.recheck(), 1) is SessionChange.ENDED
        assert (await asyncio.wait_for(harness.tab.receive(), 1))["type"] == "websocket.disconnect"
        sending.cancel()
        await asyncio.wait_for(harness.tab.close(), 4)

    with_tab(check)


def test_a_sign_out_in_another_tab_redirects_a_tab_at_once() -> None:
    """However new it is: it may have started to listen to the browser's other tabs only after they announced it."""

    async def check(harness: TabHarness) -> None:
        harness.end(EndReason.SIGNED_OUT)
        assert await harness.tab.recheck() is SessionChange.ENDED
        assert harness.tab._out.goodbye is not None
        await asyncio.wait_for(harness.tab._out.goodbye, 1)
        assert ForwardMsg.FromString(harness.browser.left[-2]["bytes"]).auth_redirect.url == "/auth/ended?return_to=%2F"

    with_tab(check)


def test_a_page_that_signs_out_may_navigate_before_it_is_redirected() -> None:
    async def check(harness: TabHarness) -> None:
        clock = FakeClock()
        harness.tab._out._sleep = clock.sleep
        leaving = BackMsg()
        state = leaving.rerun_script.widget_states.widgets.add()
        state.id = "$$STREAMLIT_INTERNAL_KEY_$$ID-account__events"
        state.json_trigger_value = '[{"event": "leaving", "value": true}]'
        harness.browser.deliver(leaving)
        harness.browser.deliver(BackMsg(app_heartbeat=True))
        assert BackMsg.FromString((await harness.tab.receive())["bytes"]).app_heartbeat  # no run for a page that goes
        response = len(harness.browser.left)
        harness.end(EndReason.SIGNED_OUT)
        assert await harness.tab.recheck() is SessionChange.ENDED
        assert (await asyncio.wait_for(harness.tab.receive(), 1))["type"] == "websocket.disconnect"  # nothing runs on
        await clock.run_for(1)
        assert len(harness.browser.left) == response
        await clock.run_for(4)
        await harness.tab.close()
        assert [message["type"] for message in harness.browser.left[response:]] == ["websocket.send", "websocket.close"]

    with_tab(check)


def test_an_end_detected_while_a_message_is_at_the_gate_stops_it() -> None:
    async def check(harness: TabHarness) -> None:
        resolve, at_gate = harness.tab._check_session, asyncio.Event()
        loop = asyncio.get_running_loop()

        def slow() -> Any:
            result = resolve()
            loop.call_soon_threadsafe(at_gate.set)
            harness.end()
            return result  # live a moment ago

        harness.tab._check_session = slow  # type: ignore[method-assign]
        harness.browser.click()
        receiving = asyncio.ensure_future(harness.tab.receive())
        await at_gate.wait()
        harness.tab._check_session = resolve  # type: ignore[method-assign]
        harness.tab._close_with(None, 1008)  # as the watcher would, in between
        assert (await receiving)["type"] == "websocket.disconnect"

    with_tab(check)


def test_a_lost_right_closes_the_gate_whichever_check_detects_it_first() -> None:
    async def check(harness: TabHarness) -> None:
        harness.revoke()
        assert await harness.tab.recheck() is SessionChange.LOST  # the watcher
        harness.browser.click()
        run = await harness.streamlit_gets(*OPENING)
        assert not run.rerun_script.widget_states.widgets  # the gate's own recheck finds nothing new
        harness.browser.click()
        run = await harness.streamlit_gets("rerun_script")
        assert not run.rerun_script.widget_states.widgets  # nothing was drawn yet
        await harness.marks()
        await harness.draws()
        harness.browser.click()
        run = await harness.streamlit_gets("rerun_script")
        assert not run.rerun_script.widget_states.widgets  # and this button is not on the page that was
        await harness.renders("$$ID-button")
        harness.browser.click()
        run = await harness.streamlit_gets("rerun_script")
        assert [widget.id for widget in run.rerun_script.widget_states.widgets] == ["$$ID-button"]

    with_tab(check)


def test_output_of_a_run_from_before_a_loss_does_not_count() -> None:
    """A browser that reads slowly decides when it is sent: here after the run that opens the gate was handed over."""

    async def check(harness: TabHarness) -> None:
        harness.revoke()
        harness.browser.click()
        await harness.streamlit_gets(*OPENING)
        before = harness.browser_got()
        await harness.draws()
        await harness.renders("$$ID-button")
        await harness.shows(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
        assert "delta" not in harness.browser_got()[len(before) :]
        harness.browser.click()
        run = await harness.streamlit_gets("rerun_script")
        assert not run.rerun_script.widget_states.widgets
        await harness.marks()
        harness.browser.click()
        run = await harness.streamlit_gets("rerun_script")
        assert not run.rerun_script.widget_states.widgets
        assert "session_status_changed" not in harness.browser_got()  # marks are nothing to a browser

    with_tab(check)


def test_the_mark_of_one_loss_does_not_stand_for_another() -> None:
    async def check(harness: TabHarness) -> None:
        with harness.services.storage.unit_of_work() as unit:
            unit.add_grant(
                NewGrant(subject=harness.subject, source=Source.ADMIN, by="test", role="developer"), utc_now()
            )
            unit.commit()
        await harness.tab.recheck()
        for role in ("analyst", "developer"):
            harness.revoke(role)
            harness.browser.click()
            await harness.streamlit_gets(*OPENING)
        await harness.marks()
        await harness.renders("$$ID-button")
        harness.browser.click()
        run = await harness.streamlit_gets("rerun_script")
        assert not run.rerun_script.widget_states.widgets  # rendered by a run between the two
        await harness.marks()
        await harness.renders("$$ID-button")
        harness.browser.click()
        run = await harness.streamlit_gets("rerun_script")
        assert run.rerun_script.widget_states.widgets

    with_tab(check)


def test_a_browser_does_not_stop_the_run_that_opens_the_gate() -> None:
    async def check(harness: TabHarness) -> None:
        harness.revoke()
        harness.browser.click()
        await harness.streamlit_gets(*OPENING)
        harness.browser.deliver(BackMsg(stop_script=True))
        harness.browser.click()
        await harness.streamlit_gets("rerun_script")  # the click; the stop went no further

    with_tab(check)


def rows(request: str) -> BackMsg:
    """A request for rows of a lazy dataframe."""
    message = BackMsg()
    message.backend_operation_request.request_id = request
    message.backend_operation_request.dataframe_chunk.source_id = "table"
    return message


def test_a_dataframe_rendered_before_a_loss_returns_no_more_rows() -> None:
    async def check(harness: TabHarness) -> None:
        table = ForwardMsg()
        table.delta.new_element.dataframe.lazy_data.source_id = "table"
        await harness.tab.send({"type": "websocket.send", "bytes": table.SerializeToString()})
        harness.revoke()
        harness.browser.click()
        await harness.streamlit_gets(*OPENING)
        await harness.marks()
        harness.browser.deliver(rows("old"))
        harness.browser.click()
        await harness.streamlit_gets("rerun_script")  # the click: the request went no further
        assert harness.browser_got()[-1] == "backend_operation_response"
        await harness.tab.send({"type": "websocket.send", "bytes": table.SerializeToString()})
        harness.browser.deliver(rows("new"))
        assert BackMsg.FromString((await harness.tab.receive())["bytes"]) == rows("new")

    with_tab(check)


def test_the_result_of_an_operation_from_before_a_loss_is_refused() -> None:
    async def check(harness: TabHarness) -> None:
        harness.browser.deliver(rows("before"))
        await harness.tab.receive()
        harness.revoke()
        harness.browser.click()
        await harness.streamlit_gets(*OPENING)
        await harness.marks()
        answer = ForwardMsg()
        answer.backend_operation_response.request_id = "before"
        answer.backend_operation_response.dataframe_chunk.arrow_data.data = b"the report"
        await harness.tab.send({"type": "websocket.send", "bytes": answer.SerializeToString()})
        response = ForwardMsg.FromString(harness.browser.left[-1]["bytes"]).backend_operation_response
        assert (response.request_id, response.error_msg) == (
            "before",
            "This is no longer offered to you. Reload the page.",
        )
        assert not response.HasField("dataframe_chunk")

    with_tab(check)


def test_a_replaced_socket_does_not_affect_the_page() -> None:
    async def check(harness: TabHarness) -> None:
        other = FakeBrowser()
        again = harness.services.tabs.open(
            Handshake(harness.tab.session, f"session {harness.ref}", claimed="page", is_resumed=True),
            other.receive,
            other.send,
        )
        await again.send({"type": "websocket.accept"})
        assert (await harness.tab.receive())["type"] == "websocket.disconnect"
        moved = TabHarness(harness.services, harness.subject, harness.ref, other, again, harness.queries)
        harness.revoke()
        other.click()
        await moved.streamlit_gets(*OPENING)
        await moved.marks()
        await harness.renders("$$ID-button")  # still on its way to the first socket
        other.click()
        run = await moved.streamlit_gets("rerun_script")
        assert not run.rerun_script.widget_states.widgets
        await again.close()

    with_tab(check)


def test_a_page_whose_mark_was_lost_with_its_socket_cannot_be_resumed() -> None:
    async def check(harness: TabHarness) -> None:
        owner = f"session {harness.ref}"
        assert harness.services.tabs.may_resume(owner, "page")
        harness.revoke()
        harness.browser.click()
        await harness.streamlit_gets(*OPENING)
        assert not harness.services.tabs.may_resume(owner, "page")
        await harness.marks()
        assert harness.services.tabs.may_resume(owner, "page")

    with_tab(check)


def test_a_right_lost_before_anything_was_rendered_reloads_the_page() -> None:
    async def check(harness: TabHarness) -> None:
        other = FakeBrowser()
        tab = harness.services.tabs.open(
            Handshake(harness.tab.session, f"session {harness.ref}"), other.receive, other.send
        )
        await tab.send({"type": "websocket.accept"})
        other.click()
        await tab.receive()  # the first run is under way
        harness.revoke()
        assert await tab.recheck() is SessionChange.ENDED
        assert (await tab.receive())["type"] == "websocket.disconnect"
        await tab.close()
        assert ForwardMsg.FromString(other.left[1]["bytes"]).auth_redirect.url == "/"

    with_tab(check)


def test_a_watcher_rechecks_a_tab_after_a_failure() -> None:
    async def check(harness: TabHarness) -> None:
        counters = [harness.services.storage.read.change_counters()]
        watcher = Watcher(lambda: counters[-1], harness.services.tabs)
        await watcher.recheck()
        counters.append(ChangeCounters(**{name: getattr(counters[0], name) + 1 for name in ChangeCounters.__slots__}))
        resolve = harness.tab._check_session

        def unavailable() -> Any:
            raise StorageUnavailable

        def broken() -> Any:
            raise ValueError("a bug")

        for trouble in (unavailable, broken):
            harness.tab._check_session = trouble  # type: ignore[method-assign]
            await watcher.recheck()
            assert harness.tab.session is not None
        harness.tab._check_session = resolve  # type: ignore[method-assign]
        harness.end()
        await watcher.recheck()  # the change counters are the same as at the last recheck
        assert (await harness.tab.receive())["type"] == "websocket.disconnect"

    with_tab(check)


@pytest.mark.parametrize("requested", [False, True])
def test_a_page_with_a_new_right_is_not_rerun_while_a_press_is_on_its_way(requested: bool) -> None:
    async def check(harness: TabHarness) -> None:
        with harness.services.storage.unit_of_work() as unit:
            unit.add_grant(
                NewGrant(subject=harness.subject, source=Source.ADMIN, by="test", role="developer"), utc_now()
            )
            unit.commit()
        assert await harness.tab.recheck() is SessionChange.CHANGED
        assert not harness.wants_rerun()  # the user pressed something a moment ago
        harness.later(0.3)
        assert harness.wants_rerun()
        if requested:
            harness.browser.click()
            await harness.tab.receive()
            harness.later(0.3)
            assert not harness.wants_rerun()  # its own run shows it
        else:
            harness.tab.rerun()
            assert not BackMsg.FromString((await harness.tab.receive())["bytes"]).rerun_script.widget_states.widgets

    with_tab(check)


def test_a_message_costs_one_query() -> None:
    """As the driver sees it: session, person and policy version in one; the rights are known already."""

    async def check(harness: TabHarness) -> None:
        seen: list[str] = []
        pooled = harness.services.storage.engine.raw_connection()  # type: ignore[attr-defined] # the one there is, in memory
        driver: Any = pooled.driver_connection
        pooled.close()
        driver.set_trace_callback(seen.append)
        harness.browser.click()
        await harness.tab.receive()
        driver.set_trace_callback(None)
        assert len(seen) == 1, seen

    with_tab(check)


@pytest.mark.parametrize(("size", "ends"), [(4 * 1024 * 1024 - 20, False), (4 * 1024 * 1024 + 1, True)])
def test_a_message_that_is_too_long_is_refused_before_it_is_read(size: int, ends: bool) -> None:
    async def test(harness: TabHarness) -> None:
        message = BackMsg()
        message.rerun_script.query_string = "x" * size
        harness.browser.arriving.put_nowait({"type": "websocket.receive", "bytes": message.SerializeToString()})
        assert (await harness.tab.receive())["type"] == ("websocket.disconnect" if ends else "websocket.receive")

    with_tab(test)


def test_a_refused_message_counts_for_its_client() -> None:
    async def run(harness: TabHarness) -> None:
        harness.browser.deliver(BackMsg(clear_cache=True))
        await harness.tab.receive()
        assert harness.charged == [480, 120]

    with_tab(run)


def test_too_costly_text_is_refused_with_an_explanation() -> None:
    async def run(harness: TabHarness) -> None:
        costly = BackMsg()
        editor = costly.rerun_script.widget_states.widgets.add()
        editor.id, editor.string_value = "$$ID-editor", "[" + "{}," * 40_000 + "{}]"
        harness.browser.deliver(costly)
        harness.browser.click()
        passed = BackMsg.FromString((await harness.tab.receive())["bytes"])
        assert [widget.id for widget in passed.rerun_script.widget_states.widgets] == ["$$ID-button"]
        assert harness.charged == [480, 400_600, 480]  # 120 for each field
        while "session_event" not in harness.browser_got():  # noqa: ASYNC110 - the tab has no event for it
            await asyncio.sleep(0)
        assert not [message for message in harness.browser.left if message["type"] == "websocket.close"]

    with_tab(run)
