"""A rerun without a user action is one of the page that the browser shows, by its hash and its query."""

from __future__ import annotations

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Navigation_pb2 import Navigation
from streamlit.proto.PageInfo_pb2 import PageInfo

from component.socket.tab_state import TabState
from tests.component.socket.tab_harness import OPENING, TabHarness, with_tab


async def opens(harness: TabHarness, page: str, *, query: str = "") -> None:
    """The browser opens a page by its URL: its first rerun has no hash."""
    message = BackMsg()
    message.rerun_script.page_name, message.rerun_script.query_string = page, query
    harness.websocket.deliver(message)
    await harness.tab.receive()


async def pushed(harness: TabHarness) -> tuple[str, str, str]:
    """Hash, name and query of a rerun without a user action."""
    harness.tab.rerun()
    rerun = BackMsg.FromString((await harness.tab.receive())["bytes"]).rerun_script
    return rerun.page_script_hash, rerun.page_name, rerun.query_string


def test_it_has_the_hash_of_a_page_that_was_opened_by_its_url() -> None:
    async def check(harness: TabHarness) -> None:
        await opens(harness, "csv", query="sep=comma")
        assert await pushed(harness) == ("", "csv", "sep=comma")
        await harness.streamlit_sends(navigation=Navigation(page_script_hash="hash of csv"))
        assert await pushed(harness) == ("hash of csv", "", "sep=comma")

    with_tab(check)


def test_it_follows_a_script_that_switches_the_page_and_changes_the_query() -> None:
    async def check(harness: TabHarness) -> None:
        await opens(harness, "csv", query="sep=comma")
        await harness.streamlit_sends(navigation=Navigation(page_script_hash="hash of csv"))
        await harness.streamlit_sends(page_info_changed=PageInfo(query_string=""))
        await harness.streamlit_sends(navigation=Navigation(page_script_hash="hash of reports"))
        assert await pushed(harness) == ("hash of reports", "", "")
        await harness.streamlit_sends(page_info_changed=PageInfo(query_string="range=7+days"))
        assert await pushed(harness) == ("hash of reports", "", "range=7+days")

    with_tab(check)


def test_a_page_that_the_browser_does_not_get_changes_nothing() -> None:
    async def check(harness: TabHarness) -> None:
        await opens(harness, "csv")
        await harness.streamlit_sends(navigation=Navigation(page_script_hash="hash of csv"))
        harness.revoke()
        await harness.tab.recheck()
        await harness.streamlit_sends(navigation=Navigation(page_script_hash="rendered before the revocation"))
        harness.tab.rerun()
        run = await harness.streamlit_receives(*OPENING)
        assert run.rerun_script.page_script_hash == "hash of csv"

    with_tab(check)


def test_a_page_that_no_rerun_has_requested_is_not_rerun() -> None:
    """The tab of a socket that is open, before its browser has sent anything."""
    state, message = TabState(), ForwardMsg(navigation=Navigation(page_script_hash="hash of csv"))
    assert state.record(message)
    assert state.last_rerun is None
