"""The made-up people of the tenant, the roles they may have, and the claims that are made of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

NAMESPACE = "https://gatehouse.example/"
ROLES_CLAIM = NAMESPACE + "roles"
"""Auth0 restricts the bare name ``roles``; an Action there sets this namespaced claim."""

PERMISSIONS: dict[str, str] = {
    "read:reports": "see the usage report",
    "export:reports": "download the usage report",
    "explore:files": "open and chart CSV files",
    "explore:api": "try out the remote API",
    "read:messages": "read the API's scoped message",
    "read:people": "see people and what they may do",
    "block:people": "block people",
    "erase:people": "erase people",
    "manage:grants": "grant and revoke roles and permissions",
    "read:roles": "see roles",
    "manage:roles": "make and change roles",
    "read:mappings": "see what token roles become",
    "manage:mappings": "change what token roles become",
    "read:sessions": "see who is signed in",
    "end:sessions": "sign other people out",
    "read:audit": "read the audit",
    "export:audit": "download the audit",
    "read:statistics": "see numbers and what needs attention",
    "read:guards": "see what asks for which permission",
}
"""Permission of our API → what it allows, in plain words."""

ROLES: dict[str, frozenset[str]] = {
    "administrator": frozenset(PERMISSIONS),
    "analyst": frozenset({"read:reports", "export:reports", "explore:files"}),
    "viewer": frozenset({"read:reports"}),
    "auditor": frozenset(
        {
            *("read:people", "read:roles", "read:mappings", "read:sessions", "read:audit", "export:audit"),
            *("read:statistics", "read:guards", "read:reports"),
        }
    ),
    "developer": frozenset({"explore:api", "read:messages"}),
}
"""Role → the permissions it carries at the tenant (Auth0's RBAC)."""

MACHINE_PERMISSIONS = frozenset({"read:messages"})
OIDC_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})


@dataclass(frozen=True, slots=True)
class TenantUser:
    """One person of the tenant. ``description`` is the one line the sign-in page says about them."""

    key: str
    name: str
    email: str
    roles: frozenset[str] = frozenset()
    direct_permissions: frozenset[str] = frozenset()
    description: str = ""
    email_verified: bool = True
    blocked: bool = False
    made_up: bool = False
    updated_at: str = field(default="2025-01-01T00:00:00.000Z")

    @property
    def subject(self) -> str:
        """The stable id, as Auth0 writes it."""
        return f"auth0|{self.key}"

    @property
    def permissions(self) -> frozenset[str]:
        """Everything assigned: through roles and directly."""
        return self.direct_permissions.union(*(ROLES.get(role, frozenset()) for role in self.roles))

    @property
    def initials(self) -> str:
        """One or two letters for the avatar."""
        words = self.name.split()
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"

    def claims(self, scope: frozenset[str]) -> dict[str, Any]:
        """The claims that ``scope`` opens about this person (OpenID Connect Core §5.4), roles included."""
        claims: dict[str, Any] = {"sub": self.subject, ROLES_CLAIM: sorted(self.roles)}
        if "profile" in scope:
            digest = hashlib.sha256(self.email.lower().encode()).hexdigest()
            claims |= {
                "name": self.name,
                "nickname": self.email.split("@", maxsplit=1)[0],
                "picture": f"https://s.gravatar.com/avatar/{digest}?s=480&r=pg&d=mp",
                "updated_at": self.updated_at,
            }
        if "email" in scope:
            claims |= {"email": self.email, "email_verified": self.email_verified}
        return claims


def _seeded(key: str, name: str, role: str | None, description: str, **more: Any) -> TenantUser:
    roles = frozenset({role}) if role else frozenset[str]()
    return TenantUser(
        key=key, name=name, email=f"{key}@gatehouse.example", roles=roles, description=description, **more
    )


PEOPLE: tuple[TenantUser, ...] = (
    _seeded("ada", "Ada Okafor", "administrator", "Holds every permission and sees every page."),
    _seeded("bruno", "Bruno Silva", "analyst", "Reads and exports reports, explores files; no administration."),
    _seeded("chiyo", "Chiyo Tanaka", "viewer", "Reads reports and nothing else: good for seeing refusals."),
    _seeded(
        "dev",
        "Dev Patel",
        "developer",
        "Works against the API; also holds read:messages directly.",
        direct_permissions=frozenset({"read:messages"}),
    ),
    _seeded("gita", "Gita Rao", "auditor", "Sees all of administration and the audit, and changes nothing."),
    _seeded("eva", "Eva Novak", None, "Has no role yet: good for seeing what a newcomer sees."),
    _seeded("frank", "Frank Moreau", None, "Is blocked at the tenant: signing in is refused.", blocked=True),
)
"""The people of a new tenant."""


def timestamp(now: float) -> str:
    """Seconds since the epoch as Auth0 writes ``updated_at``."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
