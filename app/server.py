"""The server of the app's process: uvicorn with Gatehouse's protocols, and as many open files as the system allows.

``st.App.run`` creates uvicorn's configuration itself, so the protocols replace those that the configuration names.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

import structlog
from uvicorn import config as uvicorn_config

from app.core.log_floods import limit_floods
from app.core.settings import Settings
from component.limits.admission import (
    DESCRIPTORS_PER_SOCKET,
    DESCRIPTORS_RESERVED,
    PLAIN_CONNECTIONS,
    Admission,
    SocketLimits,
)
from component.limits.buffered_messages import BufferedMessages
from component.server.http_protocol import LimitedHttp
from component.server.websocket_protocol import LimitedWebSocket

MAX_DESCRIPTORS: Final = 1_048_576
ACCEPTED_AT_ONCE: Final = 32
FEW_SOCKETS: Final = 500
"""The start logs a warning if fewer tabs than this fit."""

_MIN_DESCRIPTORS: Final = 256
"""The number that every supported system allows."""

GetLimit = Callable[[int], tuple[int, int]]
"""``resource.getrlimit``."""
PutLimit = Callable[[int, tuple[int, int]], None]
"""``resource.setrlimit``."""

_log = structlog.get_logger(__name__)


class OpenFileLimit(NamedTuple):
    """How many files this process may open (``RLIMIT_NOFILE``): the soft and the hard limit."""

    soft: int
    hard: int

    @property
    def sockets(self) -> int:
        """The number of tabs that fit into the soft limit."""
        return max(1, (self.soft - DESCRIPTORS_RESERVED - PLAIN_CONNECTIONS) // DESCRIPTORS_PER_SOCKET)


def open_file_limit(get: GetLimit = resource.getrlimit) -> OpenFileLimit:
    """The present limits.

    Args:
        get: The system's ``getrlimit``.
    """
    soft, hard = get(resource.RLIMIT_NOFILE)
    return OpenFileLimit(*(MAX_DESCRIPTORS if each == resource.RLIM_INFINITY else each for each in (soft, hard)))


def raise_open_file_limit(get: GetLimit = resource.getrlimit, put: PutLimit = resource.setrlimit) -> OpenFileLimit:
    """Raise the soft limit of open files as far as the system allows; returns the new limits.

    The system may allow less than the hard limit: macOS has 256 and "unlimited" and refuses more than
    ``kern.maxfilesperproc``. A binary search finds the largest accepted number. An unlimited soft limit is replaced
    too, because only an accepted number says how many tabs fit.

    Args:
        get: The system's ``getrlimit``.
        put: The system's ``setrlimit``.
    """
    soft, hard = get(resource.RLIMIT_NOFILE)
    target = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    works = _MIN_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    if soft == resource.RLIM_INFINITY or soft < target:
        fails = target + 1
        attempt = target
        while attempt > works:
            try:
                put(resource.RLIMIT_NOFILE, (attempt, hard))
            except (OSError, ValueError):
                fails = attempt
            else:
                works = attempt
            attempt = (works + fails) // 2
        if works < target:
            _log.info("the system allows fewer open files than its hard limit", open_files=works, hard=hard)
    return open_file_limit(get)


def limits_of(settings: Settings, allowed: OpenFileLimit) -> SocketLimits:
    """The configured limits, with no more sockets than the limit of open files allows."""
    return SocketLimits(
        sockets=min(settings.sockets, allowed.sockets),
        per_address=settings.sockets_per_address,
        anonymous_per_address=settings.anonymous_sockets_per_address,
        per_person=settings.sockets_per_person,
        message_bytes=settings.message_max_bytes,
        anonymous_message_bytes=settings.anonymous_message_max_bytes,
        message_values=settings.message_max_values,
        messages_per_second=settings.messages_per_second,
        anonymous_messages_per_second=settings.anonymous_messages_per_second,
        bytes_per_second=settings.message_bytes_per_second,
    )


def warn_of_few(settings: Settings, allowed: OpenFileLimit) -> None:
    """Log that the limit of open files allows fewer tabs than configured; as a warning if they are very few."""
    if allowed.sockets >= settings.sockets:
        return
    report = _log.warning if allowed.sockets < min(settings.sockets, FEW_SOCKETS) else _log.info
    report(
        "fewer tabs fit than GATEHOUSE_SOCKETS: raise the limit of open files (LimitNOFILE, ulimits, ulimit -n)",
        tabs=allowed.sockets,
        set_to=settings.sockets,
        open_files=allowed.soft,
        open_files_hard=allowed.hard,
    )


def install_protocols(admission: Admission) -> None:
    """Let every server of this process use Gatehouse's protocols, whichever name Streamlit configures."""
    buffered = BufferedMessages(admission.limits.message_bytes)
    http = partial(LimitedHttp, admission=admission)
    websocket = partial(LimitedWebSocket, admission=admission, buffered=buffered)
    _replace(uvicorn_config.HTTP_PROTOCOLS, http)
    _replace(uvicorn_config.WS_PROTOCOLS, websocket)
    limit_floods("uvicorn.error", "asyncio", "websockets.server")


def _replace(registry: dict[Any, Any], protocol: Any) -> None:
    for name in registry:
        registry[name] = protocol


def accept_few(loop: asyncio.AbstractEventLoop) -> None:
    """Let servers that ``loop`` creates from now on accept ``ACCEPTED_AT_ONCE`` connections in one iteration.

    uvicorn sets a backlog of 2048, and asyncio accepts that many connections, and logs that many failures, before it
    does anything else. The system's queue (``listen(2)``) keeps the full backlog, so that no tab has to connect twice
    when all tabs reconnect after a restart.
    """
    create_server = loop.create_server

    async def create(*arguments: Any, backlog: int = ACCEPTED_AT_ONCE, **options: Any) -> asyncio.Server:
        server = await create_server(*arguments, backlog=min(backlog, ACCEPTED_AT_ONCE), **options)
        for each in server.sockets:
            with each.dup() as listening:
                listening.listen(backlog)
        return server

    with suppress(
        AttributeError
    ):  # a loop in C, such as uvloop's, has no writable attributes, and accepts connections one by one
        loop.create_server = create  # type: ignore[method-assign] # uvicorn has no option for it
