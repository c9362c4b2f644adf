"""Roles, mappings and access matrix in front of the real remote API: changes are stored and audited."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest

from app import access
from app.core.clock import utc_now
from app.core.guard_scanner import publish_guards
from app.core.permissions import ROLES
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant, TokenRights
from app.guard_inventory import PROCESS, own_guards
from tests.apptest.conftest import AppInstallation
from tests.apptest.role_pages import Change, create_role, events_of, open_page, permissions_in, role_id, tick
from tests.apptest.stubbed import page_text


def test_the_list_shows_every_role_with_its_counts(installation: AppInstallation) -> None:
    create_role(installation, "clerk", "read:reports")
    at = open_page(installation, "roles.py")
    shown = page_text(at)
    for description, _ in ROLES.values():
        assert description in shown
    assert "1 permission, not assigned" in shown
    assert "assigned to 1 person" in shown
    at.text_input(key="roles-search").set_value("VIEW").run()
    assert "1 role" in page_text(at)
    at.text_input(key="roles-search").set_value("zzz").run()
    assert "No role matches" in page_text(at)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_lists_its_permissions_as_sentences(installation: AppInstallation, role: str) -> None:
    at = open_page(installation, "roles.py", role=role_id(installation, role))
    shown = page_text(at)
    for permission in ROLES[role][1]:
        assert f"- {permission.sentence} :small[`{permission}`]" in shown
    assert "Built in" in shown


def test_a_role_is_created_changed_undone_and_deleted(installation: AppInstallation, change: Change) -> None:
    at = create_role(installation, "clerk", "read:reports", "read:people")
    assert "The role **clerk** was created" in page_text(at)
    assert permissions_in(installation, "clerk") == {"read:reports", "read:people"}
    (created,) = events_of(installation, "policy:role:create")
    assert (created["reason"], created["target"]) == ("a new desk", "clerk")

    holder = Subject(installation.services.settings.issuer, "test|holder")
    change(
        lambda unit: unit.add_grant(NewGrant(subject=holder, source=Source.ADMIN, author="t", role="clerk"), utc_now())
    )
    number = role_id(installation, "clerk")
    at = open_page(installation, "roles.py", role=number, edit="yes")
    tick(at, "read:people", ticked=False)
    tick(at, "export:reports")
    at.button(key="role-review").click().run()
    shown = page_text(at)
    assert "**1 person has** this role." in shown
    assert "1 person gains it." in shown
    assert "1 person loses it." in shown
    at.text_input(key="role-save-reason").set_value("desk work").run()
    at.button(key="role-save").click().run()
    assert permissions_in(installation, "clerk") == {"read:reports", "export:reports"}
    at.button(key="undo").click().run()
    assert permissions_in(installation, "clerk") == {"read:reports", "read:people"}
    assert [event["reason"] for event in events_of(installation, "policy:role:update")] == [
        "desk work",
        "The last change was undone.",
    ]

    at.button(key="role-delete").click().run()
    at.text_input(key="delete-reason").set_value("closed").run()
    at.selectbox(key="delete-move-to").set_value(int(role_id(installation, "viewer"))).run()
    at.button(key="delete-go").click().run()
    assert "1 person got viewer instead" in page_text(at)
    assert at.title[0].value == "Roles"
    grants = installation.services.storage.read.grants(holder, utc_now())
    assert set(grants.roles) == {"viewer"}


def test_creating_a_role_can_be_undone(installation: AppInstallation) -> None:
    at = create_role(installation, "desk", "read:reports")
    at.button(key="undo").click().run()
    assert "The role **desk** was deleted." in page_text(at)
    assert at.title[0].value == "Roles"
    assert len(events_of(installation, "policy:role:delete")) == 1


def test_concurrent_edits_of_two_administrators_are_both_kept(installation: AppInstallation) -> None:
    create_role(installation, "clerk", "read:reports")
    number = role_id(installation, "clerk")
    first, second = open_page(installation, "roles.py", role=number, edit="yes"), None
    tick(first, "read:people")
    first.button(key="role-review").click().run()
    second = open_page(installation, "roles.py", role=number, edit="yes")
    tick(second, "read:roles")
    second.button(key="role-review").click().run()
    second.text_input(key="role-save-reason").set_value("second").run()
    second.button(key="role-save").click().run()
    first.text_input(key="role-save-reason").set_value("first").run()
    first.button(key="role-save").click().run()
    assert "Another administrator changed this role while you were editing it" in page_text(first)
    assert permissions_in(installation, "clerk") == {"read:reports", "read:roles"}
    first.button(key="meanwhile-on-top").click().run()
    first.text_input(key="role-save-reason").set_value("first").run()
    first.button(key="role-save").click().run()
    assert permissions_in(installation, "clerk") == {"read:reports", "read:roles", "read:people"}


def test_a_taken_name_is_explained_and_the_input_is_kept(installation: AppInstallation) -> None:
    at = create_role(installation, "Viewer", "read:reports")
    assert "The name is taken" in page_text(at)
    at.button(key="role-back").click().run()
    assert at.text_input[0].value == "Viewer"


def test_a_copy_starts_with_the_permissions_of_the_role(installation: AppInstallation) -> None:
    at = open_page(installation, "roles.py", edit="new", copy=role_id(installation, "analyst"))
    assert at.title[0].value == "Copy analyst"
    assert at.text_input[0].value == "analyst (copy)"
    ticked = {str(box.key).partition("-has-")[2] for box in at.checkbox if box.value}
    assert ticked == permissions_in(installation, "analyst") >= {"read:reports", "export:reports"}


def test_two_roles_are_compared_side_by_side(installation: AppInstallation) -> None:
    create_role(installation, "clerk", "read:reports", "explore:files", "export:reports")
    create_role(installation, "reader", "read:reports")
    at = open_page(
        installation, "roles.py", role=role_id(installation, "clerk"), compare=role_id(installation, "reader")
    )
    listed = [element.value for element in at.markdown if "explore:files" in element.value]
    assert [text.startswith("- Open a CSV file") for text in listed] == [True]
    shown = page_text(at)
    for part in ("Only clerk", "Only reader", "Both (1)", "The other role has all of them too."):
        assert part in shown
    at = open_page(
        installation, "roles.py", role=role_id(installation, "viewer"), compare=role_id(installation, "viewer")
    )
    assert "exactly the same permissions" in page_text(at)


@pytest.mark.parametrize(("query", "expected"), [
    ({"role": "999999"}, "No such role"),
    ({"role": "x"}, "Find a role"),
    ({"role": "9" * 30}, "Find a role"),
    ({"role": "-1"}, "Find a role"),
    ({"role": "1", "compare": "999999"}, "No such role"),
    ({"edit": "new", "copy": "999999"}, "No such role"),
])  # fmt: skip
def test_an_unknown_role_in_the_address_is_explained(
    installation: AppInstallation, query: dict[str, str], expected: str
) -> None:
    at = open_page(installation, "roles.py", **query)
    assert expected in page_text(at) or at.text_input(key="roles-search").label == expected


def test_a_mapping_change_shows_how_many_people_it_affects(installation: AppInstallation, change: Change) -> None:
    subject = Subject(installation.services.settings.issuer, "test|mapped")
    rights = TokenRights(roles=frozenset({"Desk people"}), permissions=frozenset(), issued_at=utc_now())
    change(lambda unit: unit.sync_token_rights(subject, rights, implicit_role_mapping=False, now=utc_now()))
    at = open_page(installation, "mappings.py")
    assert "1 token role arrived and is not mapped" in page_text(at)
    at.button(key="mapping-change-0").click().run()
    at.multiselect(key="mapping-roles").set_value([int(role_id(installation, "viewer"))]).run()
    assert "1 person whose last sign-in contained it gets viewer at once." in page_text(at)
    at.text_input(key="mapping-reason").set_value("the desk reads").run()
    at.button(key="mapping-go").click().run()
    assert "is mapped to viewer. This changed the permissions of 1 person." in page_text(at)
    assert set(installation.services.storage.read.grants(subject, utc_now()).roles) == {"viewer"}
    at.button(key="undo").click().run()
    assert set(installation.services.storage.read.grants(subject, utc_now()).roles) == set()
    assert len(events_of(installation, "policy:mapping:update")) == 2


def test_the_matrix_and_its_file_show_the_guards_in_the_code(
    installation: AppInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads: list[bytes] = []

    def pressed(do: Callable[[], bytes]) -> Callable[[], bytes]:
        downloads.append(do())  # as if the button were pressed at once
        return do

    monkeypatch.setattr(access, "bind_session", pressed)
    nothing = open_page(installation, "access_matrix.py")
    assert "No process has published its guards yet" in page_text(nothing)
    publish_guards(installation.services.storage, PROCESS, own_guards())
    at = open_page(installation, "access_matrix.py")
    frame = at.dataframe[0].value
    audit = frame[frame["Name"] == "/audit"].iloc[0]
    assert (audit["Kind"], audit["Permission"], audit["administrator"], audit["auditor"], audit["viewer"]) == (
        "Page", "read:audit", "✓", "✓", "",
    )  # fmt: skip
    assert audit["Where"].startswith("pages/audit.py:")
    home = frame[frame["Name"] == "/"].iloc[0]
    assert home["Notice"] == "Open to all signed-in users"
    erasing = frame[frame["Permission"] == "erase:people"].iloc[0]
    assert erasing["Notice"] == "Administrator role only"
    assert not frame[frame["Name"].str.contains("audit.export:content_of")].empty
    rows = list(csv.DictReader(io.StringIO(downloads[-1].decode())))
    assert len(rows) == len(frame)
    assert next(row for row in rows if row["name"] == "/audit")["viewer"] == "no"
    at.toggle(key="matrix-with-notice").set_value(True).run()
    assert set(at.dataframe[0].value["Notice"]) == {
        "Open to all signed-in users", "Administrator role only",
    }  # fmt: skip
    at.text_input(key="matrix-search").set_value("zzz").run()
    assert "Nothing matches" in page_text(at)
