"""Breaks of the audit chain that a rotation of the secret explains, and nothing else.

Earlier versions let a process write that did not have the new secret yet. It took a head that was sealed with a secret
it did not have for one that had been changed. That is what happened where the event that says so

* names, as what the head said, the number of the event right before it, so that nothing in between is missing,
* was itself written with an older secret than that event: one that stands further back in ``GATEHOUSE_SECRET``,
* does not say which key the head named: versions that write this down refuse to write without that key.

Such breaks count as looked at when a later event ``audit:log:heal`` covers them, and only as long as all of this holds.
"""

from __future__ import annotations

import json
from typing import Final

from app.core.chain import Problem, ProblemKind
from app.core.keyring import Keyring
from db.audit import FIELDS
from db.statement import Row

_DETAILS: Final = FIELDS.index("details")


class Rotation:
    """The breaks of one walk along the chain."""

    def __init__(self, keyring: Keyring) -> None:
        self._ages = {key_id: age for age, key_id in enumerate(keyring.key_ids)}
        self._first = self._last = self._count = 0

    def explains(self, row: Row, before: str | None, key: str | None) -> bool:
        """Whether a rotation explains that this event, which follows the one before, found the head changed."""
        if before is None or key is None or self._ages[key] <= self._ages[before]:
            return False
        if _details(row) != {"head": row[0] - 1}:
            return False
        self._first = self._first or row[0]
        self._last, self._count = row[0], self._count + 1
        return True

    def heal(self, row: Row) -> None:
        """Take the breaks that this event covers for looked at."""
        until = _details(row).get("until")
        if isinstance(until, int) and until >= self._last:
            self._first = self._last = self._count = 0

    def problems(self) -> list[Problem]:
        """What nobody has looked at yet."""
        if not self._count:
            return []
        times = "once" if self._count == 1 else f"{self._count} times"
        return [Problem(ProblemKind.ROTATED, self._first, self._last, note=times)]


def _details(row: Row) -> dict[str, object]:
    try:
        details = json.loads(row[_DETAILS])
    except (TypeError, ValueError):
        return {}
    return details if isinstance(details, dict) else {}
