"""The watcher: one task per process that applies changes made anywhere to its idle tabs, within two seconds.

It polls one row (two counters) and rechecks a tab only when a counter has changed or the tab is due. Ended sessions
come before reruns, and reruns are staggered: a run costs a hundred times as much.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from app.core.clock import Clock, utc_now
from app.core.errors import StorageUnavailable
from app.core.records import ChangeCounters
from component.socket.tab import Tab
from component.socket.tabs import Tabs

POLL_SECONDS: Final = 0.5
_BATCH: Final = 16
_PAUSE_SECONDS: Final = 0.05

_log = structlog.get_logger(__name__)


class Watcher:
    """The watcher of one process; ``run`` ends when it is cancelled."""

    def __init__(
        self,
        change_counters: Callable[[], ChangeCounters],
        tabs: Tabs,
        *,
        clock: Clock = utc_now,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        """``change_counters``: reads the two counters, one query."""
        self._change_counters = change_counters
        self._tabs = tabs
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._known: ChangeCounters | None = None

    async def run(self) -> None:
        """Poll until cancelled, also while the database does not answer."""
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                await self.poll()
            except StorageUnavailable:
                self._known = None  # something may have happened unseen: recheck every tab when it answers again
            except Exception:  # noqa: BLE001 - whatever it is, a watcher that stopped would be worse
                self._known = None
                _log.exception("the watcher failed and continues")

    async def poll(self) -> None:
        """Poll once: recheck tabs, and rerun those with outdated pages.

        Raises:
            StorageUnavailable: The database does not answer.
        """
        await self.recheck()
        await self._rerun()

    async def recheck(self) -> None:
        """Recheck the tabs that a change may concern: close those of ended sessions, find those with other rights.

        Raises:
            StorageUnavailable: The database does not answer.
        """
        tabs = [tab for tab in self._tabs if tab.session is not None]
        if not tabs:
            self._known = None
            return
        change_counters = await self._tabs.in_thread(self._change_counters)
        known, self._known = self._known, change_counters
        if change_counters == known:
            now = self._clock()
            tabs = [tab for tab in tabs if tab.is_due(now)]
        for start in range(0, len(tabs), _BATCH):
            await self._recheck_all(tabs[start : start + _BATCH])

    async def _recheck_all(self, tabs: Sequence[Tab]) -> None:
        for result in await asyncio.gather(*(tab.recheck() for tab in tabs), return_exceptions=True):
            if isinstance(result, BaseException):
                self._known = None  # this tab is still to be rechecked
                if not isinstance(result, StorageUnavailable):
                    _log.error("the watcher could not recheck a tab", exc_info=result)

    async def _rerun(self) -> None:
        """Rerun outdated pages, those with a lost right first; for no longer than the time between two polls."""
        outdated = sorted((tab for tab in self._tabs if tab.wants_rerun), key=lambda tab: not tab.has_lost)
        outdated = outdated[: int(self._poll_seconds / _PAUSE_SECONDS) * _BATCH]
        for start in range(0, len(outdated), _BATCH):
            for tab in outdated[start : start + _BATCH]:
                tab.rerun()
            await asyncio.sleep(_PAUSE_SECONDS)
