"""People: changes of several people at once, with a result for each of them."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from app.admin.people import bulk_actions
from app.core.permissions import ROLES
from tests import stub_responses
from tests.apptest.administration import Administration, button_keys, notice, page_text
from tests.apptest.tables import event, press, press_control, select, select_page, selection, send, table
from tests.stub_api import FAULTS, RecordedRequest, StubResponse, json_of


def select_all(at: AppTest) -> None:
    """Select the people of both pages."""
    select_page(at)
    press_control(at, "next")
    select_page(at)


def selected_count(at: AppTest) -> int:
    """How many people are selected, as the bar of bulk actions says."""
    return len(table(at)["selected"]) + int(table(at)["selectedElsewhere"])


def bulk(admin: Administration, refuse: dict[int, str]) -> None:
    """Let the API refuse a bulk change for these people, and do it for all others."""

    def answer(request: RecordedRequest) -> StubResponse:
        results = [
            {
                "person": number,
                "outcome": "refused" if number in refuse else "done",
                "problem": {"code": "self-grant", "title": refuse[number], "detail": ""} if number in refuse else None,
            }
            for number in request.json()["people"]
        ]
        return json_of({"results": results})

    admin.stub.responses["POST", f"{stub_responses.BASE}/grants/bulk"] = answer


def test_a_bulk_change_runs_in_steps_and_reports_a_result_for_each_person(admin: Administration) -> None:
    bulk(admin, {3: "You cannot change your own rights", 30: "Not this one"})
    at, _ = admin.open("/people")
    select_all(at)
    assert selected_count(at) == 40
    press_control(at, "bulk-grant")
    at.radio(key="many-grant-chosen-role").set_value("viewer")
    at.text_input(key="many-grant-reason").set_value("new team")
    at.run()
    at.button(key="many-grant-go").click().run()
    assert [len(request.json()["people"]) for request in admin.changes()] == [20, 20]
    assert {request.json()["action"] for request in admin.changes()} == {"grant"}
    assert notice(at) == (
        "Granted 38 people the role **viewer**, no expiry. Left 2 people unchanged, for the reasons in the list."
    )
    assert "2 of 40 people could not be changed" in page_text(at)
    assert at.table[0].value.to_dict("records") == [
        {"Person": "Person 3", "Reason": "You cannot change your own rights\\."},
        {"Person": "Person 30", "Reason": "Not this one\\."},
    ]
    at.button(key="many-close").click().run()
    at.button(key="undo").click().run()
    assert admin.changes()[-1].json()["action"] == "revoke"
    assert len(admin.changes()[-1].json()["people"]) == 38
    assert notice(at) == "Undone: revoked the role **viewer** from 38 people again."


def test_the_undo_of_a_bulk_change_names_those_who_were_not_undone(admin: Administration) -> None:
    bulk(admin, {})
    at, _ = admin.open("/people")
    select(at, [3, 5, 7])
    press_control(at, "bulk-grant")
    at.radio(key="many-grant-chosen-role").set_value("viewer").run()
    assert "The role **viewer** is granted to these 3 people at once, no expiry." in page_text(at)
    at.text_input(key="many-grant-reason").set_value("new team").run()
    at.button(key="many-grant-go").click().run()
    assert notice(at) == "Granted 3 people the role **viewer**, no expiry."
    bulk(admin, {5: "The last administrator must stay"})
    at.button(key="undo").click().run()
    assert admin.changes()[-1].json()["reason"] == "Undone: new team"
    assert notice(at) == (
        "Undone: revoked the role **viewer** from 2 people again. Not undone for **Person 5**: The last administrator "
        "must stay."
    )


def test_a_grant_from_the_row_of_a_person_is_for_that_person_only(admin: Administration) -> None:
    bulk(admin, {})
    at, _ = admin.open("/people")
    select(at, [3, 5])
    press_control(at, "grant-7")
    assert at.button(key="many-grant-go").label == "Grant to 1 person"
    at.radio(key="many-grant-chosen-role").set_value("viewer")
    at.text_input(key="many-grant-reason").set_value("new team")
    at.run()
    at.button(key="many-grant-go").click().run()
    assert [request.json()["people"] for request in admin.changes()] == [[7]]
    assert notice(at) == "Granted **Person 7** the role **viewer**, no expiry."
    assert table(at)["selected"] == ["3", "5"]


def test_a_grant_for_a_person_who_has_left_the_list_opens_no_dialog(admin: Administration) -> None:
    at, _ = admin.open("/people")
    admin.stub.responses["GET", f"{stub_responses.BASE}/people"] = stub_responses.page(
        "people", [stub_responses.person(1)]
    )
    press_control(at, "grant-7")
    assert "many-grant-go" not in button_keys(at)
    assert [row["id"] for row in table(at)["rows"]] == ["1"]


def test_a_bulk_revocation_cannot_be_undone(admin: Administration) -> None:
    bulk(admin, {})
    at, _ = admin.open("/people")
    select_all(at)
    press_control(at, "bulk-revoke")
    at.radio(key="many-revoke-chosen-role").set_value("viewer").run()
    for effect in (
        "- The role **viewer** is revoked from these 40 people at once, in open tabs too.",
        "- What a sign-in grants automatically is withheld from these 40 people: signing in again does not restore it.",
        "- Revoking from these 40 people cannot be undone, because the expiry of each grant is lost.",
    ):
        assert effect in page_text(at)
    at.text_input(key="many-revoke-reason").set_value("project over")
    at.run()
    at.button(key="many-revoke-go").click().run()
    assert {request.json()["action"] for request in admin.changes()} == {"revoke"}
    assert notice(at) == "Revoked the role **viewer** from 40 people. What a sign-in grants is withheld."
    assert "undo" not in button_keys(at), "the results do not include when each grant ended"


def test_the_selection_is_kept_over_searches_and_can_be_cleared(admin: Administration) -> None:
    at, _ = admin.open("/people")
    select(at, [3])
    at.text_input(key="q").set_value("Person 12").run()
    assert (table(at)["selected"], selected_count(at)) == ([], 1)
    select(at, [12])
    at.text_input(key="q").set_value("").run()
    assert (table(at)["selected"], selected_count(at)) == (["3", "12"], 2)
    select(at, [12])
    assert (table(at)["selected"], selected_count(at)) == (["12"], 1)
    press(at, "clear")
    assert (table(at)["selected"], selected_count(at)) == ([], 0)


def test_a_press_on_its_way_with_a_selection_is_for_that_selection(admin: Administration) -> None:
    at, _ = admin.open("/people")
    select(at, [3])
    everyone = selection(at, range(1, 26))
    send(at, {"selection": everyone, "event": event("grant")})
    assert at.button(key="many-grant-go").label == "Grant to 25 people"
    at.button(key="many-grant-cancel").click().run()
    press(at, "clear")
    assert selected_count(at) == 0
    late = {"selection": everyone, "event": event("grant")}
    send(at, late)
    assert selected_count(at) == 0, "the selection stays empty"
    assert "many-grant-go" not in button_keys(at), "nothing is selected"


def test_the_selection_of_an_earlier_page_is_not_taken_for_one_of_this(admin: Administration) -> None:
    at, _ = admin.open("/people")
    late = selection(at, [3, 30])
    press_control(at, "next")
    send(at, {"selection": late})
    assert selected_count(at) == 0


def test_a_change_without_a_bulk_call_is_sent_for_each_person(admin: Administration) -> None:
    admin.stub.responses |= {
        ("GET", f"{stub_responses.BASE}/people/1"): json_of(stub_responses.card(1, "One", "a1")),
        ("GET", f"{stub_responses.BASE}/people/2"): json_of(stub_responses.card(2, "Two", "a2", state="blocked")),
        ("GET", f"{stub_responses.BASE}/people/3"): json_of(stub_responses.card(3, "Three", "a3")),
        ("PUT", f"{stub_responses.BASE}/people/1/block"): json_of({"blocked": True, "sessions_ended": 0}),
        ("PUT", f"{stub_responses.BASE}/people/3/block"): FAULTS["409"],
    }
    at, _ = admin.open("/people")
    select(at, [1, 2, 3])
    press_control(at, "bulk-block")
    at.text_input(key="many-block-reason").set_value("misused").run()
    at.button(key="many-block-go").click().run()
    assert [request.path for request in admin.changes()] == [f"{stub_responses.BASE}/people/{n}/block" for n in (1, 3)]
    assert notice(at) == (
        "Blocked **Person 1** until unblocked by an administrator. No change for **Person 2**: blocked already. Left "
        "**Person 3** unchanged, for the reasons in the list."
    )
    assert "The last administrator must stay" in at.table[0].value["Reason"][0].replace("\\", "")


def test_a_bulk_change_waits_when_the_api_limits_the_rate(
    admin: Administration, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(bulk_actions, "_pause", waited.append)
    requests: list[int] = []

    def answer(request: RecordedRequest) -> StubResponse:
        requests.append(1)
        return FAULTS["429"] if len(requests) == 1 else json_of({"ended": 1})

    admin.stub.responses["DELETE", f"{stub_responses.BASE}/people/1/sessions"] = answer
    at, _ = admin.open("/people")
    select(at, [1])
    press_control(at, "bulk-end")
    at.text_input(key="many-end-reason").set_value("r").run()
    at.button(key="many-end-go").click().run()
    assert waited == [1] * 7
    assert notice(at) == "Ended all sessions of **Person 1**."


def test_a_bulk_change_reports_the_people_in_doubt(admin: Administration, monkeypatch: pytest.MonkeyPatch) -> None:
    """The response to the second step of three is lost, and the third step is not sent."""
    monkeypatch.setattr(bulk_actions, "_CHUNK", 15)
    bulk(admin, {})
    answer_step = admin.stub.responses["POST", f"{stub_responses.BASE}/grants/bulk"]
    assert callable(answer_step)

    def fail_second_step(request: RecordedRequest) -> StubResponse:
        return answer_step(request) if request.json()["people"][0] == 1 else StubResponse(hang_up=True)

    admin.stub.responses["POST", f"{stub_responses.BASE}/grants/bulk"] = fail_second_step
    at, _ = admin.open("/people")
    select_all(at)
    press_control(at, "bulk-grant")
    at.radio(key="many-grant-chosen-role").set_value("viewer")
    at.text_input(key="many-grant-reason").set_value("new team")
    at.run()
    at.button(key="many-grant-go").click().run()
    assert [len(request.json()["people"]) for request in admin.changes()] == [15, 15]
    assert notice(at) == (
        "Granted 15 people the role **viewer**, no expiry. Left 10 people unchanged, for the reasons in the list. No "
        "answer about 15 people: check what was changed before you try again."
    )
    assert "25 of 40 people may not have been changed" in page_text(at)
    assert [text.partition(":")[0] for text in at.table[0].value["Reason"]] == [
        *["May have been changed"] * 15, *["Not tried"] * 10
    ]  # fmt: skip


@pytest.mark.parametrize("fault", ["401", "403", "503"])
def test_a_fault_that_concerns_everyone_stops_and_reports_who_was_not_tried(admin: Administration, fault: str) -> None:
    admin.stub.responses["DELETE", f"{stub_responses.BASE}/people/1/sessions"] = json_of({"ended": 1})
    admin.stub.responses["DELETE", f"{stub_responses.BASE}/people/2/sessions"] = FAULTS[fault]
    at, _ = admin.open("/people")
    select(at, [1, 2, 3])
    press_control(at, "bulk-end")
    at.text_input(key="many-end-reason").set_value("r").run()
    at.button(key="many-end-go").click().run()
    assert len(admin.changes()) == 2
    assert notice(at) == "Ended all sessions of **Person 1**. Left 2 people unchanged, for the reasons in the list."
    assert list(at.table[0].value["Person"]) == ["Person 2", "Person 3"]
    assert all("Not tried" in reason for reason in at.table[0].value["Reason"])


def test_a_bulk_change_is_refused_after_the_permission_is_revoked(admin: Administration) -> None:
    bulk(admin, {})
    permissions = ["read:people", "manage:grants", "read:roles", *ROLES["viewer"][1]]
    at, subject = admin.open("/people", roles=[], permissions=permissions)
    select(at, [1])
    press_control(at, "bulk-grant")
    at.radio(key="many-grant-chosen-role").set_value("viewer")
    at.text_input(key="many-grant-reason").set_value("r")
    at.run()
    admin.revoke(subject, permission="manage:grants")
    at.button(key="many-grant-go").click().run()
    assert admin.changes() == []
    assert "many-grant-go" not in button_keys(at)
    assert (table(at)["selects"], table(at)["bulk"]) == (False, [])
