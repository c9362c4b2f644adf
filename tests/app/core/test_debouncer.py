"""What is done a while later: once for all who asked, again for those who ask afterwards, and not after the end."""

from __future__ import annotations

import threading
from threading import Event

from app.core.debouncer import Debouncer
from tests.waiting import wait_until


def test_it_is_done_once_for_all_who_asked_and_again_for_who_asks_afterwards() -> None:
    done: list[Event] = [Event(), Event()]
    times: list[int] = []

    def do() -> None:
        times.append(len(times))
        done[len(times) - 1].set()

    later = Debouncer(do, seconds=0.05, name="done-once")
    for _ in range(20):
        later.ask()
    assert done[0].wait(5)
    assert times == [0]
    later.ask()
    assert done[1].wait(5)
    later.close()
    assert times == [0, 1]


def test_a_failure_is_logged_and_the_next_time_comes() -> None:
    done = Event()
    failures = iter([RuntimeError("no")])

    def do() -> None:
        for failure in failures:
            raise failure
        done.set()

    later = Debouncer(do, seconds=0.01, name="failing")

    def requested_again() -> bool:
        later.ask()
        return done.is_set()

    wait_until(requested_again)
    later.close()


def test_the_end_waits_for_what_is_under_way() -> None:
    begun = Event()
    times: list[int] = []

    def do() -> None:
        begun.set()
        wait_until(lambda: later._closed)  # the end is awaited by now
        times.append(1)

    later = Debouncer(do, seconds=0.0, name="under-way")
    later.ask()
    assert begun.wait(5)
    later.close()
    assert times == [1]


def test_it_may_be_closed_by_what_it_does() -> None:
    closed = Event()

    def do() -> None:
        later.close()
        closed.set()

    later = Debouncer(do, seconds=0.0, name="closed by itself")
    later.ask()
    assert closed.wait(5)
    later.close()


def test_nothing_is_done_after_the_end() -> None:
    times: list[int] = []
    later = Debouncer(lambda: times.append(1), seconds=0.05, name="closed")
    later.ask()
    later.close()
    later.ask()
    assert "closed" not in {thread.name for thread in threading.enumerate()}  # nothing is left that could do it
    assert times == []
