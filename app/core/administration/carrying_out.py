"""Running one change in a unit of work of its own, and keeping on record what a rule refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from app.core.administration.acting import Administrator, Standing
from app.core.audit import AuditKind, Outcome
from app.core.directory_ports import DirectoryStorage, DirectoryUnit
from app.core.errors import GatehouseError, LastAdministrator, RuleViolated, StorageUnavailable

R = TypeVar("R")


def carry_out(storage: DirectoryStorage, who: Administrator, change: Callable[[DirectoryUnit], R], now: datetime) -> R:
    """Run ``change`` in a unit and commit it; a refusal by a rule is recorded before it is raised on."""
    try:
        with storage.unit_of_work() as unit:
            done = change(unit)
            unit.commit()
    except (RuleViolated, LastAdministrator) as error:
        with suppress(StorageUnavailable):  # refused it is either way, and for its own reason
            record_refusal(storage, who, error, now)
        raise
    return done


def record_refusal(storage: DirectoryStorage, who: Administrator, error: GatehouseError, now: datetime) -> None:
    """Record in a unit of its own that a rule refused a change; any other error is not for here."""
    if not isinstance(error, (RuleViolated, LastAdministrator)):
        return
    event = Standing(who, now).event(AuditKind.RULE_REFUSE, error.about, error.code)
    with storage.unit_of_work() as unit:
        unit.record(replace(event, outcome=Outcome.REFUSED))
        unit.commit()
