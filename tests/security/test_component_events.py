"""Forged component events against a real server: every one is an ``onError``, never an exception page."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from streamlit.proto.BackMsg_pb2 import BackMsg

from app.core.audit import subject_name
from tests.security.app_processes import AppProcesses, SignedInUser, app_processes
from tests.security.socket_tab import SocketTab
from tests.waiting import wait_until

SCRIPT = """
import streamlit as st

from app import access, event_console
from component.auth0 import auth0
from component.events import EventName

if access.current_session() is not None:
    for entry in reversed(list(event_console.front_end())):
        st.markdown(f"{entry.name.value}|{entry.source.value}|{entry.code}|{entry.message}")


def fails(event):
    if event.name is not EventName.ERROR:
        raise ZeroDivisionError("a secret")
    st.markdown(f"failing: {event.code}")


auth0(key="failing", account=None, events=frozenset(EventName), on_event=fails)
st.markdown("the end")
"""


class Component(SocketTab):
    """A tab that sends events as the component's front end does."""

    payloads: dict[str, dict[str, Any]]
    ids: dict[str, str]
    faults: list[str]

    def read_run(self, timeout_seconds: float = 15.0) -> list[str]:
        self.payloads, self.ids = getattr(self, "payloads", {}), getattr(self, "ids", {})
        self.faults = getattr(self, "faults", [])
        before = len(self.messages)
        texts = super().read_run(timeout_seconds)
        for message in self.messages[before:]:
            if message.WhichOneof("type") != "delta":
                continue
            element = message.delta.new_element
            if element.WhichOneof("type") == "bidi_component":
                key = element.bidi_component.id.rpartition("-")[2]
                self.ids[key] = element.bidi_component.id
                self.payloads[key] = json.loads(element.bidi_component.json)
            elif element.WhichOneof("type") == "exception":
                self.faults.append(element.exception.message)
        return texts

    def send_value(self, key: str, value: str, *, trigger: bool = False) -> list[str]:
        """Send a text, JSON or not, as the component's state or as its triggers; → the texts of the run."""
        message = BackMsg()
        state = message.rerun_script.widget_states.widgets.add()
        state.id = f"$$STREAMLIT_INTERNAL_KEY_{self.ids[key]}__events" if trigger else self.ids[key]
        if trigger:
            state.json_trigger_value = value
        else:
            state.json_value = value
        self.send(message)
        return self.read_run()

    def events(self, key: str, *entries: tuple[str, object], state_key: str = "events") -> list[str]:
        """Send events with correct numbers; → the texts of the run."""
        channel = self.payloads[key]["channel"]
        queue = [
            {"seq": channel["acknowledged"] + number, "name": name, "source": "front-end", "data": data}
            for number, (name, data) in enumerate(entries, 1)
        ]
        sent = {"channel": channel["channel"], "received": 0, "sent": time.time_ns(), "queue": queue}
        if state_key == "background":
            return self.send_value(key, json.dumps([{"event": "background", "value": sent}]), trigger=True)
        return self.send_value(key, json.dumps({state_key: sent}))


pytestmark = pytest.mark.xdist_group("component-events")  # one process of the app; the last test reads the audit of all


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcesses]:
    with app_processes(tmp_path_factory.mktemp("component"), script=SCRIPT, processes=1) as started:
        yield started


def opened(app: AppProcesses, user: SignedInUser | None) -> Component:
    tab = Component(f"http://127.0.0.1:{app.ports[0]}", cookies=user.cookies if user is not None else None)
    assert tab.open()[-1] == "the end"
    return tab


REPORT = ("onAdhocReport", {"title": "Slow", "text": "very"})


def test_events_arrive_in_order_as_state_and_as_trigger(app: AppProcesses) -> None:
    with opened(app, app.sign_in("ann", "developer")) as tab:
        tab.events("console", *((name, {"title": f"{n}", "text": ""}) for n, (name, _) in enumerate([REPORT] * 5)))
        tab.events("console", REPORT, state_key="background")
        texts = tab.events("console", ("onError", {"code": "offline", "message": "No network."}))
        assert texts == [
            *(f"onAdhocReport|front-end||Report: {n}" for n in range(5)),
            "onAdhocReport|front-end||Report: Slow",
            "onError|front-end|offline|No network.",
            "the end",
        ]
        assert tab.payloads["console"]["channel"]["acknowledged"] == 7
        assert tab.faults == []


FORGED = {
    "unknown name": json.dumps({"name": "onEverything", "data": {}}),
    "wrong shape": json.dumps({"name": "onError", "data": {"code": 1}}),
    "too large": json.dumps({"name": "onAdhocReport", "data": {"title": "x", "text": "y" * 30_000}}),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_event_is_an_error_and_recorded(app: AppProcesses, case: str) -> None:
    user = app.sign_in(f"mallory {case}", "developer")
    with opened(app, user) as tab:
        forged = json.loads(FORGED[case])
        texts = tab.events("console", (forged["name"], forged["data"]))
        assert [line.split("|")[:2] for line in texts[:-1]] == [["onError", "host"]]
        assert texts[-1] == "the end"
        assert tab.payloads["console"]["channel"]["answers"][0]["error"]["code"]
        assert tab.faults == []


@pytest.mark.parametrize(
    "value",
    [
        "[" * 100_000 + "]" * 100_000,
        '{"events":' + "[" * 3_000 + "]" * 3_000 + "}",
        f'{{"events": {"9" * 5_000}}}',
        "not json at all",
        "null",
        '"text"',
        '{"events": 5}',
        '{"events": {"channel": 5}}',
        '{"events": {"channel": "x", "received": 0, "sent": 1, "queue": [{"seq": 1}]}, "more": {"__proto__": 1}}',
        json.dumps({"events": "x" * 1_000_000}),
        '{"events": {"received": NaN}}',
    ],
    ids=lambda value: value[:24],
)
@pytest.mark.parametrize("trigger", [False, True], ids=["state", "trigger"])
def test_no_value_causes_an_exception_page(app: AppProcesses, value: str, trigger: bool) -> None:
    with opened(app, app.sign_in("carl", "developer")) as tab:
        for _ in range(2):
            assert tab.send_value("console", value, trigger=trigger)[-1] == "the end"
        assert tab.events("console", REPORT)[-2:] == ["onAdhocReport|front-end||Report: Slow", "the end"]
        assert tab.faults == []
    assert "RecursionError" not in app.log()


def test_a_handler_that_raises_is_an_error_and_in_the_log_with_its_number(app: AppProcesses) -> None:
    with opened(app, None) as tab:
        assert "failing: handler-failed" in tab.events("failing", REPORT)
        [answer] = tab.payloads["failing"]["channel"]["answers"]
        number = answer["error"]["message"].rpartition(" ")[2].rstrip(".")
        assert tab.faults == []
        assert tab.rerun()[-1] == "the end"
    wait_until(lambda: number in app.log())
    assert "ZeroDivisionError" in app.log()
    assert "a secret" not in json.dumps(tab.payloads)


def test_a_call_requires_the_permission_and_reaches_no_other_host(app: AppProcesses) -> None:
    request = {"action": "WebRequest", "method": "GET", "withToken": True, "body": ""}
    with opened(app, app.sign_in("eve")) as tab:
        texts = tab.events("console", ("onActionRequest", request | {"path": "/api/ping"}))
        assert texts[1].startswith("onError|host|permission-denied|")
    user = app.sign_in("dev", "developer")
    with opened(app, user) as tab:
        for path in ("https://evil.example/api/ping", "//evil.example/api/ping", "/api/v1/me/../../openapi.json"):
            texts = tab.events("console", ("onActionRequest", request | {"path": path}))
            assert texts[-2].startswith("onError|host|not-offered|"), path


def test_a_flood_is_cut_off_and_the_audit_keeps_a_count(app: AppProcesses) -> None:
    user = app.sign_in("flood", "developer")
    with opened(app, user) as tab:
        for _ in range(30):
            tab.events("console", *[("onEverything", {})] * 30)
        assert tab.faults == []
        assert tab.payloads["console"]["channel"]["acknowledged"] > 800
    app.processes[0].terminate()  # waiting events are written when the process ends
    app.processes[0].wait(15)
    with app.database.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT actor, reason, details FROM audit_events WHERE kind = 'app:component:refuse'")
        ).all()
        calls = connection.execute(text("SELECT actor, details FROM audit_events WHERE kind = 'app:call:refuse'")).all()
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:  # more than one of a kind if the flood takes longer than a write
        counts[row.actor, row.reason] += json.loads(row.details)["count"]
    flooded = {reason: count for (actor, reason), count in counts.items() if actor == subject_name(user.subject)}
    print(f"900 forged events: {len(flooded)} kinds of rows in the audit: {flooded}")
    assert flooded.keys() == {"unknown-event", "too-many"}
    assert 40 <= flooded["unknown-event"] < 100
    assert len(rows) < 30
    assert {reason for (actor, reason) in counts if "mallory" in actor} == {"unknown-event", "wrong-shape", "too-large"}
    assert sum(json.loads(row.details)["count"] for row in calls) == 3
    assert {row.actor.partition(" at ")[0] for row in calls} == {"test|dev"}
