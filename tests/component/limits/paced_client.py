"""A client whose messages a throttle paces, on a fake clock."""

from __future__ import annotations

import asyncio

from starlette.types import Message

from component.limits.admission import SocketLimits
from component.limits.paced_socket import PacedSocket
from component.limits.throttle import Throttle
from tests.clock import FakeClock

KB = 1024


class Socket:
    """A socket that sends messages of given sizes, one after the other or at an interval.

    Each costs a given number of JSON values to read.
    """

    def __init__(
        self,
        throttle: Throttle,
        clock: FakeClock,
        sizes: list[int],
        *,
        person: str = "",
        address: str = "192.0.2.1",
        values: int = 0,
        every: float = 0,
    ) -> None:
        self.gone = asyncio.Event()
        self.taken: list[float] = []
        """The time in seconds at which each message was received."""
        self.types: list[str] = []
        self._clock = clock
        self._sizes = sizes
        self._values = values
        self._every = every
        self._paced = PacedSocket(throttle, self._next, person=person, address=address, gone=self.gone)
        self._started_at = clock.monotonic()
        self.task = asyncio.ensure_future(self._run())

    async def _next(self) -> Message:
        if self._every:
            await self._clock.sleep(self._every)
        if not self._sizes:
            return {"type": "websocket.disconnect"}
        return {"type": "websocket.receive", "bytes": bytes(self._sizes.pop(0))}

    async def _run(self) -> None:
        while True:
            message = await self._paced.receive()
            self.types.append(message["type"])
            if message["type"] != "websocket.receive":
                return
            self.taken.append(round(self._clock.monotonic() - self._started_at, 3))
            self._paced.charge(self._values)


def throttle_of(clock: FakeClock, limits: SocketLimits | None = None) -> Throttle:
    return Throttle(limits or SocketLimits(), monotonic=clock.monotonic, sleep=clock.sleep)
