"""Whether reading a JSON text costs little enough, told from its bytes before a reader begins.

Python's reader works in C and holds the interpreter lock until it is done, so that in any thread it stops the event
loop. What it takes depends on what stands there: 0.6 µs for an array, 0.2 µs for a fraction, next to nothing for text.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

MAX_DEPTH: Final = 100
"""Some readers recurse; this is less than any of them can do."""
MAX_DIGITS: Final = 1300
"""Turning digits into a number takes the square of their count; a key of 4096 bits has 1234."""

_CONTAINER: Final = 12
_FRACTION: Final = 3
_DIGITS: Final = 10
_MANY_DIGITS: Final = b"0" * 64
"""So many digits in a row count as ten values."""
_ESCAPES: Final = 4
"""So many escaped characters count as one value."""
_BYTES: Final = 64
"""So many bytes count as one value."""
_CHUNK: Final = 65_536
_MAX_TEXTS: Final = 20_000
_MAX_ESCAPES: Final = 30_000
_TEXT: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_ALIKE: Final = bytes.maketrans(b"123456789E", b"000000000e")
"""All digits look the same, and so do both letters of an exponent."""
_ENDLESS: Final = b"0" * MAX_DIGITS


class Unreadable(Exception):
    """Not JSON, or JSON that would cost too much, or that would make a reader fail.

    ``cost``: what reading it has cost all the same, in values.
    """

    def __init__(self, cost: int = 0) -> None:
        super().__init__()
        self.cost = cost


def check(text: str, *, most: int) -> int:
    """What reading ``text`` costs, in values of about 50 ns; raises ``Unreadable`` for more than ``most``.

    The empty text counts as ``null``, as Streamlit (1.67) has it.
    """
    data = text.encode(errors="surrogatepass")
    if _has_endless_number(data):
        raise Unreadable
    cost = estimate(text, most=most)
    try:
        read = json.loads(text or "null")
    except (ValueError, RecursionError):
        raise Unreadable(cost) from None
    if _is_deep(read):
        raise Unreadable(cost)
    return cost


def estimate(text: str, *, most: int) -> int:
    """What a reader would do with ``text`` costs, as ``check`` counts it, without reading it: it need not be JSON.

    Raises ``Unreadable`` for more than ``most``.
    """
    data = text.encode(errors="surrogatepass")
    cost = max(1, _cost(data, most))
    if cost > most:
        # Brackets and commas may stand in texts, which cost nothing: look at the rest alone.
        if data.count(b'"') > 2 * _MAX_TEXTS or data.count(b"\\") > _MAX_ESCAPES:
            raise Unreadable
        cost = len(data) // _BYTES + data.count(b"\\") // _ESCAPES + _cost(_TEXT.sub(b'""', data), most)
        if cost > most:
            raise Unreadable
    return cost


def _cost(data: bytes, most: int) -> int:
    """An upper estimate, as if there were no texts; looks no further once it is above ``most``."""
    cost = 0
    for at in range(0, len(data), _CHUNK):
        part = data[at : at + _CHUNK]
        alike = part.translate(_ALIKE)
        cost += (
            _CONTAINER * (part.count(b"[") + part.count(b"{"))
            + part.count(b",")
            + part.count(b":")
            + _FRACTION * (part.count(b".") + alike.count(b"0e"))
            + _DIGITS * alike.count(_MANY_DIGITS)
            + part.count(b"\\") // _ESCAPES
            + len(part) // _BYTES
        )
        if cost > most:
            break
    return cost


def _has_endless_number(data: bytes) -> bool:
    overlap = MAX_DIGITS - 1
    return any(
        _ENDLESS in data[max(0, at - overlap) : at + _CHUNK].translate(_ALIKE) for at in range(0, len(data), _CHUNK)
    )


def _is_deep(value: Any) -> bool:
    """Whether containers are nested deeper than ``MAX_DEPTH``; level by level, without recursion."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for container in level
            for inner in (container.values() if isinstance(container, dict) else container)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True
