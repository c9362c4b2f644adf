"""The line that reports which permissions the user has lost or gained since the last run."""

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
    with testing.gatehouse() as built:
        yield built


def opened(services: Services, *names: str) -> tuple[AppTest, Subject]:
    """The app, opened by a user with these roles and permissions."""
    at = testing.open_app()
    permissions = [name for name in names if ":" in name]
    subject = testing.sign_in_as(at, roles=[name for name in names if ":" not in name], permissions=permissions)
    at.run()
    assert not at.exception
    return at, subject


def grant(services: Services, subject: Subject, name: str, *, revoke: bool = False) -> None:
    """Grant or revoke a role or permission."""
    role, permission = (None, name) if ":" in name else (name, None)
    new_grant = NewGrant(subject=subject, source=Source.ADMIN, author="test", role=role, permission=permission)
    with services.storage.unit_of_work() as unit:
        assert unit.revoke_grant(new_grant, utc_now()) if revoke else unit.add_grant(new_grant, utc_now())
        unit.commit()


def line(at: AppTest) -> str:
    """The line, without the escapes and the icon; empty when there is none."""
    lines = [text.value for text in at.main.markdown if text.value.startswith(":small[:material/key:")]
    assert len(lines) <= 1
    return lines[0].removeprefix(":small[:material/key:").removesuffix("]").strip() if lines else ""


def test_no_line_on_the_first_run_and_without_a_change(services: Services) -> None:
    at, _ = opened(services, "viewer")
    assert line(at) == ""
    assert line(at.run()) == ""


def test_a_lost_permission_is_reported(services: Services) -> None:
    at, subject = opened(services, "read:reports")
    grant(services, subject, "read:reports", revoke=True)
    assert line(at.run()) == (
        f"Your access has changed: you can no longer {formatting.clause(Permission.READ_REPORTS.sentence)}."
    )


def test_a_gained_permission_is_reported(services: Services) -> None:
    at, subject = opened(services, "viewer")
    grant(services, subject, "explore:api")
    grant(services, subject, "read:messages")
    assert line(at.run()) == (
        "You can now also try out calls to the remote API and see the responses; "
        "and read the scoped message of the remote API."
    )


def test_of_many_permissions_the_first_are_named(services: Services) -> None:
    """A lost role with every permission filled the window, above the page that explains what is missing."""
    at, subject = opened(services, "administrator")
    grant(services, subject, "administrator", revoke=True)
    text = line(at.run())
    named = "; ".join(formatting.clause(permission.sentence) for permission in list(CATALOGUE.values())[:3])
    assert text == f"Your access has changed: you can no longer {named}; or do {len(CATALOGUE) - 3} other things."


def test_lost_permissions_are_reported_before_gained_ones(services: Services) -> None:
    at, subject = opened(services, "read:reports")
    grant(services, subject, "read:reports", revoke=True)
    grant(services, subject, "explore:api")
    line_text = line(at.run())
    assert line_text.index("can no longer see") < line_text.index("can now also try out")


def test_another_role_with_the_same_permission_changes_nothing(services: Services) -> None:
    at, subject = opened(services, "administrator")
    grant(services, subject, "viewer")
    assert line(at.run()) == ""
    grant(services, subject, "viewer", revoke=True)
    assert line(at.run()) == ""


def test_a_change_of_another_user_is_not_reported(services: Services) -> None:
    at, _ = opened(services, "viewer")
    grant(services, testing.sign_in_as(None), "analyst")
    assert line(at.run()) == ""


def test_the_line_disappears_after_a_while(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    at, subject = opened(services, "viewer")
    grant(services, subject, "viewer", revoke=True)
    assert line(at.run())
    assert line(at.run())  # an automatic run right after keeps the line
    monkeypatch.setattr(access_changes, "_DISPLAY_TIME", access_changes._DISPLAY_TIME * 0)
    assert line(at.run()) == ""
    assert line(at.run()) == ""


def test_a_permission_revoked_and_granted_again_is_not_reported(services: Services) -> None:
    at, subject = opened(services, "viewer")
    grant(services, subject, "viewer", revoke=True)
    assert line(at.run())
    grant(services, subject, "viewer")
    assert line(at.run()) == ""


def test_the_line_names_no_page_and_its_state_grants_nothing(services: Services) -> None:
    at, subject = opened(services, "administrator")
    grant(services, subject, "administrator", revoke=True)
    line_text = line(at.run())
    assert line_text.count(";") == 3  # three sentences and a number
    for permission in CATALOGUE.values():  # a sentence may use the word that is a page's title
        line_text = line_text.replace(formatting.clause(permission.sentence), "")
    assert not any(row.title in line_text for row in PAGES if row.permission is not None)
    # The state holds names to show; a name that is added there opens nothing.
    at.session_state["gatehouse_permissions"] = access_changes._Known([], sorted(ROLES["analyst"][1]), utc_now())
    testing.open_page(at, "home.py")
    with pytest.raises(ValueError, match="csv_explorer"):
        at.switch_page("../pages/csv_explorer.py").run()
