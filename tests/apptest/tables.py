"""Tables (``app.ui.table``) in AppTest: what they show, and what a user presses in them.

AppTest draws components without a front end, so a press is the state that the front end would send.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from component.table import COMPONENT

_events = itertools.count(1)


def tables(at: AppTest) -> dict[str, dict[str, Any]]:
    """Label → the payload of each table on the page."""
    protos = [element.proto for element in at.get("bidi_component")]
    payloads = [json.loads(proto.json) for proto in protos if proto.component_name == COMPONENT]
    return {payload["label"]: payload for payload in payloads}


def table(at: AppTest) -> dict[str, Any]:
    """The payload of the only table on the page."""
    [payload] = tables(at).values()
    return payload


def texts(payload: dict[str, Any]) -> list[list[str]]:
    """The rows of a table as texts, cell by cell: text, badges, time, detail."""
    return [[_text(cell) for cell in row["cells"]] for row in payload["rows"]]


def press(at: AppTest, kind: str, value: str = "", *, label: str = "") -> None:
    """Press a control of a table and rerun: ``open`` or an action with a row's id, ``sort`` with a column, ``next``.

    Args:
        at: The app.
        kind: What is pressed.
        value: The row, column or size.
        label: The table's label, where a page has several.
    """
    _send(at, {"event": {"id": f"test-{next(_events)}", "kind": kind, "value": value}}, label)


def select(at: AppTest, rows: Iterable[object], *, label: str = "") -> None:
    """Select exactly these rows of the page on screen, and rerun."""
    page = (tables(at)[label] if label else table(at))["page"]
    _send(at, {"selection": {"id": f"test-{next(_events)}", "page": page, "ids": [str(row) for row in rows]}}, label)


def _send(at: AppTest, state: dict[str, Any], label: str) -> None:
    drawn = [element.proto for element in at.get("bidi_component") if element.proto.component_name == COMPONENT]
    [proto] = [proto for proto in drawn if not label or json.loads(proto.json)["label"] == label]
    states = at._tree.get_widget_states()
    states.widgets.append(WidgetState(id=proto.id, json_value=json.dumps(state)))
    at._run(states)


def _text(cell: dict[str, Any]) -> str:
    parts = [cell.get("text", ""), *(badge["text"] for badge in cell.get("badges", ())), cell.get("time", "")]
    return " ".join(filter(None, [*parts, cell.get("detail", "")]))
