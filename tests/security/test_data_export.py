"""Tables of ours offer no file but the one with safe cells: the front end's own export writes cells as they are."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.security.live import live
from tests.stack import ROOT

TABLES = {
    "app/admin/access_matrix/matrix_view.py": 1,
    "app/admin/overview.py": 1,
    "pages/csv_explorer.py": 1,
    "pages/usage_report.py": 3,
}
"""Where Streamlit draws a table, or a chart whose data can be shown as one."""
DRAWS_A_TABLE = {"dataframe", "data_editor", "line_chart", "bar_chart", "area_chart", "scatter_chart", "altair_chart"}


def calls(*names: str) -> Counter[str]:
    """Our files in which Streamlit functions of these names are called → how often."""
    found = Counter[str]()
    for file in [*ROOT.glob("app/**/*.py"), *ROOT.glob("pages/*.py"), *ROOT.glob("component/*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names:
                found[str(file.relative_to(ROOT))] += 1
    return found


def test_every_table_of_ours_is_known_and_none_of_them_changes_the_option() -> None:
    assert calls(*DRAWS_A_TABLE) == TABLES
    assert not calls("set_option")


@pytest.mark.parametrize(("environment", "hidden"), [({}, True), ({"HOSTED": "1"}, False)])
def test_the_front_end_is_told_to_export_no_data_of_ours(
    tmp_path: Path, environment: dict[str, str], hidden: bool
) -> None:
    with live(
        tmp_path, script="import streamlit as st\nst.dataframe({'a': ['=1+1']})\n", processes=1, **environment
    ) as made:
        ann = made.sign_in("ann")
        with made.tab(ann) as tab:
            tab.open()
            (started,) = [message for message in tab.messages if message.WhichOneof("type") == "new_session"]
            assert started.new_session.config.disable_data_export is hidden
