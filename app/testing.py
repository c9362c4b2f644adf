"""For tests of pages: Gatehouse over a database in memory, and users signed in with the roles that a test names.

The database, the session, the grants and the decisions are the product's own; only the browser is Streamlit's
``AppTest``. ``docs/how-to/test-a-page.md`` describes it.
"""

from __future__ import annotations

import json
import secrets
import warnings
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


def settings(**overrides: object) -> Settings:
    """Settings for a test: ``overrides`` over the defaults here, neither of which the environment replaces."""
    base: dict[str, object] = {
        "gatehouse_env": "development",
        "gatehouse_secret": (SecretStr(_TEST_SECRET),),
        "oidc_issuer": ISSUER,
        "auth0_audience": "https://tests.example/api",
        "auth0_client_id": "test-client",
        "auth0_client_secret": SecretStr("test-client-secret"),
        "app_base_url": "http://localhost:8501",
        "remote_api_base_url": "http://localhost:9",  # the discard port: no server answers
        "database_url": "sqlite://",
        "default_role": None,
    }
    return Settings(_env_file=None, **(base | overrides))  # type: ignore[arg-type] # checked by the class when it runs


@contextmanager
def gatehouse(chosen: Settings | None = None) -> Iterator[Services]:
    """Gatehouse over a new database, as this process's services inside the ``with`` block."""
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
    """The app in an anonymous browser at ``path`` (which may have a query), not run yet."""
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    address, _, query = path.partition("?")
    at.context = {"url": f"{composition.services().settings.app_base_url}{address}"}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        at.query_params[name] = value
    make_anonymous(at)
    return at


def make_anonymous(at: AppTest) -> None:
    """Give ``at`` the identity of an anonymous browser."""
    at.user = {"marker": composition.services().identity.marker, "browser": "test-browser", "sid": "", "iss_sub": ""}


def nobody_at(at: AppTest) -> None:
    """The old name of ``make_anonymous``, which the next version removes."""
    warnings.warn("testing.nobody_at is now testing.make_anonymous", DeprecationWarning, stacklevel=2)
    make_anonymous(at)


def sign_in_as(
    at: AppTest | None,
    *,
    roles: Sequence[str] = (),
    permissions: Sequence[str] = (),
    name: str = "Test Person",
    subject: str | None = None,
    access_token: str = "",
) -> Subject:
    """Sign a user in with exactly these roles and permissions and bind ``at`` to the session.

    Args:
        at: The browser; None for a session without one.
        roles: Names of roles.
        permissions: Names of permissions.
        name: The user's name.
        subject: The user's ``sub``; a random one by default.
        access_token: The bearer token of calls to the remote API; a random one by default.

    Returns:
        The subject, for later changes of the user's grants.

    Raises:
        NotFound: A role or permission does not exist.
    """
    services = composition.services()
    now = utc_now()
    user = Subject(services.settings.issuer, subject or f"test|{secrets.token_hex(6)}")
    ref, token = secrets.token_urlsafe(16), access_token or secrets.token_urlsafe(24)
    expires_at = now + timedelta(hours=1)
    with services.storage.unit_of_work() as unit:
        unit.save_person(Person(subject=user, name=name, email=f"{ref[:6].lower()}@tests.example"), now)
        unit.begin_session(
            NewSession(
                ref=ref,
                secret_hash=secrets.token_bytes(32),
                subject=user,
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
            unit.add_grant(NewGrant(subject=user, source=Source.ADMIN, author="test", role=role), now)
        for permission in permissions:
            unit.add_grant(NewGrant(subject=user, source=Source.ADMIN, author="test", permission=permission), now)
        unit.commit()
    if at is not None:
        at.user = {
            "marker": services.identity.marker,
            "browser": "test-browser",
            "sid": ref,
            "iss_sub": json.dumps([user.issuer, user.subject]),
        }
    return user


def open_page(at: AppTest, file: str) -> AppTest:
    """Run the app and go to the page whose script is ``file`` (``usage_report.py``), as a link or its address would."""
    at.run()
    return at.switch_page(f"../pages/{file}").run()
