"""Rate limits for the messages of sockets: by message and by byte, per person (or anonymous address), and in total.

A message above the rate waits. Meanwhile nothing else is read from its socket, so TCP slows its sender down. A message
is dropped only when its client has disconnected, or when it is a repetition that its browser sends by itself
(``component.limits.paced_socket``). This bounds the work that a client can cause, whatever it sends.

Messages of one client pass one at a time, in order of arrival. An anonymous message waits twice: in the queue of its
address, then in the queue that all anonymous addresses share. Only the first message of each address is in the shared
queue, so an address that sends much delays another one by a single message. Anonymous clients have one ``TrafficClass``
for short messages, which nearly all are, and one for long messages.

A Streamlit process (1.67, one core) renders about 80 small pages a second, one after the other, so a burst of one
client delays all other tabs. Therefore no two messages of one person pass at the same time. A person who sends much for
long counts as busy: busy people and anonymous clients share a queue, in which no other client waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final

from component.limits.admission import SocketLimits
from component.limits.paced_queue import MonotonicClock, PacedQueue, PacedQueues
from component.limits.token_bucket import TokenBucket, TokenBuckets
from component.protocol import back_message, json_cost

BURST_SECONDS: Final = 0.25
"""The burst of a client by bytes and by the cost of parsing; by bytes always at least one message."""
PAGE_VALUES: Final = 100_000
"""The cost of parsing (``json_cost``) that counts as one more message, for those that wait behind it."""
ADDRESS_BURST_SECONDS: Final = 10.0
"""The burst of an anonymous address: many people may share one."""
ANONYMOUS_SHARE: Final = 0.25
"""The rate of an anonymous address, in bytes, as a share of a signed-in person's."""
ANONYMOUS_IN_ALL: Final = 4
"""The rate of all anonymous clients together in each traffic class, in bytes, as a multiple of one address's."""
LONG_SHARE: Final = 0.1
"""The rate of long messages of all anonymous clients together, as a share of the rate of short ones."""
BUSY_SHARE: Final = 0.2
"""A person who sends more than this share of the maximum rate, for long, is busy."""
BUSY_SECONDS: Final = 4.0
"""How many seconds at the maximum rate make a person busy; also the limit of what a pause has to make up for."""
BUSY_IN_ALL: Final = 4
"""The rate of all busy people and anonymous clients together, as a multiple of one person's."""
MAY_DROP_PER_SECOND: Final = 200.0
MAY_DROP_AT_ONCE: Final = 400.0
"""How many messages of one person, and of all anonymous clients together, may be dropped without being counted: reading
them is work too."""
COSTLIEST_SECONDS: Final = 2.0
"""How long a client's next message waits after one of the maximum cost (``json_cost``)."""


class TrafficClass:
    """A kind of messages: each client waits in a queue of its own, and then in the shared ones."""

    def __init__(
        self,
        clock: MonotonicClock,
        own: PacedQueues,
        shared: Sequence[PacedQueue],
        *,
        charged: Sequence[PacedQueue],
        busy_budget: TokenBuckets | None = None,
    ) -> None:
        """A traffic class.

        Args:
            clock: The clock.
            own: The queue of each client.
            shared: The queues of all clients of the class.
            charged: Those of ``shared`` in which the cost of parsing counts too.
            busy_budget: The budget of each client until it is busy and waits in ``shared``; None if every client does.
        """
        self._clock = clock
        self._own = own
        self._shared = shared
        self._charged = charged
        self._busy_budget = busy_budget

    def try_pass(self, client: str, size: int) -> bool:
        """Count a message of ``size`` bytes if it may pass at once; returns whether it passes."""
        queues = [self._own.of(client), *self._shared_by(client)]
        if not all(queue.allows(size) for queue in queues):
            return False
        self._count(client, queues, size)
        return True

    async def wait(self, client: str, size: int, gone: asyncio.Event | None) -> None:
        """Wait until a message of ``size`` bytes may pass, and count it.

        Raises:
            ClientGone: The client disconnects first; the message is not counted.
        """
        own = self._own.of(client)
        async with AsyncExitStack() as queues:
            await queues.enter_async_context(own.passing(size, gone))
            shared = self._shared_by(client)  # what came before it may have made the client busy
            for queue in shared:
                await queues.enter_async_context(queue.passing(size, gone))
            self._count(client, [own, *shared], size)

    def charge(self, client: str, values: int) -> None:
        """Count the cost of parsing a message of the client (``json_cost``)."""
        self._own.charge(client, values)
        pages = min(values, json_cost.MAX_VALUES) / PAGE_VALUES
        if self._is_busy(client):
            for queue in self._charged:
                queue.charge(pages)
        self._record(client, pages)

    def _shared_by(self, client: str) -> Sequence[PacedQueue]:
        return self._shared if self._is_busy(client) else ()

    def _count(self, client: str, queues: Sequence[PacedQueue], size: int) -> None:
        for queue in queues:
            queue.count(size)
        self._record(client, 1)

    def _is_busy(self, client: str) -> bool:
        now = self._clock.now()
        return self._busy_budget is None or not self._busy_budget.of(client, now).has(0, now)

    def _record(self, client: str, messages: float) -> None:
        if self._busy_budget is not None:
            now = self._clock.now()
            self._busy_budget.of(client, now).take(messages, now)


class Throttle:
    """The paces of this process. Lives on the event loop."""

    def __init__(
        self,
        limits: SocketLimits,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.monotonic = monotonic
        clock = MonotonicClock(monotonic, sleep)
        busy = limits.messages_per_second * BUSY_IN_ALL
        shared_queue = PacedQueue(
            clock, TokenBucket.full(max(busy, limits.anonymous_messages_per_second), 1, clock.now())
        )
        self._of_people = _people(clock, limits, busy, shared_queue)
        self._short, self._long = _anonymous(clock, limits, shared_queue)
        self._may_drop = TokenBuckets(MAY_DROP_PER_SECOND, MAY_DROP_AT_ONCE)

    def traffic_class(self, *, anonymous: bool, size: int) -> TrafficClass:
        """The traffic class of messages of this size and kind of client."""
        if not anonymous:
            return self._of_people
        return self._short if size <= back_message.SHORT_BYTES else self._long

    def may_drop(self, person: str) -> bool:
        """Whether one more message of a person may be dropped; "" for all anonymous clients. Counts it."""
        now = self.monotonic()
        return self._may_drop.of(person, now).try_take(1, now)


def _values(limits: SocketLimits) -> TokenBuckets:
    rate = max(limits.message_values, json_cost.MAX_VALUES) / COSTLIEST_SECONDS
    return TokenBuckets(rate, rate * BURST_SECONDS)


def _people(clock: MonotonicClock, limits: SocketLimits, busy: float, shared_queue: PacedQueue) -> TrafficClass:
    """The traffic class of signed-in people; ``busy``: the messages a second of all busy ones together."""
    messages, size = limits.messages_per_second, limits.bytes_per_second
    own = PacedQueues(
        clock,
        TokenBuckets(messages, 1),
        TokenBuckets(size, max(size * BURST_SECONDS, limits.message_bytes)),
        _values(limits),
    )
    busy_burst = BUSY_SECONDS * messages
    return TrafficClass(
        clock,
        own,
        [PacedQueue(clock, TokenBucket.full(busy, 1, clock.now())), shared_queue],
        charged=[shared_queue],
        busy_budget=TokenBuckets(messages * BUSY_SHARE, busy_burst, max_debt=busy_burst),
    )


def _anonymous(
    clock: MonotonicClock, limits: SocketLimits, shared_queue: PacedQueue
) -> tuple[TrafficClass, TrafficClass]:
    """The traffic classes of anonymous clients, of short messages and of long ones."""
    messages, size = limits.messages_per_second, limits.bytes_per_second * ANONYMOUS_SHARE
    values = _values(limits)
    short = _of_all_anonymous(clock, limits, 1)
    long = _of_all_anonymous(clock, limits, LONG_SHARE)

    def own() -> PacedQueues:
        return PacedQueues(
            clock,
            TokenBuckets(messages, messages * ADDRESS_BURST_SECONDS),
            TokenBuckets(size, max(size * ADDRESS_BURST_SECONDS, limits.anonymous_message_bytes)),
            values,
        )

    of_short = TrafficClass(clock, own(), [short, shared_queue], charged=[short, shared_queue])
    # Two long messages are so far apart that the cost of the first is paid by then.
    of_long = TrafficClass(clock, own(), [long, shared_queue], charged=[shared_queue])
    return of_short, of_long


def _of_all_anonymous(clock: MonotonicClock, limits: SocketLimits, share: float) -> PacedQueue:
    size = limits.bytes_per_second * ANONYMOUS_SHARE
    at_once, now = max(size * BURST_SECONDS, limits.anonymous_message_bytes), clock.now()
    return PacedQueue(
        clock,
        TokenBucket.full(limits.anonymous_messages_per_second * share, 1, now),
        TokenBucket.full(size * ANONYMOUS_IN_ALL, at_once * ANONYMOUS_IN_ALL, now),
    )
