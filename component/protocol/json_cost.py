"""The cost of parsing a JSON text, estimated from its bytes before a parser starts.

Python's parser runs in C and holds the interpreter lock until it ends, so it blocks the event loop from any thread. Its
time depends on the content: 0.6 µs for an array, 0.2 µs for a fraction, next to nothing for text. Costs are counted in
values of about 50 ns.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

MAX_VALUES: Final = 400_000
"""The default limit of the cost of one message."""
MAX_DEPTH: Final = 100
"""Some parsers recurse; this is less than any of them supports."""
MAX_DIGITS: Final = 1300
"""Converting digits to a number takes time quadratic in their count; a key of 4096 bits has 1234."""

_CONTAINER: Final = 12
_FRACTION: Final = 3
_DIGITS: Final = 10
_MANY_DIGITS: Final = b"0" * 64
"""This many digits in a row cost ``_DIGITS`` values."""
_ESCAPES: Final = 4
"""This many escaped characters cost one value."""
_BYTES: Final = 64
"""This many bytes cost one value."""
_CHUNK: Final = 65_536
_MAX_STRINGS: Final = 20_000
_MAX_ESCAPES: Final = 30_000
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_START: Final = re.compile(r"\s*[\[{\"]")
_FOLDED: Final = bytes.maketrans(b"123456789E", b"000000000e")
"""Maps all digits to one, and both letters of an exponent to one."""
_TOO_MANY_DIGITS: Final = b"0" * MAX_DIGITS


class UnreadableJson(Exception):
    """Not JSON, or JSON that costs too much or makes a parser fail.

    Args:
        cost: What parsing it has cost nevertheless, in values.
    """

    def __init__(self, cost: int = 0) -> None:
        super().__init__()
        self.cost = cost


def check(text: str, *, max_cost: int) -> int:
    """Parse ``text`` and return the cost, in values; the empty text counts as ``null``, as in Streamlit (1.67).

    Raises:
        UnreadableJson: It costs more than ``max_cost``, is not JSON, or is nested too deeply.
    """
    data = text.encode(errors="surrogatepass")
    if _has_too_many_digits(data):
        raise UnreadableJson
    cost = estimate(text, max_cost=max_cost)
    try:
        value = json.loads(text or "null")
    except (ValueError, RecursionError):
        raise UnreadableJson(cost) from None
    if _is_too_deep(value):
        raise UnreadableJson(cost)
    return cost


def estimate(text: str, *, max_cost: int) -> int:
    """The cost of parsing ``text``, as ``check`` counts it, without parsing it: it need not be JSON.

    Raises:
        UnreadableJson: The cost is more than ``max_cost``.
    """
    data = text.encode(errors="surrogatepass")
    cost = max(1, _upper_bound(data, max_cost))
    if cost > max_cost:
        # Brackets and commas inside strings cost nothing: count the rest alone.
        if data.count(b'"') > 2 * _MAX_STRINGS or data.count(b"\\") > _MAX_ESCAPES:
            raise UnreadableJson
        without_strings = _STRING.sub(b'""', data)
        cost = len(data) // _BYTES + data.count(b"\\") // _ESCAPES + _upper_bound(without_strings, max_cost)
        if cost > max_cost:
            raise UnreadableJson
    return cost


def is_readable(text: str, *, max_cost: int = MAX_VALUES) -> bool:
    """Whether a JSON parser succeeds with ``text`` within the limit.

    Streamlit (1.67) parses it before any script runs, and shows an error page where its parser raises.
    """
    try:
        check(text, max_cost=max_cost)
    except UnreadableJson:
        return False
    return True


def starts_like_json(text: str) -> bool:
    """Whether ``text`` starts with a container or a string, and so may be costly JSON."""
    return _START.match(text) is not None


def _upper_bound(data: bytes, max_cost: int) -> int:
    """An upper estimate that ignores strings; stops once it exceeds ``max_cost``."""
    cost = 0
    for start in range(0, len(data), _CHUNK):
        part = data[start : start + _CHUNK]
        folded = part.translate(_FOLDED)
        cost += (
            _CONTAINER * (part.count(b"[") + part.count(b"{"))
            + part.count(b",")
            + part.count(b":")
            + _FRACTION * (part.count(b".") + folded.count(b"0e"))
            + _DIGITS * folded.count(_MANY_DIGITS)
            + part.count(b"\\") // _ESCAPES
            + len(part) // _BYTES
        )
        if cost > max_cost:
            break
    return cost


def _has_too_many_digits(data: bytes) -> bool:
    overlap = MAX_DIGITS - 1
    return any(
        _TOO_MANY_DIGITS in data[max(0, start - overlap) : start + _CHUNK].translate(_FOLDED)
        for start in range(0, len(data), _CHUNK)
    )


def _is_too_deep(value: Any) -> bool:
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
