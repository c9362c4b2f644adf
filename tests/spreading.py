"""The order of the tests: those that wait for most of their time are spread between the others."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from itertools import groupby
from typing import TypeVar

T = TypeVar("T")


def spread(items: list[T], *, waits: Callable[[T], bool], file: Callable[[T], Hashable]) -> list[T]:
    """``items`` with those that wait spread evenly between the files of the others.

    One after the other they would leave the processors idle. No other file is divided, because its tests share
    fixtures, and the order is otherwise the same.
    """
    waiting = [item for item in items if waits(item)]
    files = [list(group) for _, group in groupby((item for item in items if not waits(item)), file)]
    if not files:
        return waiting
    result: list[T] = []
    for number, group in enumerate(files):
        result += group
        result += waiting[number * len(waiting) // len(files) : (number + 1) * len(waiting) // len(files)]
    return result
