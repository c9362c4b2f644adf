"""Sessions: ending one session or all sessions of a user, and which details of a session are listed."""

from __future__ import annotations

from tests import stub_responses
from tests.apptest.administration import Administration, page_text
from tests.stub_api import FAULTS


def test_a_session_does_not_reveal_the_title_of_a_forbidden_page(admin: Administration) -> None:
    at, _ = admin.open("/sessions", roles=["auditor"])
    assert "last used" in page_text(at)
    assert "CSV explorer" not in page_text(at)


def test_one_session_or_all_sessions_of_a_user_are_ended(admin: Administration) -> None:
    at, _ = admin.open("/sessions")
    at.button(key="end-ref-1").click().run()
    at.text_input(key="end-session-reason").set_value("lost").run()
    at.button(key="end-session-go").click().run()
    assert (admin.changes()[-1].path, admin.changes()[-1].query) == (
        f"{stub_responses.BASE}/sessions/ref-1",
        {"reason": ["lost"]},
    )
    assert "The session of **Bruno Silva** (Firefox on Linux) has ended." in page_text(at)
    at.button(key="end-ref-1").click().run()
    at.checkbox(key="end-session-all").check().run()
    at.text_input(key="end-session-reason").set_value("lost").run()
    at.button(key="end-session-go").click().run()
    assert admin.changes()[-1].path == f"{stub_responses.BASE}/people/7/sessions"
    admin.stub.responses["DELETE", f"{stub_responses.BASE}/sessions/ref-1"] = FAULTS["404"]
    at.button(key="end-ref-1").click().run()
    at.text_input(key="end-session-reason").set_value("lost").run()
    at.button(key="end-session-go").click().run()
    assert "had ended already" in page_text(at)
