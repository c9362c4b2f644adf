"""A page with everything that Streamlit keeps beyond a run, and the requests that use it."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from tests.security.app_processes import AppProcesses, SignedInUser
from tests.security.socket_tab import SocketTab

BESIDE = """
import os
import pathlib
import time

import streamlit as st

TRACES = pathlib.Path(os.environ["TRACES"])


def trace(name):
    with TRACES.open("a") as file:
        file.write(name.replace(" ", "-") + "\\n")
    return name


def cut():
    how = TRACES.with_name("cut").read_text()
    st.markdown("cut off")
    if how == "raises":
        raise RuntimeError("cut off")
    while how == "stopped":
        st.empty()
        time.sleep(0.01)
    st.stop()
"""
PAGE = """
import pandas
import streamlit as st

from app import access
from app.core.permissions import Permission
from beside import cut, trace

if PROTECTED and not access.allows(Permission.EXPORT_REPORTS):
    cut()


@st.fragment
def fragment():
    trace("fragment")
    st.markdown("fresh data")
    st.button("in fragment", key="in-fragment", on_click=trace, args=("callback in a fragment",))


@st.fragment(run_every=3600)
def timer():
    trace("timer")
    st.markdown("fresh time")


@st.dialog("Dialog", on_dismiss=lambda: trace("dismissed"))
def dialog():
    trace("dialog")
    st.button("in dialog", key="in-dialog", on_click=trace, args=("callback in a dialog",))


fragment()
timer()
dialog()
with st.form("form"):
    st.form_submit_button("submit", on_click=trace, args=("form",))
st.button("button", key="button", on_click=trace, args=("callback",))
st.text_input("typed", key="typed", on_change=trace, args=("change",))
st.text_input("bound", key="bound", bind="query-params", on_change=trace, args=("bound",))
component = st.components.v2.component("theirs", html="<p></p>", js="// none\\nexport default function () {}")
component(key="component", on_fired_change=lambda: trace("component"))
st.download_button("deferred", data=lambda: trace("the report"), key="deferred", on_click="ignore")
st.dataframe(pandas.DataFrame({"row": range(2000)}), lazy=True)
st.markdown("drawn")
"""


class Page(SocketTab):
    """A tab that knows every widget, fragment and file of its page."""

    fragments: list[str]
    dialog: str
    component: str
    dataframe: str

    def render(self) -> None:
        """Run the page, and remember the ids of what it rendered."""
        assert "drawn" in self.open()
        self.fragments = [m.auto_rerun.fragment_id for m in self.messages if m.WhichOneof("type") == "auto_rerun"]
        for message in self.messages:
            element = message.delta.new_element
            self.dialog = message.delta.add_block.dialog.id or vars(self).get("dialog", "")
            self.component = element.bidi_component.id or vars(self).get("component", "")
            self.dataframe = element.dataframe.lazy_data.source_id or vars(self).get("dataframe", "")
        assert self.fragments
        assert self.dialog
        assert self.component
        assert self.dataframe

    def cut_off(self, how: str) -> None:
        """Run the whole page once, to where it is cut off."""
        self.send(whole_run())
        self.read_until_cut(how)

    def read_until_cut(self, how: str) -> None:
        """Read until a run is cut off; the browser stops a run that would continue."""
        while True:
            message = self.receive()
            if how == "stopped" and message.delta.new_element.markdown.body == "cut off":
                self.send(BackMsg(stop_script=True))
            if message.WhichOneof("type") == "script_finished" and message.script_finished in {
                ForwardMsg.FINISHED_SUCCESSFULLY,
                ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
            }:
                return

    def answer(self, operation: BackMsg) -> str:
        """Ask for a backend operation; → its error, or "" when it was done."""
        operation.backend_operation_request.request_id = "request"
        operation.backend_operation_request.session_id = self.session_id
        self.send(operation)
        while True:
            message = self.receive()
            if message.WhichOneof("type") == "backend_operation_response":
                return message.backend_operation_response.error_msg


def pressed(widget: str, *, fragment: str = "") -> BackMsg:
    return changed(WidgetState(id=widget, trigger_value=True), fragment=fragment)


def changed(state: WidgetState, *, fragment: str = "") -> BackMsg:
    """A message that reports a changed widget."""
    message = BackMsg()
    message.rerun_script.fragment_id = fragment
    message.rerun_script.widget_states.widgets.append(state)
    return message


def whole_run() -> BackMsg:
    message = BackMsg()
    message.rerun_script.SetInParent()
    return message


def fragment_run(fragment: str, *, by_timer: bool = False) -> BackMsg:
    message = BackMsg()
    message.rerun_script.fragment_id, message.rerun_script.is_auto_rerun = fragment, by_timer
    return message


def bound(page: Page) -> BackMsg:
    message = changed(WidgetState(id=page.widgets["bound"], string_value="new"))
    message.rerun_script.query_string = "bound=new"
    return message


RUNS: dict[str, Callable[[Page], BackMsg]] = {
    "fragment": lambda page: fragment_run(page.widgets["in fragment in"]),
    "callback in a fragment": lambda page: pressed(
        page.widgets["in fragment"], fragment=page.widgets["in fragment in"]
    ),
    "timer": lambda page: fragment_run(page.fragments[0], by_timer=True),
    "dialog": lambda page: fragment_run(page.widgets["in dialog in"]),
    "callback in a dialog": lambda page: pressed(page.widgets["in dialog"], fragment=page.widgets["in dialog in"]),
    "dismissed": lambda page: pressed(page.dialog),
    "form": lambda page: pressed(page.widgets["submit"]),
    "callback": lambda page: pressed(page.widgets["button"]),
    "change": lambda page: changed(WidgetState(id=page.widgets["typed"], string_value="new")),
    "bound": bound,
    "component": lambda page: changed(
        WidgetState(
            id=f"$$STREAMLIT_INTERNAL_KEY_{page.component}__events",
            json_trigger_value='[{"event": "fired", "value": 1}]',
        )
    ),
}
"""The requests for runs that a browser can send, by the trace that each leaves."""


def deferred(page: Page) -> BackMsg:
    message = BackMsg()
    message.backend_operation_request.deferred_file.file_id = page.files["deferred"]
    return message


def rows(page: Page) -> BackMsg:
    message = BackMsg()
    message.backend_operation_request.dataframe_chunk.source_id = page.dataframe
    message.backend_operation_request.dataframe_chunk.limit = 10
    return message


OPERATIONS: dict[str, Callable[[Page], BackMsg]] = {"deferred download": deferred, "rows of a dataframe": rows}
"""The operations that a browser can request beside the script."""


def page_of(app: AppProcesses, user: SignedInUser, **more: str) -> Page:
    return Page(f"http://127.0.0.1:{app.ports[0]}", cookies=user.cookies, **more)  # type: ignore[arg-type]
