"""What is done a while later: once for all who asked, again for those who ask afterwards, and not after the end."""

from __future__ import annotations

import time
from threading import Event

from app.core.debouncer import Debouncer


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
    deadline = time.monotonic() + 5
    while not done.is_set() and time.monotonic() < deadline:
        later.ask()
        time.sleep(0.01)
    assert done.is_set()
    later.close()


def test_the_end_waits_for_what_is_under_way() -> None:
    begun = Event()
    times: list[int] = []

    def do() -> None:
        begun.set()
        time.sleep(0.2)
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
    time.sleep(0.15)
    assert times == []
