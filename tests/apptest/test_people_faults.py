"""People, Sessions and Overview when the remote API fails or the administrator loses a permission."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import api_transport
from tests import stub_responses
from tests.apptest.administration import CARD, Administration, button_keys, page_text
from tests.apptest.tables import controls, press_control
from tests.stub_api import FAULTS, StubResponse, json_of

MESSAGES = {
    "down": "Can't reach the server right now", "slow": "Can't reach the server right now",
    "401": "The access token is not valid", "403": "You may not do this", "409": "The last administrator must stay",
    "412": "changed meanwhile", "422": "Some of the input is not right", "428": "Name the version that you change",
    "429": "Too many requests", "500": "Something went wrong", "500 html": "Can't reach the server right now",
    "503": "The database does not answer", "html": "Can't reach the server right now",
    "list": "Can't reach the server right now", "other shape": "Can't reach the server right now",
    "empty": "Can't reach the server right now", "cut": "Can't reach the server right now",
    "redirect": "Can't reach the server right now",
}  # fmt: skip
"""Fault → the message on the page."""


IN_DOUBT = ("down", "slow", "500 html", "html", "list", "other shape", "empty", "cut")
"""Faults that lose the response to a change: whether it was stored is not known."""


UNCONFIRMED = "It may have been saved: check before you try again. Your input is kept."


@contextmanager
def broken(admin: Administration, fault: str, *methods: str) -> Iterator[None]:
    """Answer each call with one of these methods with the fault while the block runs."""
    ended = threading.Event()
    response = {"down": StubResponse(hang_up=True), "slow": StubResponse(200, b"{}", until=ended)}.get(fault) or FAULTS[
        fault
    ]
    admin.stub.responses = {
        key: response if key[0] in methods else usual for key, usual in admin.stub.responses.items()
    }
    with pytest.MonkeyPatch.context() as patch:
        if fault == "slow":
            shorten_timeouts(patch, *methods)
        yield
    ended.set()
    stub_responses.serve(admin.stub)


def shorten_timeouts(patch: pytest.MonkeyPatch, *methods: str) -> None:
    """Shorten the timeout of calls with one of these methods, which the stub never answers."""
    http = api_transport.http()
    request = http.request

    def sent(method: str, url: str, **options: Any) -> Any:
        return request(method, url, **(options | ({"timeout": (5.0, 0.1)} if method in methods else {})))

    patch.setattr(http, "request", sent)


@pytest.mark.parametrize("address", ["/people", CARD, "/sessions", "/admin"])
def test_a_page_explains_a_fault_of_the_api_and_recovers(admin: Administration, address: str) -> None:
    at, _ = admin.open(address)
    if address == "/people":
        at.text_input(key="q").set_value("Person 1")
    for fault, message in MESSAGES.items():
        with broken(admin, fault, "GET"):
            at.run()
        assert not at.exception, fault
        assert message in page_text(at), fault
        assert len(at.title) == 1, fault
        if address == "/people":
            assert at.text_input(key="q").value == "Person 1", fault
        at.run()
        assert not at.error, fault
        assert not at.warning, fault


CHANGES = {
    "add-grant": ("add-grant", {"add-grant-reason": "typed"}),
    "revoke": ("revoke-grant-3", {"revoke-reason": "typed"}),
    "block": ("block", {"block-reason": "typed"}),
    "end-all": ("end-all", {"end-all-reason": "typed"}),
    "end-session": ("end-session-ref-1", {"end-session-reason": "typed"}),
    "erase": ("erase", {"erase-reason": "typed"}),
}


def press_opener(at: AppTest, opener: str) -> None:
    """Open a dialog by its button, or by the control of a table."""
    if opener in button_keys(at):
        at.button(key=opener).click().run()
    else:
        press_control(at, opener)


@pytest.mark.parametrize("name", CHANGES)
def test_a_failed_change_is_explained_keeps_the_input_and_can_be_repeated(admin: Administration, name: str) -> None:
    opener, typed = CHANGES[name]
    at, _ = admin.open(CARD)
    press_opener(at, opener)
    for key, value in typed.items():
        at.text_input(key=key).set_value(value)
    if name == "add-grant":
        at.radio(key="add-grant-chosen-role").set_value("developer")
    if name == "erase":
        at.checkbox(key="erase-sure").check()
    at.run()
    for fault, message in MESSAGES.items():
        if name in {"erase", "end-session"} and fault == "empty":
            continue  # these calls return an empty body anyway
        shown = UNCONFIRMED if fault in IN_DOUBT else message
        with broken(admin, fault, "POST", "PUT", "DELETE"):
            at.button(key=f"{name}-go").click().run()
        assert not at.exception, fault
        if fault in IN_DOUBT:
            assert "try again in a moment" not in page_text(at).lower(), fault
        assert shown in page_text(at), fault
        assert f"{name}-go" in button_keys(at), f"{fault}: the dialog is gone"
        for key, value in typed.items():
            assert at.text_input(key=key).value == value, fault
        assert "undo" not in button_keys(at), f"{fault}: there is nothing to undo"
        assert not at.success, fault
    at.button(key=f"{name}-go").click().run()
    assert f"{name}-go" not in button_keys(at)
    assert at.success


@pytest.mark.parametrize("name", CHANGES)
def test_an_open_dialog_changes_nothing_after_the_role_is_revoked(admin: Administration, name: str) -> None:
    opener, typed = CHANGES[name]
    at, subject = admin.open(CARD)
    press_opener(at, opener)
    for key, value in typed.items():
        at.text_input(key=key).set_value(value)
    at.run()
    admin.revoke(subject, role="administrator")
    at.button(key=f"{name}-go").click().run()
    assert admin.changes() == []
    assert at.title[0].value == "No access"


NEEDS = {
    "add-grant": "manage:grants", "revoke": "manage:grants", "block": "block:people", "end-all": "end:sessions",
    "end-session": "end:sessions", "erase": "erase:people",
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_an_open_dialog_changes_nothing_after_its_permission_is_revoked(admin: Administration, name: str) -> None:
    opener, typed = CHANGES[name]
    others = ["read:people", "read:sessions", "read:roles"]
    at, subject = admin.open(CARD, roles=["developer"], permissions=[*others, NEEDS[name]])
    press_opener(at, opener)
    for key, value in typed.items():
        at.text_input(key=key).set_value(value)
    at.run()
    admin.revoke(subject, permission=NEEDS[name])
    at.button(key=f"{name}-go").click().run()
    assert admin.changes() == []
    assert at.title[0].value == "Bruno Silva"
    assert f"{name}-go" not in button_keys(at)
    assert opener not in button_keys(at) | controls(at)


def test_undo_is_refused_after_the_permission_is_revoked(admin: Administration) -> None:
    at, subject = admin.open(CARD, roles=[], permissions=["read:people", "block:people"])
    at.button(key="block").click().run()
    at.text_input(key="block-reason").set_value("left").run()
    at.button(key="block-go").click().run()
    admin.stub.responses["GET", f"{stub_responses.BASE}/people/7"] = json_of(
        stub_responses.card(version="v2", state="blocked")
    )
    admin.revoke(subject, permission="block:people")
    at.button(key="undo").click().run()
    assert len(admin.changes()) == 1
    assert "You may not do this" in page_text(at)


def test_a_section_that_fails_leaves_the_others(admin: Administration) -> None:
    admin.stub.responses["GET", f"{stub_responses.BASE}/audit"] = FAULTS["503"]
    admin.stub.responses["GET", f"{stub_responses.BASE}/people/7/sessions"] = FAULTS["html"]
    at, _ = admin.open(CARD)
    assert "The database does not answer" in page_text(at)
    assert "Can't reach the server right now" in page_text(at)
    assert {"add-grant", "block", "revoke-grant-3"} <= button_keys(at) | controls(at)
    at, _ = admin.open("/admin")
    assert "Needs attention" in page_text(at)
    assert "The database does not answer" in page_text(at)
