"""Calls for the installation: its statistics, and the guard inventory."""

from __future__ import annotations

from app import access
from app.admin.api.parameters import query_params
from app.api_client import call, path
from app.core.contract.guards import GuardBody, Guards
from app.core.contract.statistics import StatisticsBody
from app.core.permissions import Permission


@access.requires(Permission.READ_STATISTICS)
def statistics(days: int = 30) -> StatisticsBody:
    """Return the statistics of the installation, with one row for each of the last ``days`` days."""
    return call("GET", path("statistics"), params=query_params(days=days)).read(StatisticsBody)


@access.requires(Permission.READ_GUARDS)
def guards() -> tuple[GuardBody, ...]:
    """Return the guards that processes published, by kind and name."""
    return call("GET", path("guards")).read(Guards).guards
