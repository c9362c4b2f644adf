"""Transactions of changes by administrators: one unit of work, and refusals that are recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, NamedTuple

from flask import g, request

from app.core import administration
from app.core.administration import Actor
from app.core.administration_ports import AdministrationUnit
from app.core.audit import actor_of
from app.core.errors import ChangeUnconfirmed, GatehouseError, PermissionDenied
from app.core.policy import Decision, Reason
from remote_api.access import bearer_authentication, caller
from remote_api.preconditions import READS
from remote_api.problems import report_unexpected
from remote_api.services import services

_AFTER_A_CHANGE: Final = "The change was stored, but its response failed. Check the current state before you try again."


class Transaction(NamedTuple):
    """An open unit of work, the administrator, and the time of the change."""

    unit: AdministrationUnit
    actor: Actor
    now: datetime


@contextmanager
def transaction() -> Iterator[Transaction]:
    """One change by the caller, committed at the end of the block.

    The response is read inside the block: after the commit nothing may fail any more (``after_a_change``), and the
    response, its version included, shows the state of this very change.

    The permission of the endpoint is decided before; the use case decides again inside the unit, from rows that cannot
    change before it commits. What it refuses is recorded in another unit of work.
    """
    principal, grants = caller()
    actor = Actor(actor_of(principal), principal, bearer_authentication().address(), grants.token_permissions)
    now = services().clock()
    try:
        with administration.transaction(services().storage, actor, now) as unit:
            yield Transaction(unit, actor, now)
        g.gatehouse_committed = True
    except PermissionDenied as error:
        refused = Decision(allowed=False, reason=Reason(error.reason))
        bearer_authentication().record_refusal(
            principal, error.permission, refused, f"{request.method} {request.url_rule}"
        )
        raise


def nothing_was_changed() -> None:
    """Record that the commits of this request changed nothing, so that its failure is reported as such."""
    g.gatehouse_committed = False


def after_a_change(error: Exception) -> Exception:
    """The error to report: ``ChangeUnconfirmed`` for any failure after this request committed a change."""
    committed = g.get("gatehouse_committed", default=False) and request.method not in READS
    if not committed or isinstance(error, ChangeUnconfirmed):
        return error
    if not isinstance(error, GatehouseError):
        report_unexpected(error)
    unconfirmed = ChangeUnconfirmed(_AFTER_A_CHANGE)
    unconfirmed.__cause__ = error
    return unconfirmed


def iso(at: datetime | None) -> str | None:
    """A time in RFC 3339; None for None."""
    return at.isoformat() if at is not None else None
