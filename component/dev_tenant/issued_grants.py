"""The grants that the tenant has issued: one for each sign-in, with its code, refresh tokens and access tokens.

Single use, rotation and reuse detection live here (RFC 6749 §4.1.2, RFC 9700 §4.14.2); Authlib leaves them to the
integrator. Everything is found by its SHA-256 only.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from enum import Enum

from component.dev_tenant.config import TenantConfig
from component.dev_tenant.store import Store, digest


@dataclass(frozen=True, slots=True)
class Grant:
    """What a sign-in granted to a client; ``scope`` is as requested and narrowed again at every issue."""

    id: str
    client_id: str
    person: str
    scope: str
    audience: str
    nonce: str
    auth_at: int
    sid: str
    mfa: bool
    organization: str


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code that was just used up. The methods are what Authlib's grant asks of it."""

    grant: Grant
    redirect_uri: str
    code_challenge: str
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        """The address the code was sent to."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """The scope as requested."""
        return self.grant.scope


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token that may be used now. The methods are what Authlib's grant asks of it."""

    grant: Grant
    token: str
    generation: int

    def check_client(self, client: object) -> bool:
        """Whether it was issued to this client."""
        return getattr(client, "client_id", None) == self.grant.client_id

    def get_scope(self) -> str:
        """The scope as first requested."""
        return self.grant.scope


class Finding(Enum):
    """Why a code or a refresh token was not admitted."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REUSED = "reused"


class IssuedGrants:
    """Stores grants, codes and tokens, and redeems them. A code or refresh token that is reused revokes its grant."""

    def __init__(self, config: TenantConfig, store: Store) -> None:
        self._config = config
        self._store = store

    def new_grant(self, grant: Grant) -> None:
        """Store a grant. It expires with its newest refresh token; reuse is detected until then."""
        ends = self._config.clock() + self._config.refresh_token_seconds
        with self._store.change() as db:
            row = (grant.id, json.dumps(asdict(grant)), ends)
            db.execute("INSERT INTO grants (id, data, expires_at) VALUES (?, ?, ?)", row)

    def grant(self, grant_id: str) -> Grant | None:
        """A grant that is neither revoked nor over."""
        row = self._store.first_row(
            "SELECT data FROM grants WHERE id = ? AND revoked = 0 AND expires_at >= ?",
            *(grant_id, self._config.clock()),
        )
        return Grant(**json.loads(row["data"])) if row else None

    def revoke(self, grant_id: str) -> None:
        """End a grant: no refresh token and no access token of it is admitted here any more."""
        with self._store.change() as db:
            db.execute("UPDATE grants SET revoked = 1 WHERE id = ?", (grant_id,))
            db.execute("DELETE FROM access_tokens WHERE grant_id = ?", (grant_id,))

    def new_code(self, code: str, grant: Grant, *, redirect_uri: str, challenge: str) -> None:
        """Store a grant and its authorization code."""
        self.new_grant(grant)
        ends = self._config.clock() + self._config.code_seconds
        with self._store.change() as db:
            row = (digest(code), grant.id, redirect_uri, challenge, ends)
            db.execute(
                "INSERT INTO codes (code, grant_id, redirect_uri, challenge, expires_at) VALUES (?, ?, ?, ?, ?)", row
            )

    def redeem(self, code: str, client_id: str) -> Code | Finding:
        """Use a code up; any attempt by its client counts as the use. A second one revokes what the first issued."""
        row = self._store.first_row("SELECT * FROM codes WHERE code = ?", digest(code))
        grant = self.grant(row["grant_id"]) if row else None
        if row is None or grant is None or grant.client_id != client_id:
            return Finding.UNKNOWN
        with self._store.change() as db:
            first = db.execute("UPDATE codes SET used = 1 WHERE code = ? AND used = 0", (row["code"],)).rowcount == 1
        if not first:
            self.revoke(grant.id)
            return Finding.REUSED
        if row["expires_at"] < self._config.clock():
            return Finding.EXPIRED
        return Code(grant, row["redirect_uri"], row["challenge"])

    def new_refresh_token(self, grant: Grant, *, after: RefreshToken | None) -> str:
        """The next refresh token of a grant, replacing ``after``."""
        token = secrets.token_urlsafe(48)
        now = self._config.clock()
        generation = after.generation + 1 if after else 0
        with self._store.change() as db:
            row = (digest(token), grant.id, generation)
            db.execute("INSERT INTO refresh_tokens (token, grant_id, generation) VALUES (?, ?, ?)", row)
            db.execute("UPDATE grants SET generation = max(generation, ?) WHERE id = ?", (generation, grant.id))
            db.execute(
                "UPDATE grants SET expires_at = ? WHERE id = ?", (now + self._config.refresh_token_seconds, grant.id)
            )
            if after is not None:
                db.execute(
                    "UPDATE refresh_tokens SET replaced_at = ? WHERE token = ? AND replaced_at IS NULL",
                    (now, digest(after.token)),
                )
        return token

    def refresh_token(self, token: str) -> RefreshToken | Finding:
        """Look a refresh token up. An older one ends its family; the previous one is admitted during the overlap."""
        row = self._store.first_row(
            "SELECT r.*, g.generation AS latest FROM refresh_tokens r JOIN grants g ON g.id = grant_id WHERE token = ?",
            digest(token),
        )
        grant = self.grant(row["grant_id"]) if row else None
        if row is None or grant is None:
            return Finding.UNKNOWN
        now = self._config.clock()
        if row["replaced_at"] is not None:
            previous = row["generation"] == row["latest"] - 1
            if not previous or now >= row["replaced_at"] + self._config.refresh_overlap_seconds:
                self.revoke(grant.id)
                return Finding.REUSED
        return RefreshToken(grant, token, row["generation"])

    def record_access_token(self, token: str, grant: Grant, *, scope: str) -> None:
        """Store an access token, so that ``/userinfo`` accepts it and a revocation ends it."""
        with self._store.change() as db:
            row = (digest(token), grant.id, scope, self._config.clock() + self._config.access_token_seconds)
            db.execute("INSERT OR REPLACE INTO access_tokens VALUES (?, ?, ?, ?)", row)

    def access_token(self, token: str) -> tuple[Grant, frozenset[str]] | None:
        """The grant and the scope of an access token that is neither expired nor revoked; None for any other."""
        row = self._store.first_row(
            "SELECT grant_id, scope FROM access_tokens WHERE token = ? AND expires_at > ?",
            *(digest(token), self._config.clock()),
        )
        grant = self.grant(row["grant_id"]) if row else None
        return (grant, frozenset(row["scope"].split())) if row and grant else None

    def drop_access_token(self, token: str) -> None:
        """Revoke one access token."""
        with self._store.change() as db:
            db.execute("DELETE FROM access_tokens WHERE token = ?", (digest(token),))
