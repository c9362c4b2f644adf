"""The debouncer: one call for all requests within the delay, another for later ones, none after it is closed."""

from __future__ import annotations

import threading
from threading import Event

from app.core.debouncer import Debouncer
from tests.waiting import wait_until


def test_requests_within_the_delay_share_one_call() -> None:
    done: list[Event] = [Event(), Event()]
    times: list[int] = []

    def do() -> None:
        times.append(len(times))
        done[len(times) - 1].set()

    debouncer = Debouncer(do, seconds=0.05, name="done-once")
    for _ in range(20):
        debouncer.schedule()
    assert done[0].wait(5)
    assert times == [0]
    debouncer.schedule()
    assert done[1].wait(5)
    debouncer.close()
    assert times == [0, 1]


def test_a_failure_is_logged_and_the_next_time_comes() -> None:
    done = Event()
    failures = iter([RuntimeError("no")])

    def do() -> None:
        for failure in failures:
            raise failure
        done.set()

    debouncer = Debouncer(do, seconds=0.01, name="failing")

    def requested_again() -> bool:
        debouncer.schedule()
        return done.is_set()

    wait_until(requested_again)
    debouncer.close()


def test_closing_waits_for_a_running_call() -> None:
    started = Event()
    times: list[int] = []

    def do() -> None:
        started.set()
        wait_until(lambda: debouncer._closed)  # the end is awaited by now
        times.append(1)

    debouncer = Debouncer(do, seconds=0.0, name="under-way")
    debouncer.schedule()
    assert started.wait(5)
    debouncer.close()
    assert times == [1]


def test_the_called_function_may_close_the_debouncer() -> None:
    closed = Event()

    def do() -> None:
        debouncer.close()
        closed.set()

    debouncer = Debouncer(do, seconds=0.0, name="closed by itself")
    debouncer.schedule()
    assert closed.wait(5)
    debouncer.close()


def test_nothing_is_done_after_the_end() -> None:
    times: list[int] = []
    debouncer = Debouncer(lambda: times.append(1), seconds=0.05, name="closed")
    debouncer.schedule()
    debouncer.close()
    debouncer.schedule()
    assert "closed" not in {thread.name for thread in threading.enumerate()}  # nothing is left that could do it
    assert times == []
