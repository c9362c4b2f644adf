"""Roles, matrix, mappings and audit in front of the real remote API: what is done there is done, and told."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from app import access, testing
from app.admin.audit import export as audit_export
from app.core.clock import utc_now
from app.core.errors import PermissionDenied
from app.core.guard_scanner import publish_guards
from app.core.permissions import ROLES
from app.core.policy import Source
from app.core.ports import UnitOfWork
from app.core.principal import Subject
from app.core.records import NewGrant, TokenRights
from app.guard_inventory import PROCESS, own_guards
from tests.apptest.conftest import World
from tests.apptest.stubbed import words

Change = Callable[[Callable[[UnitOfWork], object]], None]


def opened(world: World, file: str, *, who: str = "administrator", **query: str) -> AppTest:
    """The page, as somebody with the role ``who`` sees it."""
    at = testing.open_app("/")
    world.sign_in(at, roles=[who], name=f"The {who}", subject=f"test|{who}")
    at.run()
    at.switch_page(f"../pages/{file}")
    for name, value in query.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def role_id(world: World, name: str) -> str:
    with world.services.storage.engine.connect() as connection:  # type: ignore[attr-defined]
        return str(connection.execute(text("SELECT id FROM roles WHERE name = :name"), {"name": name}).scalar_one())


def permissions_in(world: World, role: str) -> set[str]:
    query = text(
        "SELECT rp.permission FROM role_permissions AS rp JOIN roles AS r ON r.id = rp.role_id WHERE r.name = :name"
    )
    with world.services.storage.engine.connect() as connection:  # type: ignore[attr-defined]
        return set(connection.execute(query, {"name": role}).scalars())


def events_of(world: World, kind: str) -> list[dict[str, object]]:
    with world.services.storage.engine.connect() as connection:  # type: ignore[attr-defined]
        rows = connection.execute(text("SELECT * FROM audit_events WHERE kind = :kind ORDER BY seq"), {"kind": kind})
        return [dict(row) for row in rows.mappings()]


def tick(at: AppTest, permission: str, *, wanted: bool = True) -> None:
    (box,) = [box for box in at.checkbox if str(box.key).endswith(f"-has-{permission}")]
    box.set_value(wanted).run()


def make(world: World, name: str, *permissions: str) -> AppTest:
    """A role, made on the page."""
    at = opened(world, "roles.py", edit="new")
    at.text_input[0].set_value(name)
    at.text_input[1].set_value("Works at the desk.").run()
    for permission in permissions:
        tick(at, permission)
    at.button(key="role-review").click().run()
    at.text_input(key="role-save-reason").set_value("a new desk").run()
    return at.button(key="role-save").click().run()


def test_the_list_has_every_role_with_its_counts(world: World) -> None:
    at = opened(world, "roles.py")
    said = words(at)
    for description, _ in ROLES.values():
        assert description in said
    assert "1 permission, held by nobody" in said
    assert "held by 1 person" in said
    at.text_input(key="roles-search").set_value("VIEW").run()
    assert "1 role" in words(at)
    at.text_input(key="roles-search").set_value("zzz").run()
    assert "No role has this in its name" in words(at)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_says_in_sentences_what_it_lets_people_do(world: World, role: str) -> None:
    at = opened(world, "roles.py", role=role_id(world, role))
    said = words(at)
    for permission in ROLES[role][1]:
        assert f"- {permission.sentence} :small[`{permission}`]" in said
    assert "Built in" in said


def test_a_role_is_made_changed_taken_back_and_deleted(world: World, change: Change) -> None:
    at = make(world, "clerk", "read:reports", "read:people")
    assert "The role **clerk** is there now" in words(at)
    assert permissions_in(world, "clerk") == {"read:reports", "read:people"}
    (made,) = events_of(world, "policy:role:create")
    assert (made["reason"], made["target"]) == ("a new desk", "clerk")

    holder = Subject(world.services.settings.issuer, "test|holder")
    change(lambda unit: unit.add_grant(NewGrant(subject=holder, source=Source.ADMIN, by="t", role="clerk"), utc_now()))
    number = role_id(world, "clerk")
    at = opened(world, "roles.py", role=number, edit="yes")
    tick(at, "read:people", wanted=False)
    tick(at, "export:reports")
    at.button(key="role-review").click().run()
    said = words(at)
    assert "**1 person holds** this role." in said
    assert "1 person gains it." in said
    assert "1 person loses it." in said
    at.text_input(key="role-save-reason").set_value("desk work").run()
    at.button(key="role-save").click().run()
    assert permissions_in(world, "clerk") == {"read:reports", "export:reports"}
    at.button(key="undo").click().run()
    assert permissions_in(world, "clerk") == {"read:reports", "read:people"}
    assert [event["reason"] for event in events_of(world, "policy:role:update")] == [
        "desk work",
        "The last change was taken back.",
    ]

    at.button(key="role-delete").click().run()
    at.text_input(key="delete-reason").set_value("closed").run()
    at.selectbox(key="delete-move-to").set_value(int(role_id(world, "viewer"))).run()
    at.button(key="delete-go").click().run()
    assert "1 person got viewer instead" in words(at)
    assert at.title[0].value == "Roles"
    grants = world.services.storage.read.grants(holder, utc_now())
    assert set(grants.roles) == {"viewer"}


def test_making_a_role_can_be_taken_back(world: World) -> None:
    at = make(world, "desk", "read:reports")
    at.button(key="undo").click().run()
    assert "is deleted again" in words(at)
    assert at.title[0].value == "Roles"
    assert len(events_of(world, "policy:role:delete")) == 1


def test_two_administrators_at_once_lose_nothing(world: World) -> None:
    make(world, "clerk", "read:reports")
    number = role_id(world, "clerk")
    first, second = opened(world, "roles.py", role=number, edit="yes"), None
    tick(first, "read:people")
    first.button(key="role-review").click().run()
    second = opened(world, "roles.py", role=number, edit="yes")
    tick(second, "read:roles")
    second.button(key="role-review").click().run()
    second.text_input(key="role-save-reason").set_value("second").run()
    second.button(key="role-save").click().run()
    first.text_input(key="role-save-reason").set_value("first").run()
    first.button(key="role-save").click().run()
    assert "Somebody changed this role while you were at it" in words(first)
    assert permissions_in(world, "clerk") == {"read:reports", "read:roles"}
    first.button(key="meanwhile-on-top").click().run()
    first.text_input(key="role-save-reason").set_value("first").run()
    first.button(key="role-save").click().run()
    assert permissions_in(world, "clerk") == {"read:reports", "read:roles", "read:people"}


def test_a_taken_name_is_explained_and_what_was_entered_stays(world: World) -> None:
    at = make(world, "Viewer", "read:reports")
    assert "The name is taken" in words(at)
    at.button(key="role-back").click().run()
    assert at.text_input[0].value == "Viewer"


def test_a_copy_begins_with_what_the_role_gives(world: World) -> None:
    at = opened(world, "roles.py", edit="new", copy=role_id(world, "analyst"))
    assert at.title[0].value == "Copy analyst"
    assert at.text_input[0].value == "analyst (copy)"
    ticked = {str(box.key).partition("-has-")[2] for box in at.checkbox if box.value}
    assert ticked == {"read:reports", "export:reports", "explore:files"}


def test_two_roles_side_by_side(world: World) -> None:
    at = opened(world, "roles.py", role=role_id(world, "analyst"), compare=role_id(world, "viewer"))
    listed = [element.value for element in at.markdown if "explore:files" in element.value]
    assert [text.startswith("- Open a CSV file") for text in listed] == [True]
    said = words(at)
    for part in ("Only analyst", "Only viewer", "Both (1)", "Nothing that the other does not."):
        assert part in said
    at = opened(world, "roles.py", role=role_id(world, "viewer"), compare=role_id(world, "viewer"))
    assert "exactly the same" in words(at)


@pytest.mark.parametrize(("query", "said"), [
    ({"role": "999999"}, "No such role"),
    ({"role": "x"}, "Find a role"),
    ({"role": "9" * 30}, "Find a role"),
    ({"role": "-1"}, "Find a role"),
    ({"role": "1", "compare": "999999"}, "No such role"),
    ({"edit": "new", "copy": "999999"}, "No such role"),
])  # fmt: skip
def test_an_address_that_leads_nowhere_has_a_way_on(world: World, query: dict[str, str], said: str) -> None:
    at = opened(world, "roles.py", **query)
    assert said in words(at) or at.text_input(key="roles-search").label == said


def test_mappings_are_changed_and_say_whom_they_touch(world: World, change: Change) -> None:
    somebody = Subject(world.services.settings.issuer, "test|mapped")
    rights = TokenRights(roles=frozenset({"Desk people"}), permissions=frozenset(), issued_at=utc_now())
    change(lambda unit: unit.sync_token_rights(somebody, rights, map_own_names=False, now=utc_now()))
    at = opened(world, "mappings.py")
    assert "1 token role arrived and is mapped nowhere" in words(at)
    at.button(key="mapping-change-0").click().run()
    at.multiselect(key="mapping-roles").set_value([int(role_id(world, "viewer"))]).run()
    assert "1 person whose last sign-in brought it gets viewer, at once." in words(at)
    at.text_input(key="mapping-reason").set_value("the desk reads").run()
    at.button(key="mapping-go").click().run()
    assert "becomes viewer now. It changed what 1 person may do." in words(at)
    assert set(world.services.storage.read.grants(somebody, utc_now()).roles) == {"viewer"}
    at.button(key="undo").click().run()
    assert set(world.services.storage.read.grants(somebody, utc_now()).roles) == set()
    assert len(events_of(world, "policy:mapping:update")) == 2


def test_the_audit_is_read_filtered_and_shared(world: World) -> None:
    make(world, "clerk", "read:reports")
    at = opened(world, "audit.py")
    labels = [str(getattr(block, "label", "")).replace("\\", "") for block in at.get("expander")]
    assert any("The administrator created the role clerk." in label for label in labels)
    at.multiselect(key="audit-kinds").set_value(["policy:role:create"]).run()
    assert at.query_params["kind"] in ("policy:role:create", ["policy:role:create"])
    shared = opened(world, "audit.py", kind="policy:role:create", outcome="done", since="2020-01-01", target="clerk")
    labels = [str(getattr(block, "label", "")).replace("\\", "") for block in shared.get("expander")]
    assert len([label for label in labels if "created the role clerk" in label]) == 1
    assert shared.multiselect(key="audit-kinds").value == ["policy:role:create"]
    name = f"test|administrator at {world.services.settings.issuer}"
    mine = opened(world, "audit.py", name=name, kind="policy:role:create")
    assert "Only what **test|administrator at" in words(mine)
    mine.button(key="audit-everybody").click().run()
    assert "name" not in mine.query_params
    nothing = opened(world, "audit.py", until="2020-01-01")
    assert "No event matches" in words(nothing)


def test_an_event_has_an_address_of_its_own(world: World) -> None:
    make(world, "clerk", "read:reports")
    (made,) = events_of(world, "policy:role:create")
    at = opened(world, "audit.py", event=str(made["seq"]))
    assert "created the role clerk" in words(at)
    assert json.loads(at.get("code")[0].value)["seq"] == made["seq"]  # type: ignore[union-attr]
    assert "no event with this number" in words(opened(world, "audit.py", event="99999999"))


def test_a_person_is_found_by_part_of_the_name(world: World) -> None:
    at = opened(world, "audit.py")
    at.text_input(key="audit-person").set_value("the admin").run()
    (found,) = [button for button in at.button if str(button.key).startswith("audit-person-")]
    found.click().run()
    assert f"test|administrator at {world.services.settings.issuer}" in at.query_params["name"]


@pytest.mark.parametrize("form", ["CSV", "JSON Lines"])
def test_the_export_is_prepared_whole_and_audited(world: World, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make(world, "=clerk", "read:reports")
    ready: list[audit_export.Prepared] = []
    monkeypatch.setattr(audit_export, "_hand_out", ready.append)
    at = opened(world, "audit.py", kind="policy:role:create")
    at.segmented_control(key="audit-form").set_value(form).run()
    at.button(key="audit-prepare").click().run()
    assert not at.exception
    lines = ready[-1].content.decode().splitlines()
    if form == "CSV":
        (row,) = csv.DictReader(io.StringIO("\n".join(lines)))
        assert (row["kind"], row["target"]) == ("policy:role:create", "'=clerk")
    else:
        (line,) = lines
        assert json.loads(line)["target"] == "=clerk"
    (exported,) = events_of(world, "audit:log:export")
    assert "policy:role:create" in str(exported["details"])


def test_the_export_asks_to_confirm_and_is_not_offered_to_others(world: World) -> None:
    at = opened(world, "audit.py")
    with world.services.storage.engine.begin() as connection:  # type: ignore[attr-defined]
        connection.execute(text("UPDATE sessions SET authenticated_at = authenticated_at - 7200000000"))
    at.run()
    assert "Confirm it is you" in words(at)
    assert "audit-prepare" not in {button.key for button in at.button}


def test_a_file_that_was_prepared_is_handed_out_only_to_who_may_still_have_it(
    world: World, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound: list[Callable[[], bytes]] = []
    really = access.bind_session

    def keep(do: Callable[[], bytes]) -> Callable[[], bytes]:
        bound.append(really(do))
        return bound[-1]

    monkeypatch.setattr(access, "bind_session", keep)
    at = opened(world, "audit.py")
    at.button(key="audit-prepare").click().run()
    assert bound[-1]().startswith(b"seq,at,kind")
    who = Subject(world.services.settings.issuer, "test|administrator")
    change(
        lambda unit: unit.revoke_grant(
            NewGrant(subject=who, source=Source.ADMIN, by="t", role="administrator"), utc_now()
        )
    )
    with pytest.raises(PermissionDenied):
        bound[-1]()


def test_a_large_file_is_compressed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    monkeypatch.setattr(audit_export, "PLAIN_MAX_BYTES", 10)
    ready: list[audit_export.Prepared] = []
    monkeypatch.setattr(audit_export, "_hand_out", ready.append)
    at = opened(world, "audit.py")
    at.button(key="audit-prepare").click().run()
    assert ready[0].name.endswith(".csv.gz")
    assert gzip.decompress(ready[0].content).startswith(b"seq,at,kind")


def test_the_matrix_shows_what_the_code_asks_for_and_its_file_says_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[bytes] = []

    def pressed(do: Callable[[], bytes]) -> Callable[[], bytes]:
        made.append(do())  # as if the button were pressed at once
        return do

    monkeypatch.setattr(access, "bind_session", pressed)
    nothing = opened(world, "access_matrix.py")
    assert "No process has published yet" in words(nothing)
    publish_guards(world.services.storage, PROCESS, own_guards())
    at = opened(world, "access_matrix.py")
    frame = at.dataframe[0].value
    audit = frame[frame["Name"] == "/audit"].iloc[0]
    assert (audit["Kind"], audit["Permission"], audit["administrator"], audit["auditor"], audit["viewer"]) == (
        "Page", "read:audit", "✓", "✓", "",
    )  # fmt: skip
    assert audit["Where"].startswith("pages/audit.py:")
    home = frame[frame["Name"] == "/"].iloc[0]
    assert home["To note"] == "Asks for no permission"
    erasing = frame[frame["Permission"] == "erase:people"].iloc[0]
    assert erasing["To note"] == "Only the administrator role gives it"
    assert not frame[frame["Name"].str.contains("audit.export:content_of")].empty
    rows = list(csv.DictReader(io.StringIO(made[-1].decode())))
    assert len(rows) == len(frame)
    assert next(row for row in rows if row["name"] == "/audit")["viewer"] == "no"
    at.toggle(key="matrix-standing-out").set_value(True).run()
    assert set(at.dataframe[0].value["To note"]) == {
        "Asks for no permission", "Only the administrator role gives it",
    }  # fmt: skip
    at.text_input(key="matrix-search").set_value("zzz").run()
    assert "Nothing matches" in words(at)
