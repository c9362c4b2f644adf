"""The page of one person: changes that change nothing, and an undo after another administrator was faster."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests import stub_responses
from tests.apptest.administration import CARD, Administration, notice
from tests.apptest.tables import press_control
from tests.stub_api import json_of

PERSON = f"{stub_responses.BASE}/people/7"


def grant_developer(at: AppTest) -> None:
    """Grant the role developer in the open page."""
    at.button(key="add-grant").click().run()
    at.radio(key="add-grant-chosen-role").set_value("developer").run()
    at.text_input(key="add-grant-reason").set_value("helps").run()
    at.button(key="add-grant-go").click().run()


def test_a_grant_that_the_person_has_already_is_named_with_its_expiry(admin: Administration) -> None:
    present = stub_responses.grant(6, "developer", until="2027-01-31T00:00:00+00:00")
    card = stub_responses.card(grants=[*stub_responses.card()["grants"], present])
    admin.stub.responses["POST", f"{PERSON}/grants"] = json_of(card, 200, etag='"v1"')
    at, _ = admin.open(CARD)
    grant_developer(at)
    assert notice(at) == (
        "Nothing changed: **Bruno Silva** already has the role **developer**, until 31 January 2027, 00:00 UTC."
    )


def test_the_undo_of_a_grant_that_was_revoked_meanwhile_changes_nothing(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    grant_developer(at)
    at.button(key="undo").click().run()
    assert len(admin.changes()) == 1
    assert notice(at) == "Nothing to undo: the role **developer** of **Bruno Silva** was revoked meanwhile."


def test_the_undo_of_a_revocation_that_was_granted_again_changes_nothing(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    press_control(at, "revoke-grant-3")
    at.text_input(key="revoke-reason").set_value("left").run()
    after = stub_responses.card(version="v2", grants=stub_responses.card()["grants"][1:])
    admin.stub.responses["DELETE", f"{PERSON}/grants/3"] = json_of(after, etag='"v2"')
    at.button(key="revoke-go").click().run()
    assert notice(at) == (
        "Revoked the role **viewer** from **Bruno Silva** (granted by **Ada Okafor**). It applies at once, in open "
        "tabs too."
    )
    admin.stub.responses["POST", f"{PERSON}/grants"] = json_of(stub_responses.card(), 200, etag='"v3"')
    at.button(key="undo").click().run()
    assert notice(at) == (
        "Nothing to undo: **Bruno Silva** was granted the role **viewer** again meanwhile, no expiry."
    )


def test_the_undo_of_a_block_that_was_ended_meanwhile_changes_nothing(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    at.button(key="block").click().run()
    at.text_input(key="block-reason").set_value("left").run()
    at.button(key="block-go").click().run()
    at.button(key="undo").click().run()
    assert len(admin.changes()) == 1
    assert notice(at) == "Nothing to undo: **Bruno Silva** was unblocked meanwhile."


def test_all_sessions_are_ended_or_there_was_none(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    for ended, expected in (
        (1, "Ended 1 session of **Bruno Silva**."),
        (0, "Nothing changed: **Bruno Silva** had no active session."),
    ):
        admin.stub.responses["DELETE", f"{PERSON}/sessions"] = json_of({"ended": ended})
        at.button(key="end-all").click().run()
        at.text_input(key="end-all-reason").set_value("lost").run()
        at.button(key="end-all-go").click().run()
        assert notice(at) == expected


def test_a_person_who_was_added_before_is_named(admin: Administration) -> None:
    admin.stub.responses["POST", f"{stub_responses.BASE}/people"] = json_of(stub_responses.card(), 200)
    at, _ = admin.open("/people")
    at.button(key="add-person").click().run()
    at.text_input(key="add-person-subject").set_value("auth0|7").run()
    at.text_input(key="add-person-reason").set_value("starts").run()
    at.button(key="add-person-go").click().run()
    assert notice(at) == "Nothing changed: **Bruno Silva** was added before."
