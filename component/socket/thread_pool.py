"""Threads of a component's own, for short work that an event loop awaits: what asks the database for every message.

``run_in_executor`` does the same with two futures, two locks and their callbacks for each call, which costs as much
again as the read itself; AnyIO's ``to_thread`` goes round the event loop three times. Here it is a future and a queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class _Work(NamedTuple):
    """One thing to do, in whose context, and who awaits it."""

    do: Callable[[], Any]
    context: Context
    loop: asyncio.AbstractEventLoop
    awaited: asyncio.Future[Any]


class ThreadPool:
    """Up to ``most`` threads, begun as they are needed, and ended when there was nothing to do for a while.

    They do not hold up the end of the process, whatever they do then.
    """

    def __init__(self, most: int, *, name: str, idle_seconds: float = 30.0) -> None:
        self._most = most
        self._name = name
        self._idle_seconds = idle_seconds
        self._queue: SimpleQueue[_Work] = SimpleQueue()
        self._lock = Lock()
        self._begun = 0
        self._busy = 0  # handed over and not done yet

    async def run(self, work: Callable[[], T]) -> T:
        """Do ``work`` in a thread, in a copy of the caller's context; returns or raises what it does."""
        loop = asyncio.get_running_loop()
        awaited: asyncio.Future[T] = loop.create_future()
        with self._lock:
            self._busy += 1
            begin = self._busy > self._begun < self._most
            self._begun += begin
        if begin:
            Thread(target=self._work, name=f"{self._name}-{self._begun}", daemon=True).start()
        self._queue.put(_Work(work, copy_context(), loop, awaited))
        return await awaited

    def _work(self) -> None:
        while True:
            try:
                work = self._queue.get(timeout=self._idle_seconds)
            except Empty:
                with self._lock:
                    if self._busy < self._begun:  # else one was handed over just now, and this thread is for it
                        self._begun -= 1
                        return
            else:
                self._do(work)
                del work  # nothing of it is kept until the next comes

    def _do(self, work: _Work) -> None:
        """Do it, and say how it went."""
        result, error = None, None
        try:
            result = work.context.run(work.do)
        except BaseException as raised:  # noqa: BLE001 - whatever it is, whoever awaits it is told
            error = raised
        with self._lock:
            self._busy -= 1
        with suppress(RuntimeError):  # the loop is closed, and nobody awaits it any more
            work.loop.call_soon_threadsafe(_settle, work.awaited, result, error)


def _settle(awaited: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if awaited.done():
        return  # cancelled meanwhile
    if error is not None:
        awaited.set_exception(error)
    else:
        awaited.set_result(result)
