"""The editor of a role: the review, saving, undo, conflicting edits, and which permissions can be ticked."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from app.core.clock import utc_now
from app.core.policy import Source
from app.core.records import NewGrant
from tests.apptest.administration import notice
from tests.apptest.role_pages import show_all_permissions
from tests.apptest.stubbed import AdministrationStub, page_text, problem_text
from tests.stub_api import FAULTS, StubResponse, json_of, problem


def open_review(stub: AdministrationStub) -> AppTest:
    """Open the editor of the role clerk, change it, and go to the review with a reason."""
    at = stub.open("roles.py", {"role": "3", "edit": "yes"})
    show_all_permissions(at)
    for name, ticked in (("export:reports", True), ("read:people", False)):
        (box,) = [box for box in at.checkbox if str(box.key).endswith(f"-has-{name}")]
        box.set_value(ticked)
    at.text_input[0].set_value("front clerk")
    at.run()
    at.button(key="role-review").click().run()
    return at.text_input(key="role-save-reason").set_value("new work").run()


def test_the_review_shows_the_effect_of_saving(stub: AdministrationStub) -> None:
    shown = page_text(open_review(stub))
    for sentence in (
        "**Name:** clerk :material/arrow_forward: front clerk",
        "**34 people have** this role.",
        "**2 live sessions** are affected",
        "Added: 1 permission",
        "30 people gain it. Some have it already through analyst.",
        "Removed: 1 permission",
        "1 person loses it. :material/warning: Another role has it too: auditor. Users with that role keep it.",
    ):
        assert sentence in shown


def test_the_reviewed_change_is_saved_and_can_be_undone(stub: AdministrationStub) -> None:
    at = open_review(stub)
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
    assert notice(at) == (
        "Changed the role **clerk**: + **export:reports** and \N{MINUS SIGN} **read:people**, renamed to **front "
        "clerk**. It applies at once to 34 people."
    )
    at.button(key="undo").click().run()
    back = stub.sent("PUT")[-1]
    assert back.headers["if-match"] == '"v4"'
    assert back.json()["permissions"] == ["read:people", "read:reports"]
    assert back.json()["name"] == "clerk"
    assert back.json()["reason"] == "Undone: new work"
    assert notice(at) == (
        "Undone: changed the role **front clerk** back: + **read:people** and \N{MINUS SIGN} **export:reports**, "
        "renamed to **clerk**."
    )


def test_nothing_is_saved_without_a_reason(stub: AdministrationStub) -> None:
    at = open_review(stub)
    at.text_input(key="role-save-reason").set_value("  ").run()
    at.button(key="role-save").click().run()
    assert "Enter a reason" in problem_text(at)
    assert stub.sent("PUT") == []


@pytest.mark.parametrize(
    ("response", "expected"),
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
        (FAULTS["html"], "may have been saved"),
        (FAULTS["503"], "does not answer"),
    ],
)  # fmt: skip
def test_a_failed_save_is_explained_and_keeps_the_input(
    stub: AdministrationStub, response: StubResponse, expected: str
) -> None:
    at = open_review(stub)
    stub.answer("PUT", "roles/3", response)
    at.button(key="role-save").click().run()
    assert expected in problem_text(at)
    assert at.text_input(key="role-save-reason").value == "new work"
    assert "Added: 1 permission" in page_text(at)
    at.button(key="role-back").click().run()
    assert at.text_input[0].value == "front clerk"
    show_all_permissions(at)
    ticked = {str(box.key).partition("-has-")[2] for box in at.checkbox if box.value}
    assert ticked == {"export:reports", "read:reports"}


def test_a_conflicting_edit_shows_both_versions_and_loses_neither(stub: AdministrationStub) -> None:
    at = open_review(stub)
    stub.answer("PUT", "roles/3", FAULTS["412"])
    current = {**stub.roles[2], "description": "Theirs.", "permissions": ["read:people", "read:roles"], "version": "v9"}
    stub.answer("GET", "roles/3", json_of(current))
    at.button(key="role-save").click().run()
    shown = page_text(at)
    assert "Another administrator changed the role **clerk** while you were editing it." in shown
    assert "**Description:** Is clerk. :material/arrow_forward: Theirs." in shown
    assert "See roles, the permissions in them" in shown
    assert "**Name:** clerk :material/arrow_forward: front clerk" in shown
    assert "Download the usage report as a file" in shown
    at.button(key="meanwhile-on-top").click().run()
    stub.answer("PUT", "roles/3", json_of(current))
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


def test_the_other_version_can_be_kept_instead(stub: AdministrationStub) -> None:
    at = open_review(stub)
    stub.answer("PUT", "roles/3", FAULTS["412"])
    at.button(key="role-save").click().run()
    at.button(key="meanwhile-theirs-only").click().run()
    assert at.title[0].value == "clerk"
    assert len(stub.sent("PUT")) == 1


def test_a_deleted_role_can_be_created_again_from_the_edit(stub: AdministrationStub) -> None:
    at = open_review(stub)
    stub.answer("POST", "roles/3/review", FAULTS["404"])
    at.run()
    assert "The role **clerk** was deleted meanwhile." in page_text(at)
    at.button(key="role-as-new").click().run()
    assert at.title[0].value == "New role"
    assert at.text_input[0].value == "front clerk"
    ticked = {str(box.key).partition("-has-")[2] for box in at.checkbox if box.value}
    assert ticked == {"export:reports", "read:reports"}


def test_a_role_is_deleted_only_with_another_role_for_its_people(stub: AdministrationStub) -> None:
    at = stub.open("roles.py", {"role": "3"})
    at.button(key="role-delete").click().run()
    assert "Choose another role for 34 people with the role **clerk**." in page_text(at)
    assert at.button(key="delete-go").disabled
    at.selectbox(key="delete-move-to").set_value(2).run()
    at.text_input(key="delete-reason").set_value("no longer needed").run()
    stub.answer("DELETE", "roles/3", FAULTS["429"])
    at.button(key="delete-go").click().run()
    assert "Wait 7 seconds" in problem_text(at)
    assert at.text_input(key="delete-reason").value == "no longer needed"
    assert at.selectbox(key="delete-move-to").value == 2
    stub.answer("DELETE", "roles/3", json_of({"moved": 34}))
    at.button(key="delete-go").click().run()
    deletion = stub.sent("DELETE")[-1]
    assert deletion.query == {"move_to": ["2"], "reason": ["no longer needed"]}
    assert deletion.headers["if-match"] == '"v3"'
    assert notice(at) == "Deleted the role **clerk**, and moved 34 people to the role **viewer**."
    assert at.title[0].value == "Roles"


def test_nothing_is_saved_after_the_permission_is_revoked(stub: AdministrationStub) -> None:
    at = open_review(stub)
    with stub.services.storage.unit_of_work() as unit:
        unit.revoke_grant(
            NewGrant(subject=stub.subject, source=Source.ADMIN, author="t", role="administrator"), utc_now()
        )
        unit.add_grant(NewGrant(subject=stub.subject, source=Source.ADMIN, author="t", role="auditor"), utc_now())
        unit.commit()
    at.button(key="role-save").click().run()
    assert stub.sent("PUT") == []
    assert "needs a permission that you do not have" in problem_text(at)


def test_permissions_that_the_administrator_lacks_cannot_be_ticked(stub: AdministrationStub) -> None:
    at = stub.open("roles.py", {"role": "3", "edit": "yes"}, roles=("auditor",))
    assert "needs a permission that you do not have" in problem_text(at)
    own_permissions = ("read:roles", "manage:roles", "read:reports")
    at = stub.open("roles.py", {"role": "3", "edit": "yes"}, roles=(), permissions=own_permissions)
    show_all_permissions(at)
    locked = {str(box.key).partition("-has-")[2] for box in at.checkbox if box.disabled}
    assert locked == {"export:reports"}
    assert "You cannot grant the locked permissions" in page_text(at)
