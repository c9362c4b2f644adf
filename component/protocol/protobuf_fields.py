"""Counts the fields of an encoded protobuf message before a parser makes an object of each.

A parser takes 30 ms for a megabyte of empty messages and holds Python's interpreter lock meanwhile. This walks over the
bytes, never into text, and stops at a limit. Source: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

MAX_DEPTH: Final = 50
_VARINT: Final = 0
_FIXED64: Final = 1
_LENGTH_DELIMITED: Final = 2
_FIXED32: Final = 5
_SIZES: Final = {_FIXED64: 8, _FIXED32: 4}
_CONTINUATION: Final = 0x80
"""The bit of a byte that says that a varint continues."""
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
"""The minimum size of one number in a packed repeated field, in bytes."""


class TooManyFields(Exception):
    """More fields than the limit, nested too deeply, or not a protobuf message at all."""


class _FieldContent(NamedTuple):
    """The content of a length-delimited field: messages of a type, or packed numbers of a minimum width."""

    message: Descriptor | None
    width: int


def count_fields(data: bytes, message_type: Descriptor, *, max_fields: int) -> int:
    """The number of fields in ``data`` and all nested messages; each number of a packed field counts as one.

    Args:
        data: The encoded message.
        message_type: Its type.
        max_fields: The limit, after about as many steps as which the walk ends.

    Raises:
        TooManyFields: There are more, or ``data`` is no message of this type.
    """
    return _Walk(data, max_fields).count(0, len(data), message_type, 0)


class _Walk:
    """One walk over ``data``, of at most ``max_steps`` steps."""

    def __init__(self, data: bytes, max_steps: int) -> None:
        self._data = data
        self._steps_left = max_steps

    def count(self, position: int, end: int, message_type: Descriptor, depth: int) -> int:
        """Count the fields of the message of this type from ``position`` to ``end``."""
        if depth > MAX_DEPTH:
            raise TooManyFields
        steps_before, contents = self._steps_left, _contents(message_type)
        try:
            while position < end:
                self._step(1)
                tag, position = self._varint(position)
                encoding = tag & 7
                if encoding == _LENGTH_DELIMITED:
                    size, position = self._varint(position)
                else:
                    size = _SIZES.get(encoding, 0)
                if encoding == _VARINT:
                    _, position = self._varint(position)
                elif encoding not in _SIZES and encoding != _LENGTH_DELIMITED:
                    raise TooManyFields  # groups: no message of Streamlit's has them
                position += size
                if encoding == _LENGTH_DELIMITED and position <= end:
                    self._count_content(position - size, position, contents.get(tag >> 3), depth)
        except IndexError:
            raise TooManyFields from None
        if position != end:
            raise TooManyFields
        return steps_before - self._steps_left

    def _count_content(self, position: int, end: int, content: _FieldContent | None, depth: int) -> None:
        """Count what a length-delimited field contains: a message, packed numbers, or nothing more for text."""
        if content is None:
            return
        if content.message is not None:
            self.count(position, end, content.message, depth + 1)
        else:
            self._step((end - position) // content.width)

    def _step(self, steps: int) -> None:
        self._steps_left -= steps
        if self._steps_left < 0:
            raise TooManyFields

    def _varint(self, position: int) -> tuple[int, int]:
        byte = self._data[position]
        if byte < _CONTINUATION:
            return byte, position + 1
        value = shift = 0
        while byte >= _CONTINUATION:
            value |= (byte & 0x7F) << shift
            shift += 7
            position += 1
            if shift > _MAX_SHIFT:
                raise TooManyFields
            byte = self._data[position]
        return value | byte << shift, position + 1


@cache
def _contents(message_type: Descriptor) -> dict[int, _FieldContent]:
    """Field number → content, for the fields of a message type that hold more than text."""
    contents = {}
    for field in message_type.fields:
        if field.message_type is not None:
            contents[field.number] = _FieldContent(field.message_type, 1)
        elif (width := _WIDTHS.get(field.cpp_type)) is not None:
            contents[field.number] = _FieldContent(None, width)
    return contents
