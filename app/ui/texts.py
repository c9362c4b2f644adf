"""Texts for counts, lists of names and times. Text entered by users is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from app import formatting
from app.core.clock import utc_now

_MAX_NAMES: Final = 5


def counted(total: int, *, capped: bool) -> str:
    """``37``, or ``1,000+`` if counting stopped at 1,000."""
    return f"{total:,}{'+' if capped else ''}"


def quantity(count: int, singular: str, plural: str | None = None) -> str:
    """``1 person``, ``2 people``, ``1,200 sessions``."""
    return f"{count:,} {singular if count == 1 else plural or f'{singular}s'}"


def viewer_zone() -> tzinfo:
    """The time zone of the viewer's browser; UTC where it names none."""
    name = st.context.timezone
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):  # no such zone on this machine
        return UTC


def timestamp(moment: datetime | None, *, never: str = "never", seconds: bool = False) -> str:
    """``25 November 2026, 04:50 CET``: a time in the viewer's time zone, as markdown-safe text."""
    return never if moment is None else formatting.plain(local_time(moment, seconds=seconds))


def local_time(moment: datetime, *, seconds: bool = False) -> str:
    """``25 November 2026, 04:50 CET``: a time in the viewer's time zone, as plain text."""
    local = moment.astimezone(viewer_zone())
    clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    return f"{local:%-d %B %Y}, {clock} {local.tzname() or ''}".rstrip()


def ago(moment: datetime | None, *, never: str = "never") -> str:
    """How long ago, in words."""
    return never if moment is None else formatting.ago(moment, utc_now())


def listed(names: Sequence[str], *, limit: int = _MAX_NAMES) -> str:
    """The first ``limit`` names as markdown-safe text: ``a, b and 3 more``."""
    texts = [formatting.plain(name, cap=80) for name in names[:limit]]
    more = len(names) - len(texts)
    if more:
        return f"{', '.join(texts)} and {more:,} more"
    return " and ".join(texts) if len(texts) <= 2 else f"{', '.join(texts[:-1])} and {texts[-1]}"  # noqa: PLR2004 - a pair


def small(text: str) -> None:
    """Show ``text`` (markdown-safe) small. Not as a caption, which has too little contrast."""
    st.markdown(f":small[{text}]")
