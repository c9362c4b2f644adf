"""Guards of connections: how many, how long, and how many bytes they hold."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal

REMOVALS: Final[list[Removal]] = [
    Removal(
        guard="Nagle's algorithm is disabled",
        at="component.server.http_protocol:LimitedHttp.connection_made",
        without="_set_no_delay(...)",
        test="tests/component/server/test_http_protocol.py::test_small_segments_are_sent_at_once",
    ),
    Removal(
        guard="the number of sockets per person is limited",
        at="component.socket.websocket_middleware:WebSocketMiddleware._admitted",
        without="slot.take(...)",
        test="tests/security/test_bounded_input.py::test_the_tabs_of_one_person_are_limited_and_others_can_open_tabs",
    ),
    Removal(
        guard="the number of sockets per address is limited",
        at="component.limits.admission:Admission.enter",
        without="self.counts[key] >= self.limits.per_address",
        test="tests/component/limits/test_token_bucket.py::test_sockets_are_counted_by_person_by_address_and_in_all",
    ),
    Removal(
        guard="anonymous sockets leave capacity for signed-in people",
        at="component.limits.admission:SocketSlot.take",
        without="int(limits.sockets * _ANONYMOUS_SHARE)",
        instead="limits.sockets",
        test="tests/component/limits/test_token_bucket.py::test_anonymous_sockets_leave_slots_for_signed_in_people",
    ),
    Removal(
        guard="the bytes of unfinished messages are limited",
        at="component.server.websocket_protocol:LimitedWebSocket._count_unfinished",
        without="size > FREE_BYTES and self._buffered.is_too_much(self._client, self._max_bytes)",
        instead="False",
        test="tests/security/test_bounded_input.py::test_unfinished_messages_of_one_person_fill_no_memory",
    ),
    Removal(
        guard="the bytes of complete messages that wait count toward the limit",
        at="component.server.websocket_protocol:LimitedWebSocket.send_receive_event_to_app",
        without="self._buffered.change(...)",
        test=(
            "tests/component/server/test_waiting_messages.py"
            "::test_waiting_messages_keep_only_their_own_person_from_sending_more_long_ones"
        ),
    ),
    Removal(
        guard="a message no longer counts once the application asks for the next",
        at="component.server.websocket_protocol:LimitedWebSocket.receive",
        without="self._release_processed()",
        test=(
            "tests/component/server/test_waiting_messages.py"
            "::test_complete_messages_count_until_the_app_receives_the_next"
        ),
    ),
    Removal(
        guard="unfinished anonymous messages leave room for signed-in people",
        at="component.limits.buffered_messages:BufferedMessages._of",
        without='(self._all, self._anonymous) if client.startswith("address ") else (self._all,)',
        instead="(self._all,)",
        test="tests/component/server/test_waiting_messages.py::test_anonymous_clients_together_leave_room_for_people",
    ),
    Removal(
        guard="the bytes of all unfinished messages together are limited",
        at="component.limits.buffered_messages:BufferedMessages.is_too_much",
        without="any(counted.is_exceeded(client) for counted in self._of(client))",
        test=(
            "tests/component/server/test_waiting_messages.py"
            "::test_beyond_the_limit_a_client_with_less_than_an_equal_share_continues"
        ),
    ),
    Removal(
        guard="the number of fragments of a message is limited",
        at="component.server.websocket_protocol:LimitedWebSocket.handle_cont",
        without="len(self.frames) > MAX_FRAGMENTS",
        instead="False",
        test="tests/security/test_bounded_input.py::test_frames_without_a_payload_are_counted",
    ),
    Removal(
        guard="the number of control frames is limited",
        at="component.server.websocket_protocol:LimitedWebSocket._count_control",
        without="not self._control.try_take(1, self.loop.time())",
        instead="False",
        test="tests/security/test_bounded_input.py::test_frames_without_a_payload_are_counted",
    ),
    Removal(
        guard="the duration of a message is limited",
        at="component.server.websocket_protocol:LimitedWebSocket._check_deadline",
        without="deadline.has_passed(...)",
        instead="False",
        test=(
            "tests/component/server/test_http_protocol.py"
            "::test_a_slow_message_ends_its_socket_and_an_idle_socket_stays_open"
        ),
    ),
    Removal(
        guard="the duration of a request is limited",
        at="component.server.http_protocol:LimitedHttp._check_deadline",
        without="not self._deadline.has_passed(self.loop.time())",
        instead="True",
        test="tests/component/server/test_http_protocol.py::test_a_client_that_sends_too_slowly_is_disconnected",
    ),
    Removal(
        guard="Transfer-Encoding beside Content-Length is refused",
        at="component.server.http_protocol:StrictConnection._check",
        without='b"transfer-encoding" in names',
        instead="False",
        test="tests/security/test_bounded_input.py::test_a_costly_head_is_refused[chunked]",
    ),
    Removal(
        guard="the number and size of headers are limited before parsing",
        at="component.server.http_protocol:StrictConnection.next_event",
        without="self._lines > MAX_HEADERS + 2 or self._bytes > MAX_HEAD_BYTES",
        instead="False",
        test="tests/security/test_bounded_input.py::test_a_costly_head_is_refused",
    ),
    Removal(
        guard="the headers of a pipelined request are counted",
        at="component.server.http_protocol:StrictConnection._check",
        without="len(names) > MAX_HEADERS",
        instead="False",
        test=(
            "tests/component/server/test_refused_requests.py"
            "::test_headers_of_a_request_that_arrives_before_the_response_are_counted_too"
        ),
    ),
    Removal(
        guard="a handshake that cannot be parsed does not keep its connection open",
        at="component.server.websocket_protocol:LimitedWebSocket._refuse_handshake",
        without="self.transport.close()",
        test="tests/component/server/test_refused_messages.py::test_a_handshake_that_cannot_be_parsed_reaches_no_app",
    ),
    Removal(
        guard="the rest of a body whose request is answered is not read",
        at="component.server.http_protocol:LimitedHttp._watch",
        without="is_answered and self._deadline is not None and self._deadline.received > DISCARD_BYTES",
        instead="False",
        test="tests/security/test_bounded_input.py::test_an_unrequested_body_is_not_read_to_its_end",
    ),
    Removal(
        guard="the length of a body that is no upload is limited",
        at="component.socket.http_middleware:HttpMiddleware._limit_response",
        without='request_bodies.refusal(scope["headers"]) if kind is not PathKind.PRIVATE else None',
        instead="None",
        test="tests/security/test_bounded_input.py::test_a_costly_head_is_refused",
    ),
    Removal(
        guard="the limit of open files is raised as far as the system allows",
        at="app.server:raise_open_file_limit",
        without="attempt = (works + fails) // 2",
        instead="break",
        test="tests/app/test_server.py::test_the_limit_is_raised_as_far_as_the_system_allows",
    ),
    Removal(
        guard="the number of tabs is limited by the number of open files",
        at="app.server:limits_of",
        without="min(settings.sockets, allowed.sockets)",
        instead="settings.sockets",
        test="tests/security/test_few_open_files.py::test_as_many_tabs_as_fit_are_served_and_the_next_gets_an_explanation",
    ),
    Removal(
        guard="opening a tab does not examine modules again",
        at="app.asgi:create_app.lifespan",
        without="examine_modules_once(...)",
        test="tests/security/test_watched_sources.py",
    ),
    Removal(
        guard="the number of connections accepted at once is limited",
        at="app.asgi:create_app.lifespan",
        without="accept_few(...)",
        test=("tests/security/test_few_open_files.py::test_idle_connections_use_up_no_files_and_fill_no_log"),
    ),
]
