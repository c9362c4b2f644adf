"""The pages for administrators in AppTest, in front of a stub of the remote API whose responses a test sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from app import testing
from app.core.clock import utc_now
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant
from app.services import Services
from tests.stub_api import RecordedRequest, StubApi

PATHS = {"people.py": "/people", "sessions.py": "/sessions", "overview.py": "/admin"}
CARD = "/people?person=7"


@dataclass(frozen=True)
class Administration:
    """Gatehouse in this process, and the stub of its remote API."""

    services: Services
    stub: StubApi

    def open(
        self,
        address: str,
        *,
        roles: Sequence[str] = ("administrator",),
        permissions: Sequence[str] = (),
        mfa: bool = True,
    ) -> tuple[AppTest, Subject]:
        """Open a page as a user with these roles and permissions.

        Args:
            mfa: The user has just signed in with a second factor.
        """
        at = testing.open_app(address)
        subject = testing.sign_in_as(at, roles=roles, permissions=permissions)
        if mfa:
            with self.services.storage.engine.begin() as connection:  # type: ignore[attr-defined]
                connection.execute(text("UPDATE sessions SET amr = 'mfa pwd'"))
        path = address.partition("?")[0]
        testing.open_page(at, next(file for file, known in PATHS.items() if known == path))
        assert not at.exception, [error.value for error in at.exception]
        return at, subject

    def revoke(self, subject: Subject, *, role: str | None = None, permission: str | None = None) -> None:
        """Revoke a role or permission, as another process would."""
        with self.services.storage.unit_of_work() as unit:
            grant = NewGrant(subject=subject, source=Source.ADMIN, author="test", role=role, permission=permission)
            assert unit.revoke_grant(grant, utc_now())
            unit.commit()

    def changes(self) -> list[RecordedRequest]:
        """The requests to the API that change something."""
        return [request for request in self.stub.requests if request.method != "GET"]


def page_text(at: AppTest) -> str:
    """All texts of the page, without escapes."""
    elements = [
        *at.title,
        *at.header,
        *at.subheader,
        *at.markdown,
        *at.caption,
        *at.info,
        *at.warning,
        *at.error,
        *at.success,
        *at.text,
    ]
    return "\n".join(element.value for element in elements).replace("\\", "").replace("\u2060", "")


def notice(at: AppTest) -> str:
    """The notice of the page, without escapes; empty without one."""
    texts = [element.value for element in [*at.success, *at.warning]]
    assert len(texts) <= 1, texts
    return "".join(texts).replace("\\", "").replace("\u2060", "")


def button_keys(at: AppTest) -> set[str]:
    """The keys of all buttons on the page."""
    return {str(button.key) for button in at.button}
