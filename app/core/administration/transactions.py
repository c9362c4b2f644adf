"""Carrying out one change in a unit of work of its own, and keeping on record what a rule refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import structlog

from app.core.administration.authorized_actor import Administrator, AuthorizedActor
from app.core.audit import AuditKind, Outcome
from app.core.directory_ports import DirectoryStorage, DirectoryUnit
from app.core.errors import LastAdministrator, RuleViolated, StorageUnavailable

log = structlog.get_logger("gatehouse.administration")


@contextmanager
def transaction(storage: DirectoryStorage, administrator: Administrator, now: datetime) -> Iterator[DirectoryUnit]:
    """A unit that is committed at the end of the block; a refusal by a rule is recorded before it is raised on."""
    try:
        with storage.unit_of_work() as unit:
            yield unit
            unit.commit()
    except (RuleViolated, LastAdministrator) as error:
        try:
            _record(storage, administrator, error, now)
        except StorageUnavailable as unavailable:  # refused it is either way, and for its own reason
            log.warning("a refusal by a rule could not be recorded", error=unavailable.code, rule=error.code)
        raise


def _record(
    storage: DirectoryStorage, administrator: Administrator, error: RuleViolated | LastAdministrator, now: datetime
) -> None:
    """Record the refusal in a unit of its own: that of the change is rolled back."""
    event = AuthorizedActor(administrator, now).event(AuditKind.RULE_REFUSE, error.about, error.code)
    with storage.unit_of_work() as unit:
        unit.record(replace(event, outcome=Outcome.REFUSED))
        unit.commit()
