"""A thread pool for short work that an event loop awaits, such as the database query of every message.

``run_in_executor`` does the same with two futures, two locks and their callbacks for each call, which costs as much
again as the query itself; AnyIO's ``to_thread`` goes round the event loop three times. Here it is a future and a queue.
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


class _Job(NamedTuple):
    """Work, its context, and the future of the coroutine that awaits it."""

    work: Callable[[], Any]
    context: Context
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class ThreadPool:
    """Up to ``max_threads`` daemon threads, started as they are needed, which end after they were idle for a while."""

    def __init__(self, max_threads: int, *, name: str, idle_seconds: float = 30.0) -> None:
        self._max_threads = max_threads
        self._name = name
        self._idle_seconds = idle_seconds
        self._queue: SimpleQueue[_Job] = SimpleQueue()
        self._lock = Lock()
        self._threads = 0
        self._unfinished = 0  # jobs queued or in progress

    async def run(self, work: Callable[[], T]) -> T:
        """Run ``work`` in a thread, in a copy of the caller's context; returns or raises as it does."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._lock:
            self._unfinished += 1
            needs_thread = self._unfinished > self._threads < self._max_threads
            self._threads += needs_thread
        if needs_thread:
            Thread(target=self._serve, name=f"{self._name}-{self._threads}", daemon=True).start()
        self._queue.put(_Job(work, copy_context(), loop, future))
        return await future

    def _serve(self) -> None:
        while True:
            try:
                job = self._queue.get(timeout=self._idle_seconds)
            except Empty:
                with self._lock:
                    if self._unfinished < self._threads:  # else a job was queued just now, for this thread
                        self._threads -= 1
                        return
            else:
                self._run(job)
                del job  # no reference to it is kept until the next job

    def _run(self, job: _Job) -> None:
        """Run a job, and set the result of its future."""
        result, error = None, None
        try:
            result = job.context.run(job.work)
        except BaseException as raised:  # noqa: BLE001 - whatever it is, it is raised where the job is awaited
            error = raised
        with self._lock:
            self._unfinished -= 1
        with suppress(RuntimeError):  # the loop is closed, and no coroutine awaits the job
            job.loop.call_soon_threadsafe(_settle, job.future, result, error)


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.done():
        return  # cancelled meanwhile
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
