"""Permissions as people read them: grouped by what they are about, each with its own sentence.

Plain text throughout: the caller that shows it applies ``formatting.plain``. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from app.core.permissions import CATALOGUE, OTHER_RESOURCES, resource_title


class Group(NamedTuple):
    """Permissions about one resource."""

    title: str
    """The resource as a heading: ``Reports``, ``Audit log``."""
    names: tuple[str, ...]
    """At least one, sorted."""


def grouped(names: Iterable[str]) -> list[Group]:
    """``names`` by what they are about, groups and names in alphabetical order; those that do not say come last."""
    found: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        found.setdefault(resource_title(name), []).append(name)
    return [
        Group(title, tuple(found[title]))
        for title in sorted(found, key=lambda title: (title == OTHER_RESOURCES, title))
    ]


def sentence_of(permission: str, sentences: Mapping[str, str] | None = None) -> str:
    """What a permission lets one do.

    From this process's catalogue, else from ``sentences`` (name → what the API said of it), else made from its name:
    ``read:orders`` → ``Read orders.``
    """
    known = CATALOGUE.get(permission)
    if known is not None:
        return known.sentence
    if sentences and sentences.get(permission):
        return sentences[permission]
    action, colon, resource = permission.partition(":")
    if not colon:
        return permission
    words = f"{action} {resource}".replace("-", " ").replace("_", " ").strip()
    return f"{words[:1].upper()}{words[1:]}."


def matching(names: Iterable[str], text: str, sentences: Mapping[str, str] | None = None) -> list[str]:
    """Those of ``names`` whose name or sentence has every word of ``text``, without regard to case; sorted."""
    words = text.casefold().split()
    return [
        name
        for name in sorted(names)
        if all(word in f"{name} {sentence_of(name, sentences)}".casefold() for word in words)
    ]
