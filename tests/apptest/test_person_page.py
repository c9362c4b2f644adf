"""The page of one person: what it shows, and the dialogs that grant, revoke, block, erase and add."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.core.permissions import Permission
from tests import stub_responses
from tests.apptest.administration import CARD, Administration, button_keys, page_text
from tests.apptest.tables import press_control, tables, texts
from tests.stub_api import FAULTS, json_of


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


def test_granting_reports_the_change_and_offers_undo(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    at.button(key="add-grant").click().run()
    at.radio(key="add-grant-chosen-role").set_value("developer").run()
    at.pills(key="add-grant-span").set_value("7 days").run()
    at.text_input(key="add-grant-reason").set_value(" helps with the API ").run()
    before = datetime.now(UTC)
    at.button(key="add-grant-go").click().run()
    (sent,) = admin.changes()
    body = sent.json()
    until = datetime.fromisoformat(body.pop("until"))
    assert timedelta(days=7) - timedelta(minutes=1) < until - before < timedelta(days=7, minutes=1)
    assert (sent.path, body) == (
        f"{stub_responses.BASE}/people/7/grants",
        {"role": "developer", "reason": "helps with the API"},
    )
    assert sent.headers["if-match"] == '"v1"'
    assert "Bruno Silva** has **developer** now, until" in page_text(at)
    assert "add-grant-go" not in button_keys(at)
    card_with_grant = {
        **stub_responses.card(version="v2"),
        "grants": [*stub_responses.card()["grants"], stub_responses.grant(6, "developer")],
    }
    admin.stub.responses["GET", f"{stub_responses.BASE}/people/7"] = json_of(card_with_grant)
    admin.stub.responses["DELETE", f"{stub_responses.BASE}/people/7/grants/6"] = json_of(
        stub_responses.card(version="v3")
    )
    at.button(key="undo").click().run()
    undo = admin.changes()[-1]
    assert (undo.method, undo.path) == ("DELETE", f"{stub_responses.BASE}/people/7/grants/6")
    assert undo.query == {"reason": ["Undone: helps with the API"]}
    assert undo.headers["if-match"] == '"v2"'
    assert "no longer has **developer**" in page_text(at)
    at.button(key="dismiss").click().run()
    assert "no longer has" not in page_text(at)


def test_a_single_permission_is_granted_until_a_date(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    at.button(key="add-grant").click().run()
    at.segmented_control(key="add-grant-kind").set_value("A single permission").run()
    at.text_input(key="add-grant-find-permission").set_value("x").run()
    at.radio(key="add-grant-chosen-permission").set_value("explore:files").run()
    at.pills(key="add-grant-span").set_value("Until a date").run()
    last = datetime.now(UTC).date() + timedelta(days=3)
    at.date_input(key="add-grant-until").set_value(last).run()
    at.text_input(key="add-grant-reason").set_value("r").run()
    at.button(key="add-grant-go").click().run()
    (sent,) = admin.changes()
    assert sent.json() == {
        "permission": "explore:files", "reason": "r", "until": f"{last + timedelta(days=1)}T00:00:00+00:00",
    }  # fmt: skip


def test_roles_beyond_the_administrators_own_permissions_are_not_offered(admin: Administration) -> None:
    at, _ = admin.open(CARD, roles=["viewer"], permissions=["read:people", "manage:grants", "read:roles"])
    at.button(key="add-grant").click().run()
    assert at.radio(key="add-grant-chosen-role").options == ["viewer"]
    assert "4 roles not offered: you can grant only what you hold yourself." in page_text(at)


def test_revoking_shows_the_effect_and_can_be_undone(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    press_control(at, "revoke-grant-3")
    assert "Their permissions stay the same" in page_text(at)
    press_control(at, "revoke-grant-5")
    assert "They can no longer: try out calls to the remote API" in page_text(at)
    at.text_input(key="revoke-reason").set_value("done").run()
    at.button(key="revoke-go").click().run()
    (sent,) = admin.changes()
    assert (sent.method, sent.path) == ("DELETE", f"{stub_responses.BASE}/people/7/grants/5")
    at.button(key="undo").click().run()
    assert admin.changes()[-1].json() == {
        "permission": "explore:api", "reason": "Undone: done", "until": "2027-01-31T00:00:00+00:00",
    }  # fmt: skip


def test_revoking_an_automatic_grant_withholds_it_and_undo_releases_it(
    admin: Administration,
) -> None:
    at, _ = admin.open(CARD)
    press_control(at, "revoke-grant-4")
    shown = page_text(at)
    assert "It is granted automatically by the sign-in provider. From now on it is withheld: signing in again" in shown
    assert "They can no longer: open a CSV file" in shown
    at.text_input(key="revoke-reason").set_value("left").run()
    grants = [grant for grant in stub_responses.card()["grants"] if grant["id"] != 4]
    after = stub_responses.card(
        version="v2", grants=grants, withheld=[stub_responses.withheld(9, "analyst", from_token=True)]
    )
    admin.stub.responses["DELETE", f"{stub_responses.BASE}/people/7/grants/4"] = json_of(after, etag='"v2"')
    admin.stub.responses["GET", f"{stub_responses.BASE}/people/7"] = json_of(after, etag='"v2"')
    at.button(key="revoke-go").click().run()
    assert "It applies at once. It is withheld: signing in again does not restore it." in page_text(at)
    reason = "Reason: moved; the sign-in provider and the default role would grant it"
    assert texts(tables(at)["Roles and permissions"])[-1] == [
        "analyst Withheld", f"Withheld by Ada Okafor {reason}", stub_responses.SINCE, "released",
    ]  # fmt: skip
    admin.stub.responses["DELETE", f"{stub_responses.BASE}/people/7/withheld/9"] = json_of(
        stub_responses.card(version="v3"), etag='"v3"'
    )
    at.button(key="undo").click().run()
    sent = admin.changes()[-1]
    assert (sent.method, sent.path) == ("DELETE", f"{stub_responses.BASE}/people/7/withheld/9")
    assert (sent.query["reason"], sent.headers["if-match"]) == (["Undone: left"], '"v2"')
    assert "**analyst** is no longer withheld from **Bruno Silva**." in page_text(at)


def test_releasing_a_withheld_role_shows_the_effect(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    assert texts(tables(at)["Roles and permissions"])[-1][0] == "developer Withheld"
    press_control(at, "release-withheld-8")
    assert "**Bruno Silva** has **developer** again at once, from the default role." in page_text(at)
    at.text_input(key="release-reason").set_value("back").run()
    admin.stub.responses["DELETE", f"{stub_responses.BASE}/people/7/withheld/8"] = json_of(
        stub_responses.card(withheld=[]), etag='"v2"'
    )
    at.button(key="release-go").click().run()
    assert admin.changes()[-1].path == f"{stub_responses.BASE}/people/7/withheld/8"
    assert "**developer** is no longer withheld from **Bruno Silva**." in page_text(at)


def test_the_page_of_a_blocked_person_shows_that_no_page_opens(admin: Administration) -> None:
    blocked = stub_responses.card(state="blocked", grants=[], permissions=[], withheld=[])
    admin.stub.responses["GET", f"{stub_responses.BASE}/people/7"] = json_of(blocked)
    at, _ = admin.open(CARD)
    assert "While they are blocked they can open nothing; once unblocked, Home and Profile." in page_text(at)
    assert "Nothing while they are blocked." in page_text(at)
    assert "They can open Home and Profile" not in page_text(at)


def test_blocking_ends_the_sessions_and_can_be_undone(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    at.button(key="block").click().run()
    at.text_input(key="block-reason").set_value("left").run()
    at.button(key="block-go").click().run()
    assert admin.changes()[-1].json() == {"blocked": True, "reason": "left"}
    assert "Bruno Silva** is blocked. 2 sessions ended." in page_text(at)
    admin.stub.responses["GET", f"{stub_responses.BASE}/people/7"] = json_of(
        stub_responses.card(version="v2", state="blocked")
    )
    admin.stub.responses["PUT", f"{stub_responses.BASE}/people/7/block"] = json_of(
        {"blocked": False, "sessions_ended": 0}
    )
    at.button(key="undo").click().run()
    assert admin.changes()[-1].json() == {"blocked": False, "reason": "Undone: left"}
    assert admin.changes()[-1].headers["if-match"] == '"v2"'
    assert {"unblock"} <= button_keys(at)
    assert "block" not in button_keys(at)


def test_erasing_requires_a_second_factor_before_the_form(admin: Administration) -> None:
    at, _ = admin.open(CARD, mfa=False)
    at.button(key="erase").click().run()
    assert "To erase a person, you need a second factor" in page_text(at)
    assert "erase-go" not in button_keys(at)
    at, _ = admin.open(CARD)
    at.button(key="erase").click().run()
    at.text_input(key="erase-reason").set_value("a request for erasure").run()
    at.button(key="erase-go").click().run()
    assert "Tick the box above first" in page_text(at)
    assert admin.changes() == []
    at.checkbox(key="erase-sure").check().run()
    at.button(key="erase-go").click().run()
    (sent,) = admin.changes()
    assert (sent.path, sent.json()) == (f"{stub_responses.BASE}/people/7/erasure", {"reason": "a request for erasure"})
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
    assert "is added" in page_text(at)


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


def test_a_conflict_shows_both_versions_and_keeps_the_input(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    at.button(key="add-grant").click().run()
    at.radio(key="add-grant-chosen-role").set_value("developer").run()
    at.text_input(key="add-grant-reason").set_value("helps").run()
    newer = stub_responses.card(version="v9", state="blocked", grants=[stub_responses.grant(3)])
    admin.stub.responses["GET", f"{stub_responses.BASE}/people/7"] = json_of(newer)
    admin.stub.responses["POST", f"{stub_responses.BASE}/people/7/grants"] = FAULTS["412"]
    at.button(key="add-grant-go").click().run()
    assert "It was changed meanwhile" in page_text(at)
    table = at.table[0].value
    assert table.to_dict("records") == [
        {"Field": "State", "When you began": "Active", "Now": "Blocked"},
        {"Field": "Roles and permissions", "When you began": "analyst, explore\\:api and viewer", "Now": "viewer"},
    ]
    assert at.text_input(key="add-grant-reason").value == "helps"
    assert at.radio(key="add-grant-chosen-role").value == "developer"
    assert admin.changes()[-1].headers["if-match"] == '"v1"'
    assert len(admin.changes()) == 1, "nothing is sent again by itself"
    stub_responses.serve(admin.stub)
    at.button(key="add-grant-go").click().run()
    assert admin.changes()[-1].headers["if-match"] == '"v9"', "the newer version, which was shown"
    assert "has **developer** now" in page_text(at)


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
