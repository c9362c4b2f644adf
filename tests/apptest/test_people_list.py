"""People: the controls by permission, the search and the filters. The table itself: ``test_table.py``."""

from __future__ import annotations

import unicodedata

import pytest

from app import testing
from app.core.permissions import ROLES
from tests import stub_responses
from tests.apptest.administration import CARD, Administration, button_keys, page_text
from tests.apptest.tables import controls, press, press_control, select, shown, table, tables, texts
from tests.apptest.test_faults import HOSTILE
from tests.stub_api import json_of

# Address → role → every button on the page, and every control of its tables. Enter a new control that changes
# something here.
BUTTONS: dict[str, dict[str, set[str]]] = {
    "/people": {
        "administrator": {
            "add-person", "next", "select-all", "bulk-grant", "bulk-revoke", "bulk-block", "bulk-unblock", "bulk-end",
        },
        "auditor": {"next"},
    },
    CARD: {
        "administrator": {
            "all-people", "block", "erase", "add-grant", "revoke-grant-3", "revoke-grant-4", "revoke-grant-5",
            "release-withheld-8", "end-session-ref-1", "end-session-ref-2", "end-all", "open-9",
        },
        "auditor": {"all-people", "open-9"},
    },
    "/sessions": {
        "administrator": {"end-session-ref-1", "open-ref-1", "open-ref-2", "refresh"},
        "auditor": {"open-ref-1", "open-ref-2", "refresh"},
    },
    "/admin": {"administrator": {"open-9"}, "auditor": {"open-9"}},
}  # fmt: skip


@pytest.mark.parametrize(("address", "role"), [(place, role) for place, row in BUTTONS.items() for role in row])
def test_each_role_is_offered_exactly_these_buttons(admin: Administration, address: str, role: str) -> None:
    at, _ = admin.open(address, roles=[role])
    offered = button_keys(at) | controls(at)
    of_rows = {("/people", "administrator"): ("open", "grant"), ("/people", "auditor"): ("open",)}.get(
        (address, role), ()
    )
    people = {f"{name}-{number}" for name in of_rows for number in range(1, 26)}
    assert offered & people == people
    assert offered - people == BUTTONS[address][role]
    assert not at.checkbox


def test_the_table_of_buttons_has_every_role_that_opens_people() -> None:
    for role, (_, permissions) in ROLES.items():
        assert ("read:people" in permissions) is (role in BUTTONS["/people"]), role


BUTTONS_OF_PERMISSION: dict[str, set[str]] = {
    "manage:grants": {"add-grant", "revoke-grant-3", "revoke-grant-4", "revoke-grant-5", "release-withheld-8"},
    "block:people": {"block"},
    "erase:people": {"erase"},
    "read:sessions": set(),
    "end:sessions": set(),
    "read:audit": {"open-9"},
}


@pytest.mark.parametrize("permission", BUTTONS_OF_PERMISSION)
def test_each_control_of_a_person_page_requires_its_own_permission(admin: Administration, permission: str) -> None:
    at, _ = admin.open(CARD, roles=[], permissions=["read:people", permission])
    assert button_keys(at) | controls(at) == {"all-people", *BUTTONS_OF_PERMISSION[permission]}
    paths = {request.path for request in admin.stub.requests}
    assert (f"{stub_responses.BASE}/people/7/sessions" in paths) is (permission == "read:sessions")
    assert (f"{stub_responses.BASE}/audit" in paths) is (permission == "read:audit")


def test_administrators_cannot_change_themselves(admin: Administration) -> None:
    at = testing.open_app("/people")
    subject = testing.sign_in_as(at, roles=["administrator"])
    own = {**stub_responses.card(), "subject": {"issuer": subject.issuer, "subject": subject.subject}}
    admin.stub.responses["GET", f"{stub_responses.BASE}/people/7"] = json_of(own)
    at.query_params["person"] = "7"
    testing.open_page(at, "people.py")
    changing = BUTTONS_OF_PERMISSION["manage:grants"] | {"block", "erase"}
    assert not changing & (button_keys(at) | controls(at))
    assert texts(tables(at)["Roles and permissions"])[0][0] == "analyst", "they are shown"
    assert "ask another administrator" in page_text(at)


def test_search_and_filters_are_sent_to_the_api(admin: Administration) -> None:
    at, _ = admin.open("/people")
    at.text_input(key="q").set_value("  person 12 ").run()
    at.selectbox(key="state").set_value("Blocked").run()
    at.selectbox(key="role").set_value("analyst").run()
    at.selectbox(key="kind").set_value("Machines").run()
    press(at, "sort", "seen")
    query = admin.stub.last("GET").query
    assert query == {
        "q": ["person 12"], "state": ["blocked"], "role": ["analyst"], "machine": ["true"], "sort": ["-last_seen_at"],
        "limit": ["25"],
    }  # fmt: skip
    at.selectbox(key="role").set_value("No role").run()
    assert admin.stub.last("GET").query["without_roles"] == ["true"]
    at.button(key="clear-filters").click().run()
    assert admin.stub.last("GET").query == {"q": ["person 12"], "sort": ["-last_seen_at"], "limit": ["25"]}


def test_the_filters_in_the_address_are_applied(admin: Administration) -> None:
    admin.open("/people?q=ana&state=Blocked&role=No role")
    query = [request.query for request in admin.stub.requests if request.path.endswith("/people")][-1]
    assert (query["q"], query["state"], query["without_roles"]) == (["ana"], ["blocked"], ["true"])


def test_totals_are_capped_and_an_empty_list_is_explained(admin: Administration) -> None:
    admin.stub.responses["GET", f"{stub_responses.BASE}/people"] = stub_responses.page(
        "people", [stub_responses.person(1)], onwards="x", total=1000
    )
    at, _ = admin.open("/people")
    assert table(at)["pages"]["text"] == "1 to 1 of 1,000+ people"
    admin.stub.responses["GET", f"{stub_responses.BASE}/people"] = stub_responses.page("people", [])
    at.text_input(key="q").set_value("zz").run()
    assert "No match" in page_text(at)
    at.text_input(key="q").set_value("").run()
    assert "There are no people yet" in page_text(at)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_as_text(admin: Administration, name: str) -> None:
    person = {**stub_responses.person(7, name), "roles": [name], "email": name}
    hostile = {
        **stub_responses.card(7, name), "email": name, "roles": [name],
        "grants": [stub_responses.grant(3, name, by=name, reason=name)],
        "permissions": [{"name": name, "sentence": name, "grants": [3]}],
        "token_roles": [{"name": name, "roles": []}],
    }  # fmt: skip
    sessions = [stub_responses.session(name=name, browser=name, address=name, page=name)]
    admin.stub.responses |= {
        ("GET", f"{stub_responses.BASE}/people"): stub_responses.page("people", [person]),
        ("GET", f"{stub_responses.BASE}/people/7"): json_of(hostile),
        ("GET", f"{stub_responses.BASE}/people/7/sessions"): json_of({"sessions": sessions}),
        ("GET", f"{stub_responses.BASE}/sessions"): stub_responses.page("sessions", sessions),
        ("GET", f"{stub_responses.BASE}/audit"): stub_responses.page(
            "events", [stub_responses.event(sentence=name, reason=name)]
        ),
        ("GET", f"{stub_responses.BASE}/statistics"): json_of(stub_responses.statistics(unused_roles=[name])),
    }
    for address in ("/people", CARD, "/sessions", "/admin"):
        at, _ = admin.open(address)
        if address == CARD:
            press_control(at, "revoke-grant-3")
        if address == "/people":
            select(at, [7])
            press_control(at, "bulk-end")
        assert not at.exception
        for element in [*at.markdown, *at.title, *at.caption, *at.button]:
            text = str(element.value if hasattr(element, "value") and not hasattr(element, "label") else element.label)
            assert "<script" not in text.replace("\\<", "")
            assert "\u202e" not in text
            assert "](http" not in text
            assert len(text) < 2500
        assert tables(at)
        for text in shown(list(tables(at).values())):
            assert not any(unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} for character in text)
            assert len(text) <= 1000
