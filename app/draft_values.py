"""Plain values as text and back: what a draft may hold. Nothing else is taken, and reading makes nothing else.

Scalars stand as they are; everything else is a list whose first entry says what it is.
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
    """What no draft holds: an upload, a table, an object of one's own."""


def write(values: Mapping[str, object], most_bytes: int) -> str:
    """As many of the values as are plain and fit into ``most_bytes``, in their order, as JSON."""
    parts: list[str] = []
    size = len("{}")
    for name, value in values.items():
        try:
            part = f"{json.dumps(name)}: {json.dumps(_written(value, MAX_DEPTH), allow_nan=False)}"
        except NotPlain:
            continue
        if size + len(part) + len(", ") <= most_bytes:
            parts.append(part)
            size += len(part) + len(", ")
    return f"{{{', '.join(parts)}}}"


def read(text: str) -> dict[str, object]:
    """The values that ``write`` wrote. Raises ``ValueError`` (``NotPlain``) for anything else."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise NotPlain
    return {name: _read(value) for name, value in found.items()}


def _written(value: object, depth: int) -> Any:
    kind = type(value)  # exactly these: a subclass may be anything
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
        return [_LISTS[kind], *(_written(entry, depth - 1) for entry in value)]
    if depth and isinstance(value, dict) and kind is dict and all(type(name) is str for name in value):
        return ["dict", {name: _written(entry, depth - 1) for name, entry in value.items()}]
    raise NotPlain


def _read(value: Any) -> object:
    if not isinstance(value, list):
        if isinstance(value, dict):
            raise NotPlain
        return value
    kind, *rest = value
    if kind in {"list", "tuple"}:
        entries = [_read(entry) for entry in rest]
        return entries if kind == "list" else tuple(entries)
    (one,) = rest
    if kind == "dict":
        return {name: _read(entry) for name, entry in one.items()}
    if kind == "timedelta":
        return timedelta(seconds=one)
    if kind not in _READERS:
        raise NotPlain
    return _READERS[kind](one)
