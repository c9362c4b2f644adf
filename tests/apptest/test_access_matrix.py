"""The page of the access matrix in front of the real remote API: its tables, filters, file and ways to people."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from app import access
from app.core.guard_scanner import publish_guards
from app.guard_inventory import PROCESS, own_guards
from tests.apptest.conftest import AppInstallation
from tests.apptest.role_pages import open_page
from tests.apptest.stubbed import page_text
from tests.apptest.tables import press, tables, texts


def test_the_matrix_and_its_file_show_the_guards_in_the_code(
    installation: AppInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads: list[bytes] = []

    def pressed(do: Callable[[], bytes]) -> Callable[[], bytes]:
        downloads.append(do())  # as if the button were pressed at once
        return do

    monkeypatch.setattr(access, "bind_session", pressed)
    nothing = open_page(installation, "access_matrix.py")
    assert "No process has published its guards yet" in page_text(nothing)
    publish_guards(installation.services.storage, PROCESS, own_guards())
    at = open_page(installation, "access_matrix.py")
    drawn = tables(at)
    assert list(drawn) == ["Pages", "Functions"], "this process has no endpoints"
    assert [block.proto.expanded for block in at.expander] == [False], "functions are folded"
    assert all(payload["scrolls"] for payload in drawn.values())
    audit = entry(drawn["Pages"], "Audit")
    assert (audit["Permission"]["text"], audit["In the code"]["text"].partition(":")[0]) == (
        "read:audit", "pages/audit.py",
    )  # fmt: skip
    assert audit["Permission"]["title"].startswith("Read the audit")
    assert [audit[role]["mark"] for role in ("administrator", "auditor", "viewer")] == [True, True, False]
    assert entry(drawn["Pages"], "Home")["Permission"]["text"] == "everyone signed in"
    erasing = [row for row in texts(drawn["Functions"]) if row[1].startswith("erase:people")]
    assert [row[1] for row in erasing] == ["erase:people administrators only"]
    assert any(row[0] == "content_of app.admin.audit.export" for row in texts(drawn["Functions"]))
    rows = list(csv.DictReader(io.StringIO(downloads[-1].decode())))
    assert len(rows) == sum(len(payload["rows"]) for payload in drawn.values())
    assert next(row for row in rows if row["name"] == "/audit")["viewer"] == "no"
    counts = Counter(row["notice"] for row in rows)
    open_to_all, administrators = counts["Open to everyone signed in"], counts["For administrators only"]
    assert open_to_all
    assert administrators
    assert f"**{open_to_all}** open to everyone signed in · **{administrators}** for administrators" in page_text(at)

    at.selectbox(key="access").set_value("For administrators only").run()
    shown = [row for payload in tables(at).values() for row in texts(payload)]
    assert len(shown) == administrators
    assert all(row[1].endswith(" administrators only") for row in shown)
    assert all(block.proto.expanded for block in at.expander)
    at.text_input(key="q").set_value("zzz").run()
    assert "Nothing matches" in page_text(at)
    assert not at.get("download_button")
    at.button(key="clear-filters").click().run()
    assert len(tables(at)["Pages"]["rows"]) == len(drawn["Pages"]["rows"])


def test_a_row_of_the_matrix_opens_the_people_who_can_reach_it(installation: AppInstallation) -> None:
    publish_guards(installation.services.storage, PROCESS, own_guards())
    at = open_page(installation, "access_matrix.py")
    pages = tables(at)["Pages"]
    audit = next(row for row in pages["rows"] if row["label"] == "Audit")
    assert audit["href"] == "people?permission=read%3Aaudit"
    assert not next(row for row in pages["rows"] if row["label"] == "Home")["href"], "everyone signed in can"
    press(at, "open", audit["id"], label="Pages")
    assert at.title[0].value == "People"
    assert at.query_params["permission"] == "read:audit"


def entry(payload: dict[str, Any], label: str) -> dict[str, dict[str, Any]]:
    """Column → cell of one row of a table."""
    row = next(row for row in payload["rows"] if row["label"] == label)
    return dict(zip((column["label"] for column in payload["columns"]), row["cells"], strict=True))
