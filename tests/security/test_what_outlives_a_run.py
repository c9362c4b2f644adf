"""State that Streamlit keeps beyond a run is unusable after a permission was revoked, however the next run ends.

The end of a run proves nothing: Streamlit (1.67) reports success after ``stop_script``, an exception and ``st.stop()``
too, and drops what was not rendered again only at the end of a whole script.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from tests.security.live import LiveApp, SignedInUser, Tab, live

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

if GATED and not access.allows(Permission.EXPORT_REPORTS):
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


class Page(Tab):
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


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApp]:
    """A page that is cut off once its user lacks the permission. No watcher: the tab's own message comes first."""
    folder = tmp_path_factory.mktemp("outlives")
    (folder / "beside.py").write_text(BESIDE)
    with live(folder, script=f"GATED = True\n{PAGE}", processes=1, UNWATCHED="1") as made:
        yield made


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApp]:
    """A hosted app that requires a permission to enter."""
    folder = tmp_path_factory.mktemp("hosted")
    (folder / "beside.py").write_text(BESIDE)
    (folder / "gatehouse.toml").write_text(
        'enter = "use:theirs"\n[permissions]\n"use:theirs" = { sentence = "Use it.", roles = ["analyst"] }\n'
    )
    with live(folder, script=f"GATED = False\n{PAGE}", processes=1, UNWATCHED="1", HOSTED="1") as made:
        yield made


def page_of(app: LiveApp, user: SignedInUser, **more: str) -> Page:
    return Page(f"http://127.0.0.1:{app.ports[0]}", cookies=user.cookies, **more)  # type: ignore[arg-type]


def set_cut(app: LiveApp, how: str) -> None:
    (Path(app.folder) / "cut").write_text(how)


@pytest.mark.parametrize("case", RUNS)
def test_before_a_revocation_every_id_works(app: LiveApp, case: str) -> None:
    user = app.sign_in("ann", "analyst")
    with page_of(app, user) as page:
        page.render()
        before = app.traces
        for name, message in OPERATIONS.items():
            assert page.answer(message(page)) == "", name
        page.send(RUNS[case](page))
        page.read_run()
        assert case.replace(" ", "-") in app.traces[len(before) :]


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("how", ["stopped", "raises", "stops"])
def test_after_a_revocation_no_id_works_however_the_page_is_cut_off(app: LiveApp, how: str, times: int) -> None:
    user = app.sign_in(f"bo-{how}-{times}", "analyst")
    set_cut(app, how)
    with page_of(app, user) as page:
        page.render()
        before = app.traces
        app.revoke(user, "analyst")
        for _ in range(times):
            page.cut_off(how)
        for name, message in OPERATIONS.items():
            assert page.answer(message(page)), name
        for case, request in RUNS.items():
            page.send(request(page))
            page.read_until_cut(how)
            assert app.traces == before, case


@pytest.mark.parametrize("how", ["stopped", "raises", "stops"])
def test_no_id_works_after_a_reconnection_and_a_second_loss(app: LiveApp, how: str) -> None:
    user = app.sign_in(f"cy-{how}", "analyst", "developer")
    set_cut(app, how)
    with page_of(app, user) as first:
        first.render()
        before = app.traces
        app.revoke(user, "analyst")
        first.cut_off(how)
    app.revoke(user, "developer")
    with page_of(app, user, reattach_to=first.session_id) as page:
        vars(page).update({name: value for name, value in vars(first).items() if not name.startswith("_")})
        page.cut_off(how)
        assert page.session_id == first.session_id
        for case, request in RUNS.items():
            page.send(request(page))
            page.read_until_cut(how)
            assert app.traces == before, case


@pytest.mark.parametrize("stops", [False, True])
def test_no_id_works_for_a_user_who_may_no_longer_enter_a_hosted_app(hosted: LiveApp, stops: bool) -> None:
    user = hosted.sign_in(f"di-{stops}", "analyst")
    with page_of(hosted, user) as page:
        page.render()
        before = hosted.traces
        hosted.revoke(user, "analyst")
        if stops:
            page.send(whole_run())
            page.send(BackMsg(stop_script=True))
        else:
            page.send(whole_run())
        page.read_until_cut("")
        for name, message in OPERATIONS.items():
            assert page.answer(message(page)), name
        for case, request in RUNS.items():
            page.send(request(page))
            page.read_until_cut("")
            assert hosted.traces == before, case
