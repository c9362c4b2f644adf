"""The permission catalogue and the built-in roles: the one table of what may be asked, with a sentence for people.

Names follow Auth0's convention, ``action:resource``. A new permission is one line here; ``db.seed`` carries it into
the database and ``docs/permissions.md`` is compared with this file by a test.

A Streamlit app of somebody else's, which Gatehouse serves, declares permissions and roles of its own
(``app.core.declarations`` reads them from its ``gatehouse.toml``). ``declare`` adds them at the start of each process,
after this module is imported. So iterate over ``Permission`` and ``ROLES`` when something is asked, never at import;
look a name up by ``named``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import EnumType, StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self

from app.core.assurance import MULTI_FACTOR, Requirement

_DECLARED: Final[dict[str, Permission]] = {}
"""Name → permission, for those the app that is served declares itself."""


class _Catalogue(EnumType):
    """Makes iterating over ``Permission``, its length and ``in`` know what was declared too."""

    def __contains__(cls, value: object) -> bool:
        return value in cls._value2member_map_ or value in _DECLARED

    if not TYPE_CHECKING:  # what these give is what any enum gives

        def __iter__(cls) -> Iterator[Any]:
            yield from super().__iter__()
            yield from _DECLARED.values()

        def __len__(cls) -> int:
            return super().__len__() + len(_DECLARED)


class Permission(StrEnum, metaclass=_Catalogue):
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

    @classmethod
    def _missing_(cls, value: object) -> Permission | None:
        """A declared permission, by its name."""
        return _DECLARED.get(value) if isinstance(value, str) else None

    @property
    def declared(self) -> bool:
        """Whether the app that is served declares it, rather than Gatehouse."""
        return self.value in _DECLARED

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

_BUILT_IN_ROLES: Final[dict[str, tuple[str, frozenset[Permission]]]] = {
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
_roles: Final = dict(_BUILT_IN_ROLES)
ROLES: Final[Mapping[str, tuple[str, frozenset[Permission]]]] = MappingProxyType(_roles)
"""Built-in role name → (description, permissions). Seeded idempotently; ``administrator`` is computed, never stored.

Roles that the served app declares are among them, and what it adds to ours.
"""


def named(name: object) -> Permission | None:
    """The permission of that name, declared ones included; None when the catalogue has none."""
    known = Permission._value2member_map_.get(name) or (_DECLARED.get(name) if isinstance(name, str) else None)
    return known if isinstance(known, Permission) else None


def declare(
    permissions: Mapping[str, tuple[str, Requirement | None]], roles: Mapping[str, tuple[str, frozenset[str]]]
) -> None:
    """Make these what the served app declares, in place of whatever was declared before.

    ``permissions``: name → (sentence, what it asks of the sign-in). ``roles``: name → (description, names of declared
    permissions); a built-in role keeps its description and gets these as well. Done once, at the start of a process.
    Raises ``ValueError`` for a permission that Gatehouse has itself, and for a role's permission not declared here.
    """
    if taken := permissions.keys() & Permission._value2member_map_.keys():
        msg = f"Gatehouse has {', '.join(sorted(taken))} itself"
        raise ValueError(msg)
    if unknown := set().union(*(names for _, names in roles.values())) - permissions.keys():
        msg = f"not declared: {', '.join(sorted(unknown))}"
        raise ValueError(msg)
    for name in _DECLARED:
        REQUIREMENTS.pop(name, None)
    _DECLARED.clear()
    for name, (sentence, step_up) in permissions.items():
        _DECLARED[name] = _declared(name, sentence, step_up)
        if step_up is not None:
            REQUIREMENTS[name] = step_up
    _roles.clear()
    _roles.update(_BUILT_IN_ROLES)
    for role, (description, names) in roles.items():
        told, given = _roles.get(role, (description, frozenset()))
        _roles[role] = (told, given | {_DECLARED[name] for name in names})
    told, given = _roles[ADMINISTRATOR]
    _roles[ADMINISTRATOR] = (told, given | frozenset(_DECLARED.values()))


def _declared(name: str, sentence: str, step_up: Requirement | None) -> Permission:
    """A member of the catalogue that is not written in this file, made as the enum makes its own."""
    member = str.__new__(Permission, name)
    member._name_ = re.sub(r"\W", "_", name).upper()
    member._value_ = name
    member.sentence = sentence
    member.by_scope = False  # nobody gets a right by asking for a scope because of a file beside an app
    member.step_up = step_up
    return member
