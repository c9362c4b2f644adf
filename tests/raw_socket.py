"""A Streamlit front end without a browser: raw WebSocket frames, so that a test can send what no browser would."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

TIMEOUT_SECONDS = 15.0


class RawSocket:
    """One connection to ``/_stcore/stream``. Use as a context manager."""

    def __init__(
        self,
        base_url: str,
        *,
        cookies: Mapping[str, str] | None = None,
        headers: Sequence[tuple[str, str]] = (),
        reattach_to: str | None = None,
        origin: str | None = None,
        host: str | None = None,
        path: str = "/_stcore/stream",
        source: str = "",
    ) -> None:
        """``reattach_to``: the Streamlit session to claim, as the front end does after a lost connection.
        ``host``: what to say in ``Host`` instead of the truth. ``origin``: likewise; "" says none, as no browser does.
        ``source``: the address to come from; "" leaves it to the system.

        Raises ``websockets.exceptions.InvalidStatus`` when the handshake is refused.
        """
        protocols = ["streamlit", "PLACEHOLDER_AUTH_TOKEN", *([reattach_to] if reattach_to else [])]
        sent = list(headers)
        if cookies:
            sent.append(("Cookie", "; ".join(f"{name}={value}" for name, value in cookies.items())))
        address = urlsplit(base_url)
        if origin != "":
            sent.append(("Origin", origin or f"{address.scheme}://{address.netloc}"))
        connection = connect(
            f"ws://{host or address.netloc}{path}",
            sock=socket.create_connection(
                (address.hostname, address.port), TIMEOUT_SECONDS, (source, 0) if source else None
            ),
            subprotocols=[Subprotocol(protocol) for protocol in protocols],
            additional_headers=sent,
            open_timeout=TIMEOUT_SECONDS,
            close_timeout=0.5,  # what was not read is not waited for
            max_size=None,
            proxy=None,
        )
        self._stack = ExitStack()
        self._socket = self._stack.enter_context(connection)
        self.session_id = ""
        """The Streamlit session this socket is attached to, known after the first run."""
        response = self._socket.response
        self.set_cookies = response.headers.get_all("Set-Cookie") if response is not None else []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Go away, as a closed tab does."""
        self._stack.close()

    def send(self, message: BackMsg | bytes) -> None:
        """Send a message; bytes go as they are."""
        self._socket.send(message if isinstance(message, bytes) else message.SerializeToString())

    def wait_until_read(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Wait until the server has read what was sent before, except for the last message at most: it answers a ping.

        Raises ``TimeoutError``.
        """
        if not self._socket.ping().wait(timeout_seconds):
            raise TimeoutError("no pong")

    def receive(self, timeout_seconds: float = TIMEOUT_SECONDS) -> ForwardMsg:
        """The next message. Raises ``TimeoutError``, ``ConnectionClosed``."""
        frame = self._socket.recv(timeout=timeout_seconds)
        assert isinstance(frame, bytes)
        message = ForwardMsg()
        message.ParseFromString(frame)
        if message.WhichOneof("type") == "new_session":
            self.session_id = message.new_session.initialize.session_id or self.session_id
        return message

    def rerun(self, query_string: str = "") -> list[str]:
        """Run the script; → the texts it wrote, in order."""
        message = BackMsg()
        message.rerun_script.query_string = query_string
        self.send(message)
        return self.texts()

    def texts(self) -> list[str]:
        """What a run writes, until it is over: markdown, and the data of components."""
        texts: list[str] = []
        while True:
            message = self.receive()
            if message.WhichOneof("type") == "delta" and message.delta.new_element.HasField("markdown"):
                texts.append(message.delta.new_element.markdown.body)
            if message.WhichOneof("type") == "delta" and message.delta.new_element.HasField("bidi_component"):
                texts.append(message.delta.new_element.bidi_component.json)
            if message.WhichOneof("type") == "script_finished":
                return texts

    def closed(self, timeout_seconds: float = TIMEOUT_SECONDS) -> int | None:
        """Read until the server closes; → its close code."""
        try:
            while True:
                self._socket.recv(timeout=timeout_seconds)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else None
