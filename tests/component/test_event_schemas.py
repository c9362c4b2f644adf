"""Which data of a browser is an event, and which is a violation of the contract."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from component.event_schemas import MAX_EVENT_CHARACTERS, json_size, parse
from component.events import (
    AdhocReport,
    AppAuthRequest,
    ContractViolation,
    ErrorEvent,
    Event,
    EventName,
    EventSource,
    Json,
    SignInMode,
    StatusUpdate,
    WebRequest,
)

REQUEST = {"action": "WebRequest", "method": "GET", "path": "/api/ping", "withToken": True, "body": ""}
UNTIL = "2031-05-06T08:00:00+00:00"
GOOD: list[tuple[str, Json, Event]] = [
    (
        "onStatusUpdate",
        {"signedIn": True, "person": "Ann", "validUntil": UNTIL},
        StatusUpdate(True, "Ann", datetime(2031, 5, 6, 8, tzinfo=UTC)),
    ),
    ("onStatusUpdate", {"signedIn": False, "person": "", "validUntil": ""}, StatusUpdate(False)),
    ("onAdhocReport", {"title": "Slow", "text": "<b>very</b>"}, AdhocReport("Slow", "<b>very</b>")),
    ("onActionRequest", REQUEST, WebRequest("GET", "/api/ping", True)),
    (
        "onActionRequest",
        {"action": "AppAuthRequest", "mode": "popup", "returnTo": "/reports?x=1"},
        AppAuthRequest(SignInMode.POPUP, "/reports?x=1"),
    ),
    ("onError", {"code": "offline", "message": "No network."}, ErrorEvent("offline", "No network.")),
]


@pytest.mark.parametrize(("name", "data", "event"), GOOD)
def test_every_event_has_name_data_and_source(name: str, data: Json, event: Event) -> None:
    parsed = parse(name, data)
    assert not isinstance(parsed, ContractViolation)
    assert parsed == event
    assert (parsed.name, parsed.data, parsed.source) == (name, data, "front-end")
    assert json.loads(json.dumps(dict(parsed.data))) == data
    with pytest.raises(FrozenInstanceError):
        parsed.source = EventSource.HOST  # type: ignore[misc] # this assignment must fail


@pytest.mark.parametrize("name", ["onEverything", "onstatusupdate", "", None, 5, ["onError"], "__class__"])
def test_an_unknown_name_is_no_event(name: object) -> None:
    assert parse(name, {"code": "x", "message": "y"}) is ContractViolation.UNKNOWN_EVENT


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("onError", None),
        ("onError", ["code"]),
        ("onError", {"code": "x"}),
        ("onError", {"code": "x", "message": "y", "more": 1}),
        ("onError", {"code": 5, "message": "y"}),
        ("onError", {"code": "x" * 61, "message": "y"}),
        ("onAdhocReport", {"title": "", "text": ""}),
        ("onAdhocReport", {"title": "x" * 121, "text": ""}),
        ("onAdhocReport", {"title": "x", "text": {"deep": 1}}),
        ("onAdhocReport", {"title": "x", "text": "y", "source": "host"}),
        ("onAdhocReport", {"title": "x", "text": "\ud800"}),
        ("onStatusUpdate", {"signedIn": "yes", "person": "", "validUntil": ""}),
        ("onStatusUpdate", {"signedIn": True, "person": "", "validUntil": "tomorrow"}),
        ("onStatusUpdate", {"signedIn": True, "person": "", "validUntil": "2031-05-06T08:00:00"}),
        ("onStatusUpdate", {"signedIn": True, "person": "", "validUntil": "", "token": "eyJ"}),
        ("onActionRequest", {"action": "Shutdown"}),
        ("onActionRequest", {"action": ["WebRequest"]}),
        ("onActionRequest", REQUEST | {"withToken": "yes"}),
        ("onActionRequest", REQUEST | {"headers": {}}),
        ("onActionRequest", REQUEST | {"body": "x" * 8_193}),
        ("onActionRequest", {"action": "AppAuthRequest", "mode": "implicit", "returnTo": "/"}),
        ("onActionRequest", {"action": "AppAuthRequest", "mode": ["popup"], "returnTo": "/"}),
        ("onActionRequest", {"action": "AppAuthRequest", "mode": "popup", "returnTo": None}),
    ],
)
def test_a_wrong_shape_is_no_event(name: str, data: object) -> None:
    assert parse(name, data) is ContractViolation.WRONG_SHAPE


def test_data_that_is_too_large_is_not_parsed() -> None:
    assert parse("onAdhocReport", {"title": "x", "text": "y" * MAX_EVENT_CHARACTERS}) is ContractViolation.TOO_LARGE
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert json_size(deep, 1_000) > 1_000
    assert parse("onAdhocReport", {"title": "x", "text": deep}) is ContractViolation.TOO_LARGE


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
likely = st.dictionaries(
    st.sampled_from(
        [
            "action",
            "method",
            "path",
            "withToken",
            "body",
            "mode",
            "returnTo",
            "title",
            "text",
            "code",
            "message",
            "signedIn",
            "person",
            "validUntil",
        ]
    ),
    anything | st.sampled_from(["WebRequest", "AppAuthRequest", "popup", "GET", "", UNTIL, True]),
    max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(EventName)) | st.text(max_size=10), likely | anything)
def test_any_data_is_an_event_or_a_violation(name: str, data: object) -> None:
    parsed = parse(name, data)
    assert isinstance(parsed, ContractViolation) or parsed.data == data
