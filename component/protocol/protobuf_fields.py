"""How many fields a protobuf message has, found out before a parser makes an object of each.

A parser takes 30 ms for a megabyte of empty messages and holds Python's interpreter lock all that time. This walks
over the bytes, never into a text, and stops at a limit. Source: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5
_SIZES: Final = {_FIXED64: 8, _FIXED32: 4}
_MORE: Final = 0x80
"""The bit of a byte that says that a number goes on."""
_MAX_SHIFT: Final = 63
_WIDTHS: Final = {
    FieldDescriptor.CPPTYPE_DOUBLE: 8,
    FieldDescriptor.CPPTYPE_FLOAT: 4,
    FieldDescriptor.CPPTYPE_INT32: 1,
    FieldDescriptor.CPPTYPE_INT64: 1,
    FieldDescriptor.CPPTYPE_UINT32: 1,
    FieldDescriptor.CPPTYPE_UINT64: 1,
    FieldDescriptor.CPPTYPE_BOOL: 1,
    FieldDescriptor.CPPTYPE_ENUM: 1,
}
"""The fewest bytes of one number, where numbers stand together in one field."""
MAX_DEPTH: Final = 50


class TooManyFields(Exception):
    """More fields than asked for, deeper than sensible, or no protobuf message at all."""


class _Kind(NamedTuple):
    """What stands in a field: messages of this type, or numbers at least so wide; else text or bytes."""

    message: Descriptor | None
    width: int


def count_fields(data: bytes, kind: Descriptor, *, most: int) -> int:
    """The fields of ``data``, a message of this kind, with all messages in it; numbers of a list count one each.

    Raises ``TooManyFields`` beyond ``most``, having looked at about so many.
    """
    return _Walk(data, most).fields(0, len(data), kind, 0)


class _Walk:
    """One walk over ``data``, of at most ``most`` steps."""

    def __init__(self, data: bytes, most: int) -> None:
        self._data = data
        self._left = most

    def fields(self, at: int, end: int, kind: Descriptor, depth: int) -> int:
        """Count the fields from ``at`` to ``end``, a message of this kind."""
        if depth > MAX_DEPTH:
            raise TooManyFields
        before, kinds = self._left, _kinds(kind)
        try:
            while at < end:
                self._step(1)
                tag, at = self._varint(at)
                wire = tag & 7
                size, at = self._varint(at) if wire == _BYTES else (_SIZES.get(wire, 0), at)
                if wire == _VARINT:
                    _, at = self._varint(at)
                elif wire not in _SIZES and wire != _BYTES:
                    raise TooManyFields  # groups: nothing of ours has them
                at += size
                if wire == _BYTES and at <= end:
                    self._inside(at - size, at, kinds.get(tag >> 3), depth)
        except IndexError:
            raise TooManyFields from None
        if at != end:
            raise TooManyFields
        return before - self._left

    def _inside(self, at: int, end: int, found: _Kind | None, depth: int) -> None:
        """What stands in a field of bytes: a message, numbers, or else a text, which is one thing."""
        if found is None:
            return
        if found.message is not None:
            self.fields(at, end, found.message, depth + 1)
        else:
            self._step((end - at) // found.width)

    def _step(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise TooManyFields

    def _varint(self, at: int) -> tuple[int, int]:
        byte = self._data[at]
        if byte < _MORE:
            return byte, at + 1
        value = shift = 0
        while byte >= _MORE:
            value |= (byte & 0x7F) << shift
            shift += 7
            at += 1
            if shift > _MAX_SHIFT:
                raise TooManyFields
            byte = self._data[at]
        return value | byte << shift, at + 1


@cache
def _kinds(kind: Descriptor) -> dict[int, _Kind]:
    """Of a kind of message: the number of a field → what stands in it, where that is more than a text."""
    found: dict[int, Any] = {}
    for field in kind.fields:
        if field.message_type is not None:
            found[field.number] = _Kind(field.message_type, 1)
        elif (width := _WIDTHS.get(field.cpp_type)) is not None:
            found[field.number] = _Kind(None, width)
    return found
