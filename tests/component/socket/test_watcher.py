"""The watcher rechecks tabs when something changed, and continues whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
import structlog

from app.core.clock import utc_now
from app.core.errors import StorageUnavailable
from app.core.records import ChangeCounters
from component.socket.watcher import Watcher

NOW = utc_now()


class WatchedTab:
    """A tab that counts its rechecks and reruns."""

    def __init__(self, *, session: object = "session", due: bool = False) -> None:
        self.session = session
        self.due = due
        self.rechecks = 0
        self.reruns = 0
        self.fails: Exception | None = None
        self.wants_rerun = self.has_lost = False
        self.times: list[datetime] = []

    def is_due(self, now: datetime) -> bool:
        self.times.append(now)
        return self.due

    async def recheck(self) -> None:
        self.rechecks += 1
        if self.fails is not None:
            raise self.fails

    def rerun(self) -> None:
        self.reruns += 1
        self.wants_rerun = False


class WatchedTabs(list[WatchedTab]):
    """Tabs whose jobs run at once."""

    async def in_thread(self, work: Callable[[], Any]) -> Any:
        return work()


class Counters:
    """The two counters of the database, and how often they were read."""

    def __init__(self) -> None:
        self.now = ChangeCounters(1, 1)
        self.reads = 0
        self.error: Exception | None = None
        self.queue: asyncio.Queue[None] = asyncio.Queue()

    async def read(self, times: int) -> None:
        """Wait until the counters are read so often from now on."""
        while not self.queue.empty():
            self.queue.get_nowait()
        for _ in range(times):
            await self.queue.get()

    def __call__(self) -> ChangeCounters:
        self.reads += 1
        self.queue.put_nowait(None)
        if self.error is not None:
            raise self.error
        return self.now


def watcher(counters: Counters, *tabs: WatchedTab, poll_seconds: float = 0.5) -> Watcher:
    return Watcher(counters, WatchedTabs(tabs), clock=lambda: NOW, poll_seconds=poll_seconds)  # type: ignore[arg-type]


def test_tabs_are_rechecked_when_a_counter_has_changed_or_they_are_due() -> None:
    counters, idle, due = Counters(), WatchedTab(), WatchedTab(due=True)
    watch = watcher(counters, idle, due)

    async def run() -> None:
        await watch.poll()
        assert (idle.rechecks, due.rechecks) == (1, 1)
        await watch.poll()
        assert (idle.rechecks, due.rechecks) == (1, 2)
        assert idle.times == [NOW]
        counters.now = ChangeCounters(1, 2)
        await watch.poll()
        assert (idle.rechecks, due.rechecks) == (2, 3)

    asyncio.run(run())


def test_without_a_session_there_is_nothing_to_read() -> None:
    counters, tab = Counters(), WatchedTab(session=None)
    watch = watcher(counters, tab)

    async def run() -> None:
        await watch.poll()
        assert (counters.reads, tab.rechecks) == (0, 0)
        tab.session = "session"
        await watch.poll()
        tab.session = None
        await watch.poll()
        tab.session = "session"
        await watch.poll()
        assert tab.rechecks == 2, "meanwhile anything may have changed"

    asyncio.run(run())


@pytest.mark.parametrize("number", [1, 16, 17, 40])
def test_every_tab_is_rechecked(number: int) -> None:
    tabs = [WatchedTab() for _ in range(number)]
    asyncio.run(watcher(Counters(), *tabs).recheck())
    assert [tab.rechecks for tab in tabs] == [1] * number


@pytest.mark.parametrize(("error", "logged"), [(StorageUnavailable(), 0), (KeyError("a bug"), 1)])
def test_a_tab_that_could_not_be_rechecked_is_rechecked_again(error: Exception, logged: int) -> None:
    counters, failing, other = Counters(), WatchedTab(), WatchedTab()
    failing.fails = error
    watch = watcher(counters, failing, other)

    async def run() -> None:
        with structlog.testing.capture_logs() as events:
            await watch.recheck()
        assert [event["event"] for event in events] == ["the watcher could not recheck a tab"] * logged
        assert all(event["exc_info"] is error and event["log_level"] == "error" for event in events)
        failing.fails = None
        await watch.recheck()
        assert (failing.rechecks, other.rechecks) == (2, 2)
        await watch.recheck()
        assert (failing.rechecks, other.rechecks) == (2, 2)

    asyncio.run(run())


def test_pages_that_lost_a_right_are_rerun_first_and_not_all_at_once() -> None:
    tabs = [WatchedTab(session=None) for _ in range(40)]
    for tab in tabs:
        tab.wants_rerun = True
    for tab in tabs[-5:]:
        tab.has_lost = True
    unconcerned = WatchedTab(session=None)
    watch = watcher(Counters(), *tabs, unconcerned, poll_seconds=0.1)

    async def run() -> None:
        await watch.poll()
        assert sum(tab.reruns for tab in tabs) == 32, "two batches within the time between two polls"
        assert [tab.reruns for tab in tabs[-5:]] == [1] * 5
        assert [tab.reruns for tab in tabs[:27]] == [1] * 27
        await watch.poll()
        assert [tab.reruns for tab in tabs] == [1] * 40
        assert unconcerned.reruns == 0

    asyncio.run(run())


@pytest.mark.parametrize(("error", "logged"), [(StorageUnavailable(), False), (KeyError("a bug"), True)])
def test_it_runs_on_and_then_rechecks_everything(error: Exception, logged: bool) -> None:
    counters, tab = Counters(), WatchedTab()
    watch = watcher(counters, tab, poll_seconds=0)

    async def run() -> None:
        task = asyncio.create_task(watch.run())
        await counters.read(3)
        assert tab.rechecks == 1
        with structlog.testing.capture_logs() as events:
            counters.error = error
            await counters.read(3)
            counters.error = None
            await counters.read(3)
        assert tab.rechecks == 2
        assert bool(events) is logged
        assert all(event["event"] == "the watcher failed and continues" and event["exc_info"] for event in events)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
