"""The page of one person: what it shows, and the dialogs that block, erase and add."""

from __future__ import annotations

import pytest

from app.core.permissions import Permission
from tests import stub_responses
from tests.apptest.administration import CARD, Administration, button_keys, notice, page_text
from tests.apptest.tables import press_control, tables, texts
from tests.stub_api import json_of


@pytest.mark.parametrize("address", ["/people?person=8", "/people?person=abc", "/people?person=-1", "/people?person="])
def test_an_unknown_person_in_the_address_is_explained(admin: Administration, address: str) -> None:
    at, _ = admin.open(address)
    assert at.title[0].value == "Person not found"
    assert "all-people" in button_keys(at)


def test_a_person_page_shows_the_source_of_each_grant(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    since, until = "2026-01-31T12:00:00+00:00", "2027-01-31T00:00:00+00:00"
    assert texts(tables(at)["Roles and permissions"]) == [
        ["analyst", "The sign-in provider, as Analyst", since, "no expiry"],
        ["viewer", "Granted by Ada Okafor Reason: joined", since, "no expiry"],
        ["explore:api granted directly", "Granted by Ada Okafor Reason: helps out", since, until],
        [
            "developer Withheld",
            "Withheld by Ada Okafor Reason: moved; the default role would grant it",
            since,
            "released",
        ],
    ]
    assert "Also from the sign-in provider, but not mapped to a role: Astronaut." in page_text(at)
    assert texts(tables(at)["Effective permissions"]) == [
        ["Files", f"{Permission.EXPLORE_FILES.sentence} explore:files", "analyst"],
        ["Remote API", f"{Permission.EXPLORE_API.sentence} explore:api", "granted directly"],
        ["Reports", f"{Permission.READ_REPORTS.sentence} read:reports", "viewer analyst"],
    ]
    [session, _] = texts(tables(at)["Sessions"])
    assert session == ["Firefox on Linux", "203.0.113.7", since, f"{since} on CSV explorer"]
    assert texts(tables(at)["Recent activity"]) == [
        [since, "Ada granted Bruno the role viewer, no expiry. Reason: joined"]
    ]


def test_an_event_of_a_person_page_opens_in_the_audit(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    assert tables(at)["Recent activity"]["rows"][0]["href"] == "audit?event=9"
    press_control(at, "open-9")
    assert (at.title[0].value, at.query_params["event"]) == ("Event 9", "9")


def test_the_page_of_a_blocked_person_shows_that_no_page_opens(admin: Administration) -> None:
    blocked = stub_responses.card(state="blocked", grants=[], permissions=[], withheld=[])
    admin.stub.responses["GET", f"{stub_responses.BASE}/people/7"] = json_of(blocked)
    at, _ = admin.open(CARD)
    assert "None. **Bruno Silva** can open nothing while blocked; once unblocked, Home and Profile." in page_text(at)
    assert "Nothing while blocked." in page_text(at)
    assert "can open Home and Profile, and nothing else" not in page_text(at)


def test_blocking_ends_the_sessions_and_can_be_undone(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    at.button(key="block").click().run()
    for effect in (
        "- **Bruno Silva** can open nothing here until unblocked by an administrator.",
        "- All sessions of **Bruno Silva** end at once. Unsaved input is lost.",
        "- The roles of **Bruno Silva** stay unchanged.",
    ):
        assert effect in page_text(at)
    at.text_input(key="block-reason").set_value("left").run()
    at.button(key="block-go").click().run()
    assert admin.changes()[-1].json() == {"blocked": True, "reason": "left"}
    assert notice(at) == "Blocked **Bruno Silva** until unblocked by an administrator, and ended 2 sessions."
    admin.stub.responses["GET", f"{stub_responses.BASE}/people/7"] = json_of(
        stub_responses.card(version="v2", state="blocked")
    )
    admin.stub.responses["PUT", f"{stub_responses.BASE}/people/7/block"] = json_of(
        {"blocked": False, "sessions_ended": 0}
    )
    at.button(key="undo").click().run()
    assert admin.changes()[-1].json() == {"blocked": False, "reason": "Undone: left"}
    assert admin.changes()[-1].headers["if-match"] == '"v2"'
    assert notice(at) == "Undone: unblocked **Bruno Silva**."
    assert {"unblock"} <= button_keys(at)
    assert "block" not in button_keys(at)


def test_erasing_requires_a_second_factor_before_the_form(admin: Administration) -> None:
    at, _ = admin.open(CARD, mfa=False)
    at.button(key="erase").click().run()
    assert "To erase a person, you need a second factor" in page_text(at)
    assert "erase-go" not in button_keys(at)
    at, _ = admin.open(CARD)
    at.button(key="erase").click().run()
    for effect in (
        "- The name, e-mail and picture of **Bruno Silva** are deleted permanently.",
        "- **Bruno Silva** loses 3 grants and all sessions at once.",
        "- The audit keeps the acts of **Bruno Silva**, with the user ID **auth0|7** only.",
    ):
        assert effect in page_text(at)
    at.text_input(key="erase-reason").set_value("a request for erasure").run()
    at.button(key="erase-go").click().run()
    assert "Tick the box above first" in page_text(at)
    assert admin.changes() == []
    at.checkbox(key="erase-sure").check().run()
    at.button(key="erase-go").click().run()
    (sent,) = admin.changes()
    assert (sent.path, sent.json()) == (f"{stub_responses.BASE}/people/7/erasure", {"reason": "a request for erasure"})
    assert notice(at) == (
        "Erased the personal data of the user **auth0|7**, and ended every grant and session. The audit keeps the user "
        "ID and your reason."
    )
    assert "undo" not in button_keys(at), "an erasure cannot be undone"


def test_adding_a_person_opens_the_persons_page(admin: Administration) -> None:
    at, _ = admin.open("/people")
    at.button(key="add-person").click().run()
    at.text_input(key="add-person-reason").set_value("begins on Monday").run()
    at.button(key="add-person-go").click().run()
    assert "Type the subject" in page_text(at)
    at.text_input(key="add-person-subject").set_value(" auth0|7 ").run()
    at.button(key="add-person-go").click().run()
    assert admin.changes()[-1].json() == {"subject": "auth0|7", "reason": "begins on Monday"}
    assert at.title[0].value == "Bruno Silva"
    assert notice(at) == (
        "Added **p7@x.example** (provider https://tests.example/) before a first sign-in. Grant the roles that are "
        "needed."
    )


def test_a_change_without_a_reason_is_not_sent(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    for key in ("block", "end-all"):
        at.button(key=key).click().run()
        at.text_input(key=f"{key}-reason").set_value("   ").run()
        at.button(key=f"{key}-go").click().run()
        assert "Enter a reason" in page_text(at)
    assert admin.changes() == []


def test_cancel_changes_nothing_and_clears_the_input(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    at.button(key="block").click().run()
    at.text_input(key="block-reason").set_value("left").run()
    at.button(key="block-cancel").click().run()
    assert "block-go" not in button_keys(at)
    at.button(key="block").click().run()
    assert at.text_input(key="block-reason").value == ""
    assert admin.changes() == []


def test_single_permissions_of_the_provider_are_listed_together(admin: Administration) -> None:
    provided = [
        stub_responses.grant(20 + n, None, permission=f"read:thing-{n:02}", source="token", by="") for n in range(19)
    ]
    card = stub_responses.card(grants=[stub_responses.grant(3), *provided], withheld=[])
    admin.stub.responses["GET", f"{stub_responses.BASE}/people/7"] = json_of(card)
    at, _ = admin.open(CARD)
    assert "**19 permissions granted directly** by the sign-in provider: read:thing-00, " in page_text(at)
    assert "read:thing-09 and 9 more." in page_text(at)
    assert [row[0] for row in texts(tables(at)["Roles and permissions"])] == ["viewer"]
