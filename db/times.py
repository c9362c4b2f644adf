"""How times and days are stored: whole microseconds and whole days since the epoch, in UTC.

SQLite and PostgreSQL compare, index and divide integers the same way, and reading them needs no parsing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import BigInteger, Dialect, Integer
from sqlalchemy.types import TypeDecorator

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DAY_MICROSECONDS: Final = 86_400_000_000
_FIRST_DAY: Final = date(1970, 1, 1).toordinal()


def to_micros(at: datetime) -> int:
    """Microseconds since the epoch.

    Raises:
        ValueError: The time is naive, so its zone is unknown.
    """
    if at.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored: use aware UTC")
    past = at - EPOCH
    return (past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds


def from_micros(stored: int) -> datetime:
    """The aware UTC time of microseconds since the epoch."""
    return EPOCH + timedelta(0, 0, stored)  # positional: a third faster than by keyword


def from_optional_micros(stored: int | None) -> datetime | None:
    """As ``from_micros``; None for None."""
    return None if stored is None else EPOCH + timedelta(0, 0, stored)


def day_number(day: date) -> int:
    """Days since the epoch."""
    return day.toordinal() - _FIRST_DAY


def day_of(number: int) -> date:
    """The day of days since the epoch."""
    return date.fromordinal(number + _FIRST_DAY)


class MicrosecondTimestamp(TypeDecorator[datetime]):
    """An aware UTC time, stored as BIGINT microseconds since the epoch."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - the library's signature
        """Aware time → microseconds."""
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the library's signature
        """Microseconds → aware UTC time."""
        return from_optional_micros(value)


class DayNumber(TypeDecorator[date]):
    """A UTC day, stored as days since the epoch."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - the library's signature
        """Day → number."""
        return None if value is None else day_number(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> date | None:  # noqa: ARG002 - the library's signature
        """Number → day."""
        return None if value is None else day_of(value)
