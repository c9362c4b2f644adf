"""People, Sessions and Overview: who is offered what, what is sent, and what becomes of what was typed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import api_transport, testing
from app.admin.people import bulk_actions
from app.core.permissions import ROLES
from tests import canned
from tests.apptest.administration import CARD, PATHS, Administration, keys, words
from tests.apptest.test_faults import HOSTILE
from tests.stub_api import FAULTS, RecordedRequest, StubApi, StubResponse, json_of, problem


@pytest.fixture
def here() -> Iterator[Administration]:
    with StubApi() as stub, testing.gatehouse(testing.settings(remote_api_base_url=stub.url)) as services:
        yield Administration(services, canned.serve(stub))


# Who is offered what

# Where → for whom → every button there is. A new control that changes something must be entered here.
BUTTONS: dict[str, dict[str, set[str]]] = {
    "/people": {
        "administrator": {"add-person", "people-previous", "people-next", "choose-page"},
        "auditor": {"people-previous", "people-next"},
    },
    CARD: {
        "administrator": {
            "all-people", "block", "erase", "give", "take-3", "take-4", "take-5", "release-8", "end-ref-1", "end-ref-2",
            "end-all",
        },
        "auditor": {"all-people"},
    },
    "/sessions": {"administrator": {"end-ref-1", "refresh"}, "auditor": {"refresh"}},
    "/admin": {"administrator": set(), "auditor": set()},
}  # fmt: skip


@pytest.mark.parametrize(("address", "role"), [(place, role) for place, row in BUTTONS.items() for role in row])
def test_who_is_offered_what(here: Administration, address: str, role: str) -> None:
    at, _ = here.open(address, roles=[role])
    assert keys(at) - {f"open-{number}" for number in range(1, 26)} == BUTTONS[address][role]
    assert bool(at.checkbox) is (address == "/people" and role == "administrator")


def test_the_roles_that_open_these_pages_are_those_above() -> None:
    for role, (_, permissions) in ROLES.items():
        assert ("read:people" in permissions) is (role in BUTTONS["/people"]), role


ALONE: dict[str, set[str]] = {
    "manage:grants": {"give", "take-3", "take-4", "take-5", "release-8"},
    "block:people": {"block"},
    "erase:people": {"erase"},
    "read:sessions": set(),
    "end:sessions": set(),
    "read:audit": set(),
}


@pytest.mark.parametrize("permission", ALONE)
def test_each_control_of_a_card_needs_its_own_permission(here: Administration, permission: str) -> None:
    at, _ = here.open(CARD, roles=[], permissions=["read:people", permission])
    assert keys(at) == {"all-people", *ALONE[permission]}
    asked = {wanted.path for wanted in here.stub.requests}
    assert (f"{canned.BASE}/people/7/sessions" in asked) is (permission == "read:sessions")
    assert (f"{canned.BASE}/audit" in asked) is (permission == "read:audit")


def test_ones_own_card_says_whom_to_ask_and_offers_nothing(here: Administration) -> None:
    at = testing.open_app("/people")
    who = testing.sign_in_as(at, roles=["administrator"])
    own = {**canned.card(), "subject": {"issuer": who.issuer, "subject": who.subject}}
    here.stub.responses["GET", f"{canned.BASE}/people/7"] = json_of(own)
    at.query_params["person"] = "7"
    testing.open_page(at, "people.py")
    assert not {"give", "take-3", "take-4", "take-5", "release-8", "block", "erase"} & keys(at)
    assert "ask another administrator" in words(at)


# The list


def test_search_and_filters_are_asked_of_the_api(here: Administration) -> None:
    at, _ = here.open("/people")
    at.text_input(key="q").set_value("  person 12 ").run()
    at.selectbox(key="state").set_value("Blocked").run()
    at.selectbox(key="role").set_value("analyst").run()
    at.selectbox(key="kind").set_value("Machines").run()
    at.selectbox(key="sort").set_value("Last seen").run()
    query = here.stub.last("GET").query
    assert query == {
        "q": ["person 12"], "state": ["blocked"], "role": ["analyst"], "machine": ["true"], "sort": ["-last_seen_at"],
        "limit": ["25"],
    }  # fmt: skip
    assert "Only: Blocked, role analyst, Machines" in words(at)
    at.selectbox(key="role").set_value("No role").run()
    assert here.stub.last("GET").query["without_roles"] == ["true"]
    at.button(key="clear-filters").click().run()
    assert here.stub.last("GET").query == {"q": ["person 12"], "sort": ["-last_seen_at"], "limit": ["25"]}


def test_what_the_address_asks_for_is_asked_for(here: Administration) -> None:
    here.open("/people?q=ana&state=Blocked&role=No role")
    query = [wanted.query for wanted in here.stub.requests if wanted.path.endswith("/people")][-1]
    assert (query["q"], query["state"], query["without_roles"]) == (["ana"], ["blocked"], ["true"])


def test_page_by_page_and_back(here: Administration) -> None:
    at, _ = here.open("/people")
    assert "1 to 25 of 40 people" in words(at)
    assert at.button(key="people-previous").disabled
    at.button(key="people-next").click().run()
    assert "26 to 40 of 40 people" in words(at)
    assert at.button(key="people-next").disabled
    at.button(key="people-previous").click().run()
    assert "1 to 25 of 40 people" in words(at)
    at.button(key="people-next").click().run()
    at.text_input(key="q").set_value("Person 1").run()
    assert "cursor" not in here.stub.last("GET").query, "another search begins at its first page"


def test_a_cursor_whose_place_is_gone_begins_again(here: Administration) -> None:
    at, _ = here.open("/people")
    people = here.stub.responses["GET", f"{canned.BASE}/people"]

    def gone(wanted: RecordedRequest) -> StubResponse:
        if "cursor" in wanted.query:
            return problem(422, "invalid-input", "Some of the input is not right", problems={"cursor": "Too old."})
        assert callable(people)
        return people(wanted)

    here.stub.responses["GET", f"{canned.BASE}/people"] = gone
    at.button(key="people-next").click().run()
    assert not at.warning
    assert "1 to 25 of 40 people" in words(at)


def test_totals_are_capped_and_nobody_is_a_state(here: Administration) -> None:
    here.stub.responses["GET", f"{canned.BASE}/people"] = canned.page(
        "people", [canned.person(1)], onwards="x", total=1000
    )
    at, _ = here.open("/people")
    assert "1 to 1 of 1,000+ people" in words(at)
    here.stub.responses["GET", f"{canned.BASE}/people"] = canned.page("people", [])
    at.text_input(key="q").set_value("zz").run()
    assert "Nobody matches" in words(at)
    at.text_input(key="q").set_value("").run()
    assert "Nobody is known here yet" in words(at)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_as_text(here: Administration, name: str) -> None:
    person = {**canned.person(7, name), "roles": [name], "email": name}
    hostile = {
        **canned.card(7, name), "email": name, "roles": [name],
        "grants": [canned.grant(3, name, by=name, reason=name)],
        "permissions": [{"name": name, "sentence": name, "grants": [3]}],
        "token_roles": [{"name": name, "roles": []}],
    }  # fmt: skip
    sessions = [canned.session(name=name, browser=name, address=name, page=name)]
    here.stub.responses |= {
        ("GET", f"{canned.BASE}/people"): canned.page("people", [person]),
        ("GET", f"{canned.BASE}/people/7"): json_of(hostile),
        ("GET", f"{canned.BASE}/people/7/sessions"): json_of({"sessions": sessions}),
        ("GET", f"{canned.BASE}/sessions"): canned.page("sessions", sessions),
        ("GET", f"{canned.BASE}/audit"): canned.page("events", [canned.event(sentence=name, reason=name)]),
        ("GET", f"{canned.BASE}/statistics"): json_of(canned.statistics(unused_roles=[name])),
    }
    for address in ("/people", CARD, "/sessions", "/admin"):
        at, _ = here.open(address)
        if address == CARD:
            at.button(key="take-3").click().run()
        if address == "/people":
            at.checkbox(key="choose-7").check().run()
            at.button(key="many-end").click().run()
        assert not at.exception
        for element in [*at.markdown, *at.title, *at.caption, *at.button]:
            shown = str(element.value if hasattr(element, "value") and not hasattr(element, "label") else element.label)
            assert "<script" not in shown.replace("\\<", "")
            assert "\u202e" not in shown
            assert "](http" not in shown
            assert len(shown) < 2500


# One person


@pytest.mark.parametrize("address", ["/people?person=8", "/people?person=abc", "/people?person=-1", "/people?person="])
def test_an_address_that_names_nobody_says_so(here: Administration, address: str) -> None:
    at, _ = here.open(address)
    assert at.title[0].value == "Nobody here"
    assert "all-people" in keys(at)


def test_a_card_says_where_everything_comes_from(here: Administration) -> None:
    at, _ = here.open(CARD)
    said = words(at)
    assert "Given by auth0|ada, since 31 January 2026, 12:00 UTC: “joined”" in said
    assert "until 31 January 2027, 00:00 UTC: “helps out”" in said
    assert "From the sign-in provider, since 31 January 2026, 12:00 UTC, as Analyst." in said
    assert "The sign-in provider also says Astronaut, which is mapped to no role here." in said
    assert "refusals and page views per day. :gray[Because of role viewer and role analyst.]" in said
    assert "Because of a permission of their own." in said
    assert "last used" in said
    assert "on CSV explorer" in said
    assert "Ada granted Bruno a role or permission." in said


def test_the_title_of_a_page_one_may_not_open_is_not_told_with_a_session(here: Administration) -> None:
    at, _ = here.open("/sessions", roles=["auditor"])
    assert "last used" in words(at)
    assert "CSV explorer" not in words(at)


def test_giving_says_what_happened_and_offers_the_way_back(here: Administration) -> None:
    at, _ = here.open(CARD)
    at.button(key="give").click().run()
    at.radio(key="give-chosen-role").set_value("developer").run()
    at.segmented_control(key="give-span").set_value("7 days").run()
    at.text_input(key="give-reason").set_value(" helps with the API ").run()
    before = datetime.now(UTC)
    at.button(key="give-go").click().run()
    (sent,) = here.changes()
    body = sent.json()
    until = datetime.fromisoformat(body.pop("until"))
    assert timedelta(days=7) - timedelta(minutes=1) < until - before < timedelta(days=7, minutes=1)
    assert (sent.path, body) == (
        f"{canned.BASE}/people/7/grants",
        {"role": "developer", "reason": "helps with the API"},
    )
    assert sent.headers["if-match"] == '"v1"'
    assert "Bruno Silva** has **developer** now, until" in words(at)
    assert "give-go" not in keys(at)
    given = {**canned.card(version="v2"), "grants": [*canned.card()["grants"], canned.grant(6, "developer")]}
    here.stub.responses["GET", f"{canned.BASE}/people/7"] = json_of(given)
    here.stub.responses["DELETE", f"{canned.BASE}/people/7/grants/6"] = json_of(canned.card(version="v3"))
    at.button(key="undo").click().run()
    back = here.changes()[-1]
    assert (back.method, back.path) == ("DELETE", f"{canned.BASE}/people/7/grants/6")
    assert back.query == {"reason": ["Taken back: helps with the API"]}
    assert back.headers["if-match"] == '"v2"'
    assert "no longer has **developer**" in words(at)
    at.button(key="dismiss").click().run()
    assert "no longer has" not in words(at)


def test_a_single_permission_until_a_day(here: Administration) -> None:
    at, _ = here.open(CARD)
    at.button(key="give").click().run()
    at.segmented_control(key="give-kind").set_value("A single permission").run()
    at.text_input(key="give-find-permission").set_value("x").run()
    at.radio(key="give-chosen-permission").set_value("explore:files").run()
    at.segmented_control(key="give-span").set_value("Until a date").run()
    last = datetime.now(UTC).date() + timedelta(days=3)
    at.date_input(key="give-until").set_value(last).run()
    at.text_input(key="give-reason").set_value("r").run()
    at.button(key="give-go").click().run()
    (sent,) = here.changes()
    assert sent.json() == {
        "permission": "explore:files", "reason": "r", "until": f"{last + timedelta(days=1)}T00:00:00+00:00",
    }  # fmt: skip


def test_what_one_does_not_hold_is_not_offered(here: Administration) -> None:
    at, _ = here.open(CARD, roles=["viewer"], permissions=["read:people", "manage:grants", "read:roles"])
    at.button(key="give").click().run()
    assert at.radio(key="give-chosen-role").options == ["viewer"]
    assert "4 roles not offered: you can give only what you hold yourself." in words(at)


def test_taking_away_says_what_it_means_and_can_be_given_back(here: Administration) -> None:
    at, _ = here.open(CARD)
    at.button(key="take-3").click().run()
    assert "What they may do stays the same" in words(at)
    at.button(key="take-5").click().run()
    assert "They can no longer: try out calls to the remote API" in words(at)
    at.text_input(key="take-reason").set_value("done").run()
    at.button(key="take-go").click().run()
    (sent,) = here.changes()
    assert (sent.method, sent.path) == ("DELETE", f"{canned.BASE}/people/7/grants/5")
    at.button(key="undo").click().run()
    assert here.changes()[-1].json() == {
        "permission": "explore:api", "reason": "Taken back: done", "until": "2027-01-31T00:00:00+00:00",
    }  # fmt: skip


def test_revoking_what_is_automatic_says_that_it_is_withheld_and_the_way_back_releases_it(here: Administration) -> None:
    at, _ = here.open(CARD)
    at.button(key="take-4").click().run()
    said = words(at)
    assert "It is given automatically, by the sign-in provider. From now on it is withheld: signing in again" in said
    assert "They can no longer: open a CSV file" in said
    at.text_input(key="take-reason").set_value("left").run()
    grants = [grant for grant in canned.card()["grants"] if grant["id"] != 4]
    after = canned.card(version="v2", grants=grants, withheld=[canned.withheld(9, "analyst", from_token=True)])
    here.stub.responses["DELETE", f"{canned.BASE}/people/7/grants/4"] = json_of(after, etag='"v2"')
    here.stub.responses["GET", f"{canned.BASE}/people/7"] = json_of(after, etag='"v2"')
    at.button(key="take-go").click().run()
    assert "It holds at once. It is withheld: signing in again does not bring it back." in words(at)
    assert "Withheld by auth0|ada, since 31 January 2026" in words(at)
    assert "Without that, the sign-in provider and the default role would give it." in words(at)
    here.stub.responses["DELETE", f"{canned.BASE}/people/7/withheld/9"] = json_of(
        canned.card(version="v3"), etag='"v3"'
    )
    at.button(key="undo").click().run()
    sent = here.changes()[-1]
    assert (sent.method, sent.path) == ("DELETE", f"{canned.BASE}/people/7/withheld/9")
    assert (sent.query["reason"], sent.headers["if-match"]) == (["Taken back: left"], '"v2"')
    assert "**analyst** is no longer withheld from **Bruno Silva**." in words(at)


def test_releasing_says_what_it_gives(here: Administration) -> None:
    at, _ = here.open(CARD)
    assert "[Withheld] **developer**" in words(at)
    at.button(key="release-8").click().run()
    assert "**Bruno Silva** has **developer** again at once, by the default role." in words(at)
    at.text_input(key="release-reason").set_value("back").run()
    here.stub.responses["DELETE", f"{canned.BASE}/people/7/withheld/8"] = json_of(canned.card(withheld=[]), etag='"v2"')
    at.button(key="release-go").click().run()
    assert here.changes()[-1].path == f"{canned.BASE}/people/7/withheld/8"
    assert "**developer** is no longer withheld from **Bruno Silva**." in words(at)


def test_the_card_of_somebody_blocked_says_that_they_can_open_nothing(here: Administration) -> None:
    blocked = canned.card(state="blocked", grants=[], permissions=[], withheld=[])
    here.stub.responses["GET", f"{canned.BASE}/people/7"] = json_of(blocked)
    at, _ = here.open(CARD)
    assert "While they are blocked they can open nothing; once they are let in again, Home and Profile." in words(at)
    assert "Nothing while they are blocked." in words(at)
    assert "They can open Home and Profile" not in words(at)


def test_blocking_and_the_way_back(here: Administration) -> None:
    at, _ = here.open(CARD)
    at.button(key="block").click().run()
    at.text_input(key="block-reason").set_value("left").run()
    at.button(key="block-go").click().run()
    assert here.changes()[-1].json() == {"blocked": True, "reason": "left"}
    assert "Bruno Silva** is blocked. 2 sessions ended." in words(at)
    here.stub.responses["GET", f"{canned.BASE}/people/7"] = json_of(canned.card(version="v2", state="blocked"))
    here.stub.responses["PUT", f"{canned.BASE}/people/7/block"] = json_of({"blocked": False, "sessions_ended": 0})
    at.button(key="undo").click().run()
    assert here.changes()[-1].json() == {"blocked": False, "reason": "Taken back: left"}
    assert here.changes()[-1].headers["if-match"] == '"v2"'
    assert {"let-in"} <= keys(at)
    assert "block" not in keys(at)


def test_erasing_asks_for_a_second_factor_before_anything_is_typed(here: Administration) -> None:
    at, _ = here.open(CARD, mfa=False)
    at.button(key="erase").click().run()
    assert "For that a second proof is needed" in words(at)
    assert "erase-go" not in keys(at)
    at, _ = here.open(CARD)
    at.button(key="erase").click().run()
    at.text_input(key="erase-reason").set_value("asked to be forgotten").run()
    at.button(key="erase-go").click().run()
    assert "Tick the box above first" in words(at)
    assert here.changes() == []
    at.checkbox(key="erase-sure").check().run()
    at.button(key="erase-go").click().run()
    (sent,) = here.changes()
    assert (sent.path, sent.json()) == (f"{canned.BASE}/people/7/erasure", {"reason": "asked to be forgotten"})
    assert "undo" not in keys(at), "there is no way back, so none is offered"


def test_adding_somebody_leads_to_their_card(here: Administration) -> None:
    at, _ = here.open("/people")
    at.button(key="add-person").click().run()
    at.text_input(key="add-person-reason").set_value("begins on Monday").run()
    at.button(key="add-person-go").click().run()
    assert "Type the subject" in words(at)
    at.text_input(key="add-person-subject").set_value(" auth0|7 ").run()
    at.button(key="add-person-go").click().run()
    assert here.changes()[-1].json() == {"subject": "auth0|7", "reason": "begins on Monday"}
    assert at.title[0].value == "Bruno Silva"
    assert "is known now" in words(at)


def test_ending_one_session_and_all(here: Administration) -> None:
    at, _ = here.open("/sessions")
    at.button(key="end-ref-1").click().run()
    at.text_input(key="end-session-reason").set_value("lost").run()
    at.button(key="end-session-go").click().run()
    assert (here.changes()[-1].path, here.changes()[-1].query) == (
        f"{canned.BASE}/sessions/ref-1",
        {"reason": ["lost"]},
    )
    assert "The session of **Bruno Silva** (Firefox on Linux) has ended." in words(at)
    at.button(key="end-ref-1").click().run()
    at.checkbox(key="end-session-all").check().run()
    at.text_input(key="end-session-reason").set_value("lost").run()
    at.button(key="end-session-go").click().run()
    assert here.changes()[-1].path == f"{canned.BASE}/people/7/sessions"
    here.stub.responses["DELETE", f"{canned.BASE}/sessions/ref-1"] = FAULTS["404"]
    at.button(key="end-ref-1").click().run()
    at.text_input(key="end-session-reason").set_value("lost").run()
    at.button(key="end-session-go").click().run()
    assert "had ended already" in words(at)


def test_a_change_without_a_reason_is_not_sent(here: Administration) -> None:
    at, _ = here.open(CARD)
    for key in ("block", "end-all"):
        at.button(key=key).click().run()
        at.text_input(key=f"{key}-reason").set_value("   ").run()
        at.button(key=f"{key}-go").click().run()
        assert "Say why" in words(at)
    assert here.changes() == []


def test_cancel_changes_nothing_and_forgets_what_was_typed(here: Administration) -> None:
    at, _ = here.open(CARD)
    at.button(key="block").click().run()
    at.text_input(key="block-reason").set_value("left").run()
    at.button(key="block-cancel").click().run()
    assert "block-go" not in keys(at)
    at.button(key="block").click().run()
    assert at.text_input(key="block-reason").value == ""
    assert here.changes() == []


# When it was changed meanwhile


def test_changed_meanwhile_shows_both_versions_and_keeps_what_was_typed(here: Administration) -> None:
    at, _ = here.open(CARD)
    at.button(key="give").click().run()
    at.radio(key="give-chosen-role").set_value("developer").run()
    at.text_input(key="give-reason").set_value("helps").run()
    newer = canned.card(version="v9", state="blocked", grants=[canned.grant(3)])
    here.stub.responses["GET", f"{canned.BASE}/people/7"] = json_of(newer)
    here.stub.responses["POST", f"{canned.BASE}/people/7/grants"] = FAULTS["412"]
    at.button(key="give-go").click().run()
    assert "It was changed meanwhile" in words(at)
    table = at.table[0].value
    assert table.to_dict("records") == [
        {"": "State", "When you began": "Active", "Now": "Blocked"},
        {"": "Roles and permissions", "When you began": "analyst, explore\\:api and viewer", "Now": "viewer"},
    ]
    assert at.text_input(key="give-reason").value == "helps"
    assert at.radio(key="give-chosen-role").value == "developer"
    assert here.changes()[-1].headers["if-match"] == '"v1"'
    assert len(here.changes()) == 1, "nothing is sent again by itself"
    canned.serve(here.stub)
    at.button(key="give-go").click().run()
    assert here.changes()[-1].headers["if-match"] == '"v9"', "the newer version, which was shown"
    assert "has **developer** now" in words(at)


# Faults


SAYS = {
    "down": "The remote API does not answer", "slow": "The remote API does not answer",
    "401": "The access token is not valid", "403": "You may not do this", "409": "The last administrator must stay",
    "412": "changed meanwhile", "422": "Some of the input is not right", "428": "Name the version that you change",
    "429": "Too many requests", "500": "Something went wrong", "500 html": "The remote API does not answer",
    "503": "The database does not answer", "html": "The remote API does not answer",
    "list": "The remote API does not answer", "other shape": "The remote API does not answer",
    "empty": "The remote API does not answer", "cut": "The remote API does not answer",
    "redirect": "The remote API does not answer",
}  # fmt: skip
"""Fault → what the page says of it."""
MAY_BE_KEPT = ("down", "slow", "500 html", "html", "list", "other shape", "empty", "cut")
"""Faults over which the answer to a change is lost: whether it was kept is not known."""
UNCONFIRMED = "It may have been kept all the same: look before you try again. What you entered is still here."


@contextmanager
def broken(here: Administration, fault: str, *methods: str) -> Iterator[None]:
    """Each call with one of these methods meets the fault, for as long as the block lasts."""
    over = threading.Event()
    given = {"down": StubResponse(hang_up=True), "slow": StubResponse(200, b"{}", until=over)}.get(fault) or FAULTS[
        fault
    ]
    here.stub.responses = {key: given if key[0] in methods else kept for key, kept in here.stub.responses.items()}
    with pytest.MonkeyPatch.context() as patch:
        if fault == "slow":
            impatient(patch, *methods)
        yield
    over.set()
    canned.serve(here.stub)


def impatient(patch: pytest.MonkeyPatch, *methods: str) -> None:
    """Calls with one of these methods are given up soon: the stub never answers them, however busy the machine is."""
    http = api_transport.http()
    request = http.request

    def sent(method: str, url: str, **given: Any) -> Any:
        return request(method, url, **(given | ({"timeout": (5.0, 0.1)} if method in methods else {})))

    patch.setattr(http, "request", sent)


@pytest.mark.parametrize("address", ["/people", CARD, "/sessions", "/admin"])
def test_a_page_whose_api_fails_says_so_and_recovers(here: Administration, address: str) -> None:
    at, _ = here.open(address)
    if address == "/people":
        at.text_input(key="q").set_value("Person 1")
    for fault, said in SAYS.items():
        with broken(here, fault, "GET"):
            at.run()
        assert not at.exception, fault
        assert said in words(at), fault
        assert len(at.title) == 1, fault
        if address == "/people":
            assert at.text_input(key="q").value == "Person 1", fault
        at.run()
        assert not at.error, fault
        assert not at.warning, fault


CHANGES = {
    "give": ("give", {"give-reason": "typed"}),
    "take": ("take-3", {"take-reason": "typed"}),
    "block": ("block", {"block-reason": "typed"}),
    "end-all": ("end-all", {"end-all-reason": "typed"}),
    "end-session": ("end-ref-1", {"end-session-reason": "typed"}),
    "erase": ("erase", {"erase-reason": "typed"}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_fails_says_why_keeps_what_was_typed_and_works_again(here: Administration, name: str) -> None:
    opener, typed = CHANGES[name]
    at, _ = here.open(CARD)
    at.button(key=opener).click().run()
    for key, value in typed.items():
        at.text_input(key=key).set_value(value)
    if name == "give":
        at.radio(key="give-chosen-role").set_value("developer")
    if name == "erase":
        at.checkbox(key="erase-sure").check()
    at.run()
    for fault, sentence in SAYS.items():
        if name in {"erase", "end-session"} and fault == "empty":
            continue  # nothing is what these answer
        said = UNCONFIRMED if fault in MAY_BE_KEPT else sentence
        with broken(here, fault, "POST", "PUT", "DELETE"):
            at.button(key=f"{name}-go").click().run()
        assert not at.exception, fault
        if fault in MAY_BE_KEPT:
            assert "try again in a moment" not in words(at).lower(), fault
        assert said in words(at), fault
        assert f"{name}-go" in keys(at), f"{fault}: the dialog is gone"
        for key, value in typed.items():
            assert at.text_input(key=key).value == value, fault
        assert "undo" not in keys(at), f"{fault}: nothing has happened"
        assert not at.success, fault
    at.button(key=f"{name}-go").click().run()
    assert f"{name}-go" not in keys(at)
    assert at.success


# When a right goes away


@pytest.mark.parametrize("name", CHANGES)
def test_a_dialog_that_was_open_does_nothing_after_the_role_is_gone(here: Administration, name: str) -> None:
    opener, typed = CHANGES[name]
    at, who = here.open(CARD)
    at.button(key=opener).click().run()
    for key, value in typed.items():
        at.text_input(key=key).set_value(value)
    at.run()
    here.revoke(who, role="administrator")
    at.button(key=f"{name}-go").click().run()
    assert here.changes() == []
    assert at.title[0].value == "No access"


NEEDS = {
    "give": "manage:grants", "take": "manage:grants", "block": "block:people", "end-all": "end:sessions",
    "end-session": "end:sessions", "erase": "erase:people",
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_nor_after_the_one_permission_is_gone_with_the_page_still_open(here: Administration, name: str) -> None:
    opener, typed = CHANGES[name]
    others = ["read:people", "read:sessions", "read:roles"]
    at, who = here.open(CARD, roles=["developer"], permissions=[*others, NEEDS[name]])
    at.button(key=opener).click().run()
    for key, value in typed.items():
        at.text_input(key=key).set_value(value)
    at.run()
    here.revoke(who, permission=NEEDS[name])
    at.button(key=f"{name}-go").click().run()
    assert here.changes() == []
    assert at.title[0].value == "Bruno Silva"
    assert f"{name}-go" not in keys(at)
    assert opener not in keys(at)


def test_the_way_back_is_refused_too(here: Administration) -> None:
    at, who = here.open(CARD, roles=[], permissions=["read:people", "block:people"])
    at.button(key="block").click().run()
    at.text_input(key="block-reason").set_value("left").run()
    at.button(key="block-go").click().run()
    here.stub.responses["GET", f"{canned.BASE}/people/7"] = json_of(canned.card(version="v2", state="blocked"))
    here.revoke(who, permission="block:people")
    at.button(key="undo").click().run()
    assert len(here.changes()) == 1
    assert "You may not do this" in words(at)


# Several at once


def choose_all(at: AppTest) -> None:
    at.button(key="choose-page").click().run()
    at.button(key="people-next").click().run()
    at.button(key="choose-page").click().run()


def bulk(here: Administration, refuse: dict[int, str]) -> None:
    """The API's bulk call: these are refused, the rest done."""

    def answer(wanted: RecordedRequest) -> StubResponse:
        results = [
            {
                "person": number,
                "outcome": "refused" if number in refuse else "done",
                "problem": {"code": "self-grant", "title": refuse[number], "detail": ""} if number in refuse else None,
            }
            for number in wanted.json()["people"]
        ]
        return json_of({"results": results})

    here.stub.responses["POST", f"{canned.BASE}/grants/bulk"] = answer


def test_several_at_once_in_steps_with_a_result_for_each(here: Administration) -> None:
    bulk(here, {3: "You cannot change your own rights", 30: "Not this one"})
    at, _ = here.open("/people")
    choose_all(at)
    assert "40 people chosen" in words(at)
    at.button(key="many-give").click().run()
    at.radio(key="many-give-chosen-role").set_value("viewer")
    at.text_input(key="many-give-reason").set_value("new team")
    at.run()
    at.button(key="many-give-go").click().run()
    assert [len(wanted.json()["people"]) for wanted in here.changes()] == [20, 20]
    assert {wanted.json()["action"] for wanted in here.changes()} == {"grant"}
    assert "viewer** given to 38 people. 2 not done." in words(at)
    assert "2 people of 40 could not be changed" in words(at)
    assert at.table[0].value.to_dict("records") == [
        {"Person": "Person 3", "Why not": "You cannot change your own rights\\."},
        {"Person": "Person 30", "Why not": "Not this one\\."},
    ]
    at.button(key="many-close").click().run()
    at.button(key="undo").click().run()
    assert here.changes()[-1].json()["action"] == "revoke"
    assert len(here.changes()[-1].json()["people"]) == 38
    assert "Taken back for 38 people." in words(at)


def test_what_was_taken_from_several_does_not_come_back_without_its_end(here: Administration) -> None:
    bulk(here, {})
    at, _ = here.open("/people")
    choose_all(at)
    at.button(key="many-take").click().run()
    assert "no undo" in words(at)
    at.radio(key="many-take-chosen-role").set_value("viewer")
    at.text_input(key="many-take-reason").set_value("project over")
    at.run()
    at.button(key="many-take-go").click().run()
    assert {wanted.json()["action"] for wanted in here.changes()} == {"revoke"}
    assert "viewer** taken away from 40 people." in words(at)
    assert "undo" not in keys(at), "the results do not say until when each of them had it"


def test_the_chosen_stay_chosen_over_searches_and_can_be_cleared(here: Administration) -> None:
    at, _ = here.open("/people")
    at.checkbox(key="choose-3").check().run()
    at.text_input(key="q").set_value("Person 12").run()
    assert "1 person chosen" in words(at)
    at.checkbox(key="choose-12").check().run()
    at.text_input(key="q").set_value("").run()
    assert "2 people chosen" in words(at)
    assert at.checkbox(key="choose-3").value is True
    at.checkbox(key="choose-3").uncheck().run()
    assert "1 person chosen" in words(at)
    at.button(key="clear-chosen").click().run()
    assert "chosen" not in words(at)
    assert not any(box.value for box in at.checkbox)


def test_one_by_one_where_the_api_knows_no_several(here: Administration) -> None:
    here.stub.responses |= {
        ("GET", f"{canned.BASE}/people/1"): json_of(canned.card(1, "One", "a1")),
        ("GET", f"{canned.BASE}/people/2"): json_of(canned.card(2, "Two", "a2", state="blocked")),
        ("GET", f"{canned.BASE}/people/3"): json_of(canned.card(3, "Three", "a3")),
        ("PUT", f"{canned.BASE}/people/1/block"): json_of({"blocked": True, "sessions_ended": 0}),
        ("PUT", f"{canned.BASE}/people/3/block"): FAULTS["409"],
    }
    at, _ = here.open("/people")
    for number in (1, 2, 3):
        at.checkbox(key=f"choose-{number}").check().run()
    at.button(key="many-block").click().run()
    at.text_input(key="many-block-reason").set_value("misused").run()
    at.button(key="many-block-go").click().run()
    assert [wanted.path for wanted in here.changes()] == [f"{canned.BASE}/people/{n}/block" for n in (1, 3)]
    assert "Blocked 1 person. For 1 nothing had to change. 1 not done." in words(at)
    assert "The last administrator must stay" in at.table[0].value["Why not"][0].replace("\\", "")


def test_when_the_api_asks_to_go_slower_it_is_waited_for(here: Administration, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(bulk_actions, "_pause", waited.append)
    asked: list[int] = []

    def answer(wanted: RecordedRequest) -> StubResponse:
        asked.append(1)
        return FAULTS["429"] if len(asked) == 1 else json_of({"ended": 1})

    here.stub.responses["DELETE", f"{canned.BASE}/people/1/sessions"] = answer
    at, _ = here.open("/people")
    at.checkbox(key="choose-1").check().run()
    at.button(key="many-end").click().run()
    at.text_input(key="many-end-reason").set_value("r").run()
    at.button(key="many-end-go").click().run()
    assert waited == [1] * 7
    assert "Sessions ended of 1 person." in words(at)


def test_of_several_at_once_it_is_said_who_may_have_been_changed(
    here: Administration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to the second step of three was lost: the third was not tried."""
    monkeypatch.setattr(bulk_actions, "_CHUNK", 15)
    bulk(here, {})
    answered = here.stub.responses["POST", f"{canned.BASE}/grants/bulk"]
    assert callable(answered)

    def lost(wanted: RecordedRequest) -> StubResponse:
        return answered(wanted) if wanted.json()["people"][0] == 1 else StubResponse(hang_up=True)

    here.stub.responses["POST", f"{canned.BASE}/grants/bulk"] = lost
    at, _ = here.open("/people")
    choose_all(at)
    at.button(key="many-give").click().run()
    at.radio(key="many-give-chosen-role").set_value("viewer")
    at.text_input(key="many-give-reason").set_value("new team")
    at.run()
    at.button(key="many-give-go").click().run()
    assert [len(wanted.json()["people"]) for wanted in here.changes()] == [15, 15]
    said = words(at)
    assert "viewer** given to 15 people. 10 not done. Of 15 it is not known: look before you try again." in said
    assert "25 people of 40 may not have been changed" in said
    assert [text.partition(":")[0] for text in at.table[0].value["Why not"]] == [
        *["It may have been done"] * 15, *["Not tried"] * 10
    ]  # fmt: skip


@pytest.mark.parametrize("fault", ["401", "403", "503"])
def test_what_would_refuse_all_stops_and_says_who_was_not_tried(here: Administration, fault: str) -> None:
    here.stub.responses["DELETE", f"{canned.BASE}/people/1/sessions"] = json_of({"ended": 1})
    here.stub.responses["DELETE", f"{canned.BASE}/people/2/sessions"] = FAULTS[fault]
    at, _ = here.open("/people")
    for number in (1, 2, 3):
        at.checkbox(key=f"choose-{number}").check().run()
    at.button(key="many-end").click().run()
    at.text_input(key="many-end-reason").set_value("r").run()
    at.button(key="many-end-go").click().run()
    assert len(here.changes()) == 2
    assert "Sessions ended of 1 person. 2 not done." in words(at)
    assert list(at.table[0].value["Person"]) == ["Person 2", "Person 3"]
    assert all("Not tried" in why for why in at.table[0].value["Why not"])


def test_several_at_once_are_refused_after_the_role_is_gone(here: Administration) -> None:
    bulk(here, {})
    at, who = here.open("/people", roles=[], permissions=["read:people", "manage:grants", "read:roles", "read:reports"])
    at.checkbox(key="choose-1").check().run()
    at.button(key="many-give").click().run()
    at.radio(key="many-give-chosen-role").set_value("viewer")
    at.text_input(key="many-give-reason").set_value("r")
    at.run()
    here.revoke(who, permission="manage:grants")
    at.button(key="many-give-go").click().run()
    assert here.changes() == []
    assert not at.checkbox
    assert "chosen" not in words(at)


# The overview


def test_what_needs_attention_leads_to_where_it_is_dealt_with(here: Administration) -> None:
    at, _ = here.open("/admin")
    said = words(at)
    for text in (
        "Only one person can administer for good", "1 role of the sign-in provider without a meaning here",
        "1,000+ people without a role", "1 permission held by nobody", "1 permission asked for nowhere",
        "1 role held by nobody", "1 person blocked",
    ):  # fmt: skip
        assert text in said
    assert {metric.label: metric.value for metric in at.metric} == {
        "People": "100,000", "Machines": "12", "Sessions now": "1,000+", "Roles": "6",
    }  # fmt: skip
    links = {(link.proto.page, link.proto.label): link.proto.query_string for link in at.get("page_link")}
    assert links["people", "See administrators"] == "role=administrator"


def test_an_overview_with_nothing_to_say(here: Administration) -> None:
    quiet = canned.statistics(
        unused_roles=[], permissions_held_by_nobody=[], permissions_asked_nowhere=[], unmapped_token_roles=[],
        people_without_roles=0, blocked_people=0, administrators=2,
    )  # fmt: skip
    here.stub.responses["GET", f"{canned.BASE}/statistics"] = json_of({**quiet, "days": []})
    here.stub.responses["GET", f"{canned.BASE}/audit"] = canned.page("events", [])
    at, _ = here.open("/admin")
    said = words(at)
    assert "Nothing. All roles are used" in said
    assert said.count("None in this time span.") == 2
    assert "Nobody has changed anything yet." in said


def test_one_section_that_fails_leaves_the_others(here: Administration) -> None:
    here.stub.responses["GET", f"{canned.BASE}/audit"] = FAULTS["503"]
    here.stub.responses["GET", f"{canned.BASE}/people/7/sessions"] = FAULTS["html"]
    at, _ = here.open(CARD)
    assert "The database does not answer" in words(at)
    assert "The remote API does not answer" in words(at)
    assert {"give", "block", "take-3"} <= keys(at)
    at, _ = here.open("/admin")
    assert "Needs attention" in words(at)
    assert "The database does not answer" in words(at)


def test_the_paths_of_these_pages_are_those_of_the_navigation() -> None:
    from app.navigation import BY_FILE

    assert {file: f"/{BY_FILE[file].path}" for file in PATHS} == PATHS


def test_single_permissions_of_the_provider_are_told_together(here: Administration) -> None:
    provided = [canned.grant(20 + n, None, permission=f"read:thing-{n:02}", source="token", by="") for n in range(19)]
    card = canned.card(grants=[canned.grant(3), *provided])
    here.stub.responses["GET", f"{canned.BASE}/people/7"] = json_of(card)
    at, _ = here.open(CARD)
    assert "**19 single permissions**" in words(at)
    assert "read:thing-09 and 9 more." in words(at)
    assert "**read:thing-00**" not in words(at)


def test_what_is_counted_only_so_far_says_so(here: Administration) -> None:
    many_roles = canned.statistics(unused_roles=[f"role-{n}" for n in range(20)], administrators=0)
    here.stub.responses["GET", f"{canned.BASE}/statistics"] = json_of({**many_roles, "roles": 1005, "sessions": 1000})
    at, _ = here.open("/admin")
    assert "20+ roles held by nobody" in words(at)
    assert "Nobody is administrator by a grant made here" in words(at)
    assert {metric.label: metric.value for metric in at.metric}["Roles"] == "1,005"
