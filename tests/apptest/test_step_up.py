"""Step-up on the pages: what is shown when the sign-in is older or weaker than a permission requires."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from app import formatting, testing
from app.core.assurance import MULTI_FACTOR, SignInRequirement
from app.core.clock import utc_now
from app.core.errors import StepUpRequired
from app.core.permissions import REQUIREMENTS
from app.core.policy import Source
from app.core.records import NewGrant
from component.auth0 import confirm
from tests.apptest.conftest import AppInstallation
from tests.apptest.tables import shown, tables
from tests.apptest.test_page_guards import SCRIPT, bound_export, denials, title_of

HOUR = 3_600_000_000


@pytest.fixture
def requirements(monkeypatch: pytest.MonkeyPatch) -> list[SignInRequirement]:
    """The requirements of the confirm buttons, in the order they were drawn."""
    drawn: list[SignInRequirement] = []

    def draw(*, key: str, step_up: SignInRequirement, **more: Any) -> None:
        drawn.append(step_up)
        confirm(key=key, step_up=step_up, **more)

    monkeypatch.setattr("app.panels.confirm", draw)
    return drawn


def signed_in_ago(installation: AppInstallation, microseconds: int, *, amr: str = "") -> None:
    """Make the sign-in of every session older by this time (younger if negative), and set its methods."""
    change = text("UPDATE sessions SET authenticated_at = authenticated_at - :older, amr = :amr")
    with installation.services.storage.engine.begin() as connection:  # type: ignore[attr-defined]
        connection.execute(change, {"older": microseconds, "amr": amr})


def page_text(at: AppTest) -> str:
    return "\n".join(element.value for element in [*at.markdown, *at.caption])


def export_is_offered(at: AppTest) -> bool:
    return bool(at.get("download_button"))


def test_the_report_offers_to_confirm_in_place_of_the_export(
    installation: AppInstallation, requirements: list[SignInRequirement]
) -> None:
    at = testing.open_app("/reports")
    installation.sign_in(at, roles=["analyst"])
    testing.open_page(at, "usage_report.py")
    assert export_is_offered(at)
    assert requirements == []
    signed_in_ago(installation, HOUR + 1_000_000)
    at.run()
    assert title_of(at) == "Usage report"
    assert not export_is_offered(at)
    assert requirements == [SignInRequirement(max_age_seconds=3600)]
    assert "Confirm it is you" in page_text(at)
    assert "download the usage report as a file" in page_text(at)
    assert "within the last hour" in page_text(at)
    assert "you'll come back here" in page_text(at)
    assert denials(installation) == [], "the offer to confirm is not a refusal"
    signed_in_ago(installation, -HOUR)
    at.run()
    assert export_is_offered(at)
    assert "Confirm it is you" not in page_text(at)


def test_users_without_the_permission_are_not_asked_to_confirm(
    installation: AppInstallation, requirements: list[SignInRequirement]
) -> None:
    at = testing.open_app("/reports")
    installation.sign_in(at, roles=["viewer"])
    signed_in_ago(installation, 2 * HOUR)
    testing.open_page(at, "usage_report.py")
    assert "you need one more permission" in page_text(at)
    assert requirements == []


def test_a_page_asks_to_confirm_before_it_runs(
    installation: AppInstallation, requirements: list[SignInRequirement], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REQUIREMENTS, "read:reports", SignInRequirement(max_age_seconds=300))
    at = testing.open_app("/reports")
    installation.sign_in(at, roles=["viewer"])
    signed_in_ago(installation, HOUR)
    testing.open_page(at, "usage_report.py")
    for _ in range(2):
        assert title_of(at) == "Confirm it is you"
        assert "see the usage report" in page_text(at)
        assert "within the last 5 minutes" in page_text(at)
        assert not at.metric
        at.run()
    assert set(requirements) == {SignInRequirement(max_age_seconds=300)}
    assert denials(installation) == [("app:page:deny", "/reports", "stale-login")], (
        "audited once while the page stays open"
    )
    signed_in_ago(installation, -HOUR)
    assert title_of(at.run()) == "Usage report"


def test_a_page_that_requires_a_recent_sign_in_is_offered_like_others(
    installation: AppInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REQUIREMENTS, "read:reports", SignInRequirement(max_age_seconds=300))
    at = testing.open_app("/")
    subject = installation.sign_in(at, permissions=["read:reports"])
    signed_in_ago(installation, HOUR)
    at.run()
    assert "- See the usage report" in page_text(at)
    assert {"reports", "profile"} <= {link.proto.page for link in at.get("page_link")}
    assert title_of(at.switch_page("../pages/usage_report.py").run()) == "Confirm it is you"
    with installation.services.storage.unit_of_work() as unit:
        unit.revoke_grant(
            NewGrant(subject=subject, source=Source.ADMIN, author="test", permission="read:reports"), utc_now()
        )
        unit.commit()
    assert title_of(at.run()) == "No access", "a page without the permission offers no confirmation"


def test_a_page_requires_a_recent_sign_in_when_it_runs_without_the_navigation(
    installation: AppInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REQUIREMENTS, "read:reports", SignInRequirement(max_age_seconds=300))
    at = AppTest.from_file(str(testing.MAIN.parents[1] / "pages" / "usage_report.py"), default_timeout=60)
    installation.sign_in(at, roles=["viewer"])
    signed_in_ago(installation, HOUR)
    at.run()
    assert len(at.exception) == 1
    assert not at.title
    assert denials(installation) == [("app:page:deny", "/reports", "stale-login")]


def test_a_required_second_factor_is_explained(
    installation: AppInstallation, requirements: list[SignInRequirement], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REQUIREMENTS, "read:reports", SignInRequirement(acr=MULTI_FACTOR))
    at = testing.open_app("/reports")
    installation.sign_in(at, roles=["viewer"])
    testing.open_page(at, "usage_report.py")
    assert title_of(at) == "Confirm it is you"
    assert "you need a second factor, such as a code" in page_text(at)
    assert MULTI_FACTOR not in page_text(at)
    assert requirements[0] == SignInRequirement(acr=MULTI_FACTOR)
    signed_in_ago(installation, 0, amr="mfa pwd")
    assert title_of(at.run()) == "Usage report"


@pytest.mark.parametrize("button", ["callback", "fragment", "body"])
def test_functions_are_refused_in_callbacks_fragments_and_the_body_once_the_sign_in_is_old(
    installation: AppInstallation, button: str
) -> None:
    at = AppTest.from_string(SCRIPT, default_timeout=60)
    installation.sign_in(at, roles=["analyst"])
    at.run()
    at.button(key=button).click().run()
    assert at.session_state["calls"] == [button]
    signed_in_ago(installation, 2 * HOUR)
    at.button(key=button).click().run()
    assert at.session_state["calls"] == [button]
    assert len(at.exception) == 1
    assert [(kind, reason) for kind, _, reason in denials(installation)] == [("app:function:deny", "stale-login")]


def test_a_deferred_download_is_checked_when_it_is_created(installation: AppInstallation) -> None:
    at, bound = bound_export()
    installation.sign_in(at, roles=["analyst"])
    at.run()
    assert bound[0]() == b"report"
    signed_in_ago(installation, 2 * HOUR)
    with pytest.raises(StepUpRequired):
        bound[0]()


def test_a_challenge_of_the_api_is_raised_as_the_same_error(
    installation: AppInstallation, requirements: list[SignInRequirement], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API decides by its own clock, also where the app has not checked first."""
    caught: list[StepUpRequired] = []

    def script(keep: list) -> None:  # type: ignore[type-arg] # its source is run in a module without these names
        from app import api_client, panels
        from app.core.errors import GatehouseError

        try:
            api_client.usage_csv(7)
        except GatehouseError as error:
            keep.append(error)
            panels.problem(error)

    at = AppTest.from_function(script, args=(caught,), default_timeout=60)
    installation.sign_in(at, roles=["analyst"])
    signed_in_ago(installation, 2 * HOUR)
    at.run()
    (error,) = caught
    assert isinstance(error, StepUpRequired)
    assert (error.permission, error.reason) == ("export:reports", "stale-login")
    assert (error.max_age_seconds, error.acr) == (3600, "")
    assert title_of(at) == "Confirm it is you"
    monkeypatch.setitem(REQUIREMENTS, "export:reports", SignInRequirement(60, MULTI_FACTOR))
    at.run()
    assert (caught[1].max_age_seconds, caught[1].acr) == (60, MULTI_FACTOR)
    assert requirements[-1] == SignInRequirement(60, MULTI_FACTOR)


def test_the_profile_lists_permissions_that_require_confirmation(installation: AppInstallation) -> None:
    at = testing.open_app("/profile")
    installation.sign_in(at, roles=["analyst"])
    signed_in_ago(installation, 2 * HOUR)
    testing.open_page(at, "profile.py")
    assert any("Download the usage report as a file" in text for text in shown(tables(at)["Your permissions"]))


def test_the_time_until_a_confirmation_is_required(installation: AppInstallation) -> None:
    """The value for a fragment's ``run_every``, so that a download is removed before it would be refused."""
    at = AppTest.from_string(
        """
import streamlit as st
from app import access
from app.core.permissions import Permission

for permission in (Permission.READ_REPORTS, Permission.EXPORT_REPORTS):
    left = access.fresh_for(permission)
    st.write("ever" if left is None else str(round(left.total_seconds() / 60)))
"""
    )
    installation.sign_in(at, roles=["analyst"])

    def texts() -> list[str]:
        return [element.value for element in at.run().markdown]

    assert texts() == ["ever", "60"]
    signed_in_ago(installation, HOUR // 2)
    assert texts() == ["ever", "30"]
    signed_in_ago(installation, HOUR)
    assert texts() == ["ever", "ever"]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(3600, "hour"), (7200, "2 hours"), (60, "minute"), (900, "15 minutes"), (86400, "day"), (90, "90 seconds")],
)
def test_a_time_span_in_words(seconds: int, expected: str) -> None:
    assert formatting.span(seconds) == expected
