"""A connection to the HTTP and WebSocket protocols, on a fake clock."""

from __future__ import annotations

import asyncio
import socket as sockets
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from component.limits.admission import Admission, SocketLimits
from component.limits.buffered_messages import BufferedMessages
from component.server.http_protocol import LimitedHttp
from component.server.websocket_protocol import LimitedWebSocket


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose time moves only when the test moves it."""

    now = 1000.0

    def time(self) -> float:
        """The time of the test."""
        return self.now

    def forward(self, seconds: float) -> None:
        """Advance the clock, and run the callbacks that are due by then."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 1)
            self.run_until_complete(asyncio.sleep(0))
        self.run_until_complete(asyncio.sleep(0))


class FakeTransport(asyncio.Transport):
    """A connection whose other end is the test."""

    def __init__(self, accepted: sockets.socket | None = None) -> None:
        super().__init__()
        self.accepted = accepted
        self.written = b""
        self.closed = False
        self.reading = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("10.0.0.1", 5), "socket": self.accepted}.get(name, default)

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol


def settle(loop: Loop) -> None:
    """Run everything that is ready, without time passing."""
    for _ in range(10):
        loop.run_until_complete(asyncio.sleep(0))


async def quiet_app(scope: Any, receive: Any, send: Any) -> None:
    """An app that reads every message, and accepts sockets."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    while (await receive())["type"] not in {"http.disconnect", "websocket.disconnect"}:
        pass


def connect(
    loop: Loop, limits: SocketLimits | None = None, *, app: Any = quiet_app, buffered: BufferedMessages | None = None
) -> tuple[LimitedHttp, FakeTransport, Admission]:
    admission = Admission(limits or SocketLimits(), monotonic=loop.time)
    buffered = buffered or BufferedMessages(admission.limits.message_bytes)

    def websocket(**options: Any) -> LimitedWebSocket:
        return LimitedWebSocket(**options, _loop=loop, admission=admission, buffered=buffered)

    config = Config(app, ws="none", log_config=None)
    config.load()
    config.ws_protocol_class = websocket  # type: ignore[assignment] # called as the class would be
    protocol, transport = LimitedHttp(config, ServerState(), {}, loop, admission=admission), FakeTransport()
    protocol.connection_made(transport)
    return protocol, transport, admission


SOCKET = (
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
