"""An old sign-in in a running app: every kind of press only asks the user to confirm, and has no effect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tests.security.app_processes import AppProcesses, SignedInUser, app_processes
from tests.security.socket_tab import SocketTab

pytestmark = pytest.mark.xdist_group("step-up")  # its processes start once, not once per worker
SCRIPT = """
import os
import pathlib

import streamlit as st

from app import access
from app.core.permissions import Permission


@access.requires(Permission.EXPORT_REPORTS)
def effect(name):
    with pathlib.Path(os.environ["TRACES"]).open("a") as file:
        file.write(name + "\\n")


@st.fragment
def part():
    if st.button("fragment", key="fragment"):
        effect("fragment")


st.markdown("before")
st.button("callback", key="callback", on_click=effect, args=("callback",))
part()
if st.button("function", key="function"):
    effect("function")
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    with app_processes(tmp_path_factory.mktemp("step-up"), script=SCRIPT, processes=1) as made:
        yield made


def signed_in_ago(app: AppProcesses, user: SignedInUser, hours: int) -> None:
    change = text("UPDATE sessions SET authenticated_at = authenticated_at - :older WHERE ref = :ref")
    with app.database.engine.begin() as connection:
        connection.execute(change, {"older": hours * 3_600_000_000, "ref": user.ref})


def run_texts(tab: SocketTab) -> list[str]:
    """Every text that the run wrote."""
    return [line.replace("\\", "") for line in tab.read_run()]


@pytest.mark.parametrize("label", ["callback", "fragment", "function"])
def test_a_press_asks_to_confirm_and_does_nothing_else(app: AppProcesses, label: str) -> None:
    user = app.sign_in(f"ann-{label}", "analyst")
    with app.tab(user) as tab:
        tab.open()
        tab.press(label)
        tab.read_run()
        assert app.traces[-1:] == [label]
        before = app.traces
        signed_in_ago(app, user, 2)
        tab.press(label)
        page = "\n".join(run_texts(tab))
        assert "download the usage report as a file" in page
        assert "within the last hour" in page
        assert "encountered an error" not in page
        assert app.traces == before
        signed_in_ago(app, user, -2)  # as a step-up does, by the same socket: it is bound to the session's reference
        tab.press(label)
        tab.read_run()
        assert app.traces[-1:] == [label]
        assert len(app.traces) == len(before) + 1
