"""What every change by an administrator has in common: who acts, one unit of work, and refusals that stay on record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, NamedTuple

from flask import g, request

from app.core import administration
from app.core.administration import Administrator
from app.core.audit import actor_of
from app.core.directory_ports import DirectoryUnit
from app.core.errors import ChangeUnconfirmed, GatehouseError, PermissionDenied
from app.core.policy import Decision, Reason
from remote_api.access import bearer, caller
from remote_api.preconditions import READS
from remote_api.problems import report_unexpected
from remote_api.services import services

_AFTER_A_CHANGE: Final = "Something failed after the change was kept: look before you try again."


class Transaction(NamedTuple):
    """An open unit of work, who changes something in it, and when."""

    unit: DirectoryUnit
    administrator: Administrator
    now: datetime


@contextmanager
def transaction() -> Iterator[Transaction]:
    """One change by the caller, committed at the end of the block.

    The answer is read inside the block: after the commit nothing may fail any more (``after_a_change``), and what the
    answer shows, its version included, is the state of this very change.

    The address's permission was decided before this; the use case inside decides once more, in the unit itself, from
    what cannot change before it commits. What is refused there, by a permission or by a rule, is recorded in a unit of
    its own.
    """
    principal, grants = caller()
    administrator = Administrator(actor_of(principal), principal, bearer().address(), grants.asserted)
    now = services().clock()
    try:
        with administration.transaction(services().storage, administrator, now) as unit:
            yield Transaction(unit, administrator, now)
        g.gatehouse_committed = True
    except PermissionDenied as error:
        refused = Decision(allowed=False, reason=Reason(error.reason))
        bearer().record_refusal(principal, error.permission, refused, f"{request.method} {request.url_rule}")
        raise


def nothing_was_changed() -> None:
    """Note that what this request has committed changed nothing, so that its failure is reported as such."""
    g.gatehouse_committed = False


def after_a_change(error: Exception) -> Exception:
    """The error to answer with: ``ChangeUnconfirmed`` for whatever fails after this request has committed a change."""
    committed = g.get("gatehouse_committed", default=False) and request.method not in READS
    if not committed or isinstance(error, ChangeUnconfirmed):
        return error
    if not isinstance(error, GatehouseError):
        report_unexpected(error)
    unconfirmed = ChangeUnconfirmed(_AFTER_A_CHANGE)
    unconfirmed.__cause__ = error
    return unconfirmed


def iso(at: datetime | None) -> str | None:
    """A time as it is answered; null for what has not happened."""
    return at.isoformat() if at is not None else None
