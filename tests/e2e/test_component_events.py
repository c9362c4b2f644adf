"""The component's events in a real browser: the log, delegated calls and forged events."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.e2e.api_explorer import CAPTURE, SOON, choose, expect_logged, expect_message, log_of, press
from tests.e2e.conftest import NewUser, browser_users
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-events")]


@pytest.fixture
def new_user(browser: Browser, own_stack: Stack) -> Iterator[NewUser]:
    with browser_users(browser, own_stack, height=1400) as new_user:
        yield new_user


def test_the_explorer_lists_the_events_of_a_session(new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("dev", "/api-explorer")
    expect_logged(user, re.compile(r"onStatusUpdate from the browser.*Signed in as Dev Patel, valid until", re.DOTALL))
    press(user, "ask")
    expect_message(user, re.compile(r"The API answered 200 after \d+ ms\."))
    expect(user.page.locator(".st-key-console .response")).to_contain_text("No access token is required")
    press(user, "report")
    expect_message(user, "The host has taken note.")
    expect(user.page.locator(".st-key-reports")).to_contain_text("Seen in this browser", timeout=SOON)
    press(user, "error")
    expect_logged(user, "onError demonstration from the browser")
    names = [line.split(" ")[0] for line in reversed(log_of(user))]
    assert names == ["onStatusUpdate", "onActionRequest", "onAdhocReport", "onError"]
    user.shot("api-explorer-events")
    assert user.console_errors == []


def test_the_account_shows_the_end_of_the_session_in_its_last_hour(new_user: NewUser, own_stack: Stack) -> None:
    user = new_user()
    user.sign_in("eva")
    expect(user.page.locator(".st-key-account .name")).to_be_visible(timeout=SOON)
    expect(user.page.locator(".st-key-account .valid-until")).to_have_count(0)
    with closing(sqlite3.connect(own_stack.folder / "var" / "gatehouse.sqlite3", timeout=10)) as connection:
        ends = int((time.time() + 1_800) * 1e6)
        connection.execute(
            "UPDATE sessions SET expires_at = ? WHERE person_id = (SELECT id FROM people WHERE subject = 'auth0|eva')",
            (ends,),
        )
        connection.commit()
    user.page.reload()
    expect(user.page.locator(".st-key-account .valid-until")).to_have_text(re.compile(r"^Signed in until .*\d\d?:\d\d"))


def test_a_burst_of_events_is_listed_in_order(new_user: NewUser) -> None:
    user = new_user()
    user.sign_in("dev", "/api-explorer")
    expect_logged(user, "onStatusUpdate")
    for _ in range(2):
        press(user, "burst")
    expect(user.page.locator(".st-key-event-log li").filter(has_text="of five")).to_have_count(10, timeout=SOON)
    bursts = [line[-9:] for line in reversed(log_of(user)) if "of five" in line]
    assert bursts == [f"{number} of five" for number in (1, 2, 3, 4, 5)] * 2


def test_the_host_calls_with_and_without_the_token_and_no_other_host(new_user: NewUser, own_stack: Stack) -> None:
    user = new_user()
    user.sign_in("dev", "/api-explorer")
    requests: list[str] = []
    user.page.on("request", lambda request: requests.append(request.url))
    choose(user, "Protected ping")
    press(user, "ask")
    expect_message(user, re.compile("answered 200"))
    user.page.locator(".st-key-console .with-token").uncheck()
    press(user, "ask")
    expect_message(user, re.compile("answered 401"))
    user.page.locator(".st-key-console .with-token").check()
    choose(user, "Scoped ping")
    press(user, "ask")
    expect_message(user, re.compile("answered 200"))
    choose(user, "Echo")
    press(user, "ask")
    expect(user.page.locator(".st-key-console .response")).to_contain_text("called by its host", timeout=SOON)
    choose(user, "Another host")
    press(user, "ask")
    expect_message(user, re.compile("calls only the remote API"))
    choose(user, "A path that is on no list")
    press(user, "ask")
    expect_message(user, re.compile("calls only the remote API"))
    # The browser sent requests only to the app, and received no token.
    assert not [url for url in requests if not url.startswith((own_stack.app_url, "data:", "blob:"))]
    shown = user.page.content() + str(user.page.evaluate("document.querySelector('.st-key-console').innerHTML"))
    assert "eyJ" not in shown


def test_a_protected_function_is_called_beside_its_endpoint(new_user: NewUser) -> None:
    may, may_not = new_user(), new_user()
    may.sign_in("dev", "/api-explorer")
    expect_logged(may, "onStatusUpdate")  # it reruns the page, which shows the answers of one press in one run
    may.settle()
    may.page.locator(".st-key-ask-both button").click()
    expect(may.page.locator(".st-key-function-response")).to_contain_text("You may read messages", timeout=SOON)
    expect(may.page.locator(".st-key-endpoint-response")).to_contain_text("200: Ping", timeout=SOON)
    may_not.sign_in("bruno", "/api-explorer")
    expect(may_not.page.locator("[data-testid=stMain] h1")).to_have_text("No access", timeout=SOON)


def test_a_requested_sign_in_returns_to_the_page(new_user: NewUser, own_stack: Stack) -> None:
    user = new_user()
    user.sign_in("dev", "/api-explorer?from=here")
    expect_logged(user, "onStatusUpdate")
    press(user, "auth")
    user.page.locator("button[name=person][value=dev]").click(timeout=SOON)
    user.page.wait_for_url(f"{own_stack.app_url}/api-explorer?from=here", timeout=SOON)
    expect(user.page.locator("[data-testid=stMain] h1")).to_have_text("API explorer", timeout=SOON)


def forge(page: Page, key: str, queue: list[dict[str, Any]], link: dict[str, Any]) -> None:
    """Send events on the page's own socket, as a user can at the browser's console."""
    raw = page.evaluate("btoa(String.fromCharCode(...new Uint8Array(window.lastMessage)))")
    message = BackMsg.FromString(base64.b64decode(raw))
    sent = {"channel": link["channel"], "received": 0, "sent": 99, "queue": queue}
    for widget in message.rerun_script.widget_states.widgets:
        if widget.id.endswith(f"-{key}"):
            widget.json_value = json.dumps({"events": sent})
    forged = base64.b64encode(message.SerializeToString()).decode()
    page.evaluate("raw => window.socket.send(Uint8Array.from(atob(raw), (c) => c.charCodeAt(0)))", forged)


def state_of(page: Page, key: str) -> dict[str, Any]:
    """The last state that the component sent on its socket."""
    raw = page.evaluate("btoa(String.fromCharCode(...new Uint8Array(window.lastMessage)))")
    for widget in BackMsg.FromString(base64.b64decode(raw)).rerun_script.widget_states.widgets:
        if widget.id.endswith(f"-{key}") and widget.json_value:
            state: dict[str, Any] = json.loads(widget.json_value)["events"]
            return state
    raise AssertionError("nothing was sent")


def test_a_forged_event_from_the_console_is_an_error_and_an_audit_event(new_user: NewUser, own_stack: Stack) -> None:
    user = new_user(script=CAPTURE)
    user.sign_in("ada", "/api-explorer")
    expect_logged(user, "onStatusUpdate")
    press(user, "report")
    expect_message(user, "The host has taken note.")
    link = state_of(user.page, "console")
    last_seq = link["queue"][-1]["seq"]
    forged = {"seq": last_seq + 1, "name": "onGrantMeEverything", "source": "front-end", "data": {}}
    forge(user.page, "console", [forged], link)
    expect_logged(user, re.compile(r"onError unknown-event from the host.*There is no event of that name", re.DOTALL))
    as_host = {"seq": last_seq + 2, "name": "onError", "source": "host", "data": {"code": "x", "message": "y"}}
    forge(user.page, "console", [as_host], link)
    expect_logged(user, "onError wrong-shape from the host")
    user.shot("forged-event")
    # The page and the component still work.
    press(user, "ask")
    expect_message(user, re.compile("answered 200"))
    assert user.page.locator("[data-testid=stException]").count() == 0
    own_stack.stop("app")  # counted refusals are written once a minute and at the end
    with sqlite3.connect(own_stack.folder / "var" / "gatehouse.sqlite3") as connection:
        rows = connection.execute(
            "SELECT actor, reason, outcome FROM audit_events WHERE kind = 'app:component:refuse' ORDER BY reason"
        ).fetchall()
        calls = connection.execute("SELECT actor FROM audit_events WHERE kind = 'app:call:refuse'").fetchall()
    connection.close()
    own_stack.start_app()
    actor = f"auth0|ada at {own_stack.issuer}"
    print(f"audit of the forged events: {rows}")
    assert rows == [(actor, "unknown-event", "refused"), (actor, "wrong-shape", "refused")]
    assert {actor for (actor,) in calls} <= {f"auth0|dev at {own_stack.issuer}"}
