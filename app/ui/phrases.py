"""The phrases of notices and dialogs: markdown for the values of ``app.ui.sentences``.

Every text from outside is escaped and bounded here. Each name has its kind before it ("the role **analyst**"), is bold
in sentences, and is isolated if it is written from right to left.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, Protocol, TypedDict

from app import formatting
from app.core.contract.grants import GrantBody, WithheldBody
from app.core.permissions import resource_title
from app.core.policy import Source
from app.ui import texts

Style = Callable[[str], str]
"""Writes a name as markdown; empty for a name without a visible character."""
Item = tuple[Literal["role", "permission"], str]
"""A role or a permission, by name."""
_MAX_NAME_CHARACTERS: Final = 80
_MAX_TEXT_CHARACTERS: Final = 300
_MAX_LISTED: Final = 5
_MINUS: Final = "\N{MINUS SIGN}"
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_ORIGINS: Final[Mapping[Source, str]] = {
    Source.REQUEST: "granted on request",
    Source.INSTALLATION: "granted by a rule of this installation",
    Source.TOKEN: "granted by the sign-in provider",
    Source.SCOPE: "granted by the scope of a token",
}


class Differences(Protocol):
    """What changed between two versions of a role; texts are (before, after), or None where they are equal."""

    @property
    def added(self) -> Sequence[str]:
        """Permissions."""

    @property
    def removed(self) -> Sequence[str]:
        """Permissions."""

    @property
    def name(self) -> tuple[str, str] | None:
        """The name."""

    @property
    def description(self) -> tuple[str, str] | None:
        """The description."""


class Values(TypedDict, total=False):
    """The values of all placeholders."""

    person: str
    people: Sequence[str]
    """Names: a single one is named, more are counted."""
    count: int
    """People."""
    affected: int
    """People, ``no one`` for none."""
    holders: tuple[int, bool]
    """People with a role, and whether counting stopped there; empty for none."""
    moved: tuple[int, Sequence[str]]
    """People and token roles that got another role."""
    item: Item
    items: Sequence[Item]
    role: str
    target_role: str
    roles: Sequence[str] | None
    before_roles: Sequence[str]
    token_role: str
    token_roles: Sequence[str]
    unmapped: Sequence[str]
    """Token roles."""
    permissions: Sequence[str]
    lost: Sequence[str]
    """Permissions, in the phrase by resource."""
    changes: Differences
    expiry: datetime | None
    since: datetime
    origin: GrantBody
    other_origin: GrantBody
    withheld_by: WithheldBody
    automatic: tuple[bool, bool]
    """Whether the provider's token and the default role grant it."""
    regrant: tuple[bool, bool]
    """The same, for what was withheld until now."""
    reason: str
    """Entered by a person."""
    cause: str
    """Markdown-safe sentences."""
    sessions: int
    other_sessions: int
    grants: int
    browser: str
    issuer: str
    user_id: str


def plain_name(name: str) -> str:
    """A name as markdown-safe text, isolated from the direction of the text around it if that may differ."""
    text = formatting.plain(name, cap=_MAX_NAME_CHARACTERS)
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text):
        return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"
    return text


def bold_name(name: str) -> str:
    """A name for use in a sentence, bold and markdown-safe."""
    text = plain_name(name)
    return f"**{text}**" if text else ""


def automatic_sources(from_token: bool, from_default_role: bool) -> str:  # noqa: FBT001 - the two flags of a row
    """The automatic sources of a role or permission; empty: none."""
    sources = (("the sign-in provider", from_token), ("the default role", from_default_role))
    return " and ".join(name for name, grants in sources if grants)


def actor_name(name: str) -> str:
    """The actor of an event from its audit name, as plain text: the subject, or the operator of a command."""
    if name.startswith("operator:"):
        return f"{name.removeprefix('operator:')}, at the command line"
    return name.partition(" at ")[0] or "an administrator"


def _named(kind: str) -> Callable[[str, Style], str]:
    """``the role analyst``; ``the role without a name`` for an empty name."""
    return lambda name, style: f"the {kind} {style(name) or 'without a name'}"


def _person(name: str, style: Style) -> str:
    return style(name) or "a person without a name"


def _people(names: Sequence[str], style: Style) -> str:
    return _person(names[0], style) if len(names) == 1 else _counted_people(len(names), style)


def _these_people(names: Sequence[str], style: Style) -> str:
    return _person(names[0], style) if len(names) == 1 else f"these {len(names):,} people"


def _counted_people(count: int, _style: Style) -> str:
    return texts.quantity(count, "person", "people") if count else "no one"


def _holders(counted: tuple[int, bool], _style: Style) -> str:
    count, capped = counted
    if not count:
        return ""
    return f"{texts.counted(count, capped=True)} people" if capped else texts.quantity(count, "person", "people")


def _listed(phrases: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and 3 more``."""
    more = len(phrases) - _MAX_LISTED
    members = [*phrases[:_MAX_LISTED], f"{more:,} more"] if more > 0 else phrases
    return " and ".join(filter(None, [", ".join(members[:-1]), *members[-1:]]))


def _names(kind: str, none: str = "") -> Callable[[Sequence[str] | None, Style], str]:
    """``the role a``, ``the roles a and b``; ``none`` for no names, and nothing for None."""

    def phrase(names: Sequence[str] | None, style: Style) -> str:
        if not names:
            return none if names is not None else ""
        if len(names) == 1:
            return _named(kind)(names[0], style)
        return f"the {kind}s {_listed([style(name) or 'without a name' for name in names])}"

    return phrase


def _moved(moved: tuple[int, Sequence[str]], style: Style) -> str:
    people, token_roles = moved
    counted = texts.quantity(people, "person", "people") if people else ""
    return " and ".join(filter(None, [counted, _names("token role")(token_roles, style)]))


def _item(item: Item, style: Style) -> str:
    kind, name = item
    return _named(kind)(name, style)


def _items(items: Sequence[Item], style: Style) -> str:
    return _listed([_item(item, style) for item in items]) or "no role or permission"


def _lost(permissions: Sequence[str], _style: Style) -> str:
    """``Files (explore) and Reports (export, read)``."""
    resources: dict[str, list[str]] = {}
    for permission in sorted(permissions):
        action = formatting.plain(permission.partition(":")[0], cap=_MAX_NAME_CHARACTERS)
        resources.setdefault(formatting.plain(resource_title(permission), cap=60), []).append(action)
    return _listed([f"{resource} ({', '.join(actions)})" for resource, actions in resources.items()]) or "nothing"


def _changes(changes: Differences, style: Style) -> str:
    """``+ export:reports and - read:audit, renamed to night``."""
    permissions = [f"+ {style(name)}" for name in changes.added] + [
        f"{_MINUS} {style(name)}" for name in changes.removed
    ]
    renamed = f"renamed to {style(changes.name[1]) or 'an empty name'}" if changes.name else ""
    parts = [_listed(permissions), renamed, "a new description" if changes.description else ""]
    return ", ".join(filter(None, parts)) or "nothing"


def _expiry(expires_at: datetime | None, _style: Style) -> str:
    return "no expiry" if expires_at is None else f"until {texts.timestamp(expires_at)}"


def _origin(grant: GrantBody, style: Style) -> str:
    if grant.source is Source.INSTALLATION and grant.automatic:
        return "granted by the default role"
    if grant.source is Source.ADMIN or grant.by.startswith("operator:"):
        return f"granted by {_actor(grant.by, grant.by_name, style)}"
    return _ORIGINS[grant.source]


def _actor(by: str, by_name: str, style: Style) -> str:
    return style(by_name or actor_name(by)) or "an administrator"


def _regrant(sources: tuple[bool, bool], _style: Style) -> str:
    names = automatic_sources(*sources)
    return f"granted again at once by {names}" if names else "which the next sign-in that includes it grants again"


def _text(text: str, _style: Style) -> str:
    """A text of a person, without its full stop."""
    return formatting.plain(text.strip().rstrip("."), cap=_MAX_TEXT_CHARACTERS)


def _cause(markdown: str, _style: Style) -> str:
    return markdown.strip().removesuffix("\\.").removesuffix(".") or "the reason is not known"


def _quantity(singular: str, none: str = "") -> Callable[[int, Style], str]:
    """``1 session``, ``2 sessions``; ``none`` for 0."""
    return lambda count, _style: texts.quantity(count, singular) if count else none


PHRASES: Final[Mapping[str, Callable[[Any, Style], str]]] = {
    "person": _person,
    "people": _people,
    "count": _counted_people,
    "affected": _counted_people,
    "holders": _holders,
    "moved": _moved,
    "item": _item,
    "items": _items,
    "role": _named("role"),
    "target_role": _named("role"),
    "roles": _names("role", none="no role"),
    "before_roles": _names("role", none="no role"),
    "token_role": _named("token role"),
    "token_roles": _names("token role", none="no token role"),
    "unmapped": _names("token role"),
    "permissions": _names("permission", none="no permissions"),
    "lost": _lost,
    "changes": _changes,
    "expiry": _expiry,
    "since": lambda moment, _style: texts.timestamp(moment),
    "origin": _origin,
    "other_origin": _origin,
    "withheld_by": lambda withheld, style: _actor(withheld.by, withheld.by_name, style),
    "automatic": lambda sources, _style: automatic_sources(*sources) or "no automatic source",
    "regrant": _regrant,
    "reason": _text,
    "cause": _cause,
    "sessions": _quantity("session"),
    "other_sessions": _quantity("other session"),
    "grants": _quantity("grant", none="no grant"),
    "browser": lambda name, _style: formatting.plain(name) or "an unknown browser",
    "issuer": lambda issuer, _style: formatting.plain(issuer, cap=255) or "without a name",
    "user_id": lambda name, style: style(name) or "without an ID",
}
"""Placeholder → its phrase."""
DIALOG_PHRASES: Final[Mapping[str, Callable[[Any, Style], str]]] = {**PHRASES, "people": _these_people}
"""Those of the sentences in dialogs, which list the people above them."""
