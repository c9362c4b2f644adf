"""Guards of the pace of messages to Streamlit."""

from __future__ import annotations

from typing import Final

from tests.security.guard_removal import Removal

REMOVALS: Final[list[Removal]] = [
    Removal(
        guard="messages wait for their pace",
        at="component.limits.paced_queue:PacedQueue.passing",
        without="(seconds := self._seconds_until(size)) > _ROUNDING_SECONDS",
        instead="seconds := 0.0",
        test="tests/component/limits/test_throttle.py::test_a_socket_is_not_read_while_its_message_waits",
    ),
    Removal(
        guard="anonymous clients share a pace",
        at="component.limits.throttle:TrafficClass._shared_by",
        without="self._shared if self._is_busy(client) else ()",
        instead="()",
        test="tests/component/limits/test_throttle.py::test_anonymous_messages_wait_by_address_and_in_all",
    ),
    Removal(
        guard="an anonymous address waits for its own pace before the shared one",
        at="component.limits.throttle:TrafficClass.wait",
        without="await queues.enter_async_context(own.passing(size, gone))",
        test="tests/component/limits/test_throttle.py::test_messages_that_wait_for_their_own_address_do_not_delay_others",
    ),
    Removal(
        guard="one message of a client passes at a time",
        at="component.limits.paced_queue:PacedQueues.of",
        without="self._locks.setdefault(...)",
        instead="FifoLock()",
        test=(
            "tests/component/limits/test_throttle.py"
            "::test_a_flood_delays_a_message_of_its_kind_by_at_most_one_message_of_each_address"
        ),
    ),
    Removal(
        guard="short anonymous messages have a traffic class of their own",
        at="component.limits.throttle:Throttle.traffic_class",
        without="self._short if size <= back_message.SHORT_BYTES else self._long",
        instead="self._long",
        test=(
            "tests/component/limits/test_throttle.py"
            "::test_a_flood_of_long_messages_delays_a_short_one_by_at_most_one_of_them"
        ),
    ),
    Removal(
        guard="a disconnected client's waiting messages are dropped",
        at="component.limits.paced_queue:PacedQueue.passing",
        without="unless_gone(...)",
        instead="self._clock.sleep(seconds)",
        test=(
            "tests/component/limits/test_throttle.py"
            "::test_waiting_messages_of_a_disconnected_client_are_dropped_without_cost_to_its_address"
        ),
    ),
    Removal(
        guard="a client that disconnects in the shared queue costs its address nothing",
        at="component.limits.throttle:TrafficClass.wait",
        without="await queues.enter_async_context(own.passing(size, gone))",
        instead="""
            await queues.enter_async_context(own.passing(size, gone))
            own.count(size)
        """,
        test=(
            "tests/component/limits/test_throttle.py"
            "::test_messages_dropped_in_the_shared_queue_cost_their_address_nothing"
        ),
    ),
    Removal(
        guard="people who send much for a long time share a pace",
        at="component.limits.throttle:TrafficClass._record",
        without="self._busy_budget.of(client, now).take(...)",
        test=(
            "tests/component/limits/test_busy_people.py"
            "::test_people_who_send_much_for_long_share_a_pace_and_no_other_person_waits_for_them"
        ),
    ),
    Removal(
        guard="a cancelled turn is passed on",
        at="component.limits.paced_queue:FifoLock.acquire",
        without="if waiter.done() and not waiter.cancelled(): ...",
        test="tests/component/limits/test_throttle.py::test_a_message_that_is_cancelled_at_its_turn_passes_the_turn_on",
    ),
    Removal(
        guard="the burst of messages of a person is limited",
        at="component.limits.throttle:_people",
        without="TokenBuckets(messages, 1)",
        instead="TokenBuckets(messages, messages * ADDRESS_BURST_SECONDS)",
        test="tests/component/limits/test_throttle.py::test_messages_of_a_person_wait_by_count_and_by_size",
    ),
    Removal(
        guard="the cost of JSON is charged to its client",
        at="component.socket.tab:Tab._parse",
        without="self._charge(message.cost)",
        test="tests/component/socket/test_middleware.py::test_the_json_in_a_message_counts_for_its_client",
    ),
    Removal(
        guard="the cost of refused JSON is charged to its client",
        at="component.socket.tab:Tab._parse",
        without="""
            self._charge(error.cost)
            _log.info(...)
            self._out.push(...)
        """,
        instead="""
            _log.info(...)
            self._out.push(...)
        """,
        test="tests/component/socket/test_tab.py::test_too_costly_text_is_refused_with_an_explanation",
    ),
    Removal(
        guard="the cost of a malformed message is charged to its client",
        at="component.socket.tab:Tab._parse",
        without="""
            self._charge(error.cost)
            _log.info(...)
            self._close_with(...)
        """,
        instead="""
            _log.info(...)
            self._close_with(...)
        """,
        test="tests/component/socket/test_tab.py::test_a_refused_message_counts_for_its_client",
    ),
    Removal(
        guard="the cost of a message includes its fields",
        at="component.protocol.back_message:parse",
        without="parsed.cost = cost",
        test="tests/component/protocol/test_back_message.py::test_the_cost_of_a_message_is_that_of_its_fields_and_its_json",
    ),
    Removal(
        guard="the cost of a message reaches the client's pace",
        at="component.socket.websocket_middleware:WebSocketMiddleware._admitted",
        without="charge=paced.charge",
        test="tests/component/socket/test_middleware.py::test_the_json_in_a_message_counts_for_its_client",
    ),
    Removal(
        guard="the reading cost of anonymous messages is charged to their shared queue",
        at="component.limits.throttle:TrafficClass.charge",
        without="queue.charge(...)",
        test="tests/component/limits/test_busy_people.py::test_the_cost_of_parsing_delays_its_client_and_hardly_others",
    ),
    Removal(
        guard="the reading cost of messages counts toward being busy",
        at="component.limits.throttle:TrafficClass.charge",
        without="self._record(...)",
        test="tests/component/limits/test_busy_people.py::test_a_person_who_sends_costly_messages_is_busy_after_a_few",
    ),
    Removal(
        guard="busy people wait in the queue that they share with anonymous clients",
        at="component.limits.throttle:_people",
        without="[PacedQueue(clock, TokenBucket.full(busy, 1, clock.now())), shared_queue]",
        instead="[PacedQueue(clock, TokenBucket.full(busy, 1, clock.now()))]",
        test="tests/component/limits/test_busy_people.py::test_no_two_messages_of_busy_people_and_anonymous_clients_come_at_once",
    ),
    Removal(
        guard="short anonymous messages wait in the queue that busy people share",
        at="component.limits.throttle:_anonymous",
        without="TrafficClass(clock, own(), [short, shared_queue], charged=[short, shared_queue])",
        instead="TrafficClass(clock, own(), [short], charged=[short, shared_queue])",
        test="tests/component/limits/test_busy_people.py::test_no_two_messages_of_busy_people_and_anonymous_clients_come_at_once",
    ),
    Removal(
        guard="long anonymous messages wait in the queue that busy people share",
        at="component.limits.throttle:_anonymous",
        without="[long, shared_queue]",
        instead="[long]",
        test="tests/component/limits/test_busy_people.py::test_no_two_messages_of_busy_people_and_anonymous_clients_come_at_once",
    ),
    Removal(
        guard="whether a person is busy is looked up after the wait in the person's own queue",
        at="component.limits.throttle:TrafficClass.wait",
        without="""
            own = self._own.of(client)
            async with AsyncExitStack() as queues:
                await queues.enter_async_context(own.passing(size, gone))
                shared = self._shared_by(client)
                ...
        """,
        instead="""
            own, shared = self._own.of(client), self._shared_by(client)
            async with AsyncExitStack() as queues:
                await queues.enter_async_context(own.passing(size, gone))
                ...
        """,
        test=(
            "tests/component/limits/test_busy_people.py"
            "::test_waiting_messages_of_a_person_who_becomes_busy_wait_in_the_shared_queue_too"
        ),
    ),
    Removal(
        guard="anonymous IPv6 clients are counted by their /48",
        at="component.limits.paced_socket:PacedSocket.__init__",
        without="ipv6_bits=_IPV6_BITS",
        test="tests/component/limits/test_throttle.py::test_anonymous_clients_of_one_ipv6_48_share_a_pace",
    ),
    Removal(
        guard="repeated rerun requests for a page that is on its way are dropped",
        at="component.limits.paced_socket:PacedSocket.receive",
        without="is_requested_rerun and self._is_repeated()",
        instead="False",
        test=("tests/component/limits/test_paced_socket.py::test_repeated_requested_reruns_use_up_no_pace"),
    ),
    Removal(
        guard="the number of fragment reruns that are read and dropped is limited",
        at="component.limits.paced_socket:PacedSocket._read_ahead",
        without="self._throttle.may_drop(...)",
        test="tests/component/limits/test_paced_socket.py::test_reading_repetitions_is_bounded",
    ),
    Removal(
        guard="a wait for the pace ends when the connection closes",
        at="component.socket.websocket_middleware:WebSocketMiddleware._paced",
        without="reader.gone if reader is not None else None",
        instead="None",
        test=(
            "tests/security/test_bounded_input.py"
            "::test_messages_that_wait_for_their_pace_fill_no_memory_and_delay_no_stop"
        ),
    ),
]
