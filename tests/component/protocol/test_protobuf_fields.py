"""Fields of a message counted before it is parsed: as the parser counts them, and never more steps than allowed."""

from __future__ import annotations

from typing import Any, SupportsIndex

import pytest
from google.protobuf.struct_pb2 import ListValue, Value
from streamlit.proto.BackMsg_pb2 import BackMsg

from component.protocol import back_message
from component.protocol.protobuf_fields import MAX_DEPTH, TooManyFields, count_fields


class Counted(bytes):
    """Bytes that count how often they are read."""

    checks = 0

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        Counted.checks += 1
        return super().__getitem__(at)


def widgets(count: int, **more: Any) -> BackMsg:
    message = BackMsg()
    for number in range(count):
        message.rerun_script.widget_states.widgets.add(id=f"{number}", **more)
    return message


def nested(payload: bytes) -> bytes:
    """``payload`` as the widgets of a rerun."""
    assert BackMsg.DESCRIPTOR is not None
    outer = BackMsg.DESCRIPTOR.fields_by_name["rerun_script"]
    assert outer.message_type is not None
    inner = outer.message_type.fields_by_name["widget_states"]
    for number in (inner.number, outer.number):
        size, length = len(payload), bytearray()
        while size > 0x7F:
            length.append(size & 0x7F | 0x80)
            size >>= 7
        payload = bytes([number << 3 | 2, *length, size]) + payload
    return payload


def test_every_field_and_every_number_of_a_list_counts_one() -> None:
    message = widgets(3, string_value="x" * 100_000)
    assert count_fields(message.SerializeToString(), BackMsg.DESCRIPTOR, max_fields=100) == 2 + 3 * 3
    message = widgets(1)
    message.rerun_script.widget_states.widgets[0].int_array_value.data.extend(range(50))
    assert count_fields(message.SerializeToString(), BackMsg.DESCRIPTOR, max_fields=100) == 2 + 1 + 2 + 1 + 50
    message.rerun_script.widget_states.widgets[0].double_array_value.data.extend([0.5] * 50)
    assert count_fields(message.SerializeToString(), BackMsg.DESCRIPTOR, max_fields=100) == 2 + 1 + 2 + 1 + 50


HOSTILE = {
    "empty widgets": nested(b"\x0a\x00" * 2_000_000),
    "unknown fields": nested(b"\xa2\x7f\x00" * 1_000_000),
    "empty texts": nested(b"\x0a\x08" + b"\x42\x06" + b"\x0a\x00" * 3) * 200_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_message_of_very_many_parts_is_refused_after_a_bounded_number_of_steps(kind: str) -> None:
    Counted.checks = 0
    with pytest.raises(TooManyFields):
        count_fields(Counted(HOSTILE[kind]), BackMsg.DESCRIPTOR, max_fields=back_message.MAX_FIELDS)
    assert Counted.checks <= 4 * back_message.MAX_FIELDS
    with pytest.raises(back_message.Malformed):
        back_message.parse(HOSTILE[kind])


@pytest.mark.parametrize(
    "data", [b"\x0a", b"\x0a\xff\xff\xff\xff\x0f", b"\x0b\x0c", b"\x08" + b"\xff" * 11, b"\x0a\x05abc", b"\x07"]
)
def test_invalid_messages_are_refused(data: bytes) -> None:
    with pytest.raises(TooManyFields):
        count_fields(data, BackMsg.DESCRIPTOR, max_fields=100)


def test_a_page_of_four_thousand_widgets_is_read_and_one_of_more_is_not() -> None:
    assert back_message.parse(widgets(4096, string_value="x").SerializeToString()).is_rerun
    with pytest.raises(back_message.Malformed, match="too many widgets"):
        back_message.parse(widgets(4097, string_value="x").SerializeToString())


def test_too_many_triggers_are_refused() -> None:
    assert back_message.parse(widgets(32, trigger_value=True).SerializeToString()).is_rerun
    with pytest.raises(back_message.Malformed, match="too many widgets"):
        back_message.parse(widgets(33, trigger_value=True).SerializeToString())


def test_messages_that_are_nested_too_deeply_are_refused() -> None:
    """No message of a browser has a recursive type (Streamlit 1.67), as the values of ``google.protobuf`` are."""

    def lists(depth: int) -> bytes:
        value = Value(bool_value=True)
        for _ in range(depth):
            value = Value(list_value=ListValue(values=[value]))
        return value.SerializeToString()

    assert Value.DESCRIPTOR is not None
    assert count_fields(lists(MAX_DEPTH // 2), Value.DESCRIPTOR, max_fields=1000) == MAX_DEPTH + 1
    with pytest.raises(TooManyFields):
        count_fields(lists(MAX_DEPTH // 2 + 1), Value.DESCRIPTOR, max_fields=1000)
