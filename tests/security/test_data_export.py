"""Our tables offer only the export with safe cells: the export of Streamlit's front end writes cells unchanged."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.security.app_processes import app_processes
from tests.stack import ROOT

TABLES = {
    "app/ui/charts.py": 2,
    "pages/csv_explorer.py": 1,
}
"""The files that render a table, or a chart whose data can be shown as one, with the number of calls."""
DRAWS_A_TABLE = {"dataframe", "data_editor", "line_chart", "bar_chart", "area_chart", "scatter_chart", "altair_chart"}


def calls(*names: str) -> Counter[str]:
    """Our files that call Streamlit functions of these names, with the number of calls."""
    counts = Counter[str]()
    for file in [*ROOT.glob("app/**/*.py"), *ROOT.glob("pages/*.py"), *ROOT.glob("component/*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names:
                counts[str(file.relative_to(ROOT))] += 1
    return counts


def test_our_tables_are_all_listed_and_none_changes_the_option() -> None:
    assert calls(*DRAWS_A_TABLE) == TABLES
    assert not calls("set_option")


@pytest.mark.parametrize(("environment", "hidden"), [({}, True), ({"HOSTED": "1"}, False)])
def test_the_front_end_does_not_export_the_data_of_our_tables(
    tmp_path: Path, environment: dict[str, str], hidden: bool
) -> None:
    with app_processes(
        tmp_path, script="import streamlit as st\nst.dataframe({'a': ['=1+1']})\n", processes=1, **environment
    ) as app:
        ann = app.sign_in("ann")
        with app.tab(ann) as tab:
            tab.open()
            (started,) = [message for message in tab.messages if message.WhichOneof("type") == "new_session"]
            assert started.new_session.config.disable_data_export is hidden
