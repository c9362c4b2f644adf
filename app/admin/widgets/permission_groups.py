"""Permissions for display: grouped by resource, each with its sentence.

All texts are plain: the caller escapes them with ``formatting.plain`` before showing them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from app.core.permissions import CATALOGUE, OTHER_RESOURCES, resource_title


class Group(NamedTuple):
    """The permissions of one resource."""

    title: str
    """The resource as a heading: ``Reports``, ``Audit log``."""
    names: tuple[str, ...]
    """At least one, sorted."""


def grouped(names: Iterable[str]) -> list[Group]:
    """Group ``names`` by resource, groups and names in alphabetical order; names without a resource come last."""
    groups: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        groups.setdefault(resource_title(name), []).append(name)
    return [
        Group(title, tuple(groups[title]))
        for title in sorted(groups, key=lambda title: (title == OTHER_RESOURCES, title))
    ]


def sentence_of(permission: str, sentences: Mapping[str, str] | None = None) -> str:
    """Return the sentence of a permission: what the user can do with it.

    It comes from this process's catalogue, else from ``sentences`` (name → sentence from the API), else from the name:
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
    """Those of ``names`` whose name or sentence contains every word of ``text``, ignoring case; sorted."""
    words = text.casefold().split()
    return [
        name
        for name in sorted(names)
        if all(word in f"{name} {sentence_of(name, sentences)}".casefold() for word in words)
    ]
