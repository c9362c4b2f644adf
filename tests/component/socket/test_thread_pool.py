"""The thread pool of the tabs: results, contexts, the number of threads, and their end."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from threading import Barrier, BrokenBarrierError, Event
from typing import Any

import pytest

from component.socket.thread_pool import ThreadPool
from tests.waiting import wait_until, wait_until_async

_USER: ContextVar[str] = ContextVar("user", default="none")


def _threads(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(f"{name}-")]


def test_a_result_comes_from_another_thread() -> None:
    assert asyncio.run(ThreadPool(1, name="back").run(threading.get_ident)) != threading.get_ident()


def test_an_exception_is_raised_to_the_caller_and_the_thread_continues() -> None:
    async def main() -> int:
        workers = ThreadPool(1, name="raising")
        with pytest.raises(ZeroDivisionError):
            await workers.run(lambda: 1 // 0)
        return await workers.run(lambda: 1 // 1)

    assert asyncio.run(main()) == 1
    assert len(_threads("raising")) == 1


def test_it_runs_in_a_copy_of_the_callers_context() -> None:
    def recheck() -> str:
        seen = _USER.get()
        _USER.set("the thread")
        return seen

    async def main() -> list[str]:
        workers = ThreadPool(1, name="context")
        _USER.set("ann")
        return [await workers.run(recheck), await workers.run(recheck), _USER.get()]

    assert asyncio.run(main()) == ["ann"] * 3


def test_the_number_of_threads_is_limited_and_other_jobs_wait() -> None:
    workers, three, four = ThreadPool(3, name="many"), Barrier(3), Barrier(4)

    async def main() -> None:
        await asyncio.gather(*(workers.run(lambda: three.wait(5)) for _ in range(9)))
        with pytest.raises(BrokenBarrierError):
            await asyncio.gather(*(workers.run(lambda: four.wait(0.2)) for _ in range(4)))

    asyncio.run(main())
    assert len(_threads("many")) == 3


def test_a_cancelled_job_delays_no_other() -> None:
    async def main() -> str:
        workers, in_progress, go = ThreadPool(1, name="given-up"), Event(), Event()

        def job() -> None:
            in_progress.set()
            go.wait(5)

        waiting = asyncio.ensure_future(workers.run(job))
        await wait_until_async(in_progress.is_set)
        waiting.cancel()
        go.set()
        return await workers.run(lambda: "next")

    assert asyncio.run(main()) == "next"


def test_a_closed_event_loop_is_tolerated() -> None:
    workers, go = ThreadPool(1, name="gone"), Event()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(workers.run(go.wait), 0.05)

    asyncio.run(main())
    go.set()
    assert asyncio.run(workers.run(lambda: "next")) == "next"


def test_idle_threads_end_and_start_again() -> None:
    workers = ThreadPool(2, name="idle", idle_seconds=0.05)
    assert asyncio.run(workers.run(lambda: 1)) == 1
    wait_until(lambda: not _threads("idle"))
    assert asyncio.run(workers.run(lambda: 2)) == 2


def test_a_thread_that_becomes_idle_while_a_job_is_being_queued_takes_the_job() -> None:
    workers = ThreadPool(1, name="late")

    class QueuedLate(SimpleQueue[Any]):
        is_late = True

        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            if self.is_late:
                self.is_late = False
                raise Empty
            return super().get(block, timeout)

    workers._queue = QueuedLate()

    async def main() -> int:
        async with asyncio.timeout(5):
            return await workers.run(threading.get_ident)

    thread = asyncio.run(main())
    assert [thread] == [worker.ident for worker in _threads("late")]
