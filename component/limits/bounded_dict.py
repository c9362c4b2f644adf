"""Dictionaries of bounded size, of which the oldest entry goes first."""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def put_newest(entries: dict[K, V], key: K, value: V, max_entries: int) -> None:
    """Put ``key`` last, and remove the first entry when there are more than ``max_entries``."""
    entries.pop(key, None)
    entries[key] = value
    if len(entries) > max_entries:
        del entries[next(iter(entries))]
