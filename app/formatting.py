"""Formats text for the user interface: text from people, claims and errors as safe markdown, and times in words.

Every text from outside the product goes through ``plain``. Nothing here draws.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from app.core.browsers import browser_name
from app.core.permissions import CATALOGUE, resource_title
from app.core.policy import GrantPath, Source

_CAP: Final = 200
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>$:&@^=\"'])")
# Streamlit turns bare addresses into links after escapes are undone; an invisible word joiner keeps them text.
_LINKED: Final = re.compile(r":(?=//)|\bwww(?=\.)|@", re.IGNORECASE)
_SOURCES: Final[Mapping[Source, str]] = {
    Source.ADMIN: "Granted by an administrator",
    Source.REQUEST: "Requested and approved",
    Source.INSTALLATION: "A rule of this installation",
    Source.TOKEN: "Your sign-in provider",
    Source.SCOPE: "The scope of your token",
}


def plain(text: str, *, cap: int = _CAP) -> str:
    """Return Streamlit markdown that shows exactly ``text``, on one line and with at most ``cap`` characters."""
    return _SPECIAL.sub(r"\\\1", _LINKED.sub("\\g<0>\u2060", one_line(text, cap=cap)))


def one_line(text: str, *, cap: int = _CAP) -> str:
    """Return ``text`` on one line, without control characters and with at most ``cap`` characters; no markdown."""
    cleaned = "".join(
        " " if unicodedata.category(character) in {"Cc", "Zl", "Zp"} else character
        for character in text[: cap + 1]
        if unicodedata.category(character) not in {"Cf", "Cs", "Co", "Cn"}
    ).strip()
    return f"{cleaned[: cap - 1]}…" if len(text) > cap else cleaned


def sentence(permission: str) -> str:
    """The sentence of a permission as markdown; its name when the catalogue does not contain it."""
    known = CATALOGUE.get(permission)
    if known is None:
        return plain(permission)
    return plain(known.sentence, cap=300) if known.declared_by_app else known.sentence


def by_resource(permissions: Iterable[str]) -> dict[str, list[str]]:
    """Group permission names by resource, both in the order of the catalogue: ``Reports`` → ``[read:reports]``.

    Names that the catalogue does not contain come last.
    """
    order = {permission.value: number for number, permission in enumerate(CATALOGUE.values())}
    grouped: dict[str, list[str]] = {}
    for name in sorted(permissions, key=lambda name: (order.get(name, len(order)), name)):
        grouped.setdefault(plain(resource_title(name), cap=60), []).append(name)
    return grouped


def clause(sentence: str) -> str:
    """A permission's sentence as a clause inside another sentence."""
    return f"{sentence[:1].lower()}{sentence[1:]}".rstrip(".")


def source(path: GrantPath) -> str:
    """The source of a grant of the user's own, as plain text."""
    return _SOURCES[path.source]


def granted_through(path: GrantPath) -> str:
    """The role of a grant path, or the kind of a path without a role, as plain text."""
    if path.role is not None:
        return path.role
    return "your sign-in provider" if path.source is Source.TOKEN else "granted directly"


def initials(name: str) -> str:
    """The one or two initials of a name; ``?`` for a name without letters and digits."""
    words = [word for word in re.split(r"[\s@._-]+", name) if word and word[0].isalnum()]
    letters = [word[0].upper() for word in (words[:1] + words[-1:] if len(words) > 1 else words)]
    return "".join(letters) or "?"


def span(seconds: int) -> str:
    """A number of seconds in words, to follow "the last": ``hour``, ``5 minutes``, ``30 seconds``."""
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return unit if count == 1 else f"{count} {unit}s"
    return f"{seconds} seconds"


def ago(moment: datetime, now: datetime) -> str:
    """The time since a moment in words: ``just now``, ``5 minutes ago``, ``3 days ago``."""
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def browser(user_agent: str) -> str:
    """Name and system of a browser according to its user agent, for display only."""
    return browser_name(user_agent)
