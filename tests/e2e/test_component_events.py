"""The component's events in a real browser: the log, delegated calls, forged events, and whatever gets in between."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.e2e.conftest import Arrive, Visitor, arrivals
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-events")]
SOON = 20_000

CAPTURE = """
(() => {
  const send = WebSocket.prototype.send
  WebSocket.prototype.send = function (data) {
    window.socket = this
    window.lastMessage = data
    return send.call(this, data)
  }
})()
"""
"""What anybody can type into a browser's console before a page loads: the socket, and the last message on it."""


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, which is stopped to read its audit."""
    with Stack(tmp_path_factory.mktemp("events")) as started:
        yield started


@pytest.fixture
def arrive(browser: Browser, events: Stack) -> Iterator[Arrive]:
    with arrivals(browser, events, height=1400) as arrive:
        yield arrive


def log_of(visitor: Visitor) -> list[str]:
    """The event log as shown, newest first."""
    return visitor.page.locator(".st-key-event-log li").all_inner_texts()


def logged(visitor: Visitor, text: str | re.Pattern[str]) -> None:
    expect(visitor.page.locator(".st-key-event-log li").filter(has_text=text).first).to_be_visible(timeout=SOON)


def said(visitor: Visitor, text: str | re.Pattern[str]) -> None:
    """What the component itself says."""
    expect(visitor.page.locator(".st-key-console .said")).to_have_text(text, timeout=SOON)


def press(visitor: Visitor, control: str) -> None:
    visitor.page.locator(f".st-key-console button.{control}").click()


def choose(visitor: Visitor, name: str) -> None:
    page = visitor.page
    label = page.locator(".st-key-console select option").filter(has_text=name).inner_text()
    page.locator(".st-key-console select").select_option(label=label)


def test_the_explorer_lists_the_events_of_a_session(arrive: Arrive) -> None:
    visitor = arrive()
    visitor.sign_in("dev", "/api-explorer")
    logged(visitor, re.compile(r"onStatusUpdate from the browser.*Signed in as Dev Patel, valid until", re.DOTALL))
    press(visitor, "ask")
    said(visitor, re.compile(r"The API answered 200 after \d+ ms\."))
    expect(visitor.page.locator(".st-key-console .answer")).to_contain_text("Anybody may read this")
    press(visitor, "report")
    said(visitor, "The host has taken note.")
    expect(visitor.page.locator(".st-key-reports")).to_contain_text("Seen in this browser", timeout=SOON)
    press(visitor, "error")
    logged(visitor, "onError demonstration from the browser")
    names = [line.split(" ")[0] for line in reversed(log_of(visitor))]
    assert names == ["onStatusUpdate", "onActionRequest", "onAdhocReport", "onError"]
    visitor.shot("api-explorer-events")
    assert visitor.complaints == []


def test_the_account_corner_says_until_when(arrive: Arrive) -> None:
    visitor = arrive()
    visitor.sign_in("eva")
    expect(visitor.page.locator(".st-key-account .until")).to_have_text(re.compile(r"^Signed in until .*\d\d?:\d\d"))


def test_a_burst_is_listed_in_order(arrive: Arrive) -> None:
    visitor = arrive()
    visitor.sign_in("dev", "/api-explorer")
    logged(visitor, "onStatusUpdate")
    for _ in range(2):
        press(visitor, "burst")
    expect(visitor.page.locator(".st-key-event-log li").filter(has_text="of five")).to_have_count(10, timeout=SOON)
    found = [line[-9:] for line in reversed(log_of(visitor)) if "of five" in line]
    assert found == [f"{number} of five" for number in (1, 2, 3, 4, 5)] * 2


def test_the_host_calls_with_and_without_the_token_and_no_other_host(arrive: Arrive, events: Stack) -> None:
    visitor = arrive()
    visitor.sign_in("dev", "/api-explorer")
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    choose(visitor, "Protected ping")
    press(visitor, "ask")
    said(visitor, re.compile("answered 200"))
    visitor.page.locator(".st-key-console .with-token").uncheck()
    press(visitor, "ask")
    said(visitor, re.compile("answered 401"))
    visitor.page.locator(".st-key-console .with-token").check()
    choose(visitor, "Scoped ping")
    press(visitor, "ask")
    said(visitor, re.compile("answered 200"))
    choose(visitor, "Echo")
    press(visitor, "ask")
    expect(visitor.page.locator(".st-key-console .answer")).to_contain_text("carried out by its host", timeout=SOON)
    choose(visitor, "Another host")
    press(visitor, "ask")
    said(visitor, re.compile("calls the remote API only"))
    choose(visitor, "A path that is on no list")
    press(visitor, "ask")
    said(visitor, re.compile("calls the remote API only"))
    # The browser itself talked to the app only, and no token ever came to it.
    assert not [url for url in asked if not url.startswith((events.app_url, "data:", "blob:"))]
    shown = visitor.page.content() + str(visitor.page.evaluate("document.querySelector('.st-key-console').innerHTML"))
    assert "eyJ" not in shown


def test_a_protected_function_stands_beside_its_endpoint(arrive: Arrive) -> None:
    may, may_not = arrive(), arrive()
    may.sign_in("dev", "/api-explorer")
    may.page.locator(".st-key-ask-both button").click()
    expect(may.page.locator(".st-key-function-answer")).to_contain_text("You may read messages", timeout=SOON)
    expect(may.page.locator(".st-key-endpoint-answer")).to_contain_text("200: Ping", timeout=SOON)
    may_not.sign_in("bruno", "/api-explorer")
    expect(may_not.page.locator("[data-testid=stMain] h1")).to_have_text("No access", timeout=SOON)


def test_asking_for_a_sign_in_leads_there_and_back(arrive: Arrive, events: Stack) -> None:
    visitor = arrive()
    visitor.sign_in("dev", "/api-explorer?from=here")
    logged(visitor, "onStatusUpdate")
    press(visitor, "auth")
    visitor.page.locator("button[name=person][value=dev]").click(timeout=SOON)
    visitor.page.wait_for_url(f"{events.app_url}/api-explorer?from=here", timeout=SOON)
    expect(visitor.page.locator("[data-testid=stMain] h1")).to_have_text("API explorer", timeout=SOON)


def forge(page: Page, key: str, queue: list[dict[str, Any]], link: dict[str, Any]) -> None:
    """Send events on the page's own socket, as somebody at its console can."""
    raw = page.evaluate("btoa(String.fromCharCode(...new Uint8Array(window.lastMessage)))")
    message = BackMsg.FromString(base64.b64decode(raw))
    sent = {"channel": link["channel"], "heard": 0, "sent": 99, "queue": queue}
    for widget in message.rerun_script.widget_states.widgets:
        if widget.id.endswith(f"-{key}"):
            widget.json_value = json.dumps({"events": sent})
    forged = base64.b64encode(message.SerializeToString()).decode()
    page.evaluate("raw => window.socket.send(Uint8Array.from(atob(raw), (c) => c.charCodeAt(0)))", forged)


def state_of(page: Page, key: str) -> dict[str, Any]:
    """What the component sent last, as its socket has it."""
    raw = page.evaluate("btoa(String.fromCharCode(...new Uint8Array(window.lastMessage)))")
    for widget in BackMsg.FromString(base64.b64decode(raw)).rerun_script.widget_states.widgets:
        if widget.id.endswith(f"-{key}") and widget.json_value:
            found: dict[str, Any] = json.loads(widget.json_value)["events"]
            return found
    raise AssertionError("nothing was sent")


def test_a_forged_event_from_the_console_is_an_error_and_an_audit_event(arrive: Arrive, events: Stack) -> None:
    visitor = arrive(script=CAPTURE)
    visitor.sign_in("ada", "/api-explorer")
    logged(visitor, "onStatusUpdate")
    press(visitor, "report")
    said(visitor, "The host has taken note.")
    link = state_of(visitor.page, "console")
    nth = link["queue"][-1]["seq"]
    forged = {"seq": nth + 1, "name": "onGrantMeEverything", "source": "front-end", "data": {}}
    forge(visitor.page, "console", [forged], link)
    logged(visitor, re.compile(r"onError unknown-event from the host.*There is no event of that name", re.DOTALL))
    as_host = {"seq": nth + 2, "name": "onError", "source": "host", "data": {"code": "x", "message": "y"}}
    forge(visitor.page, "console", [as_host], link)
    logged(visitor, "onError wrong-shape from the host")
    visitor.shot("forged-event")
    # Nothing broke: the page goes on, and so does the component.
    press(visitor, "ask")
    said(visitor, re.compile("answered 200"))
    assert visitor.page.locator("[data-testid=stException]").count() == 0
    events.stop("app")  # what is counted is written once a minute, and at the end
    with sqlite3.connect(events.folder / "var" / "gatehouse.sqlite3") as connection:
        rows = connection.execute(
            "SELECT actor, reason, outcome FROM audit_events WHERE kind = 'app:component:refuse' ORDER BY reason"
        ).fetchall()
        calls = connection.execute("SELECT actor FROM audit_events WHERE kind = 'app:call:refuse'").fetchall()
    connection.close()
    events.start_app()
    actor = f"auth0|ada at {events.issuer}"
    print(f"audit of the forged events: {rows}")
    assert rows == [(actor, "unknown-event", "refused"), (actor, "wrong-shape", "refused")]
    assert {actor for (actor,) in calls} <= {f"auth0|dev at {events.issuer}"}


def test_going_offline_in_the_middle_is_survived(arrive: Arrive) -> None:
    visitor = arrive()
    visitor.sign_in("dev", "/api-explorer")
    logged(visitor, "onStatusUpdate")
    visitor.context.set_offline(True)
    press(visitor, "report")
    said(visitor, "The report is sent …")
    visitor.page.wait_for_timeout(1_000)
    visitor.context.set_offline(False)
    said(visitor, re.compile("has taken note|re-established"))
    press(visitor, "report")
    said(visitor, "The host has taken note.")


def test_offline_sign_in_says_so_and_works_afterwards(arrive: Arrive) -> None:
    visitor = arrive()
    visitor.open("/reports")
    control = visitor.page.locator(".st-key-sign-in a")
    expect(control).to_be_visible(timeout=SOON)
    visitor.context.set_offline(True)
    control.click()
    expect(visitor.page.locator(".st-key-sign-in .said")).to_contain_text("You are offline")
    visitor.context.set_offline(False)
    expect(visitor.page.locator(".st-key-sign-in .said")).to_have_text("")
    control.click()
    expect(visitor.page.locator("button[name=person][value=chiyo]")).to_be_visible(timeout=SOON)


@pytest.mark.parametrize("host", ["answers", "is silent"])
def test_a_browser_that_believes_to_be_offline_signs_in_all_the_same(arrive: Arrive, host: str) -> None:
    """As on a machine with loopback only, where ``navigator.onLine`` is false although app and provider answer."""
    visitor = arrive()
    visitor.context.add_init_script("Object.defineProperty(Navigator.prototype, 'onLine', { get: () => false })")
    visitor.open("/reports")
    control = visitor.page.locator(".st-key-sign-in a")
    expect(control).to_be_visible(timeout=SOON)
    assert visitor.page.evaluate("navigator.onLine") is False
    if host == "is silent":
        visitor.page.evaluate("WebSocket.prototype.send = () => undefined")
    control.click()
    expect(visitor.page.locator("button[name=person][value=chiyo]")).to_be_visible(timeout=SOON)


def test_where_the_app_does_not_answer_nobody_leaves_the_page_and_it_is_tried_again(arrive: Arrive) -> None:
    visitor = arrive()
    visitor.open("/reports")
    control = visitor.page.locator(".st-key-sign-in a")
    expect(control).to_be_visible(timeout=SOON)
    said = visitor.page.locator(".st-key-sign-in .said")
    address = visitor.page.url
    visitor.context.route("**/auth/session", lambda route: route.abort("connectionrefused"))
    visitor.page.evaluate("WebSocket.prototype.send = () => undefined")
    control.click()
    expect(said).to_have_text("The app does not answer. Try again.", timeout=SOON)
    assert visitor.page.url == address
    visitor.context.unroute("**/auth/session")
    expect(said).to_have_text("", timeout=SOON)
    control.click()
    expect(visitor.page.locator("button[name=person][value=chiyo]")).to_be_visible(timeout=SOON)


def test_where_the_host_does_not_answer_sign_in_is_a_plain_link(arrive: Arrive) -> None:
    """The socket is there and silent: after a short while the front end goes by itself."""
    visitor = arrive(
        script="window.mute = false;" + CAPTURE.replace("return send.call", "if (!window.mute) return send.call")
    )
    visitor.open("/reports?range=7+days")
    control = visitor.page.locator(".st-key-sign-in a")
    expect(control).to_be_visible(timeout=SOON)
    visitor.page.evaluate("window.mute = true")
    control.click()
    visitor.page.locator("button[name=person][value=chiyo]").click(timeout=10_000)
    expect(visitor.page.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)
    assert "range=7" in visitor.page.url


STORAGE_BLOCKED = """
for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("blocked", "SecurityError") } })
}
delete window.BroadcastChannel
delete window.indexedDB
"""


def test_with_storage_and_channels_blocked_everything_works(arrive: Arrive, events: Stack) -> None:
    visitor = arrive(script=STORAGE_BLOCKED)
    # A second tab, for nobody, that nobody can tell: it asks by itself when it is looked at.
    second = visitor.context.new_page()
    second.goto(f"{events.app_url}/reports")
    expect(second.locator("[data-testid=stMain] h1")).to_have_text("Sign in", timeout=SOON)
    visitor.page.bring_to_front()
    visitor.sign_in("ada", "/api-explorer")
    press(visitor, "ask")
    said(visitor, re.compile("answered 200"))
    second.bring_to_front()
    second.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(second.locator("[data-testid=stMain] h1")).to_have_text("Usage report", timeout=SOON)


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_clock_that_is_five_minutes_wrong_changes_nothing(arrive: Arrive, minutes: int) -> None:
    shift = f"const real = Date.now; Date.now = () => real() + {minutes * 60_000}"
    visitor = arrive(script=shift)
    visitor.sign_in("dev", "/api-explorer")
    press(visitor, "ask")
    said(visitor, re.compile("answered 200"))
    expect(visitor.page.locator(".st-key-account .warning")).to_be_hidden()
    assert visitor.page.evaluate("fetch('/auth/session').then(answer => answer.json())")["authenticated"] is True


def does_not_answer(route: Route) -> None:
    route.fulfill(status=503, body="")


def test_a_server_that_does_not_answer_signs_nobody_out(arrive: Arrive) -> None:
    visitor = arrive()
    visitor.sign_in("dev", "/api-explorer")
    visitor.page.route("**/auth/session", does_not_answer)
    visitor.page.evaluate("window.dispatchEvent(new Event('online'))")
    visitor.page.wait_for_timeout(500)
    expect(visitor.page.locator(".st-key-account")).to_contain_text("Dev Patel")
    assert visitor.page.url.endswith("/api-explorer")
