"""Serializes the plain values that a draft may contain as JSON. Reading creates no value of another type.

Scalars are JSON scalars. Every other value is a list whose first item names its type.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final

MAX_DEPTH: Final = 6
_MOMENTS: Final[Mapping[type, str]] = {date: "date", datetime: "datetime", time: "time"}
_READERS: Final[Mapping[str, Callable[[str], object]]] = {
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
}
_LISTS: Final[Mapping[type, str]] = {list: "list", tuple: "tuple"}


class NotPlain(ValueError):
    """The value has a type that a draft cannot contain: an upload, a table, an object of the app."""


def write(values: Mapping[str, object], max_bytes: int) -> str:
    """Return the plain values as JSON, in their order, up to ``max_bytes``; others are omitted."""
    parts: list[str] = []
    size = len("{}")
    for name, value in values.items():
        try:
            part = f"{json.dumps(name)}: {json.dumps(_encoded(value, MAX_DEPTH), allow_nan=False)}"
        except NotPlain:
            continue
        if size + len(part) + len(", ") <= max_bytes:
            parts.append(part)
            size += len(part) + len(", ")
    return f"{{{', '.join(parts)}}}"


def read(text: str) -> dict[str, object]:
    """Return the values that ``write`` serialized.

    Raises:
        ValueError: The text is not of that form (``NotPlain``), or not JSON.
    """
    values = json.loads(text)
    if not isinstance(values, dict):
        raise NotPlain
    return {name: _decoded(value) for name, value in values.items()}


def _encoded(value: object, depth: int) -> Any:
    kind = type(value)  # the exact type: a subclass may have other content
    if value is None or kind in {str, int, bool}:
        return value
    if isinstance(value, float) and kind is float:
        if math.isfinite(value):
            return value
        raise NotPlain
    if isinstance(value, (date, time)) and kind in _MOMENTS:
        return [_MOMENTS[kind], value.isoformat()]
    if isinstance(value, timedelta) and kind is timedelta:
        return ["timedelta", value.total_seconds()]
    if depth and isinstance(value, (list, tuple)) and kind in _LISTS:
        return [_LISTS[kind], *(_encoded(entry, depth - 1) for entry in value)]
    if depth and isinstance(value, dict) and kind is dict and all(type(name) is str for name in value):
        return ["dict", {name: _encoded(entry, depth - 1) for name, entry in value.items()}]
    raise NotPlain


def _decoded(value: Any) -> object:
    if not isinstance(value, list):
        if isinstance(value, dict):
            raise NotPlain
        return value
    kind, *rest = value
    if kind in {"list", "tuple"}:
        entries = [_decoded(entry) for entry in rest]
        return entries if kind == "list" else tuple(entries)
    (content,) = rest
    if kind == "dict":
        return {name: _decoded(entry) for name, entry in content.items()}
    if kind == "timedelta":
        return timedelta(seconds=content)
    if kind not in _READERS:
        raise NotPlain
    return _READERS[kind](content)
