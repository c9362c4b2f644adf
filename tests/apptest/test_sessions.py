"""Sessions: ending one session or all sessions of a user, and which details of a session are listed."""

from __future__ import annotations

from tests import stub_responses
from tests.apptest.administration import Administration, notice, page_text
from tests.apptest.tables import press, press_control, shown, table, texts
from tests.stub_api import FAULTS


def test_a_session_does_not_reveal_the_title_of_a_forbidden_page(admin: Administration) -> None:
    at, _ = admin.open("/sessions", roles=["auditor"])
    since = stub_responses.SINCE
    assert texts(table(at)) == [
        ["Bruno Silva", "Firefox on Linux", "203.0.113.7", since, since],
        ["Bruno Silva", "Firefox on Linux this browser", "203.0.113.7", since, since],
    ]
    assert not any("CSV explorer" in text for text in [page_text(at), *shown(table(at))])
    at, _ = admin.open("/sessions")
    assert texts(table(at))[0][-1] == f"{since} on CSV explorer"


def test_a_session_opens_the_card_of_its_person(admin: Administration) -> None:
    at, _ = admin.open("/sessions")
    assert table(at)["rows"][0]["href"] == "people?person=7"
    press_control(at, "open-ref-1")
    assert (at.title[0].value, at.query_params["person"]) == ("Bruno Silva", "7")


def test_a_session_opens_no_card_without_the_permission_to_read_people(admin: Administration) -> None:
    at, _ = admin.open("/sessions", roles=[], permissions=["read:sessions"])
    assert [row["href"] for row in table(at)["rows"]] == ["", ""]


def test_an_event_to_end_a_session_counts_only_with_the_permission(admin: Administration) -> None:
    at, _ = admin.open("/sessions", roles=["auditor"])
    press(at, "end-session", "ref-1")
    assert "admin_dialog" not in at.session_state
    at, _ = admin.open("/sessions")
    press(at, "end-session", "ref-2")
    assert "admin_dialog" not in at.session_state, "no administrator ends the session of this browser here"
    press(at, "end-session", "ref-1")
    assert "admin_dialog" in at.session_state


def test_one_session_or_all_sessions_of_a_user_are_ended(admin: Administration) -> None:
    at, _ = admin.open("/sessions")
    press_control(at, "end-session-ref-1")
    assert (
        "- **Bruno Silva** is signed out of Firefox on Linux at once, and reads that an administrator ended the "
        "session. Unsaved input is lost."
    ) in page_text(at)
    at.text_input(key="end-session-reason").set_value("lost").run()
    at.button(key="end-session-go").click().run()
    assert (admin.changes()[-1].path, admin.changes()[-1].query) == (
        f"{stub_responses.BASE}/sessions/ref-1",
        {"reason": ["lost"]},
    )
    assert notice(at) == "Ended the session of **Bruno Silva** (Firefox on Linux)."
    press_control(at, "end-session-ref-1")
    at.checkbox(key="end-session-all").check().run()
    assert "- All sessions of **Bruno Silva** end at once. Unsaved input is lost." in page_text(at)
    assert at.button(key="end-session-go").label == "End all sessions"
    at.text_input(key="end-session-reason").set_value("lost").run()
    at.button(key="end-session-go").click().run()
    assert admin.changes()[-1].path == f"{stub_responses.BASE}/people/7/sessions"
    assert notice(at) == "Ended 2 sessions of **Bruno Silva**."
    admin.stub.responses["DELETE", f"{stub_responses.BASE}/sessions/ref-1"] = FAULTS["404"]
    press_control(at, "end-session-ref-1")
    at.text_input(key="end-session-reason").set_value("lost").run()
    at.button(key="end-session-go").click().run()
    assert notice(at) == "Nothing changed: the session of **Bruno Silva** (Firefox on Linux) had ended already."
