"""The installation in numbers, as storage returns it; counts go up to ``administration_records.MAX_COUNTED``."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.core.records import UsageDay


@dataclass(frozen=True, slots=True)
class Attention:
    """What needs an administrator's attention. Lists contain the first 20; counts go up to ``MAX_COUNTED``."""

    unused_roles: tuple[str, ...] = ()
    ungranted_permissions: tuple[str, ...] = ()
    unguarded_permissions: tuple[str, ...] = ()
    """In the catalogue, and no published guard requires them."""
    unmapped_token_roles: tuple[str, ...] = ()
    people_without_roles: int = 0
    blocked_people: int = 0
    administrators: int = 0
    """How many people count as administrators."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """The installation in numbers; counts go up to ``MAX_COUNTED`` unless said otherwise."""

    people: int
    """Exact: kept by the storage, not counted each time."""
    machines: int
    sessions: int
    roles: int
    days: tuple[UsageDay, ...] = ()
    attention: Attention = field(default_factory=Attention)
