"""Page views: counted in memory, saved in batches, and kept when saving fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

from app.core.errors import StorageUnavailable
from app.page_views import PageViews

NOW = datetime(2026, 5, 1, 23, 59, tzinfo=UTC)


class Unit:
    def __init__(self) -> None:
        self.saved: dict[tuple[date, str], int] = {}
        self.down = False

    @contextmanager
    def unit_of_work(self) -> Iterator[Unit]:
        if self.down:
            raise StorageUnavailable
        yield self

    def add_page_views(self, views: Mapping[tuple[date, str], int]) -> None:
        for key, count in views.items():
            self.saved[key] = self.saved.get(key, 0) + count

    def commit(self) -> None:
        pass


def make(storage: Any) -> PageViews:
    return PageViews(storage, clock=lambda: NOW, every_seconds=3600)


def test_views_are_saved_as_counters_by_day_and_path() -> None:
    unit = Unit()
    views = make(unit)
    for path in ("/", "/reports", "/"):
        views.count(path)
    assert unit.saved == {}
    views.close()
    assert unit.saved == {(date(2026, 5, 1), "/"): 2, (date(2026, 5, 1), "/reports"): 1}


def test_nothing_is_lost_when_the_database_does_not_answer() -> None:
    unit = Unit()
    views = make(unit)
    views.count("/")
    unit.down = True
    views.flush()
    views.count("/")
    unit.down = False
    views.close()
    assert unit.saved == {(date(2026, 5, 1), "/"): 2}


def test_saving_nothing_writes_nothing() -> None:
    unit = Unit()
    unit.down = True
    make(unit).close()
