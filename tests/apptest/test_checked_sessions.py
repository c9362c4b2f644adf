"""The session that the middleware checked builds the navigation; the page still checks the current state."""

from __future__ import annotations

from app import testing
from app.core.clock import utc_now
from app.core.policy import Source
from app.core.records import EndReason, NewGrant
from tests.apptest.conftest import AppInstallation


def test_a_page_refuses_a_session_that_the_guard_still_admitted(installation: AppInstallation) -> None:
    at = testing.open_app("/reports")
    subject = installation.sign_in(at, roles=["viewer"])
    session = installation.services.storage.read.session_by_ref(at.user["sid"])
    assert session is not None
    installation.services.tabs.record_checked(session)
    with installation.services.storage.unit_of_work() as unit:
        unit.revoke_grant(NewGrant(subject=subject, source=Source.ADMIN, author="test", role="viewer"), utc_now())
        unit.commit()
    testing.open_page(at, "usage_report.py")
    assert at.title[0].value == "No access"


def test_a_session_that_ended_after_the_guards_check_opens_no_page(installation: AppInstallation) -> None:
    at = testing.open_app("/profile")
    installation.sign_in(at, roles=["administrator"])
    session = installation.services.storage.read.session_by_ref(at.user["sid"])
    assert session is not None
    with installation.services.storage.unit_of_work() as unit:
        unit.end_session(session.ref, EndReason.ENDED_BY_ADMIN, utc_now())
        unit.commit()
    installation.services.tabs.record_checked(session)
    testing.open_page(at, "profile.py")
    assert [title.value for title in at.title] == ["You were signed out"]


def test_a_checked_session_is_reused_briefly_and_only_for_itself(installation: AppInstallation) -> None:
    at = testing.open_app("/")
    installation.sign_in(at)
    ref = at.user["sid"]
    session = installation.services.storage.read.session_by_ref(ref)
    assert session is not None
    tabs = installation.services.tabs
    assert tabs.recently_checked(ref) is None
    tabs.record_checked(session)
    assert tabs.recently_checked(ref) is session
    assert tabs.recently_checked("another") is None
    tabs._recently_checked[ref] = (tabs._recently_checked[ref][0] - 1.1, session)
    assert tabs.recently_checked(ref) is None
