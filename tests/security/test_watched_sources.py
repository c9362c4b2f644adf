"""On a real server: a new tab does not examine modules that another tab has examined already."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security.app_processes import app_processes

SCRIPT = """
import streamlit as st
from streamlit.watcher import local_sources_watcher


@st.cache_resource
def examined():
    is_valid, paths = local_sources_watcher._is_valid_path, []
    local_sources_watcher._is_valid_path = lambda path: paths.append(path) or is_valid(path)
    return paths


st.markdown(f"examined: {len(examined())}")
"""


@pytest.mark.parametrize("unedited", ["1", ""])
def test_each_module_is_examined_once_and_none_where_nothing_is_watched(tmp_path: Path, unedited: str) -> None:
    with app_processes(tmp_path, script=SCRIPT, processes=1, UNEDITED=unedited) as app:
        counts = []
        for name in ("ann", "bob", "eve"):
            with app.tab(app.sign_in(name)) as tab:
                counts += tab.open()
    assert counts[0] == "examined: 0", "counted from here on"
    assert counts[2] == counts[1]
    assert (counts[1] == "examined: 0") is bool(unedited)
