"""The permission catalogue and the built-in roles: the one table of what may be asked, with a sentence for people.

Names follow Auth0's convention, ``action:resource``. A new permission is one line here; ``db.seed`` carries it into
the database and ``docs/permissions.md`` is compared with this file by a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self

from app.core.assurance import MULTI_FACTOR, Requirement


class Permission(StrEnum):
    """What may be asked. The value is the wire name; ``sentence`` is what people read."""

    sentence: str
    by_scope: bool
    step_up: Requirement | None

    def __new__(
        cls,
        value: str,
        sentence: str,
        by_scope: bool = False,  # noqa: FBT001, FBT002 - an enum's row
        step_up: Requirement | None = None,
    ) -> Self:
        """One row of the catalogue.

        ``by_scope``: whether an access token's ``scope`` alone gives it. With Auth0's RBAC switched off anyone may
        *request* any scope, so this is right only for what any signed-in person may have. ``step_up``: how recent or
        how strong the sign-in must be; None asks for nothing.
        """
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        member.by_scope = by_scope
        member.step_up = step_up
        return member

    READ_REPORTS = "read:reports", "See the usage report: sign-ins, refusals and page views per day."
    EXPORT_REPORTS = "export:reports", "Download the usage report as a file.", False, Requirement(max_age_seconds=3600)
    EXPLORE_FILES = "explore:files", "Open a CSV file of your own, look at it, chart it and download the result."
    EXPLORE_API = "explore:api", "Try out calls to the remote API and see what it answers."
    READ_MESSAGES = "read:messages", "Read the scoped message of the remote API.", True
    READ_PEOPLE = "read:people", "See people: who they are, their state, roles and effective permissions."
    BLOCK_PEOPLE = "block:people", "Block people, which ends their sessions, and let them in again."
    ERASE_PEOPLE = (
        "erase:people", "Erase a person: their name, e-mail, picture and grants go for good.",
        False, Requirement(max_age_seconds=900, acr=MULTI_FACTOR),
    )  # fmt: skip
    MANAGE_GRANTS = "manage:grants", "Give people roles and permissions that you hold yourself, and take them away."
    READ_ROLES = "read:roles", "See roles, the permissions in them, and how many people hold them."
    MANAGE_ROLES = "manage:roles", "Make, copy, change and delete roles."
    READ_MAPPINGS = "read:mappings", "See which role of a token becomes which role here."
    MANAGE_MAPPINGS = "manage:mappings", "Change which role of a token becomes which role here."
    READ_SESSIONS = "read:sessions", "See who is signed in, from where, since when and on which page."
    END_SESSIONS = "end:sessions", "Sign other people out."
    READ_AUDIT = "read:audit", "Read the audit: who did what, who was refused, and why."
    EXPORT_AUDIT = "export:audit", "Download the audit as a file.", False, Requirement(max_age_seconds=3600)
    READ_STATISTICS = "read:statistics", "See how many people and sessions there are and what needs attention."
    READ_GUARDS = "read:guards", "See which page, function and endpoint asks for which permission."


REQUIREMENTS: Final[dict[str, Requirement]] = {
    permission.value: permission.step_up for permission in Permission if permission.step_up is not None
}
"""Permission → what it asks of the sign-in, for those that ask: what ``decide`` reads."""

ADMINISTRATOR: Final = "administrator"
"""The role that holds the whole catalogue, computed, so that a permission new in an upgrade is held by someone."""

ROLES: Final[Mapping[str, tuple[str, frozenset[Permission]]]] = MappingProxyType(
    {
        ADMINISTRATOR: ("Runs Gatehouse: holds every permission there is.", frozenset(Permission)),
        "analyst": (
            "Works with the numbers: reads and exports reports, explores files.",
            frozenset({Permission.READ_REPORTS, Permission.EXPORT_REPORTS, Permission.EXPLORE_FILES}),
        ),
        "viewer": ("Reads reports.", frozenset({Permission.READ_REPORTS})),
        "auditor": (
            "Sees everything about people, roles, sessions and the audit, and changes nothing.",
            frozenset(
                {
                    Permission.READ_PEOPLE,
                    Permission.READ_ROLES,
                    Permission.READ_MAPPINGS,
                    Permission.READ_SESSIONS,
                    Permission.READ_AUDIT,
                    Permission.EXPORT_AUDIT,
                    Permission.READ_STATISTICS,
                    Permission.READ_GUARDS,
                    Permission.READ_REPORTS,
                }
            ),
        ),
        "developer": (
            "Builds against the remote API.",
            frozenset({Permission.EXPLORE_API, Permission.READ_MESSAGES}),
        ),
    }
)
"""Built-in role name → (description, permissions). Seeded idempotently; ``administrator`` is computed, never stored."""
