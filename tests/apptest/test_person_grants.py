"""The page of one person: the dialogs that grant, revoke and release roles and permissions, and their undo."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests import stub_responses
from tests.apptest.administration import CARD, Administration, button_keys, notice, page_text
from tests.apptest.tables import press_control, tables, texts
from tests.stub_api import FAULTS, json_of


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
    assert notice(at) == (
        f"Granted **Bruno Silva** the role **developer**, until {until:%-d %B %Y, %H:%M} UTC. It applies at once, in "
        "open tabs too."
    )
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
    assert notice(at) == "Undone: revoked the role **developer** from **Bruno Silva** again."
    at.button(key="dismiss").click().run()
    assert notice(at) == ""


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
    shown = page_text(at)
    assert (
        "- **Bruno Silva** has the role **viewer**, granted by **Ada Okafor** on 31 January 2026, 12:00 UTC, no "
        "expiry. Reason: joined."
    ) in shown
    assert "- **Bruno Silva** loses the role **viewer** at once, in open tabs too." in shown
    assert "- **Bruno Silva** loses no permission: each one comes with the role **analyst** too." in shown
    press_control(at, "revoke-grant-5")
    shown = page_text(at)
    assert (
        "- **Bruno Silva** has the permission **explore:api**, granted by **Ada Okafor** on 31 January 2026, 12:00 "
        "UTC, until 31 January 2027, 00:00 UTC. Reason: helps out."
    ) in shown
    assert "- **Bruno Silva** loses: Remote API (explore)." in shown
    at.text_input(key="revoke-reason").set_value("done").run()
    at.button(key="revoke-go").click().run()
    (sent,) = admin.changes()
    assert (sent.method, sent.path) == ("DELETE", f"{stub_responses.BASE}/people/7/grants/5")
    assert notice(at) == (
        "Revoked the permission **explore:api** from **Bruno Silva** (granted by **Ada Okafor**). **Bruno Silva** "
        "keeps it, granted by **Ada Okafor**."
    ), "the stub's card still has it"
    at.button(key="undo").click().run()
    assert admin.changes()[-1].json() == {
        "permission": "explore:api", "reason": "Undone: done", "until": "2027-01-31T00:00:00+00:00",
    }  # fmt: skip
    assert notice(at) == (
        "Undone: granted **Bruno Silva** the permission **explore:api** again, until 31 January 2027, 00:00 UTC."
    )


def test_revoking_an_automatic_grant_withholds_it_and_undo_releases_it(
    admin: Administration,
) -> None:
    at, _ = admin.open(CARD)
    press_control(at, "revoke-grant-4")
    shown = page_text(at)
    assert (
        "- **Bruno Silva** has the role **analyst**, granted by the sign-in provider on 31 January 2026, 12:00 UTC, "
        "no expiry."
    ) in shown
    assert "Reason:" not in shown, "the provider enters none"
    assert (
        "- The role **analyst** comes from the sign-in provider at each sign-in. From now on it is withheld from "
        "**Bruno Silva**, until an administrator releases it."
    ) in shown
    assert "- **Bruno Silva** loses: Files (explore)." in shown
    at.text_input(key="revoke-reason").set_value("left").run()
    grants = [grant for grant in stub_responses.card()["grants"] if grant["id"] != 4]
    after = stub_responses.card(
        version="v2", grants=grants, withheld=[stub_responses.withheld(9, "analyst", from_token=True)]
    )
    admin.stub.responses["DELETE", f"{stub_responses.BASE}/people/7/grants/4"] = json_of(after, etag='"v2"')
    admin.stub.responses["GET", f"{stub_responses.BASE}/people/7"] = json_of(after, etag='"v2"')
    at.button(key="revoke-go").click().run()
    assert notice(at) == (
        "Revoked the role **analyst** from **Bruno Silva** (granted by the sign-in provider). It is withheld: signing "
        "in again does not restore it."
    )
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
    assert notice(at) == (
        "Undone: released the role **analyst** for **Bruno Silva**, granted again at once by the sign-in provider and "
        "the default role."
    )


def test_releasing_a_withheld_role_shows_the_effect(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    assert texts(tables(at)["Roles and permissions"])[-1][0] == "developer Withheld"
    press_control(at, "release-withheld-8")
    shown = page_text(at)
    assert (
        "- The role **developer** is withheld from **Bruno Silva** by **Ada Okafor** since 31 January 2026, 12:00 "
        "UTC. Reason: moved."
    ) in shown
    assert "- **Bruno Silva** has the role **developer** again at once, from the default role." in shown
    at.text_input(key="release-reason").set_value("back").run()
    admin.stub.responses["DELETE", f"{stub_responses.BASE}/people/7/withheld/8"] = json_of(
        stub_responses.card(withheld=[]), etag='"v2"'
    )
    at.button(key="release-go").click().run()
    assert admin.changes()[-1].path == f"{stub_responses.BASE}/people/7/withheld/8"
    assert notice(at) == (
        "Released the role **developer** for **Bruno Silva**, granted again at once by the default role."
    )


def test_a_conflict_shows_both_versions_and_keeps_the_input(admin: Administration) -> None:
    at, _ = admin.open(CARD)
    at.button(key="add-grant").click().run()
    at.radio(key="add-grant-chosen-role").set_value("developer").run()
    at.text_input(key="add-grant-reason").set_value("helps").run()
    newer = stub_responses.card(version="v9", state="blocked", grants=[stub_responses.grant(3)])
    admin.stub.responses["GET", f"{stub_responses.BASE}/people/7"] = json_of(newer)
    admin.stub.responses["POST", f"{stub_responses.BASE}/people/7/grants"] = FAULTS["412"]
    at.button(key="add-grant-go").click().run()
    assert "**Bruno Silva** was changed meanwhile, by another administrator or in another tab." in page_text(at)
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
    assert notice(at) == (
        "Granted **Bruno Silva** the role **developer**, no expiry. It applies at once, in open tabs too."
    )
