"""The parts of a table as the browser gets them, by the names that ``component/frontend/table-view.js`` reads."""

from __future__ import annotations

from app.ui import cells
from app.ui.table_parts import Action, Column, Row


def test_a_column_sorts_if_the_api_has_an_order_for_it() -> None:
    assert Column("roles", "Roles").payload() == {
        "key": "roles", "label": "Roles", "sorts": False, "kind": "", "hides": "", "hideLabel": False,
        "opens": False,
    }  # fmt: skip
    seen = Column("seen", "Seen", sort="last_seen_at", newest_first=True, kind="short", hides="late", label_hidden=True)
    assert seen.payload() == {
        "key": "seen", "label": "Seen", "sorts": True, "kind": "short", "hides": "late", "hideLabel": True,
        "opens": False,
    }  # fmt: skip
    assert (Column("name", "Name", sort="name").first_order, seen.first_order) == ("name", "-last_seen_at")


def test_an_action_says_how_it_looks() -> None:
    assert Action("block", "Block…", "block", danger=True, compact=True).payload() == {
        "name": "block", "label": "Block…", "icon": "block", "danger": True, "compact": True, "rows": 0,
    }  # fmt: skip
    assert Action("grant", "Grant…").payload() == {
        "name": "grant", "label": "Grant…", "icon": "", "danger": False, "compact": False, "rows": 0,
    }  # fmt: skip


def test_a_row_has_a_label_on_one_line_of_at_most_80_characters() -> None:
    row = Row("7", "Ann\n" + "x" * 100, (cells.text("Ann"), {}), href="?person=7", actions=("revoke",))
    assert row.payload() == {
        "id": "7", "label": "Ann " + "x" * 75 + "…", "href": "?person=7", "cells": [{"text": "Ann"}, {}],
        "actions": ["revoke"],
    }  # fmt: skip
    assert Row("7", "Ann", ()).payload() == {"id": "7", "label": "Ann", "href": "", "cells": [], "actions": []}
