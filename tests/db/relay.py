"""A network relay that can freeze: connections stay open and packets are acknowledged, but no data passes."""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

_AT_MOST_SECONDS: Final = 12.0
"""Ends the wait of a client without a timeout, so that its test fails instead of hanging."""


class Relay:
    """Forwards data until it is frozen. Use as a context manager."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._passing = Event()
        self._passing.set()
        self._closed = False
        self._sockets: list[socket.socket] = []
        self._threads = [Thread(target=self._accept, daemon=True)]

    def freeze(self) -> None:
        """Stop forwarding data, for new connections too."""
        self._passing.clear()

    def thaw(self) -> None:
        """Forward data again, including what was delayed."""
        self._passing.set()

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closed = True
        self.thaw()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._sockets:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for peer in self._sockets:
            peer.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._passing.wait(_AT_MOST_SECONDS)
            server = socket.create_connection(self._target)
            self._sockets += [client, server]
            thread = Thread(target=self._pass, args=(client, server), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        with suppress(OSError):
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    data = ready.recv(65_536)
                    self._passing.wait(_AT_MOST_SECONDS)
                    if not data:
                        other[ready].shutdown(socket.SHUT_RDWR)
                        return
                    other[ready].sendall(data)
