"""A network between us and a server that can fall silent: connections stay open and acknowledged, nothing passes."""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

_AT_MOST_SECONDS: Final = 12.0
"""So that a client which waits without end gets its answer and fails a test, instead of never ending it."""


class Relay:
    """Passes on what comes, until it is frozen. Use as a context manager."""

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
        """Let nothing pass from now on, of new connections neither."""
        self._passing.clear()

    def thaw(self) -> None:
        """Let everything pass again, what was held up included."""
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
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for one in self._sockets:
            one.close()

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
