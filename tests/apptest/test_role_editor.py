"""The editor of a role: the review, saving, undo, conflicting edits, and which permissions can be ticked."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from app.core.clock import utc_now
from app.core.policy import Source
from app.core.records import NewGrant
from tests.apptest.stubbed import Told, explained, words
from tests.stub_api import FAULTS, StubResponse, json_of, problem


def reviewing(stub: Told) -> AppTest:
    """An edit of the role clerk, at its review, with a reason."""
    at = stub.open("roles.py", {"role": "3", "edit": "yes"})
    for name, wanted in (("export:reports", True), ("read:people", False)):
        (box,) = [box for box in at.checkbox if str(box.key).endswith(f"-has-{name}")]
        box.set_value(wanted)
    at.text_input[0].set_value("front clerk")
    at.run()
    at.button(key="role-review").click().run()
    return at.text_input(key="role-save-reason").set_value("new work").run()


def test_the_review_says_what_saving_does(stub: Told) -> None:
    said = words(reviewing(stub))
    for sentence in (
        "**Name:** clerk :material/arrow_forward: front clerk",
        "**34 people have** this role.",
        "**2 live sessions** are affected",
        "Added: 1 permission",
        "30 people gain it. Some have it already through analyst.",
        "Removed: 1 permission",
        "1 person loses it. :material/warning: Another role has it too: auditor. Users with that role keep it.",
    ):
        assert sentence in said


def test_what_is_saved_is_what_was_reviewed_and_can_be_taken_back(stub: Told) -> None:
    at = reviewing(stub)
    saved = {**stub.roles[2], "name": "front clerk", "permissions": ["read:reports", "export:reports"], "version": "v4"}
    stub.answer("PUT", "roles/3", json_of(saved))
    at.button(key="role-save").click().run()
    (put,) = stub.sent("PUT")
    assert put.headers["if-match"] == '"v3"'
    assert put.json() == {
        "name": "front clerk",
        "description": "Is clerk.",
        "permissions": ["export:reports", "read:reports"],
        "reason": "new work",
    }
    assert "was changed: 1 added and 1 removed" in words(at)
    at.button(key="undo").click().run()
    back = stub.sent("PUT")[-1]
    assert back.headers["if-match"] == '"v4"'
    assert back.json()["permissions"] == ["read:people", "read:reports"]
    assert back.json()["name"] == "clerk"
    assert "is as it was before" in words(at)


def test_nothing_is_saved_without_a_reason(stub: Told) -> None:
    at = reviewing(stub)
    at.text_input(key="role-save-reason").set_value("  ").run()
    at.button(key="role-save").click().run()
    assert "Enter a reason" in explained(at)
    assert stub.sent("PUT") == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (FAULTS["401"], "did not accept your sign-in"),
        (FAULTS["403"], "permission that you do not have"),
        (problem(403, "not-held", "You can grant only what you have yourself", permissions=["export:reports"]),
         "what you do not hold: download the usage report as a file"),
        (problem(409, "name-taken", "The name is taken", "A role that looks like it is there."), "The name is taken"),
        (problem(409, "last-administrator", "The last administrator must stay"), "must stay"),
        (FAULTS["422"], "It is too long."),
        (FAULTS["428"], "Name the version"),
        (FAULTS["429"], "Wait 7 seconds"),
        (FAULTS["500"], "Something went wrong"),
        (FAULTS["html"], "may have been kept all the same"),
        (FAULTS["503"], "does not answer"),
    ],
)  # fmt: skip
def test_a_save_that_fails_says_why_and_keeps_everything(stub: Told, given: StubResponse, said: str) -> None:
    at = reviewing(stub)
    stub.answer("PUT", "roles/3", given)
    at.button(key="role-save").click().run()
    assert said in explained(at)
    assert at.text_input(key="role-save-reason").value == "new work"
    assert "Added: 1 permission" in words(at)
    at.button(key="role-back").click().run()
    assert at.text_input[0].value == "front clerk"
    ticked = {str(box.key).partition("-has-")[2] for box in at.checkbox if box.value}
    assert ticked == {"export:reports", "read:reports"}


def test_a_role_changed_meanwhile_shows_both_and_loses_neither(stub: Told) -> None:
    at = reviewing(stub)
    stub.answer("PUT", "roles/3", FAULTS["412"])
    theirs = {**stub.roles[2], "description": "Theirs.", "permissions": ["read:people", "read:roles"], "version": "v9"}
    stub.answer("GET", "roles/3", json_of(theirs))
    at.button(key="role-save").click().run()
    said = words(at)
    assert "Another administrator changed this role while you were editing it" in said
    assert "**Description:** Is clerk. :material/arrow_forward: Theirs." in said
    assert "See roles, the permissions in them" in said
    assert "**Name:** clerk :material/arrow_forward: front clerk" in said
    assert "Download the usage report as a file" in said
    at.button(key="meanwhile-on-top").click().run()
    stub.answer("PUT", "roles/3", json_of(theirs))
    at.text_input(key="role-save-reason").set_value("new work").run()
    at.button(key="role-save").click().run()
    put = stub.sent("PUT")[-1]
    assert put.headers["if-match"] == '"v9"'
    assert put.json() == {
        "name": "front clerk",
        "description": "Theirs.",
        "permissions": ["export:reports", "read:roles"],
        "reason": "new work",
    }


def test_theirs_can_be_kept_instead(stub: Told) -> None:
    at = reviewing(stub)
    stub.answer("PUT", "roles/3", FAULTS["412"])
    at.button(key="role-save").click().run()
    at.button(key="meanwhile-theirs-only").click().run()
    assert at.title[0].value == "clerk"
    assert len(stub.sent("PUT")) == 1


def test_a_role_deleted_meanwhile_can_be_made_anew_from_the_edit(stub: Told) -> None:
    at = reviewing(stub)
    stub.answer("POST", "roles/3/review", FAULTS["404"])
    at.run()
    assert "This role was deleted meanwhile" in explained(at)
    at.button(key="role-as-new").click().run()
    assert at.title[0].value == "Create role"
    assert at.text_input[0].value == "front clerk"
    ticked = {str(box.key).partition("-has-")[2] for box in at.checkbox if box.value}
    assert ticked == {"export:reports", "read:reports"}


def test_a_role_is_deleted_only_with_a_place_for_its_people(stub: Told) -> None:
    at = stub.open("roles.py", {"role": "3"})
    at.button(key="role-delete").click().run()
    assert "34 people have it" in words(at)
    assert at.button(key="delete-go").disabled
    at.selectbox(key="delete-move-to").set_value(2).run()
    at.text_input(key="delete-reason").set_value("nobody does it").run()
    stub.answer("DELETE", "roles/3", FAULTS["429"])
    at.button(key="delete-go").click().run()
    assert "Wait 7 seconds" in explained(at)
    assert at.text_input(key="delete-reason").value == "nobody does it"
    assert at.selectbox(key="delete-move-to").value == 2
    stub.answer("DELETE", "roles/3", json_of({"moved": 34}))
    at.button(key="delete-go").click().run()
    gone = stub.sent("DELETE")[-1]
    assert gone.query == {"move_to": ["2"], "reason": ["nobody does it"]}
    assert gone.headers["if-match"] == '"v3"'
    assert "34 people got viewer instead" in words(at)
    assert at.title[0].value == "Roles"


def test_a_right_taken_away_while_one_is_at_it_saves_nothing(stub: Told) -> None:
    at = reviewing(stub)
    with stub.services.storage.unit_of_work() as unit:
        unit.revoke_grant(NewGrant(subject=stub.who, source=Source.ADMIN, by="t", role="administrator"), utc_now())
        unit.add_grant(NewGrant(subject=stub.who, source=Source.ADMIN, by="t", role="auditor"), utc_now())
        unit.commit()
    at.button(key="role-save").click().run()
    assert stub.sent("PUT") == []
    assert "needs a permission that you do not have" in explained(at)


def test_what_one_does_not_hold_is_locked_before_trying(stub: Told) -> None:
    at = stub.open("roles.py", {"role": "3", "edit": "yes"}, roles=("auditor",))
    assert "needs a permission that you do not have" in explained(at)
    held = ("read:roles", "manage:roles", "read:reports")
    at = stub.open("roles.py", {"role": "3", "edit": "yes"}, roles=(), permissions=held)
    locked = {str(box.key).partition("-has-")[2] for box in at.checkbox if box.disabled}
    assert locked == {"export:reports"}
    assert "You cannot grant the locked permissions" in words(at)
