"""A hosted app as a real process: none of its code runs for an anonymous user, nor after the session ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.security.app_processes import AppProcesses, app_processes
from tests.security.socket_tab import SocketTab
from tests.security.test_expired_sessions import assert_no_message

IDLE_SECONDS = 3600
SCRIPT = """
import beside
import streamlit as st

st.set_page_config(page_title="Hosted")
beside.trace("body")


@st.fragment
def part():
    if st.button("fragment", key="fragment"):
        beside.trace("fragment")


st.button("callback", key="callback", on_click=beside.trace, args=("callback",))
part()
st.sidebar.markdown("hosted sidebar")
st.markdown("hosted, " + st.query_params.get("text", ""))
"""
MOVING = """
import beside
import streamlit as st


def home():
    beside.trace("home")
    st.markdown("at home")


def orders():
    beside.trace("orders")
    st.markdown("all that was ordered")


start = st.query_params.get("start")
pages = [st.Page(home), st.Page(orders, default=start == "default")]
st.navigation(pages[1:] if start == "left" else pages).run()
"""
ROWS = """
[permissions]
"read:orders" = { sentence = "See the orders.", roles = ["viewer"] }

[pages]
"/" = "signed-in"
"/home" = "signed-in"
"/orders" = "read:orders"
"""
BESIDE = """
import os
import pathlib


def trace(name):
    with pathlib.Path(os.environ["TRACES"]).open("a") as file:
        file.write(name + "\\n")


trace("import")
"""


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[AppProcesses]:
    (tmp_path / "beside.py").write_text(BESIDE)
    (tmp_path / "gatehouse.toml").write_text(
        'enter = "use:hosted"\n[permissions]\n"use:hosted" = { sentence = "Use it.", roles = ["viewer"] }\n'
    )
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "plan.txt").write_text("the plan")
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text("[server]\nenableStaticServing = true\n")
    with app_processes(tmp_path, script=SCRIPT, processes=1, HOSTED="1") as started:
        yield started


@pytest.fixture
def moving(tmp_path: Path) -> Iterator[AppProcesses]:
    """An app that chooses its start page by a query parameter."""
    (tmp_path / "beside.py").write_text(BESIDE)
    (tmp_path / "gatehouse.toml").write_text(ROWS)
    with app_processes(tmp_path, script=MOVING, processes=1, HOSTED="1") as started:
        yield started


def opened_at(tab: SocketTab, path: str, **fields: str) -> list[str]:
    """Run as a tab at a path does; → its texts. The messages received so far stay."""
    tab.widgets, tab.files, tab.messages = {}, {}, [*vars(tab).get("messages", ())]
    message = BackMsg()
    message.rerun_script.page_name = path.strip("/")
    message.rerun_script.context_info.url = f"http://localhost{path}"
    for name, value in fields.items():
        setattr(message.rerun_script, name, value)
    tab.send(message)
    return tab.read_run()


def sent_to(tab: SocketTab) -> str:
    """Every message that a browser received, as one text."""
    return " ".join(map(str, tab.messages))


def test_no_code_of_a_hosted_app_runs_for_an_anonymous_user(installation: AppProcesses) -> None:
    ann = installation.sign_in("ann", "viewer")
    with installation.tab(ann) as tab, installation.tab(None) as anonymous:
        assert "Sign in to continue." in opened_at(anonymous, "/")
        assert "You'll come straight back." in " ".join(opened_at(anonymous, "/orders", query_string="a=1"))
        assert installation.traces == []
        # Not even when a widget or a fragment is pressed whose id is known from a user's tab.
        assert "hosted, hello" in opened_at(tab, "/", query_string="text=hello")
        assert installation.traces == ["import", "body"]
        for label in ("callback", "fragment"):
            anonymous.widgets = dict(tab.widgets)
            anonymous.press(label)
            opened_at(anonymous, "/")  # Streamlit does not answer the request for an unknown fragment
        assert installation.traces == ["import", "body"]
        assert "Hosted" not in sent_to(anonymous)
        assert "page_not_found" not in sent_to(anonymous)
        tab.press("callback")
        tab.read_run()
        tab.press("fragment")
        tab.read_run()
        assert installation.traces == ["import", "body", "callback", "body", "fragment"]


def test_a_page_chosen_as_the_start_page_keeps_its_permission(moving: AppProcesses) -> None:
    for start in ("default", "left"):
        with moving.tab(moving.sign_in("eva")) as tab:
            assert r"Permission read\:orders" in " ".join(opened_at(tab, "/", query_string=f"start={start}"))
            assert "all that was ordered" not in sent_to(tab)
    assert set(moving.traces) <= {"import", "home"}
    with moving.tab(moving.sign_in("ann", "viewer")) as tab:
        assert "all that was ordered" in opened_at(tab, "/", query_string="start=default")
    assert moving.traces[-1] == "orders"


@pytest.mark.parametrize("change", ["ended", "blocked"])
@pytest.mark.parametrize("label", ["callback", "fragment"])
def test_after_the_session_is_over_no_callback_and_no_fragment_runs(
    installation: AppProcesses, label: str, change: str
) -> None:
    ann = installation.sign_in("ann", "viewer")
    with installation.tab(ann) as tab:
        tab.open()
        installation.remove_access(change, ann)
        tab.press(label)
        tab.wait_for_push()
        assert installation.traces == ["import", "body"]


@pytest.mark.parametrize("label", ["callback", "fragment"])
def test_after_the_session_expired_no_callback_and_no_fragment_runs(installation: AppProcesses, label: str) -> None:
    ann = installation.sign_in("ann", "viewer")
    with installation.tab(ann) as tab:
        tab.open()
        assert installation.traces == ["import", "body"]
        installation.backdate_activity(ann, IDLE_SECONDS + 1)
        tab.press(label)
        assert tab.wait_for_push() == "locked"
        assert_no_message(tab)
        assert installation.traces == ["import", "body"]


def test_a_pages_folder_that_is_added_later_requires_a_session_too(installation: AppProcesses) -> None:
    folder = installation.folder / "pages"
    folder.mkdir()
    (folder / "extra.py").write_text("import beside\nbeside.trace('extra')\n")
    with installation.tab(None) as anonymous:
        opened_at(anonymous, "/extra")
        assert installation.traces == []
        assert "Sign in" in sent_to(anonymous)


def test_its_static_files_are_for_users_who_may_enter(installation: AppProcesses) -> None:
    assert installation.request("/app/static/plan.txt").status_code == 404
    assert installation.request("/app/static/plan.txt", installation.sign_in("eva")).status_code == 404
    answer = installation.request("/app/static/plan.txt", installation.sign_in("ann", "viewer"))
    assert (answer.status_code, answer.text) == (200, "the plan")
    assert answer.headers["cache-control"] == "no-store"
    for path in ("/app/static/../script.py", "/app/script.py", "/app/static/%2e%2e/script.py"):
        assert "beside" not in installation.request(path, installation.sign_in("ann", "viewer")).text


def test_the_policy_allows_maps_and_frames_and_no_inline_script(installation: AppProcesses) -> None:
    policy = dict(
        part.split(" ", 1) for part in installation.request("/").headers["content-security-policy"].split("; ")
    )
    assert "https:" in policy["img-src"]
    assert "unsafe" not in policy["script-src"].replace("'wasm-unsafe-eval'", "")
    assert "https:" not in policy["script-src"]
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
    framed = installation.request("/component/none/index.html").headers
    assert framed["x-frame-options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in framed["content-security-policy"]
