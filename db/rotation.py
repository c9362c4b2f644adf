"""Breaks of the audit chain that a rotation of the secret explains.

Earlier versions let a process write that did not have the new secret yet. Such a process considered a head that was
sealed with the unknown secret as changed. A rotation explains a break when the event that reports it

* names, as the number in the head, the event right before it, so that no event in between is missing,
* was itself written with an older secret than that event, which is further back in ``GATEHOUSE_SECRET``,
* does not name the key of the head: versions that record the key refuse to write without it.

A later event ``audit:log:heal`` acknowledges such breaks, as long as all of this holds.
"""

from __future__ import annotations

import json
from typing import Final

from app.core.chain_problems import ChainProblem, ProblemKind
from app.core.keyring import Keyring
from db.audit_chain import FIELDS
from db.statement import Row

_DETAILS: Final = FIELDS.index("details")


class Rotation:
    """The breaks that one verification of the chain has found."""

    def __init__(self, keyring: Keyring) -> None:
        self._ages = {key_id: age for age, key_id in enumerate(keyring.key_ids)}
        self._first = self._last = self._count = 0

    def explains(self, row: Row, before: str | None, key: str | None) -> bool:
        """Whether a rotation explains that this event reports a changed head.

        Args:
            row: The event.
            before: The key of the event before it; None when unknown.
            key: The key of the event; None when unknown.
        """
        if before is None or key is None or self._ages[key] <= self._ages[before]:
            return False
        if _details(row) != {"head": row[0] - 1}:
            return False
        self._first = self._first or row[0]
        self._last, self._count = row[0], self._count + 1
        return True

    def heal(self, row: Row) -> None:
        """Acknowledge the breaks up to the event that this one names."""
        until = _details(row).get("until")
        if isinstance(until, int) and until >= self._last:
            self._first = self._last = self._count = 0

    def problems(self) -> list[ChainProblem]:
        """The breaks that no event has acknowledged, as one problem."""
        if not self._count:
            return []
        times = "once" if self._count == 1 else f"{self._count} times"
        return [ChainProblem(ProblemKind.ROTATED, self._first, self._last, detail=times)]


def _details(row: Row) -> dict[str, object]:
    try:
        details = json.loads(row[_DETAILS])
    except (TypeError, ValueError):
        return {}
    return details if isinstance(details, dict) else {}
