"""Access control through the real ``app/main.py``: nothing forbidden is registered, run or named, at once."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import access, navigation, testing
from app.core.clock import utc_now
from app.core.errors import PermissionDenied
from app.core.permissions import Permission
from app.core.policy import Source
from app.core.ports import UnitOfWork
from app.core.records import EndReason, NewGrant
from app.navigation import BY_FILE, PAGES, PAGES_FOLDER
from tests.apptest.conftest import AppInstallation

Change = Callable[[Callable[[UnitOfWork], object]], None]


def title_of(at: AppTest) -> str:
    assert not at.exception
    return at.title[0].value


def revoke(role: str, subject: object) -> Callable[[UnitOfWork], object]:
    grant = NewGrant(subject=subject, source=Source.ADMIN, author="test", role=role)  # type: ignore[arg-type]
    return lambda unit: unit.revoke_grant(grant, utc_now())


def denials(installation: AppInstallation) -> list[tuple[str, str, str]]:
    """Refusals in the audit: (kind, target, reason)."""
    from sqlalchemy import text

    engine = installation.services.storage.engine  # type: ignore[attr-defined]
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT kind, target, reason FROM audit_events WHERE outcome = 'refused' ORDER BY seq")
        )
        return [(row.kind, row.target, row.reason) for row in rows]


def test_a_page_without_its_guard_prevents_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert navigation.mistakes() == []
    for row in PAGES:
        (tmp_path / row.file).write_text(row.script.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(navigation, "PAGES_FOLDER", tmp_path)
    (tmp_path / "home.py").write_text("import streamlit as st\nst.title('secret')\n", encoding="utf-8")
    (tmp_path / "profile.py").unlink()
    (tmp_path / "stray.py").write_text("", encoding="utf-8")
    assert navigation.mistakes() == [
        "pages/home.py: its first statement after the imports must be access.require_page().",
        "app/navigation.py has a row for pages/profile.py, and there is no such file.",
        "pages/stray.py has no row in app/navigation.py.",
    ]


@pytest.mark.parametrize("rows", [PAGES[1:], (*PAGES, PAGES[0]), (PAGES[1], *PAGES)], ids=["none", "two", "second"])
def test_an_ambiguous_start_page_prevents_the_start(
    monkeypatch: pytest.MonkeyPatch, rows: tuple[navigation.PageRow, ...]
) -> None:
    monkeypatch.setattr(navigation, "PAGES", rows)
    assert (
        "app/navigation.py: the first row, and no other, has an empty path; no path is there twice."
        in navigation.mistakes()
    )


def test_rows_and_files_match() -> None:
    assert {row.file for row in PAGES} == {path.name for path in PAGES_FOLDER.glob("*.py")}
    assert len(BY_FILE) == len(PAGES)
    assert len({row.path for row in PAGES}) == len(PAGES)
    assert PAGES[0].path == ""


@pytest.mark.parametrize("script", sorted(PAGES_FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_every_page_requires_access_in_its_first_statement(script: Path) -> None:
    body = [
        statement
        for statement in ast.parse(script.read_text(encoding="utf-8")).body
        if not isinstance(statement, ast.Import | ast.ImportFrom)
        and not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
    ]
    assert ast.unparse(body[0]) == "access.require_page()"


@pytest.mark.parametrize("row", [row for row in PAGES if row.permission is not None], ids=lambda row: row.file)
def test_a_page_refuses_access_when_it_runs_without_the_navigation(installation: AppInstallation, row: object) -> None:
    """The page's own check: the script alone, without ``app/main.py`` and its filter."""
    at = AppTest.from_file(str(row.script), default_timeout=60)  # type: ignore[attr-defined]
    installation.sign_in(at)
    at.run()
    assert [error.value for error in at.exception] or at.exception
    assert not at.title
    assert denials(installation) == [("app:page:deny", f"/{row.path}", "not-granted")]  # type: ignore[attr-defined]


def test_the_navigation_registers_only_permitted_pages(installation: AppInstallation) -> None:
    at = testing.open_app("/")
    installation.sign_in(at, roles=["viewer"])
    at.run()
    with pytest.raises(ValueError, match="csv_explorer"):
        at.switch_page("../pages/csv_explorer.py")
    assert title_of(at.switch_page("../pages/usage_report.py").run()) == "Usage report"


def test_without_the_identity_middleware_only_an_error_is_shown(installation: AppInstallation) -> None:
    for user in ({}, {"marker": ""}, {"marker": "wrong", "sid": "x", "iss_sub": "y"}):
        at = testing.open_app("/reports")
        installation.sign_in(at, roles=["administrator"])
        at.user = {**at.user, **user} if user else {}
        at.run()
        assert [error.value for error in at.error] == [
            "Gatehouse is not guarding this app, so nothing is shown. Start it with `gatehouse serve`."
        ]
        assert not at.title
        assert not at.sidebar


def test_a_session_of_another_subject_is_anonymous(installation: AppInstallation) -> None:
    at = testing.open_app("/")
    installation.sign_in(at, roles=["administrator"])
    at.user = {**at.user, "iss_sub": '["https://tests.example/", "another-user"]'}
    assert title_of(at.run()) == "Sign in"


def test_a_revoked_role_closes_the_page_at_the_next_rerun_until_granted_again(
    installation: AppInstallation, change: Change
) -> None:
    at = testing.open_app("/reports")
    subject = installation.sign_in(at, roles=["viewer"])
    assert title_of(testing.open_page(at, "usage_report.py")) == "Usage report"
    change(revoke("viewer", subject))
    assert title_of(at.run()) == "No access"
    assert title_of(at.run()) == "No access"
    assert denials(installation) == [("app:page:deny", "/reports", "not-granted")]
    change(
        lambda unit: unit.add_grant(
            NewGrant(subject=subject, source=Source.ADMIN, author="t", role="viewer"), utc_now()
        )
    )
    assert title_of(at.run()) == "Usage report"


def test_an_ended_session_shows_the_reason(installation: AppInstallation, change: Change) -> None:
    at = testing.open_app("/profile")
    installation.sign_in(at)
    ref = at.user["sid"]
    assert title_of(testing.open_page(at, "profile.py")) == "Profile"
    change(lambda unit: unit.end_session(ref, EndReason.ENDED_BY_ADMIN, utc_now()))
    assert title_of(at.run()) == "You were signed out"
    assert any("administrator" in line.value for line in at.markdown)


def test_the_start_page_refers_users_without_a_role_to_an_administrator(installation: AppInstallation) -> None:
    at = testing.open_app("/")
    installation.sign_in(at)
    at.run()
    assert "no role yet" in at.info[0].value
    assert "administrator" in at.info[0].value


def test_home_does_not_name_forbidden_pages(installation: AppInstallation) -> None:
    at = testing.open_app("/")
    installation.sign_in(at, roles=["viewer"])
    at.run()
    page_text = "\n".join(element.value for element in [*at.markdown, *at.caption, *at.header, *at.subheader, *at.info])
    assert "CSV explorer" not in page_text
    assert "API explorer" not in page_text
    assert "Open a CSV file, chart it" in page_text  # the sentence of a permission is public


SCRIPT = """
import streamlit as st
from app import access
from app.core.permissions import Permission

calls = st.session_state.setdefault("calls", [])

@access.requires(Permission.EXPORT_REPORTS)
def effect(place):
    calls.append(place)

def pressed():
    effect("callback")

@st.fragment
def part():
    if st.button("In a fragment", key="fragment"):
        effect("fragment")

st.button("Callback", key="callback", on_click=pressed)
part()
if st.button("Body", key="body"):
    effect("body")
"""


@pytest.mark.parametrize("button", ["callback", "fragment", "body"])
def test_functions_are_refused_in_callbacks_fragments_and_the_body_after_a_role_is_removed(
    installation: AppInstallation, change: Change, button: str
) -> None:
    at = AppTest.from_string(SCRIPT, default_timeout=60)
    subject = installation.sign_in(at, roles=["analyst"])
    at.run()
    at.button(key=button).click().run()
    assert at.session_state["calls"] == [button]
    change(revoke("analyst", subject))
    at.button(key=button).click().run()
    assert at.session_state["calls"] == [button]
    assert len(at.exception) == 1
    assert [(kind, reason) for kind, _, reason in denials(installation)] == [("app:function:deny", "not-granted")]


def test_a_thread_without_a_context_is_anonymous(installation: AppInstallation) -> None:
    at = AppTest.from_string(
        """
import threading
import streamlit as st
from app import access
from app.core.permissions import Permission

seen = []
def work():
    seen.append(access.principal().anonymous)
    seen.append(access.allows(Permission.READ_REPORTS))
thread = threading.Thread(target=work)
thread.start()
thread.join()
st.write(str([access.principal().anonymous, *seen]))
"""
    )
    installation.sign_in(at, roles=["administrator"])
    at.run()
    assert at.markdown[0].value == "[False, True, False]"


def bound_export() -> tuple[AppTest, list[Callable[[], bytes]]]:
    """A script that binds a function with the permission ``export:reports`` to its session, and where it keeps it."""
    bound: list[Callable[[], bytes]] = []

    @access.requires(Permission.EXPORT_REPORTS)
    def export() -> bytes:
        return b"report"

    def script(keep: list, make: object) -> None:  # type: ignore[type-arg] # its source is run in a module without these names
        from app import access

        keep.append(access.bind_session(make))  # type: ignore[arg-type] # see above

    return AppTest.from_function(script, args=(bound, export)), bound


def test_a_bound_function_is_checked_again_when_it_is_called(installation: AppInstallation, change: Change) -> None:
    at, bound = bound_export()
    subject = installation.sign_in(at, roles=["analyst"])
    at.run()
    assert bound[0]() == b"report"
    change(revoke("analyst", subject))
    with pytest.raises(PermissionDenied):
        bound[0]()
