"""The watcher: one small task per process that tells its idle tabs what happened anywhere, within two seconds.

It polls one row (two counters) and reaches a tab only when a counter has moved or the tab's own time has come. Ends
come before reruns, and reruns are staggered: a run costs a hundred times what an end costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from anyio import to_thread

from app.core.clock import Clock, utc_now
from app.core.errors import StorageUnavailable
from app.core.records import Pulse
from component.tabs import Change, Tab, Tabs

POLL_SECONDS: Final = 0.5
_AT_ONCE: Final = 16
_PAUSE_SECONDS: Final = 0.05

_log = structlog.get_logger(__name__)


class Watcher:
    """Watches for one process; ``run`` goes on until it is cancelled."""

    def __init__(
        self,
        pulse: Callable[[], Pulse],
        tabs: Tabs,
        *,
        clock: Clock = utc_now,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        """``pulse``: reads the two counters, one query."""
        self._pulse = pulse
        self._tabs = tabs
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._known: Pulse | None = None

    async def run(self) -> None:
        """Poll until cancelled; a database that does not answer is asked again, and nothing is told meanwhile."""
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                await self.look()
            except StorageUnavailable:
                self._known = None  # something may have happened unseen: look at every tab when it answers again
            except Exception:  # noqa: BLE001 - whatever it is, a watcher that stopped would be worse
                _log.exception("the watcher stumbled and goes on")

    async def look(self) -> None:
        """One look: tell the tabs for which something may have changed."""
        tabs = [tab for tab in self._tabs if tab.session is not None]
        if not tabs:
            self._known = None
            return
        pulse = await to_thread.run_sync(self._pulse, limiter=self._tabs.threads)
        known, self._known = self._known, pulse
        if pulse == known:
            now = self._clock()
            tabs = [tab for tab in tabs if (due := tab.due_at) is not None and due <= now]
        await self._tell(tabs)

    async def _tell(self, tabs: list[Tab]) -> None:
        changed: list[Tab] = []
        for start in range(0, len(tabs), _AT_ONCE):
            batch = tabs[start : start + _AT_ONCE]
            found = await asyncio.gather(*(tab.look_again() for tab in batch))
            changed += [
                tab for tab, change in zip(batch, found, strict=True) if change in {Change.CHANGED, Change.LOST}
            ]
        for number, tab in enumerate(changed, start=1):
            tab.rerun()
            if number % _AT_ONCE == 0:
                await asyncio.sleep(_PAUSE_SECONDS)
