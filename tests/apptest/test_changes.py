"""The quiet line that says what one may do no longer, or also now."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from app import access_changes, formatting, testing
from app.core.clock import utc_now
from app.core.permissions import CATALOGUE, ROLES, Permission
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant
from app.navigation import PAGES
from app.services import Services

Change = Callable[..., None]


@pytest.fixture
def services() -> Iterator[Services]:
    with testing.gatehouse() as made:
        yield made


def opened(services: Services, *roles: str) -> tuple[AppTest, Subject]:
    at = testing.open_app()
    who = testing.sign_in_as(at, roles=roles)
    at.run()
    assert not at.exception
    return at, who


def grant(services: Services, who: Subject, role: str, *, revoke: bool = False) -> None:
    one = NewGrant(subject=who, source=Source.ADMIN, by="test", role=role)
    with services.storage.unit_of_work() as unit:
        assert unit.revoke_grant(one, utc_now()) if revoke else unit.add_grant(one, utc_now())
        unit.commit()


def line(at: AppTest) -> str:
    """The line, without the escapes and the icon; empty when there is none."""
    found = [text.value for text in at.main.markdown if text.value.startswith(":small[:material/key:")]
    assert len(found) <= 1
    return found[0].removeprefix(":small[:material/key:").removesuffix("]").strip() if found else ""


def test_nothing_on_the_first_run_and_while_nothing_changes(services: Services) -> None:
    at, _ = opened(services, "viewer")
    assert line(at) == ""
    assert line(at.run()) == ""


def test_what_was_lost(services: Services) -> None:
    at, who = opened(services, "viewer")
    grant(services, who, "viewer", revoke=True)
    assert line(at.run()) == (
        f"Your access has changed: you can no longer {formatting.clause(Permission.READ_REPORTS.sentence)}."
    )


def test_what_was_gained(services: Services) -> None:
    at, who = opened(services, "viewer")
    grant(services, who, "developer")
    assert line(at.run()) == (
        "You can now also try out calls to the remote API and see the responses; "
        "and read the scoped message of the remote API."
    )


def test_both(services: Services) -> None:
    at, who = opened(services, "viewer")
    grant(services, who, "viewer", revoke=True)
    grant(services, who, "developer")
    line_text = line(at.run())
    assert line_text.index("can no longer see") < line_text.index("can now also try out")


def test_another_role_with_the_same_permission_changes_nothing(services: Services) -> None:
    at, who = opened(services, "analyst")
    grant(services, who, "viewer")
    assert line(at.run()) == ""
    grant(services, who, "viewer", revoke=True)
    assert line(at.run()) == ""


def test_an_unrelated_change_is_no_news(services: Services) -> None:
    at, _ = opened(services, "viewer")
    grant(services, testing.sign_in_as(None), "analyst")
    assert line(at.run()) == ""


def test_it_goes_by_itself(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    at, who = opened(services, "viewer")
    grant(services, who, "viewer", revoke=True)
    assert line(at.run())
    assert line(at.run())  # a run that comes by itself right after does not take it away
    monkeypatch.setattr(access_changes, "_DISPLAY_TIME", access_changes._DISPLAY_TIME * 0)
    assert line(at.run()) == ""
    assert line(at.run()) == ""


def test_lost_and_given_back_at_once_is_no_news(services: Services) -> None:
    at, who = opened(services, "viewer")
    grant(services, who, "viewer", revoke=True)
    assert line(at.run())
    grant(services, who, "viewer")
    assert line(at.run()) == ""


def test_the_line_names_no_page_and_the_state_no_right_that_counts(services: Services) -> None:
    at, who = opened(services, "administrator")
    grant(services, who, "administrator", revoke=True)
    line_text = line(at.run())
    assert line_text.count(";") == len(CATALOGUE) - 1
    assert not any(row.title in line_text for row in PAGES if row.permission is not None)
    # What is remembered is names for showing; planting one there opens nothing.
    at.session_state["gatehouse_permissions"] = access_changes._Known([], sorted(ROLES["analyst"][1]), utc_now())
    testing.open_page(at, "home.py")
    with pytest.raises(ValueError, match="csv_explorer"):
        at.switch_page("../pages/csv_explorer.py").run()
