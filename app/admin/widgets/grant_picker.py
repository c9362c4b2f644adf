"""Picker for one role or permission: type part of its name, then choose from the first matches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

import streamlit as st

from app import access, formatting
from app.admin.api.grants import Grantable
from app.admin.api.roles import catalogue, permissions_of_roles, roles
from app.core.contract.base import ListPage
from app.core.contract.roles import RoleItem
from app.core.errors import GatehouseError
from app.core.permissions import ADMINISTRATOR, CATALOGUE
from app.core.policy import decide
from app.core.records import MAX_COMPARED_ROLES
from app.ui import dialogs, failures, texts

MAX_CHOICES: Final = 8
Kind = Literal["role", "permission"]


class _Offer(NamedTuple):
    """The choices of one search."""

    choices: dict[str, str]
    """Name → description."""
    not_grantable: int
    """How many matches the caller cannot grant."""
    more: str
    """How many more matches there are, as text; empty: none."""


def choose(key: str, kind: Kind, *, grantable_only: bool = True) -> Grantable | None:
    """Show the picker; return the choice, or None while nothing is chosen.

    When the choices cannot be read, the reason is shown in their place, or above those that were read last.

    Args:
        key: Prefix of the widgets' keys.
        kind: What to choose.
        grantable_only: Whether to offer only roles and permissions that the signed-in administrator holds. This is
            for display: the API decides.
    """
    text = st.text_input(
        f"Find a {kind}", key=f"{key}-find-{kind}", type="search", live="250ms",
        placeholder="Part of its name", autocomplete="off",
    )  # fmt: skip
    search = _roles if kind == "role" else _permissions
    try:
        offer, error = dialogs.read_or_last(
            f"{key}-{kind}", text or "", lambda: search(text or "", grantable_only=grantable_only)
        )
    except GatehouseError as failure:  # the widgets around this one keep their input
        failures.show_with_retry(failure, key=f"{key}-{kind}-failed")
        return None
    if error is not None:
        failures.show_with_retry(error, key=f"{key}-{kind}-failed")
    if not offer.choices:
        st.info(_no_match(kind, text or "", not_grantable=offer.not_grantable), icon=":material/search_off:")
        return None
    chosen_key = f"{key}-chosen-{kind}"
    if len(offer.choices) == 1:
        (st.session_state[chosen_key],) = offer.choices
    chosen = st.radio(
        kind.capitalize(),
        list(offer.choices),
        index=None,
        format_func=lambda name: formatting.plain(name, cap=80),
        captions=[formatting.plain(description, cap=140) for description in offer.choices.values()],
        key=chosen_key,
    )
    hints = []
    if offer.more:
        hints.append(f"{offer.more} more: type part of the name to find them.")
    if offer.not_grantable:
        quantity = texts.quantity(offer.not_grantable, kind)
        hints.append(f"{quantity} not offered: you can grant only what you hold yourself.")
    if hints:
        texts.small(" ".join(hints))
    return Grantable(kind, chosen) if chosen is not None else None


def _roles(text: str, *, grantable_only: bool) -> _Offer:
    page = roles(text, limit=MAX_COMPARED_ROLES)
    may_grant = _role_check(page.rows) if grantable_only else lambda _: True
    return _offer(page, {role.name: role.description for role in page.rows if may_grant(role)})


def _permissions(text: str, *, grantable_only: bool) -> _Offer:
    page = catalogue(text, limit=MAX_COMPARED_ROLES)
    caller = access.caller()
    choices = {
        row.name: _sentence(row.name, row.sentence)
        for row in page.rows
        if not grantable_only or decide(caller.principal, row.name, caller.grants).allowed_after_step_up
    }
    return _offer(page, choices)


def _offer(page: ListPage[Any], choices: dict[str, str]) -> _Offer:
    not_loaded = max(0, page.total - len(page.rows)) if page.next is not None else 0
    more = max(0, len(choices) - MAX_CHOICES) + not_loaded
    text = texts.counted(more, capped=page.total_capped) if more else ""
    return _Offer(dict(list(choices.items())[:MAX_CHOICES]), len(page.rows) - len(choices), text)


def _role_check(rows: tuple[RoleItem, ...]) -> Callable[[RoleItem], bool]:
    """Return a function that tells whether the caller holds every permission of one of these roles."""
    caller = access.caller()
    contents = permissions_of_roles([role.id for role in rows]) if rows else {}

    def may_grant(role: RoleItem) -> bool:
        if role.name == ADMINISTRATOR:
            return ADMINISTRATOR in caller.grants.roles
        names = contents.get(role.id, frozenset())
        return all(decide(caller.principal, name, caller.grants).allowed_after_step_up for name in names)

    return may_grant


def _sentence(name: str, fallback: str) -> str:
    permission = CATALOGUE.get(name)
    return permission.sentence if permission is not None else fallback


def _no_match(kind: Kind, text: str, *, not_grantable: int) -> str:
    if not_grantable:
        return f"No {kind} here that you can grant: you can grant only what you hold yourself."
    return f"No {kind} matches. Try a shorter part of its name." if text else f"There is no {kind} yet."
