"""For tests of pages: Gatehouse over a database in memory, and people signed in with the roles a test names.

Real objects throughout: the database, the session row, the grants and the decision are those of the product; only the
browser is Streamlit's ``AppTest``. Described in ``docs/how-to/test-a-page.md``.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from streamlit.testing.v1 import AppTest

from app import services as composition
from app.core.clock import utc_now
from app.core.keyring import Keyring
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import NewGrant, NewSession, Person
from app.core.settings import Settings
from app.core.tokens.hashes import token_hash
from app.services import Services
from component.session.provider_tokens import ProviderTokens
from db import open_database, seed

MAIN: Final = Path(__file__).resolve().parent / "main.py"
ISSUER: Final = "https://tests.example/"
_TEST_SECRET: Final = "".join(map(chr, range(48, 112)))


def settings(**given: object) -> Settings:
    """Settings for a test: nothing is read from the environment that ``given`` or the defaults here name."""
    base: dict[str, object] = {
        "gatehouse_env": "development",
        "gatehouse_secret": (SecretStr(_TEST_SECRET),),
        "oidc_issuer": ISSUER,
        "auth0_audience": "https://tests.example/api",
        "auth0_client_id": "test-client",
        "auth0_client_secret": SecretStr("test-client-secret"),
        "app_base_url": "http://localhost:8501",
        "remote_api_base_url": "http://localhost:9",  # the discard port: nobody answers
        "database_url": "sqlite://",
        "default_role": None,
    }
    return Settings(_env_file=None, **(base | given))  # type: ignore[arg-type] # checked by the class when it runs


@contextmanager
def gatehouse(chosen: Settings | None = None) -> Iterator[Services]:
    """Gatehouse over a fresh database, as this process's services for as long as the block lasts."""
    chosen = chosen or settings()
    database = open_database(chosen, Keyring(chosen.secrets))
    seed(database)
    built = composition.build(chosen, storage=database)
    composition.install(built)
    try:
        yield built
    finally:
        composition.install(None)
        built.close()


def open_app(path: str = "/") -> AppTest:
    """The app, about to be opened at ``path`` of its address (query allowed), by nobody."""
    at = AppTest.from_file(str(MAIN), default_timeout=20)
    address, _, query = path.partition("?")
    at.context = {"url": f"{composition.services().settings.app_base_url}{address}"}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        at.query_params[name] = value
    nobody_at(at)
    return at


def nobody_at(at: AppTest) -> None:
    """Make ``at`` an anonymous browser's."""
    at.user = {"guard": composition.services().identity.marker, "browser": "test-browser", "sid": "", "iss_sub": ""}


def sign_in_as(
    at: AppTest | None,
    *,
    roles: Sequence[str] = (),
    permissions: Sequence[str] = (),
    name: str = "Test Person",
    subject: str | None = None,
    access_token: str = "",
) -> Subject:
    """Sign somebody in with exactly these roles and permissions (granted by an administrator), and bind ``at`` to it.

    Raises ``NotFound`` for a role or permission that does not exist. Returns the subject, for changing their rights
    afterwards. ``access_token`` is what calls to the remote API carry; made up when empty.
    """
    services = composition.services()
    now = utc_now()
    who = Subject(services.settings.issuer, subject or f"test|{secrets.token_hex(6)}")
    ref, token = secrets.token_urlsafe(16), access_token or secrets.token_urlsafe(24)
    expires_at = now + timedelta(hours=1)
    with services.storage.unit_of_work() as unit:
        unit.save_person(Person(subject=who, name=name, email=f"{ref[:6].lower()}@tests.example"), now)
        unit.begin_session(
            NewSession(
                ref=ref,
                secret_hash=secrets.token_bytes(32),
                subject=who,
                authenticated_at=now,
                expires_at=expires_at,
                sealed_tokens=ProviderTokens(token, "", "").seal(services.keyring, ref),
                access_token_hash=token_hash(token),
                access_expires_at=expires_at,
                client_id=services.settings.auth0_client_id or "",
                user_agent="AppTest",
            ),
            now,
        )
        for role in roles:
            unit.add_grant(NewGrant(subject=who, source=Source.ADMIN, by="test", role=role), now)
        for permission in permissions:
            unit.add_grant(NewGrant(subject=who, source=Source.ADMIN, by="test", permission=permission), now)
        unit.commit()
    if at is not None:
        at.user = {
            "guard": services.identity.marker,
            "browser": "test-browser",
            "sid": ref,
            "iss_sub": json.dumps([who.issuer, who.subject]),
        }
    return who


def open_page(at: AppTest, file: str) -> AppTest:
    """Run the app and go to the page whose script is ``file`` (``usage_report.py``), as a link or its address would."""
    at.run()
    return at.switch_page(f"../pages/{file}").run()
