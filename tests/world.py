"""A test installation: an issuer, settings, a clock and a database, with methods that fill the database in one line.

The subclasses add what serves requests: ``tests.remote_api.world`` the remote API, ``tests.signin`` the routes of
sign-in and the identity middleware, ``tests.benchmarks.world`` a file with synthetic data.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, ClassVar

from app.core.clock import Clock
from app.core.keyring import Keyring
from app.core.policy import Source
from app.core.principal import Subject
from app.core.records import EndReason, NewGrant, NewSession, Person
from app.core.settings import Settings
from app.core.tokens.hashes import token_hash
from component.session.provider_tokens import ProviderTokens
from db import Database
from tests.issuer import Issuer

EVENT_COLUMNS = ("kind", "outcome", "actor", "target", "reason", "correlation_id", "address", "details")


def settings_for(issuer: Issuer, **changes: Any) -> Settings:
    """Settings that trust ``issuer`` and store in memory; ``changes`` add settings or replace these."""
    base: dict[str, Any] = {
        "oidc_issuer": issuer.url,
        "auth0_audience": issuer.audience,
        "database_url": "sqlite://",
        "jwks_cooldown_seconds": 1,
    }
    return Settings(_env_file=None, **(base | changes))


@dataclass(frozen=True)
class SignedIn:
    """A person's session with its access token, and the secret of its cookie."""

    subject: Subject
    ref: str
    token: str
    secret: str


@dataclass
class World:
    """A test installation: the objects that all processes of a product share, with methods that fill its database.

    Args:
        issuer: The provider that signs the tokens.
        settings: The settings of every part.
        keyring: What seals the tokens of sessions.
        clock: The time of everything but tokens, whose times are the issuer's.
        database: The database, seeded.
    """

    issuer: Issuer
    settings: Settings
    keyring: Keyring
    clock: Clock
    database: Database

    OWN_CLIENT: ClassVar = "gatehouse-app"
    """The client id in the tokens of sessions."""

    def subject(self, name: str = "auth0|ann") -> Subject:
        """A subject of the issuer."""
        return Subject(self.issuer.url, name)

    def person(self, name: str = "auth0|ann", *, roles: tuple[str, ...] = (), **grant: Any) -> Subject:
        """Store a person with these roles; ``grant`` changes the grants."""
        subject = self.subject(name)
        with self.database.unit_of_work() as unit:
            unit.save_person(Person(subject, name="Ann Example", email="ann@example.com"), self.clock())
            unit.commit()
        for role in roles:
            self.grant(subject, role=role, **grant)
        return subject

    def grant(self, subject: Subject, **grant: Any) -> None:
        """Grant ``role`` or ``permission``."""
        with self.database.unit_of_work() as unit:
            assert unit.add_grant(_grant(subject, **grant), self.clock())
            unit.commit()

    def revoke(self, subject: Subject, **grant: Any) -> None:
        """Revoke ``role`` or ``permission``."""
        with self.database.unit_of_work() as unit:
            assert unit.revoke_grant(_grant(subject, **grant), self.clock())
            unit.commit()

    def block(self, subject: Subject) -> None:
        """Block a person."""
        with self.database.unit_of_work() as unit:
            assert unit.set_blocked(subject, blocked=True)
            unit.commit()

    def new_session(
        self,
        subject: Subject,
        *,
        lasts: timedelta = timedelta(hours=8),
        amr: tuple[str, ...] = ("pwd",),
        token: str | None = None,
        user_agent: str = "Browser/1.0",
        **claims: Any,
    ) -> SignedIn:
        """Store a session.

        Args:
            subject: Whose session.
            lasts: Its absolute lifetime.
            amr: The authentication methods (RFC 8176).
            token: The access token, in place of a new one.
            user_agent: Of its browser.
            **claims: Claims of the new access token.
        """
        base = {"azp": self.OWN_CLIENT, "scope": "openid", "permissions": [], "jti": secrets.token_hex(8)}
        token = token or self.issuer.access_token(**(base | claims), sub=subject.subject)
        ref, secret, now = secrets.token_urlsafe(16), secrets.token_urlsafe(32), self.clock()
        with self.database.unit_of_work() as unit:
            unit.begin_session(
                NewSession(
                    ref=ref,
                    secret_hash=sha256(secret.encode()).digest(),
                    subject=subject,
                    authenticated_at=now,
                    expires_at=now + lasts,
                    sealed_tokens=ProviderTokens(token, "", "").seal(self.keyring, ref),
                    access_token_hash=token_hash(token),
                    access_expires_at=now + timedelta(hours=1),
                    client_id=self.OWN_CLIENT,
                    amr=frozenset(amr),
                    user_agent=user_agent,
                    address="203.0.113.7",
                ),
                now,
            )
            unit.commit()
        return SignedIn(subject, ref, token, secret)

    def end_session(self, ref: str, reason: EndReason = EndReason.SIGNED_OUT) -> None:
        """End a session."""
        with self.database.unit_of_work() as unit:
            assert unit.end_session(ref, reason, self.clock())
            unit.commit()

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        """The stored audit events whose kind begins with ``kind``, oldest first."""
        columns = ", ".join(EVENT_COLUMNS)
        rows = self.database._read_connections.fetch(f"SELECT {columns} FROM audit_events ORDER BY seq", ())  # noqa: S608 - fixed names
        events = [dict(zip(EVENT_COLUMNS, row, strict=True)) for row in rows]
        return [event | {"details": json.loads(event["details"])} for event in events if event["kind"].startswith(kind)]


def _grant(subject: Subject, **grant: Any) -> NewGrant:
    return NewGrant(**{"subject": subject, "source": Source.ADMIN, "author": "tests", **grant})
