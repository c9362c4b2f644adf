"""Tables (``app.ui.table``) in AppTest: what they show, and what a user presses in them.

AppTest draws components without a front end, so a press is the state that the front end would send.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from component.table import COMPONENT

_numbers = itertools.count(1)


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


def controls(at: AppTest) -> set[str]:
    """What can be pressed in the tables of the page, as the front end names it.

    ``open-7`` and ``revoke-grant-3`` (of a row), ``select-all`` and ``bulk-grant`` (for selected rows), ``previous``
    and ``next``.
    """
    return {control for payload in tables(at).values() for control in _controls(payload)}


def press(at: AppTest, kind: str, value: str = "", *, label: str = "") -> None:
    """Press a control of a table and rerun: ``open`` or an action with a row's id, ``sort`` with a column, ``next``.

    Whether the table offers it is not checked here.

    Args:
        at: The app.
        kind: What is pressed.
        value: The row, column or size.
        label: The table's label, where a page has several.
    """
    send(at, {"event": event(kind, value)}, label=label)


def press_control(at: AppTest, control: str) -> None:
    """Press one of ``controls``, and rerun; one that no table of the page offers fails the test."""
    offers = [
        (label, pressed)
        for label, payload in tables(at).items()
        for name, pressed in _controls(payload).items()
        if name == control
    ]
    assert len(offers) == 1, (control, sorted(controls(at)))
    [(label, (kind, value))] = offers
    press(at, kind, value, label=label)


def select(at: AppTest, rows: Iterable[object], *, label: str = "") -> None:
    """Select exactly these rows of the page on screen, and rerun."""
    send(at, {"selection": selection(at, rows, label=label)}, label=label)


def select_page(at: AppTest) -> None:
    """Select every row of the page on screen, and rerun."""
    select(at, [row["id"] for row in table(at)["rows"]])


def event(kind: str, value: str = "") -> dict[str, str]:
    """The state of a new event."""
    return {"id": f"test-{next(_numbers)}", "kind": kind, "value": value}


def selection(at: AppTest, rows: Iterable[object], *, label: str = "") -> dict[str, Any]:
    """The state of a new selection of exactly these rows of the page on screen."""
    page = (tables(at)[label] if label else table(at))["page"]
    return {"id": f"test-{next(_numbers)}", "page": page, "ids": [str(row) for row in rows]}


def send(at: AppTest, state: Mapping[str, Any], *, label: str = "") -> None:
    """Rerun with this state of the table, as the front end would send it."""
    drawn = [element.proto for element in at.get("bidi_component") if element.proto.component_name == COMPONENT]
    [proto] = [proto for proto in drawn if not label or json.loads(proto.json)["label"] == label]
    states = at._tree.get_widget_states()
    states.widgets.append(WidgetState(id=proto.id, json_value=json.dumps(state)))
    at._run(states)


def shown(payload: object) -> Iterator[str]:
    """Every text of a payload, at any depth, except identifiers of rows and events, which no user sees."""
    if isinstance(payload, str):
        yield payload
    elif isinstance(payload, dict | list):
        members = [value for name, value in payload.items() if name != "id"] if isinstance(payload, dict) else payload
        for member in members:
            yield from shown(member)


def _controls(payload: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Control → the kind and value of its event."""
    offered = {f"bulk-{action['name']}": (action["name"], "") for action in payload["bulk"]}
    if payload["selects"]:
        offered["select-all"] = ("", "")
    actions = [action["name"] for action in payload["rowActions"]]
    for row in payload["rows"]:
        names = [name for name in actions if name in row["actions"]]
        offered |= {f"{name}-{row['id']}": (name, row["id"]) for name in ("open",) * bool(row["href"]) + tuple(names)}
    for name in ("previous", "next"):
        if payload["pages"] and payload["pages"][name]:
            offered[name] = (name, "")
    return offered


def _text(cell: dict[str, Any]) -> str:
    parts = [cell.get("text", ""), *(badge["text"] for badge in cell.get("badges", ())), cell.get("time", "")]
    return " ".join(filter(None, [*parts, cell.get("detail", "")]))
