"""The API's whole world for a test: a real issuer on loopback, a real database in memory, the real app over them.

Only time is made up: ``clock`` is what the API and the database's callers are told; tokens keep to the real one.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from app.core.keyring import Keyring
from app.core.permissions import ROLES
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import EndReason, NewGrant, NewSession, Person
from app.core.rights import Rights
from app.core.settings import Settings
from app.core.tokens.hashes import token_hash
from app.core.tokens.verifier import build_verifier
from db import Database, open_database, seed, verify_chain
from remote_api import create_app
from remote_api.application import Application
from remote_api.background_writer import BackgroundWriter
from remote_api.services import ApiServices
from tests.issuer import Issuer
from tests.remote_api.contract_client import ContractClient

OWN_CLIENT = "gatehouse-app"
SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"


def settings_for(issuer: Issuer, **changes: Any) -> Settings:
    """The settings of an API that trusts ``issuer`` and keeps everything in memory."""
    given: dict[str, Any] = {
        "oidc_issuer": issuer.url,
        "auth0_audience": issuer.audience,
        "database_url": "sqlite://",
        "jwks_cooldown_seconds": 1,
    }
    return Settings(_env_file=None, **(given | changes))


class Clock:
    """A clock that stands still, at the time it was made, and is set by the test only."""

    def __init__(self) -> None:
        self._made_at = datetime.now(UTC)
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return self._made_at + self.ahead


@dataclass(frozen=True)
class SignedIn:
    """A person's session and its token."""

    subject: Subject
    ref: str
    token: str


@dataclass
class World:
    """Everything, and the verbs of a test."""

    issuer: Issuer
    settings: Settings
    clock: Clock = field(default_factory=Clock)
    database: Database = field(init=False)
    app: Application = field(init=False)
    _background_writers: list[BackgroundWriter] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.database = open_database(self.settings, Keyring([SECRET]))
        seed(self.database)
        self.app = self.make_app()

    def make_app(self, storage: Any = None) -> Application:
        """The API over ``storage``, or over the database."""
        storage = storage or self.database
        verifier = build_verifier(self.settings)
        app = create_app(
            self.settings,
            ApiServices(
                storage=storage,
                verifier=verifier,
                rights=Rights(storage.read, clock=self.clock),
                clock=self.clock,
                verify_chain=partial(verify_chain, self.database),
            ),
        )
        app.test_client_class = ContractClient
        self._background_writers.append(_background_writer(app))
        return app

    @property
    def background_writer(self) -> BackgroundWriter:
        """What the app writes on the side."""
        return _background_writer(self.app)

    def close(self) -> None:
        """End it, with every app that was made."""
        for background_writer in self._background_writers:
            background_writer.close()
        self.database.close()

    # Who there is

    def subject(self, name: str = "auth0|ann") -> Subject:
        """A subject of this issuer."""
        return Subject(self.issuer.url, name)

    def person(self, name: str = "auth0|ann", *, roles: tuple[str, ...] = (), **grant: Any) -> Subject:
        """A person with some roles."""
        subject = self.subject(name)
        with self.database.unit_of_work() as unit:
            unit.save_person(Person(subject, name="Ann Example", email="ann@example.com"), self.clock())
            unit.commit()
        for role in roles:
            self.grant(subject, role=role, **grant)
        return subject

    def grant(self, subject: Subject, **grant: Any) -> None:
        """Give a role or permission."""
        with self.database.unit_of_work() as unit:
            assert unit.add_grant(_grant(subject, **grant), self.clock())
            unit.commit()

    def revoke(self, subject: Subject, **grant: Any) -> None:
        """Take a role or permission away."""
        with self.database.unit_of_work() as unit:
            assert unit.revoke_grant(_grant(subject, **grant), self.clock())
            unit.commit()

    def block(self, subject: Subject) -> None:
        """Block a person."""
        with self.database.unit_of_work() as unit:
            assert unit.set_blocked(subject, blocked=True)
            unit.commit()

    def sign_in(
        self,
        name: str = "auth0|ann",
        *,
        roles: tuple[str, ...] = (),
        lasts: timedelta = timedelta(hours=8),
        amr: tuple[str, ...] = ("pwd",),
        **claims: Any,
    ) -> SignedIn:
        """A person with a session of our own app, and that session's access token."""
        subject = self.person(name, roles=roles)
        return self.begin_session(subject, lasts=lasts, amr=amr, **claims)

    def begin_session(
        self,
        subject: Subject,
        *,
        lasts: timedelta = timedelta(hours=8),
        amr: tuple[str, ...] = ("pwd",),
        token: str | None = None,
        **claims: Any,
    ) -> SignedIn:
        """One more session. ``amr``: how they proved themselves (RFC 8176); ``token``: in place of a new one."""
        usual = {"azp": OWN_CLIENT, "scope": "openid", "permissions": [], "jti": secrets.token_hex(8)}
        token = token or self.issuer.access_token(**(usual | claims), sub=subject.subject)
        ref, now = secrets.token_urlsafe(16), self.clock()
        with self.database.unit_of_work() as unit:
            unit.begin_session(
                NewSession(
                    ref=ref,
                    secret_hash=secrets.token_bytes(32),
                    subject=subject,
                    authenticated_at=now,
                    expires_at=now + lasts,
                    sealed_tokens=b"sealed",
                    access_token_hash=token_hash(token),
                    access_expires_at=now + timedelta(hours=1),
                    client_id=OWN_CLIENT,
                    amr=frozenset(amr),
                    user_agent="Browser/1.0",
                    address="203.0.113.7",
                ),
                now,
            )
            unit.commit()
        return SignedIn(subject, ref, token)

    def end(self, ref: str, reason: EndReason = EndReason.SIGNED_OUT) -> None:
        """End a session."""
        with self.database.unit_of_work() as unit:
            assert unit.end_session(ref, reason, self.clock())
            unit.commit()

    # Asking

    def call(self, path: str, token: str | None = None, *, method: str = "GET", **options: Any) -> Any:
        """Ask the API, with a token in the header where one is given. ``Any``: werkzeug types ``json`` as optional."""
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self.app.test_client().open(path, method=method, headers=headers, **options)

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        """The audit events written so far, oldest first."""
        columns = ("kind", "outcome", "actor", "target", "reason", "correlation_id", "address", "details")
        rows = self.database._read_connections.fetch(f"SELECT {', '.join(columns)} FROM audit_events ORDER BY seq", ())  # noqa: S608 - fixed names
        found = [dict(zip(columns, row, strict=True)) for row in rows]
        return [event | {"details": json.loads(event["details"])} for event in found if event["kind"].startswith(kind)]


@dataclass(frozen=True)
class Caller:
    """Somebody who calls ``/api/v1``."""

    world: World
    signed_in: SignedIn

    def get(self, path: str, **query: Any) -> Any:
        """Read."""
        return self.send("GET", path, query=query)

    def send(
        self, method: str, path: str, body: Any = None, *, version: str | None = None, query: Any = None, **options: Any
    ) -> Any:
        """Do anything. ``version``: an ETag, sent as ``If-Match`` as it is."""
        headers = {"If-Match": version} if version is not None else {}
        sent = {"json": body} if body is not None else {}
        return self.world.call(
            f"/api/v1{path}",
            self.signed_in.token,
            method=method,
            headers=headers,
            query_string=query,
            **sent,
            **options,
        )


def administrator(world: World, name: str = "auth0|root") -> Caller:
    """A signed-in administrator who has just given a second factor."""
    return Caller(world, world.sign_in(name, roles=("administrator",), amr=("pwd", "mfa")))


def caller(world: World, name: str, *roles: str) -> Caller:
    """Somebody signed in with these roles."""
    return Caller(world, world.sign_in(name, roles=roles))


def _background_writer(app: Application) -> BackgroundWriter:
    background_writer = app.extensions[BackgroundWriter.EXTENSION]
    assert isinstance(background_writer, BackgroundWriter)
    return background_writer


def _grant(subject: Subject, **grant: Any) -> NewGrant:
    return NewGrant(**{"subject": subject, "source": Source.ADMIN, "by": "tests", **grant})


BUILT_IN_ROLES = tuple(ROLES)
