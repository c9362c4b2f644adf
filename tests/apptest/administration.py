"""The pages of administration in AppTest, in front of an API that answers what a test tells it to."""

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
    """One installation and its API."""

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
        """The page at ``address``, opened by somebody with these; ``mfa``: with a second factor, a moment ago."""
        at = testing.open_app(address)
        who = testing.sign_in_as(at, roles=roles, permissions=permissions)
        if mfa:
            with self.services.storage.engine.begin() as connection:  # type: ignore[attr-defined]
                connection.execute(text("UPDATE sessions SET amr = 'mfa pwd'"))
        path = address.partition("?")[0]
        testing.open_page(at, next(file for file, known in PATHS.items() if known == path))
        assert not at.exception, [error.value for error in at.exception]
        return at, who

    def revoke(self, who: Subject, *, role: str | None = None, permission: str | None = None) -> None:
        """Take a role or permission away, as another process would."""
        with self.services.storage.unit_of_work() as unit:
            grant = NewGrant(subject=who, source=Source.ADMIN, by="test", role=role, permission=permission)
            assert unit.revoke_grant(grant, utc_now())
            unit.commit()

    def changes(self) -> list[RecordedRequest]:
        """What was asked of the API that would change something."""
        return [wanted for wanted in self.stub.requests if wanted.method != "GET"]


def words(at: AppTest) -> str:
    """All that the page says, unescaped."""
    said = [
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
    return "\n".join(element.value for element in said).replace("\\", "").replace("\u2060", "")


def keys(at: AppTest) -> set[str]:
    """Keys of all buttons there are."""
    return {str(button.key) for button in at.button}
