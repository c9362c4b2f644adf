"""One transaction for each change, and the audit events of changes that a rule refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import structlog

from app.core.administration.authorized_actor import Actor, AuthorizedActor
from app.core.administration_ports import AdministrationStorage, AdministrationUnit
from app.core.audit import AuditKind, Outcome
from app.core.errors import ExceedsOwnPermissions, LastAdministrator, RuleViolated, StorageUnavailable

log = structlog.get_logger("gatehouse.administration")


@contextmanager
def transaction(storage: AdministrationStorage, actor: Actor, now: datetime) -> Iterator[AdministrationUnit]:
    """Open a unit of work that is committed at the end of the block.

    A refusal by a rule is recorded in the audit and raised again.

    Raises:
        RuleViolated: if a rule of administration refuses the change.
        LastAdministrator: if the change would leave no administrator.
    """
    try:
        with storage.unit_of_work() as unit:
            yield unit
            unit.commit()
    except (RuleViolated, LastAdministrator) as error:
        try:
            _record(storage, actor, error, now)
        except StorageUnavailable as unavailable:  # the refusal itself is raised in any case
            log.warning("a refusal by a rule could not be recorded", error=unavailable.code, rule=error.code)
        raise


def _record(
    storage: AdministrationStorage, actor: Actor, error: RuleViolated | LastAdministrator, now: datetime
) -> None:
    """Record the refusal in its own unit of work, because that of the change is rolled back."""
    details = {"missing": " ".join(error.permissions)} if isinstance(error, ExceedsOwnPermissions) else {}
    event = AuthorizedActor(actor, now).event(AuditKind.RULE_REFUSE, error.target, error.code, **details)
    with storage.unit_of_work() as unit:
        unit.record(replace(event, outcome=Outcome.REFUSED))
        unit.commit()
