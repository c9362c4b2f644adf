"""People and other actors of audit events by the names that readers know, and links to their cards."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import access
from app.admin.api.people import people
from app.core.administration_records import PeopleQuery
from app.core.audit import ANONYMOUS_ACTOR, SYSTEM
from app.core.contract.people import PersonItem
from app.core.errors import GatehouseError
from app.core.permissions import Permission

_KEY: Final = "audit_people"
_MAX_KEPT: Final = 100
_MAX_SEARCHED: Final = 25
_OPERATOR: Final = "operator:"


def display_name(audit_name: str, current_name: str = "") -> str:
    """The name of an actor or target for readers, as plain text.

    Args:
        audit_name: As the event has it: ``subject at issuer``, ``operator:…``, ``system``, or the name of a thing.
        current_name: The person's name today, where the API has it.
    """
    if current_name:
        return current_name
    if audit_name == SYSTEM:
        return "Gatehouse"
    if audit_name == ANONYMOUS_ACTOR:
        return "An anonymous user"
    if audit_name.startswith(_OPERATOR):
        return f"{audit_name.removeprefix(_OPERATOR)}, at the command line"
    return subject_in(audit_name) or audit_name


def subject_in(audit_name: str) -> str:
    """The subject in ``subject at issuer``; empty for any other name."""
    subject, at, issuer = audit_name.rpartition(" at ")
    return subject if at and "://" in issuer else ""


def person_named(audit_name: str) -> PersonItem | None:
    """The person with this name in the audit, if there is one and the caller may see people.

    It is looked up once per tab: what a person is called rarely changes, and the card shows it.
    """
    subject = subject_in(audit_name)
    if not subject or not access.allows(Permission.READ_PEOPLE):
        return None
    known: dict[str, PersonItem | None] = st.session_state.setdefault(_KEY, {})
    if audit_name not in known:
        try:
            rows = people(PeopleQuery(text=subject), limit=_MAX_SEARCHED).rows
        except GatehouseError:
            return None  # only the name and the link are missing then; the page itself says what is wrong
        known[audit_name] = next((row for row in rows if row.audit_name == audit_name), None)
        while len(known) > _MAX_KEPT:
            known.pop(next(iter(known)))
    return known[audit_name]
