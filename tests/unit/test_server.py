"""How the app's server listens."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack

from app.server import ACCEPTED_AT_ONCE, accept_few

MORE = 8 * ACCEPTED_AT_ONCE


def test_connections_that_come_at_once_wait_with_the_system_though_few_are_accepted_in_a_turn() -> None:
    """As when every tab comes back after a restart. The loop does not run meanwhile: nothing is accepted."""

    async def connect() -> None:
        loop = asyncio.get_running_loop()
        accept_few(loop)
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, backlog=2 * MORE)
        address = server.sockets[0].getsockname()
        with ExitStack() as stack:
            for _ in range(MORE):
                stack.enter_context(socket.create_connection(address, 10))
        server.close()

    asyncio.run(connect())
