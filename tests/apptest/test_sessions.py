"""Sessions: ending one session or all sessions of a user, and which details of a session are listed."""

from __future__ import annotations

from tests import canned
from tests.apptest.administration import Administration, words
from tests.stub_api import FAULTS


def test_the_title_of_a_page_one_may_not_open_is_not_told_with_a_session(admin: Administration) -> None:
    at, _ = admin.open("/sessions", roles=["auditor"])
    assert "last used" in words(at)
    assert "CSV explorer" not in words(at)


def test_ending_one_session_and_all(admin: Administration) -> None:
    at, _ = admin.open("/sessions")
    at.button(key="end-ref-1").click().run()
    at.text_input(key="end-session-reason").set_value("lost").run()
    at.button(key="end-session-go").click().run()
    assert (admin.changes()[-1].path, admin.changes()[-1].query) == (
        f"{canned.BASE}/sessions/ref-1",
        {"reason": ["lost"]},
    )
    assert "The session of **Bruno Silva** (Firefox on Linux) has ended." in words(at)
    at.button(key="end-ref-1").click().run()
    at.checkbox(key="end-session-all").check().run()
    at.text_input(key="end-session-reason").set_value("lost").run()
    at.button(key="end-session-go").click().run()
    assert admin.changes()[-1].path == f"{canned.BASE}/people/7/sessions"
    admin.stub.responses["DELETE", f"{canned.BASE}/sessions/ref-1"] = FAULTS["404"]
    at.button(key="end-ref-1").click().run()
    at.text_input(key="end-session-reason").set_value("lost").run()
    at.button(key="end-session-go").click().run()
    assert "had ended already" in words(at)
