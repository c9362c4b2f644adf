"""Guards of messages to Streamlit: their size and their cost."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal

REMOVALS: Final[list[Removal]] = [
    Removal(
        guard="JSON values are checked before Streamlit reads them",
        at="component.socket.shared_state:SharedState.parse.read",
        without="message.is_rerun and message.replace_unreadable(max_cost=limits.message_values)",
        instead="False",
        test="tests/security/test_component_events.py::test_no_value_causes_an_exception_page",
    ),
    Removal(
        guard="anonymous clients have a smaller message limit",
        at="component.socket.websocket_middleware:WebSocketMiddleware._paced",
        without="limits.message_bytes if person else limits.anonymous_message_bytes",
        instead="limits.message_bytes",
        test="tests/security/test_bounded_input.py::test_an_anonymous_socket_sends_a_quarter_of_a_megabyte_at_most",
    ),
    Removal(
        guard="the message limit is checked before parsing",
        at="component.protocol.back_message:parse",
        without="len(data) > max_bytes",
        test="tests/component/socket/test_tab.py::test_a_message_that_is_too_long_is_refused_before_it_is_read",
    ),
    Removal(
        guard="the cost of JSON is limited",
        at="component.protocol.json_cost:estimate",
        without="""
            if cost > max_cost:
                raise UnreadableJson
        """,
        test="tests/component/protocol/test_json_cost.py::test_json_that_is_too_costly_or_fails_a_parser_is_refused",
    ),
    Removal(
        guard="refused JSON counts toward the limit of its message",
        at="component.protocol.back_message:BackMessage.replace_unreadable",
        without="spent += error.cost",
        test="tests/component/protocol/test_back_message.py::test_the_json_of_one_message_has_one_limit",
    ),
    Removal(
        guard="short JSON costs at least one unit",
        at="component.protocol.json_cost:estimate",
        without="max(1, _upper_bound(data, max_cost))",
        instead="_upper_bound(data, max_cost) if len(data) > 1000 else 1",
        test="tests/component/protocol/test_back_message.py::test_the_json_of_one_message_has_one_limit",
    ),
    Removal(
        guard="JSON in text values counts toward the limit of its message",
        at="component.protocol.back_message:BackMessage.replace_unreadable",
        without="spent += _text_cost(...)",
        test=("tests/component/protocol/test_back_message.py::test_a_message_with_too_costly_text_is_refused"),
    ),
    Removal(
        guard="JSON in other kinds of values counts toward the limit of its message",
        at="component.protocol.widget_values:text_that_may_be_json",
        without="data.decode(...)",
        instead='"" if data else ""',
        test="tests/component/protocol/test_back_message.py::test_every_kind_of_value_that_may_be_json_has_a_cost",
    ),
    Removal(
        guard="the depth of JSON is limited",
        at="component.protocol.json_cost:check",
        without="_is_too_deep(...)",
        instead="False",
        test="tests/component/protocol/test_json_cost.py::test_json_that_is_too_costly_or_fails_a_parser_is_refused",
    ),
    Removal(
        guard="the number of a message's fields is limited",
        at="component.protocol.back_message:parse",
        without="FIELD_COST * count_fields(data, BackMsg.DESCRIPTOR, max_fields=MAX_FIELDS)",
        instead="0",
        test=(
            "tests/component/protocol/test_protobuf_fields.py"
            "::test_a_message_of_very_many_parts_is_refused_after_a_bounded_number_of_steps"
        ),
    ),
    Removal(
        guard="the number of widgets and triggers in a message is limited",
        at="component.protocol.back_message:parse",
        without='raise Malformed("too many widgets", cost)',
        test="tests/component/protocol/test_protobuf_fields.py::test_too_many_triggers_are_refused",
    ),
    Removal(
        guard="unknown kinds of messages are refused",
        at="component.protocol.back_message:parse",
        without="kind not in ALLOWED",
        instead="False",
        test="tests/security/test_hostile_sockets.py::test_a_message_that_no_browser_sends_closes_its_socket_only",
    ),
]
