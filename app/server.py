"""How the app's process is served: uvicorn with our protocols, and as many open files as the system allows.

``st.App.run`` makes uvicorn's configuration itself, so our protocols take the places of those that it names.
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
"""Fewer tabs than this are worth a warning at start."""

_LEAST_DESCRIPTORS: Final = 256
"""What every system that is supported allows."""

GetLimit = Callable[[int], tuple[int, int]]
"""``resource.getrlimit``."""
PutLimit = Callable[[int, tuple[int, int]], None]
"""``resource.setrlimit``."""

_log = structlog.get_logger(__name__)


class Descriptors(NamedTuple):
    """How many files this process may open (``RLIMIT_NOFILE``), now and at most."""

    soft: int
    hard: int

    @property
    def sockets(self) -> int:
        """For how many tabs they suffice."""
        return max(1, (self.soft - DESCRIPTORS_RESERVED - PLAIN_CONNECTIONS) // DESCRIPTORS_PER_SOCKET)


def descriptors(get: GetLimit = resource.getrlimit) -> Descriptors:
    """As they are. ``get``: the system's."""
    soft, hard = get(resource.RLIMIT_NOFILE)
    return Descriptors(*(MAX_DESCRIPTORS if each == resource.RLIM_INFINITY else each for each in (soft, hard)))


def raise_descriptors(get: GetLimit = resource.getrlimit, put: PutLimit = resource.setrlimit) -> Descriptors:
    """Allow this process to open as many files as the system lets it; returns what is allowed from now on.

    The hard limit need not be what the system lets a process have: macOS has 256 and "unlimited", and refuses more than
    ``kern.maxfilesperproc``. What fits is found by halves then. An unlimited soft limit is replaced too: only a number
    that the system took says how many tabs fit.

    Args:
        get: the system's ``getrlimit``.
        put: the system's ``setrlimit``.
    """
    soft, hard = get(resource.RLIMIT_NOFILE)
    wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    works = _LEAST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    if soft == resource.RLIM_INFINITY or soft < wanted:
        fails = wanted + 1
        attempt = wanted
        while attempt > works:
            try:
                put(resource.RLIMIT_NOFILE, (attempt, hard))
            except (OSError, ValueError):
                fails = attempt
            else:
                works = attempt
            attempt = (works + fails) // 2
        if works < wanted:
            _log.info("the system allows fewer open files than its hard limit", open_files=works, hard=hard)
    return descriptors(get)


def limits_of(settings: Settings, allowed: Descriptors) -> SocketLimits:
    """The limits that are set, within what ``allowed`` suffices for."""
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


def warn_of_few(settings: Settings, allowed: Descriptors) -> None:
    """Say in the log when the limit of open files leaves fewer tabs than are set: a warning where they are very few."""
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
    """Have every server of this process use our protocols, under whatever name Streamlit asks for one."""
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
    """Have servers that ``loop`` makes from now on accept ``ACCEPTED_AT_ONCE`` connections in one turn.

    uvicorn asks for 2048, which asyncio takes for the number of connections that it accepts, and of failures that it
    logs, before it does anything else. As many as were asked for may still wait with the system (``listen(2)``): when
    all tabs come back at once after a restart, none has to knock a second time.
    """
    create_server = loop.create_server

    async def create(*given: Any, backlog: int = ACCEPTED_AT_ONCE, **options: Any) -> asyncio.Server:
        server = await create_server(*given, backlog=min(backlog, ACCEPTED_AT_ONCE), **options)
        for each in server.sockets:
            with each.dup() as listening:
                listening.listen(backlog)
        return server

    with suppress(AttributeError):  # a loop written in C, such as uvloop's, takes no attributes, and accepts one by one
        loop.create_server = create  # type: ignore[method-assign] # no option of uvicorn's reaches it from here
