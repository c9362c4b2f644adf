"""Waiting for a condition that other threads or processes bring about."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

WITHIN_SECONDS: Final = 20.0
"""How long a condition may take before the test fails. Long, so that a busy machine fails no test."""
_EVERY_SECONDS: Final = 0.005


def wait_until(condition: Callable[[], T], *, within_seconds: float = WITHIN_SECONDS, description: str = "") -> T:
    """Call ``condition`` until its result is true, and return that result.

    Args:
        condition: Called every 5 ms. An exception it raises ends the wait.
        within_seconds: How long to wait.
        description: What is awaited, for the failure's text.

    Raises:
        AssertionError: The condition was never true.
    """
    deadline = time.monotonic() + within_seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {within_seconds:g} s: {description or condition}"
        time.sleep(_EVERY_SECONDS)
    return result


async def wait_until_async(
    condition: Callable[[], T], *, within_seconds: float = WITHIN_SECONDS, description: str = ""
) -> T:
    """``wait_until`` in an event loop, which runs its other tasks meanwhile.

    Raises:
        AssertionError: The condition was never true.
    """
    deadline = time.monotonic() + within_seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {within_seconds:g} s: {description or condition}"
        await asyncio.sleep(_EVERY_SECONDS)
    return result
