"""Messages of components as the middleware parses them: JSON that fails a parser, and reruns without a user action."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from unittest import mock

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import ChatInputValue, FileUploaderState, StringArray, StringTriggerValue
from streamlit.proto.Components_pb2 import ArrowTable
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.common import unpack_widget_state_value

from component.event_channel import EventChannel
from component.protocol import back_message, forward_message, json_cost

DEEP = "[" * 3_000 + "]" * 3_000
LONG_NUMBER = f'{{"events": {"9" * 5_000}}}'


@pytest.mark.parametrize(
    "text",
    # Python 3.12 and 3.13 have a limit of their own for recursion in C, of 10,000 levels.
    ["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000, LONG_NUMBER],
    ids=["arrays", "objects", "a long number"],
)
def test_python_itself_fails_on_these(text: str) -> None:
    """The reason for this check: readers raise errors that Streamlit (1.67) does not expect, before any script runs."""
    with pytest.raises((RecursionError, ValueError)) as raised:
        json.loads(text)
    assert not isinstance(raised.value, json.JSONDecodeError)
    assert not json_cost.is_readable(text)


@pytest.mark.parametrize(
    "text", ["not json", "{", '{"a": 1}}', "[1, 2", "]" * 2_000], ids=["words", "{", "}}", "no end", "many ends"]
)
def test_invalid_json_is_not_readable(text: str) -> None:
    assert not json_cost.is_readable(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"a": [1, 2, {"b": "c"}]}',
        json.dumps({"a": "[" * 5_000}),
        json.dumps({"a": '"[{\\' * 5_000}),
        json.dumps([[number, [number]] for number in range(5_000)]),
        "[" * 90 + "1" * 1_234 + "]" * 90,
        json.dumps(list(range(20_000))),
    ],
    ids=["nothing", "nested", "brackets in text", "escapes in text", "arrays", "deep", "numbers"],
)
def test_values_of_components_in_use_are_readable(text: str) -> None:
    assert json_cost.is_readable(text)


@pytest.mark.parametrize(
    "text",
    [
        '"' + '\\"' * 500_000,
        "[" * 1_000_000,
        "{}[]" * 500_000,
        "1" * 3_999 + ",",
        '"a",' * 300_000 + "[" * 200,
        "\\" * 10**6,
    ],
    ids=["escaped quotes", "open arrays", "small containers", "digits", "texts", "backslashes"],
)
def test_a_large_text_is_checked_quickly(text: str) -> None:
    started = time.perf_counter()
    json_cost.is_readable(text * (2_000_000 // len(text) or 1))
    assert time.perf_counter() - started < 5


def message(**widgets: str) -> BackMsg:
    message = BackMsg()
    message.rerun_script.query_string = ""
    for kind, value in widgets.items():
        state = message.rerun_script.widget_states.widgets.add()
        state.id = "$$STREAMLIT_INTERNAL_KEY_$$ID-1-account__events" if "trigger" in kind else "$$ID-1-account"
        setattr(state, kind, value)
    return message


def sent(**widgets: str) -> back_message.BackMessage:
    return back_message.parse(message(**widgets).SerializeToString())


def test_unreadable_json_is_replaced_and_the_rest_passes() -> None:
    request = sent(json_value=DEEP)
    request.message.rerun_script.widget_states.widgets.add(id="other", string_value=DEEP)
    assert request.replace_unreadable()
    passed = BackMsg.FromString(request.serialize()).rerun_script.widget_states.widgets
    assert [(widget.json_value, widget.string_value) for widget in passed] == [
        (back_message.UNREADABLE, ""),
        ("", DEEP),
    ]
    # To our component it is a violation of the contract.
    codes: list[str] = []
    channel = EventChannel()
    events = json.loads(back_message.UNREADABLE)["events"]
    channel.receive("events", events, (), lambda event: codes.append(event.data["code"]))  # type: ignore[arg-type] # only errors come
    assert codes == ["wrong-shape"]


COSTLY = '{"selection": [' + "[]," * 40_000 + "[]]}"


@pytest.mark.parametrize("before", ["", " \r\n\t"], ids=["at once", "after spaces"])
@pytest.mark.parametrize(
    "text",
    [COSTLY, "[" + "{}," * 40_000 + "{}]", '"' + '\\"' * 1_900_000 + '"'],
    ids=["arrays", "objects", "escaped characters"],
)
def test_a_message_with_too_costly_text_is_refused(before: str, text: str) -> None:
    request = sent(string_value=before + text)
    with pytest.raises(back_message.TooCostly, match=r"too many values at once.* Load the page again, and send less\."):
        request.replace_unreadable()


ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
VALUES: dict[str, WidgetState] = {
    "string_value": WidgetState(string_value=COSTLY),
    "json_value": WidgetState(json_value=COSTLY),
    "json_trigger_value": WidgetState(json_trigger_value=COSTLY),
    "string_trigger_value": WidgetState(string_trigger_value=StringTriggerValue(data=COSTLY)),
    "string_array_value": WidgetState(string_array_value=StringArray(data=[COSTLY])),
    "chat_input_value": WidgetState(chat_input_value=ChatInputValue(data=COSTLY)),
    "arrow_value": WidgetState(arrow_value=ArrowTable(data=COSTLY.encode())),
    "file_uploader_state_value": WidgetState(file_uploader_state_value=FileUploaderState()),
    **{f"bytes_value in {encoding}": WidgetState(bytes_value=COSTLY.encode(encoding)) for encoding in ENCODINGS},
}
NUMBERS = {"trigger_value", "bool_value", "double_value", "int_value", "double_array_value", "int_array_value"}


def test_the_kinds_of_values_are_those_of_the_installed_streamlit() -> None:
    kinds = {field.name for field in WidgetState.DESCRIPTOR.oneofs_by_name["value"].fields}
    assert kinds == {state.WhichOneof("value") for state in VALUES.values()} | NUMBERS


@pytest.mark.parametrize("kind", VALUES)
def test_every_kind_of_value_that_may_be_json_has_a_cost(kind: str) -> None:
    """Streamlit passes it on without a check of the widget's kind."""
    request = sent()
    widget = request.message.rerun_script.widget_states.widgets.add(id="$$ID-x")
    widget.MergeFrom(VALUES[kind])
    with suppress(back_message.TooCostly):
        request.replace_unreadable()
        assert not is_read_at_length(widget)


def is_read_at_length(widget: WidgetState) -> bool:
    """Whether the value that Streamlit passes to a widget's reader is costly as JSON."""
    try:
        value = unpack_widget_state_value(widget)
        return len(json.dumps(value if widget.WhichOneof("value") == "json_value" else json.loads(value))) > 1000
    except (TypeError, ValueError):
        return False


def test_texts_and_json_of_a_message_share_a_limit() -> None:
    request = sent(string_value="[" + "[]," * 20_000 + "[]]")
    request.message.rerun_script.widget_states.widgets.add(id="other", string_value="[" + "[]," * 20_000 + "[]]")
    with pytest.raises(back_message.TooCostly):
        request.replace_unreadable()


@pytest.mark.parametrize(
    "text",
    ["a " + "[]," * 40_000, '{"edited_rows": {"0": {"name": "Ann"}}, "added": "' + "[" * 40_000 + '"}', "[" * 900],
    ids=["no JSON", "JSON with brackets in a text", "short"],
)
def test_other_text_passes_unchanged(text: str) -> None:
    request = sent(string_value=text)
    assert not request.replace_unreadable()
    assert request.serialize() == message(string_value=text).SerializeToString()


def test_a_refused_message_is_explained_in_a_dialog() -> None:
    response = ForwardMsg.FromString(forward_message.error_dialog("Send less."))
    assert response.session_event.script_compilation_exception.message == "Send less."


def test_readable_json_passes_unchanged() -> None:
    request = sent(json_value='{"events": {}}')
    assert not request.replace_unreadable()
    assert request.serialize() == message(json_value='{"events": {}}').SerializeToString()


@pytest.mark.parametrize(
    ("trigger", "is_user_action"),
    [
        ('[{"event":"background","value":null}]', False),
        ('{"event":"background","value":{"queue":[]}}', False),
        ('[{"event":"background"},{"event":"click"}]', True),
        ('[{"event":"click"}]', True),
        ("[]", True),
        ("null", True),
        ("", True),
        ("nonsense", True),
        (DEEP, True),
    ],
)
def test_only_the_quiet_trigger_is_no_user_action(trigger: str, is_user_action: bool) -> None:
    assert sent(json_trigger_value=trigger).is_user_action is is_user_action
    assert sent(json_value='{"events": {}}').is_user_action


@pytest.mark.parametrize(
    ("text", "count", "read"),
    [
        ("[" + "[]," * 30_000 + "[]x]", 44, 1),
        ("[" * 120 + "[]," * 30_000 + "[]" + "]" * 120, 44, 1),
        ("[" + "[]," * 331 + "[]]", 4096, json_cost.MAX_VALUES // (12 * 333 + 331 + 997 // 64)),
    ],
    ids=["broken at the end", "too deep", "very many short ones"],
)
def test_the_json_of_one_message_has_one_limit(text: str, count: int, read: int) -> None:
    """Also a message that is refused after it was read."""
    request = sent()
    request.message.rerun_script.widget_states.widgets.extend(WidgetState(json_value=text) for _ in range(count))
    with mock.patch("json.loads", wraps=json.loads) as loads:
        assert request.replace_unreadable()
    assert loads.call_count == read


def test_the_cost_of_a_message_is_that_of_its_fields_and_its_json() -> None:
    """120 for each field; the full message limit where its JSON was not read."""
    request = sent(json_value="[" + "[]," * 99 + "[]]")
    request.replace_unreadable()
    assert request.cost == 5 * 120 + 12 * 101 + 99 + 301 // 64
    many = BackMsg()
    many.rerun_script.widget_states.widgets.extend(WidgetState(id=str(number)) for number in range(1000))
    assert back_message.parse(many.SerializeToString()).cost == 2002 * 120
    refused = sent(json_value="[" * 1000)
    assert refused.replace_unreadable(max_cost=5000)
    assert refused.cost == 5 * 120 + 5000


def test_triggers_are_determined_once_when_a_message_is_parsed() -> None:
    """A long message is parsed and examined in a thread, not on the event loop."""
    background, sign_out = (sent(json_trigger_value=f'[{{"event":"{name}"}}]') for name in ("background", "signingOut"))
    odd = sent(json_trigger_value='[{"event":["background"]},{"event":"background"}]')
    long = sent(json_trigger_value='{"event":"background","value":"' + "x" * 65_536 + '"}')
    with mock.patch("json.loads", side_effect=AssertionError):
        assert (background.is_user_action, background.is_sign_out) == (False, False)
        assert (sign_out.is_user_action, sign_out.is_sign_out) == (True, True)
        assert odd.is_user_action
        assert long.is_user_action
        background.merge_triggers(sign_out)
        assert (background.is_user_action, background.is_sign_out) == (True, False)


def test_no_message_blocks_the_event_loop_for_long() -> None:
    """Parsing on the event loop takes time in proportion to the size, for anonymous clients too."""
    started = time.process_time()
    half = 4 * 1024 * 1024
    for hostile in ("[" * half + "]" * half, "[" * 101 + '"\\' * half, "[" + "[]," * (half // 8) + "[]"):
        assert not json_cost.is_readable(hostile)
    assert time.process_time() - started < 3.0


def test_two_late_messages_are_merged_however_many_widgets_they_press() -> None:
    first, second = pressing("a", 10_000), pressing("b", 10_000)
    started = time.process_time()
    second.merge_triggers(first)
    assert time.process_time() - started < 1.0
    pressed = [widget.id for widget in second.message.rerun_script.widget_states.widgets]
    assert len(pressed) == len(set(pressed)) == 20_000


def pressing(name: str, many: int) -> back_message.BackMessage:
    message = BackMsg()
    for number in range(many):
        widget = message.rerun_script.widget_states.widgets.add()
        widget.id, widget.trigger_value = f"{name}{number}", True
    return back_message.BackMessage(message, message.SerializeToString())
