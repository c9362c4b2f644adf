"""A sign-in that has become old, in a running app: a press does nothing but ask to confirm, wherever the press goes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tests.security.live import Live, Someone, Tab, live

SCRIPT = """
import os
import pathlib

import streamlit as st

from app import access
from app.core.permissions import Permission


@access.requires(Permission.EXPORT_REPORTS)
def effect(what):
    with pathlib.Path(os.environ["TRACES"]).open("a") as file:
        file.write(what + "\\n")


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
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("step-up"), script=SCRIPT, processes=1) as made:
        yield made


def signed_in_ago(here: Live, who: Someone, hours: int) -> None:
    change = text("UPDATE sessions SET authenticated_at = authenticated_at - :older WHERE ref = :ref")
    with here.database.engine.begin() as connection:
        connection.execute(change, {"older": hours * 3_600_000_000, "ref": who.ref})


def asks(tab: Tab) -> list[str]:
    """What the press brought: every text of the run."""
    return [line.replace("\\", "") for line in tab.read_run()]


@pytest.mark.parametrize("label", ["callback", "fragment", "function"])
def test_a_press_asks_to_confirm_and_does_nothing_else(here: Live, label: str) -> None:
    who = here.sign_in(f"ann-{label}", "analyst")
    with here.tab(who) as tab:
        tab.open()
        tab.press(label)
        tab.read_run()
        assert here.traces[-1:] == [label]
        before = here.traces
        signed_in_ago(here, who, 2)
        tab.press(label)
        told = "\n".join(asks(tab))
        assert "download the usage report as a file" in told
        assert "within the last hour" in told
        assert "encountered an error" not in told
        assert here.traces == before
        signed_in_ago(here, who, -2)  # as a step-up does, by the same socket: it is bound to the session's reference
        tab.press(label)
        tab.read_run()
        assert here.traces[-1:] == [label]
        assert len(here.traces) == len(before) + 1
