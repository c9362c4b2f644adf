"""Measuring: candidate and baseline in turns, in slices of equal length, compared round by round.

Times are CPU seconds of this process, so that other people's work on the machine counts as little as it can. The
garbage collector is frozen and off while a slice is timed, for every side alike.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from statistics import median, quantiles
from typing import Final

Batch = Callable[[int], None]
"""Does the same thing a number of times."""

_FIRST_SECONDS: Final = 0.001
_MAX_CALLS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure. ``slice_seconds``: the approximate CPU time of one side in one round."""

    rounds: int
    slice_seconds: float


THOROUGH: Final = Effort(rounds=200, slice_seconds=0.004)
QUICK: Final = Effort(rounds=5, slice_seconds=0.001)


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of many ratios, and the quartiles around it."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Samples:
    """The figure of each side in each round: seconds a call, or another measure."""

    by_side: Mapping[str, list[float]]

    @property
    def rounds(self) -> int:
        """How many rounds there were."""
        return min(map(len, self.by_side.values()))

    def typical(self, side: str) -> float:
        """The median of one side."""
        return median(self.by_side[side])

    def ratio(self, candidate: str, baseline: str) -> Spread:
        """The median of candidate to baseline, each pair from one round."""
        ratios = [a / b for a, b in zip(self.by_side[candidate], self.by_side[baseline], strict=True)]
        if len(ratios) == 1:
            return Spread(ratios[0], ratios[0], ratios[0])
        low, middle, high = quantiles(ratios, n=4, method="inclusive")
        return Spread(low, middle, high)


def calls_of(call: Callable[[], object]) -> Batch:
    """The batch that calls ``call``."""

    def batch(number: int) -> None:
        for _ in repeat(None, number):
            call()

    return batch


def interleaved(sides: Mapping[str, Batch], effort: Effort, *, number: int | None = None) -> Samples:
    """Seconds a call of each side, in turns; who begins changes from round to round.

    Every side makes the same number of calls in every round: ``number``, then without warming up, or as many as the
    fastest needs to fill its slice.
    """
    if number is None:
        number = _fitting(sides, effort.slice_seconds)
    by_side: dict[str, list[float]] = {side: [] for side in sides}
    order = list(sides)
    with quiet_collector():
        for _ in range(effort.rounds):
            for side in order:
                by_side[side].append(_timed(sides[side], number) / number)
            order.append(order.pop(0))
            gc.collect()  # outside the slices: garbage of one side must not slow down another
    return Samples(by_side)


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Disable automatic collections, and exclude the existing objects from later ones."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def _fitting(sides: Mapping[str, Batch], slice_seconds: float) -> int:
    """The number of calls that fill a slice; warms up every side."""
    numbers = []
    for batch in sides.values():
        number = 1
        while (taken := _timed(batch, number)) < min(_FIRST_SECONDS, slice_seconds) and number < _MAX_CALLS:
            number *= 2
        numbers.append(max(1, round(number * slice_seconds / max(taken, 1e-9))))
    return min(_MAX_CALLS, max(numbers))


def _timed(batch: Batch, number: int) -> float:
    started = time.process_time()
    batch(number)
    return time.process_time() - started
