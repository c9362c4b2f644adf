"""The principal of a call: a subject authenticated *now* by a session or a token, or ``ANONYMOUS``.

A principal states the subject and the authentication. It never contains rights, which are read where they are used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Subject(NamedTuple):
    """Stable id of a person or a machine (OIDC Core §5.7): never linked or matched by e-mail."""

    issuer: str
    subject: str

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"


class AuthMethod(StrEnum):
    """How the principal was authenticated."""

    ANONYMOUS = "anonymous"
    SESSION = "session"  # the app's cookie
    OWN_TOKEN = "own-token"  # noqa: S105 - a bearer access token our own app obtained, tied to its session
    OTHER_TOKEN = "other-token"  # noqa: S105 - a person's bearer token, issued to another client
    MACHINE = "machine"  # a client-credentials token


@dataclass(frozen=True, slots=True)
class Principal:
    """A subject authenticated now. ``subject`` is None for an anonymous caller; times are aware UTC."""

    method: AuthMethod
    subject: Subject | None = None
    name: str = ""
    email: str = ""
    picture: str = ""
    blocked: bool = False
    session_ref: str | None = None
    """The session's stable reference, or None for a bearer token without one."""
    authenticated_at: datetime | None = None
    """When the user last authenticated at the provider (``auth_time``), if known."""
    acr: str = ""
    amr: frozenset[str] = frozenset()
    client_id: str = ""
    """The client a bearer token was issued to; empty for sessions."""
    scope: frozenset[str] = field(default=frozenset())
    """The ``scope`` of a bearer token; empty for sessions."""

    @property
    def anonymous(self) -> bool:
        """Whether no subject is authenticated."""
        return self.subject is None


ANONYMOUS = Principal(method=AuthMethod.ANONYMOUS)
