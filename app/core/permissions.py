"""The permission catalogue and the built-in roles: what a guard can require, with a sentence that people read.

Names follow Auth0's convention, ``action:resource``. A new permission is one line in the body of ``Permission``;
``db.seed`` stores it, and a test compares ``docs/permissions.md`` with this table.

A hosted app declares permissions and roles of its own in its ``gatehouse.toml`` (``app.core.hosted_app_config``).
``declare`` adds them to ``CATALOGUE`` and ``ROLES`` at the start of each process, after this module is imported:
iterate over these two at run time, never at import.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from app.core.assurance import MULTI_FACTOR, SignInRequirement


class _Row:
    """One row of the table below. Once the class exists, the attribute holds the permission itself."""

    __slots__ = ("_by_scope", "_sentence", "_step_up", "_value")

    def __init__(
        self, value: str, sentence: str, *, by_scope: bool = False, step_up: SignInRequirement | None = None
    ) -> None:
        self._value = value
        self._sentence = sentence
        self._by_scope = by_scope
        self._step_up = step_up

    def __set_name__(self, owner: type[Permission], name: str) -> None:
        setattr(owner, name, owner(self._value, self._sentence, by_scope=self._by_scope, step_up=self._step_up))

    if TYPE_CHECKING:  # at run time the attribute is replaced before anything reads it

        def __get__(self, instance: object, owner: type[Permission]) -> Permission: ...


class Permission(str):
    """A row of the catalogue of permissions. Immutable; equal to its name as a string.

    Attributes:
        value: The name on the wire, as a plain string.
        sentence: What the permission allows, as people read it.
        by_scope: Whether an access token's ``scope`` alone grants it. With Auth0's RBAC switched off anyone may
            *request* any scope, so this is right only for what any signed-in user may have.
        step_up: How recent or how strong the sign-in must be; None requires nothing.
        declared_by_app: Whether the hosted app declares it, rather than Gatehouse.
    """

    __slots__ = ("by_scope", "declared_by_app", "sentence", "step_up", "value")

    value: str
    sentence: str
    by_scope: bool
    step_up: SignInRequirement | None
    declared_by_app: bool

    def __new__(
        cls,
        value: str,
        sentence: str,
        *,
        by_scope: bool = False,
        step_up: SignInRequirement | None = None,
        declared_by_app: bool = False,
    ) -> Self:
        """Make one row of the catalogue; see ``CATALOGUE`` for those there are."""
        permission = str.__new__(cls, value)
        for name, column in (
            ("value", value),
            ("sentence", sentence),
            ("by_scope", by_scope),
            ("step_up", step_up),
            ("declared_by_app", declared_by_app),
        ):
            object.__setattr__(permission, name, column)
        return permission

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Raise ``AttributeError``: a permission is immutable."""
        msg = f"a permission is immutable; {name} cannot be set"
        raise AttributeError(msg)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy by name: the same row of the catalogue comes back."""
        return _row_of, (self.value,)

    READ_REPORTS = _Row("read:reports", "See the usage report: sign-ins, refusals and page views per day.")
    EXPORT_REPORTS = _Row(
        "export:reports", "Download the usage report as a file.", step_up=SignInRequirement(max_age_seconds=3600)
    )
    EXPLORE_FILES = _Row("explore:files", "Open a CSV file, chart it and download the result.")
    EXPLORE_API = _Row("explore:api", "Try out calls to the remote API and see the responses.")
    READ_MESSAGES = _Row("read:messages", "Read the scoped message of the remote API.", by_scope=True)
    READ_PEOPLE = _Row("read:people", "See people: who they are, their state, roles and effective permissions.")
    BLOCK_PEOPLE = _Row("block:people", "Block people, which ends their sessions, and unblock them.")
    ERASE_PEOPLE = _Row(
        "erase:people",
        "Erase a person: their name, e-mail, picture and grants are deleted permanently.",
        step_up=SignInRequirement(max_age_seconds=900, acr=MULTI_FACTOR),
    )
    MANAGE_GRANTS = _Row("manage:grants", "Grant people roles and permissions that you hold yourself, and revoke them.")
    READ_ROLES = _Row("read:roles", "See roles, the permissions in them, and how many people hold them.")
    MANAGE_ROLES = _Row("manage:roles", "Create, copy, change and delete roles.")
    READ_MAPPINGS = _Row("read:mappings", "See which token role maps to which role here.")
    MANAGE_MAPPINGS = _Row("manage:mappings", "Change which token role maps to which role here.")
    READ_SESSIONS = _Row("read:sessions", "See who is signed in, from where, since when and on which page.")
    END_SESSIONS = _Row("end:sessions", "Sign other people out.")
    READ_AUDIT = _Row("read:audit", "Read the audit: who did what, who was refused, and why.")
    EXPORT_AUDIT = _Row(
        "export:audit", "Download the audit as a file.", step_up=SignInRequirement(max_age_seconds=3600)
    )
    READ_STATISTICS = _Row("read:statistics", "See how many people and sessions there are and what needs attention.")
    READ_GUARDS = _Row("read:guards", "See which page, function and endpoint requires which permission.")


_BUILT_IN: Final = {row.value: row for row in vars(Permission).values() if isinstance(row, Permission)}
_catalogue: Final = dict(_BUILT_IN)
CATALOGUE: Final[Mapping[str, Permission]] = MappingProxyType(_catalogue)
"""Name → permission, in the order of the table: Gatehouse's own, then those that the hosted app declares."""

REQUIREMENTS: Final[dict[str, SignInRequirement]] = {
    name: permission.step_up for name, permission in _BUILT_IN.items() if permission.step_up is not None
}
"""Permission → its requirement on the sign-in, for those that have one: what ``decide`` reads."""

ADMINISTRATOR: Final = "administrator"
"""The role that grants the whole catalogue. It is computed, so that it includes what an upgrade adds."""

_BUILT_IN_ROLES: Final[dict[str, tuple[str, frozenset[Permission]]]] = {
    ADMINISTRATOR: ("Runs Gatehouse: holds every permission there is.", frozenset(_BUILT_IN.values())),
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

The roles of the hosted app are among them, and the permissions that it adds to Gatehouse's.
"""

_RESOURCE_TITLES: Final = {"api": "Remote API", "messages": "Messages of the remote API", "guards": "Access matrix"}
"""Resources whose heading is not their own name."""
OTHER_RESOURCES: Final = "Other"


def declare(
    permissions: Mapping[str, tuple[str, SignInRequirement | None]], roles: Mapping[str, tuple[str, frozenset[str]]]
) -> None:
    """Replace the permissions and roles that the hosted app declares. Called once, at the start of a process.

    Args:
        permissions: Name → (sentence, requirement on the sign-in).
        roles: Name → (description, names of declared permissions). A built-in role keeps its description and gets these
            permissions as well.

    Raises:
        ValueError: for a permission that is Gatehouse's own, and for a role's permission that is not declared here.
    """
    if taken := permissions.keys() & _BUILT_IN.keys():
        msg = f"Gatehouse has {', '.join(sorted(taken))} itself"
        raise ValueError(msg)
    if unknown := set().union(*(names for _, names in roles.values())) - permissions.keys():
        msg = f"not declared: {', '.join(sorted(unknown))}"
        raise ValueError(msg)
    # by_scope stays False: a file beside an app must not grant rights to clients that request a scope.
    declared = {
        name: Permission(name, sentence, step_up=step_up, declared_by_app=True)
        for name, (sentence, step_up) in permissions.items()
    }
    for name in _catalogue.keys() - _BUILT_IN.keys():
        del _catalogue[name]
        REQUIREMENTS.pop(name, None)
    _catalogue.update(declared)
    REQUIREMENTS.update({name: row.step_up for name, row in declared.items() if row.step_up is not None})
    _roles.clear()
    _roles.update(_BUILT_IN_ROLES)
    for role, (description, names) in roles.items():
        known, included = _roles.get(role, (description, frozenset()))
        _roles[role] = (known, included | {declared[name] for name in names})
    description, _ = _roles[ADMINISTRATOR]
    _roles[ADMINISTRATOR] = (description, frozenset(_catalogue.values()))


def resource_title(permission: str) -> str:
    """Return the heading over permissions of one resource: ``Reports`` for ``read:reports``.

    ``OTHER_RESOURCES`` for a name that is not ``action:resource``. A declared name is not safe to show as Markdown.
    """
    _, colon, resource = permission.partition(":")
    words = resource.replace("-", " ").replace("_", " ").strip()
    if not colon or not words:
        return OTHER_RESOURCES
    return _RESOURCE_TITLES.get(words, f"{words[:1].upper()}{words[1:]}")


def _row_of(name: str) -> Permission:
    """The row of a name, for ``pickle``, which finds functions by their name."""
    return CATALOGUE[name]
