"""Roles, mappings and access matrix in front of the real remote API: changes are stored and audited."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from app.core.clock import utc_now
from app.core.permissions import ROLES
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant, TokenRights
from tests.apptest.administration import notice
from tests.apptest.conftest import AppInstallation
from tests.apptest.role_pages import (
    Change,
    create_role,
    events_of,
    open_page,
    permissions_in,
    role_id,
    show_all_permissions,
    tick,
)
from tests.apptest.stubbed import page_text
from tests.apptest.tables import press, select, table, tables, texts


def test_the_list_shows_every_role_with_its_counts(installation: AppInstallation) -> None:
    create_role(installation, "clerk", "read:reports")
    at = open_page(installation, "roles.py")
    shown = {row[0]: row[1:] for row in texts(table(at))}
    for name, (description, permissions) in ROLES.items():
        people = "1" if name == "administrator" else "no one"
        assert shown[f"{name} built-in {description}"] == [str(len(permissions)), people]
    assert shown["clerk Works at the desk."] == ["1", "no one"]
    press(at, "sort", "permissions")
    counts = [int(row[1]) for row in texts(table(at))]
    assert counts == sorted(counts, reverse=True)
    assert at.query_params["sort"] == "-permissions"
    at.text_input(key="q").set_value("VIEW").run()
    assert [row["label"] for row in table(at)["rows"]] == ["viewer"]
    at.text_input(key="q").set_value("zzz").run()
    assert "No role matches" in page_text(at)


def test_a_row_opens_the_role_and_the_way_back_keeps_the_search(installation: AppInstallation) -> None:
    at = open_page(installation, "roles.py")
    at.text_input(key="q").set_value("audit").run()
    press(at, "open", role_id(installation, "auditor"))
    assert at.title[0].value == "auditor"
    assert at.query_params["role"] == role_id(installation, "auditor")
    at.button(key="all-roles").click().run()
    assert at.title[0].value == "Roles"
    assert [row["label"] for row in table(at)["rows"]] == ["auditor"]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("reader", ["administrator", "auditor"])
def test_a_role_lists_its_permissions_as_sentences(installation: AppInstallation, role: str, reader: str) -> None:
    at = open_page(installation, "roles.py", user_role=reader, role=role_id(installation, role))
    assert "Built in" in page_text(at)
    if reader == "administrator" and role != "administrator":
        boxes = {str(box.key).partition("-has-")[2]: box for box in at.checkbox}
        assert {name: boxes[name].label for name in boxes} == {
            permission.value: f"{permission.sentence} `{permission}`" for permission in ROLES[role][1]
        }
        assert all(box.value for box in boxes.values())
    else:
        assert not at.checkbox
        permissions = tables(at)[f"Permissions of {role}"]
        assert {text for (text,) in texts(permissions)} == {f"{item.sentence} {item.value}" for item in ROLES[role][1]}


def test_the_people_who_have_a_role_or_a_permission_are_one_click_away(
    installation: AppInstallation, change: Change
) -> None:
    for number in range(7):
        holder = Subject(installation.services.settings.issuer, f"test|holder-{number}")
        grant = NewGrant(subject=holder, source=Source.ADMIN, author="t", role="viewer")
        change(lambda unit, grant=grant: unit.add_grant(grant, utc_now()))  # type: ignore[misc]
    role = role_id(installation, "viewer")
    at = open_page(installation, "roles.py", role=role)
    assert "7 people have this role." in page_text(at)
    holders = tables(at)["People with this role"]
    assert [row[0] for row in texts(holders)] == [f"test|holder-{number}" for number in range(5)]
    links = [(link.proto.label, link.proto.page, link.proto.query_string) for link in at.get("page_link")]
    assert ("All 7 people", "people", "role=viewer") in links
    assert ("People with this role", "people", "role=viewer") in links
    assert ("Who has this", "people", "permission=read%3Areports") in links
    press(at, "open", holders["rows"][0]["id"], label="People with this role")
    assert at.query_params["person"] == holders["rows"][0]["id"]

    reading = open_page(installation, "roles.py", user_role="auditor", role=role)
    press(reading, "holders", "read:reports", label="Permissions of viewer")
    assert reading.title[0].value == "People"
    assert reading.query_params["permission"] == "read:reports"


def test_a_role_is_created_changed_undone_and_deleted(installation: AppInstallation, change: Change) -> None:
    at = create_role(installation, "clerk", "read:reports", "read:people")
    assert notice(at) == (
        "Created the role **clerk** with the permissions **read:people** and **read:reports**. No one has it yet."
    )
    assert permissions_in(installation, "clerk") == {"read:reports", "read:people"}
    (created,) = events_of(installation, "policy:role:create")
    assert (created["reason"], created["target"]) == ("a new desk", "clerk")

    holder = Subject(installation.services.settings.issuer, "test|holder")
    change(
        lambda unit: unit.add_grant(NewGrant(subject=holder, source=Source.ADMIN, author="t", role="clerk"), utc_now())
    )
    number = role_id(installation, "clerk")
    at = open_page(installation, "roles.py", role=number)
    assert "role-review" not in {button.key for button in at.button}, "nothing is changed yet"
    tick(at, "read:people", ticked=False)
    assert "**\N{MINUS SIGN} 1 permission**; not saved yet" in page_text(at)
    show_all_permissions(at)
    tick(at, "export:reports")
    assert "**+ 1 \N{MINUS SIGN} 1 permissions**; not saved yet" in page_text(at)
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
        "Undone: desk work",
    ]

    at.button(key="role-delete").click().run()
    at.text_input(key="delete-reason").set_value("closed").run()
    at.selectbox(key="delete-move-to").set_value(int(role_id(installation, "viewer"))).run()
    at.button(key="delete-go").click().run()
    assert notice(at) == "Deleted the role **clerk**, and moved 1 person to the role **viewer**."
    assert at.title[0].value == "Roles"
    grants = installation.services.storage.read.grants(holder, utc_now())
    assert set(grants.roles) == {"viewer"}


def test_creating_a_role_can_be_undone(installation: AppInstallation) -> None:
    at = create_role(installation, "desk", "read:reports")
    at.button(key="undo").click().run()
    assert notice(at) == "Undone: deleted the role **desk**, which no one had."
    assert at.title[0].value == "Roles"
    [deletion] = events_of(installation, "policy:role:delete")
    assert deletion["reason"] == "Undone: a new desk"


def test_concurrent_edits_of_two_administrators_are_both_kept(installation: AppInstallation) -> None:
    create_role(installation, "clerk", "read:reports")
    number = role_id(installation, "clerk")
    first, second = open_page(installation, "roles.py", role=number, edit="yes"), None
    show_all_permissions(first)
    tick(first, "read:people")
    first.button(key="role-review").click().run()
    second = open_page(installation, "roles.py", role=number, edit="yes")
    show_all_permissions(second)
    tick(second, "read:roles")
    second.button(key="role-review").click().run()
    second.text_input(key="role-save-reason").set_value("second").run()
    second.button(key="role-save").click().run()
    first.text_input(key="role-save-reason").set_value("first").run()
    first.button(key="role-save").click().run()
    assert "Another administrator changed the role **clerk** while you were editing it." in page_text(first)
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
    ids = {name: role_id(installation, name) for name in ("clerk", "reader", "viewer")}
    at = open_page(installation, "roles.py")
    select(at, [ids["clerk"]])
    press(at, "compare")
    assert at.title[0].value == "Roles", "one role is not enough"
    select(at, [ids["clerk"], ids["reader"]])
    press(at, "compare")
    assert at.title[0].value == "Compare clerk and reader"
    assert (at.query_params["role"], at.query_params["compare"]) == (ids["clerk"], ids["reader"])
    assert "**2** only in clerk · **0** only in reader · **1** in both" in page_text(at)
    assert compared(at) == {"explore:files": (True, False), "export:reports": (True, False)}
    assert texts(table(at))[0][0].startswith("Open a CSV file")
    at.segmented_control(key="compare-which").set_value("All").run()
    assert compared(at)["read:reports"] == (True, True)
    assert len(compared(at)) == 3
    at.selectbox(key=f"compare-with-{ids['clerk']}").set_value(int(ids["viewer"])).run()
    assert at.title[0].value == "Compare clerk and viewer"
    at.button(key="open-second").click().run()
    assert at.title[0].value == "viewer"
    at = open_page(installation, "roles.py", role=ids["viewer"], compare=ids["viewer"])
    assert "exactly the same permissions" in page_text(at)
    assert compared(at) == {"read:reports": (True, True)}


def compared(at: AppTest) -> dict[str, tuple[bool, bool]]:
    """Permission → whether each of the two compared roles has it."""
    rows = table(at)["rows"]
    return {row["id"]: (row["cells"][1]["mark"], row["cells"][2]["mark"]) for row in rows}


@pytest.mark.parametrize(("query", "expected"), [
    ({"role": "999999"}, "No such role"),
    ({"role": "x"}, "A role is a named set"),
    ({"role": "9" * 30}, "A role is a named set"),
    ({"role": "-1"}, "A role is a named set"),
    ({"role": "1", "compare": "999999"}, "No such role"),
    ({"edit": "new", "copy": "999999"}, "No such role"),
])  # fmt: skip
def test_an_unknown_role_in_the_address_is_explained(
    installation: AppInstallation, query: dict[str, str], expected: str
) -> None:
    at = open_page(installation, "roles.py", **query)
    assert expected in page_text(at)


def test_a_mapping_change_shows_how_many_people_it_affects(installation: AppInstallation, change: Change) -> None:
    subject = Subject(installation.services.settings.issuer, "test|mapped")
    rights = TokenRights(roles=frozenset({"Desk people"}), permissions=frozenset(), issued_at=utc_now())
    change(lambda unit: unit.sync_token_rights(subject, rights, implicit_role_mapping=False, now=utc_now()))
    at = open_page(installation, "mappings.py")
    assert "1 token role arrived and is not mapped" in page_text(at)
    assert texts(table(at)) == [["Desk people", "not mapped", "1 person"]]
    press(at, "map", table(at)["rows"][0]["id"])
    at.multiselect(key="mapping-roles").set_value([int(role_id(installation, "viewer"))]).run()
    assert (
        "Saving grants the role **viewer** at once to 1 person whose last sign-in contained the token role **Desk "
        "people**."
    ) in page_text(at)
    at.text_input(key="mapping-reason").set_value("the desk reads").run()
    at.button(key="mapping-go").click().run()
    assert notice(at) == (
        "Mapped the token role **Desk people** to the role **viewer** (before: no role). It changed the permissions of "
        "1 person."
    )
    assert set(installation.services.storage.read.grants(subject, utc_now()).roles) == {"viewer"}
    assert texts(table(at)) == [["Desk people", "viewer", "1 person"]]
    at.button(key="undo").click().run()
    assert set(installation.services.storage.read.grants(subject, utc_now()).roles) == set()
    assert notice(at) == "Undone: mapped the token role **Desk people** to no role again."
    reasons = [event["reason"] for event in events_of(installation, "policy:mapping:update")]
    assert reasons == ["the desk reads", "Undone: the desk reads"]
