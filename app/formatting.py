"""Texts as people read them: whatever comes from people, claims and errors made safe to show, and times in words.

``plain`` is for every text that is not our own: Streamlit's markdown shows exactly that text. Nothing here draws.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from app.core.permissions import CATALOGUE, resource_title
from app.core.policy import GrantPath, Source

_CAP: Final = 200
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>$:&@^=\"'])")
# Streamlit turns bare addresses into links after escapes are undone; an invisible word joiner keeps them text.
_LINKED: Final = re.compile(r":(?=//)|\bwww(?=\.)|@", re.IGNORECASE)
_SOURCES: Final[Mapping[Source, str]] = {
    Source.ADMIN: "given by an administrator",
    Source.REQUEST: "asked for and approved",
    Source.POLICY: "a rule of this installation",
    Source.TOKEN: "from your sign-in provider",
    Source.SCOPE: "by the token's scope",
}

# Order matters: most browsers name their ancestors too.
_BROWSERS: Final = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("HeadlessChrome/", "Chromium (headless)"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("Windows", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def plain(text: str, *, cap: int = _CAP) -> str:
    """``text`` as Streamlit markdown that shows exactly that text: one line, capped, nothing in it means anything."""
    cleaned = "".join(
        " " if unicodedata.category(character) in {"Cc", "Zl", "Zp"} else character
        for character in text[: cap + 1]
        if unicodedata.category(character) not in {"Cf", "Cs", "Co", "Cn"}
    ).strip()
    if len(text) > cap:
        cleaned = cleaned[: cap - 1] + "…"
    return _SPECIAL.sub(r"\\\1", _LINKED.sub("\\g<0>\u2060", cleaned))


def sentence(permission: str) -> str:
    """What a permission lets one do, in its own sentence; the bare name when the catalogue does not know it."""
    known = CATALOGUE.get(permission)
    if known is None:
        return plain(permission)
    return plain(known.sentence, cap=300) if known.declared else known.sentence


def by_resource(permissions: Iterable[str]) -> dict[str, list[str]]:
    """Permission names by what they are about, both in the order of the catalogue: ``Reports`` → ``[read:reports]``.

    What the catalogue does not know comes last.
    """
    order = {permission.value: number for number, permission in enumerate(CATALOGUE.values())}
    grouped: dict[str, list[str]] = {}
    for name in sorted(permissions, key=lambda name: (order.get(name, len(order)), name)):
        grouped.setdefault(plain(resource_title(name), cap=60), []).append(name)
    return grouped


def clause(sentence: str) -> str:
    """A permission's sentence as it reads inside another."""
    return f"{sentence[:1].lower()}{sentence[1:]}".rstrip(".")


def held_by(held: GrantPath) -> str:
    """Where a grant came from, in words, as markdown-safe text."""
    text = _SOURCES[held.source]
    if held.by and held.source is Source.ADMIN:
        text = f"given by {plain(held.by)}"
    return text if held.until is None else f"{text}, until {held.until:%d %B %Y, %H\\:%M} UTC"


def held_through(held: GrantPath) -> str:
    """What gives it: the role's name, or what else it is, as markdown-safe text."""
    if held.role is not None:
        return f"role {plain(held.role)}"
    return "your sign-in provider" if held.source is Source.TOKEN else "a permission of your own"


def initials(name: str) -> str:
    """One or two letters that stand for a name; ``?`` when it has none."""
    words = [word for word in re.split(r"[\s@._-]+", name) if word and word[0].isalnum()]
    letters = [word[0].upper() for word in (words[:1] + words[-1:] if len(words) > 1 else words)]
    return "".join(letters) or "?"


def span(seconds: int) -> str:
    """``hour``, ``5 minutes``, ``30 seconds``: as it reads after "the last"."""
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = seconds // size
            return unit if count == 1 else f"{count} {unit}s"
    return f"{seconds} seconds"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago, in words: ``just now``, ``5 minutes ago``, ``3 days ago``."""
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def browser(user_agent: str) -> str:
    """A browser's name and system, as far as its user agent says; never used to decide anything."""
    name = next((label for mark, label in _BROWSERS if mark in user_agent), "Unknown browser")
    system = next((label for mark, label in _SYSTEMS if mark in user_agent), "")
    return f"{name} on {system}" if system else name
