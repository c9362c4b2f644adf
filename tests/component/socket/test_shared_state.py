"""The state that tabs share: a check of a session counts for a moment."""

from __future__ import annotations

from tests.component.socket.middleware_harness import middleware_over
from tests.signin import SignInWorld


def test_a_check_counts_for_a_second_and_for_its_session_only(installation: SignInWorld) -> None:
    now = [100.0]
    tabs = middleware_over(installation, monotonic=lambda: now[0]).tabs
    session = installation.sessions.resolve(installation.secret(installation.sign_in()))
    assert tabs.recently_checked(session.ref) is None
    tabs.record_checked(session)
    now[0] += 1.0
    assert tabs.recently_checked(session.ref) is session
    assert tabs.recently_checked("another") is None
    now[0] += 0.1
    assert tabs.recently_checked(session.ref) is None
    tabs.record_checked(session)
    tabs.drop_checked(session.ref)
    assert tabs.recently_checked(session.ref) is None
