"""The watcher: one small task per process that tells its idle tabs what happened anywhere, within two seconds.

It polls one row (two counters) and reaches a tab only when a counter has moved or the tab's own time has come. Ends
come before reruns, and reruns are staggered: a run costs a hundred times what an end costs.
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
_AT_ONCE: Final = 16
_PAUSE_SECONDS: Final = 0.05

_log = structlog.get_logger(__name__)


class Watcher:
    """Watches for one process; ``run`` goes on until it is cancelled."""

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
        """Poll until cancelled; a database that does not answer is asked again, and nothing is told meanwhile."""
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                await self.poll()
            except StorageUnavailable:
                self._known = None  # something may have happened unseen: recheck every tab when it answers again
            except Exception:  # noqa: BLE001 - whatever it is, a watcher that stopped would be worse
                self._known = None
                _log.exception("the watcher stumbled and goes on")

    async def poll(self) -> None:
        """One poll: tell every tab that is concerned. Raises ``StorageUnavailable``."""
        await self.recheck()
        await self._rerun()

    async def recheck(self) -> None:
        """One recheck: end the tabs whose session is over, and find out whose rights have changed."""
        tabs = [tab for tab in self._tabs if tab.session is not None]
        if not tabs:
            self._known = None
            return
        change_counters = await self._tabs.in_thread(self._change_counters)
        known, self._known = self._known, change_counters
        if change_counters == known:
            now = self._clock()
            tabs = [tab for tab in tabs if tab.is_due(now)]
        for start in range(0, len(tabs), _AT_ONCE):
            await self._recheck_all(tabs[start : start + _AT_ONCE])

    async def _recheck_all(self, tabs: Sequence[Tab]) -> None:
        for found in await asyncio.gather(*(tab.recheck() for tab in tabs), return_exceptions=True):
            if isinstance(found, BaseException):
                self._known = None  # whatever happened to this tab is still to be found
                if not isinstance(found, StorageUnavailable):
                    _log.error("the watcher could not recheck a tab", exc_info=found)

    async def _rerun(self) -> None:
        """Draw outdated pages anew, those first that lost something; no longer than a poll takes."""
        outdated = sorted((tab for tab in self._tabs if tab.wants_rerun), key=lambda tab: not tab.has_lost)
        outdated = outdated[: int(self._poll_seconds / _PAUSE_SECONDS) * _AT_ONCE]
        for start in range(0, len(outdated), _AT_ONCE):
            for tab in outdated[start : start + _AT_ONCE]:
                tab.rerun()
            await asyncio.sleep(_PAUSE_SECONDS)
