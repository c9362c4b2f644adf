"""Messages that any client can cause are written a few times a minute, and their number once."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from app.core.log_floods import EACH_MINUTE, FloodFilter, limit_floods


class Minutes:
    """A monotonic clock and a filter that reads it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.filter = FloodFilter(monotonic=lambda: self.now)

    def written(self, text: str, *arguments: object) -> str | None:
        """The message as it is written; None when it is dropped."""
        record = logging.LogRecord("library", logging.WARNING, "file.py", 1, text, arguments, None)
        return record.getMessage() if self.filter.filter(record) else None


@pytest.fixture
def minutes() -> Minutes:
    return Minutes()


def test_a_few_of_each_kind_are_written_in_a_minute(minutes: Minutes) -> None:
    assert EACH_MINUTE == 5
    for number in range(5):
        assert minutes.written("invalid request from %s", number) == f"invalid request from {number}"
    minutes.now += 59.9
    assert minutes.written("invalid request from %s", 5) is None
    assert minutes.written("another kind") == "another kind"


def test_the_first_of_the_next_minute_has_the_number_of_those_dropped(minutes: Minutes) -> None:
    for _ in range(8):
        minutes.written("invalid request")
    minutes.now += 60
    assert minutes.written("invalid request") == "invalid request (and 3 more like it in the minute before)"
    for _ in range(4):
        assert minutes.written("invalid request") == "invalid request"
    assert minutes.written("invalid request") is None
    minutes.now += 60
    assert minutes.written("invalid request") == "invalid request (and 1 more like it in the minute before)"
    minutes.now += 60
    assert minutes.written("invalid request") == "invalid request", "one was written, and none dropped"


def test_a_kind_is_the_beginning_of_the_text(minutes: Minutes) -> None:
    for number in range(5):
        assert minutes.written("x" * 80 + str(number)) is not None
    assert minutes.written("x" * 80 + "5") is None
    assert minutes.written("x" * 79 + "y") is not None


def test_the_kinds_are_bounded(minutes: Minutes) -> None:
    for number in range(1000):
        for _ in range(5):
            minutes.written(f"kind {number}")
    assert minutes.written("kind 0") is None
    assert minutes.written("kind 1") is None, "1000 kinds are kept"
    assert minutes.written("one kind more") is not None
    assert minutes.written("kind 0") is None
    assert minutes.written("kind 1") is not None, "all were dropped"


@pytest.fixture
def library() -> Iterator[logging.Logger]:
    logger = logging.getLogger("library.of.the.test")
    yield logger
    logger.filters.clear()


def test_a_library_gets_one_filter(library: logging.Logger) -> None:
    library.addFilter(lambda record: True)
    limit_floods(library.name)
    limit_floods(library.name)
    assert [type(each) for each in library.filters[1:]] == [FloodFilter]
