"""Ports for servers that tests start."""

from __future__ import annotations

import os
import random
import socket
from typing import Final

_FIRST: Final = 20_000
_BEHIND: Final = 32_000
"""Below what systems give to outgoing connections (from 32,768 on Linux, 49,152 elsewhere), so that none of these takes
the port before its server has started."""
_HANDED_OUT: Final[set[int]] = set()
_RANDOM: Final = random.SystemRandom()


def free_port() -> int:
    """A free port that no other test of this run uses."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = _RANDOM.randrange(_FIRST, _BEHIND)
        if port % workers != worker or port in _HANDED_OUT:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _HANDED_OUT.add(port)
        return port
