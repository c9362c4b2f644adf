"""Choosing one role or permission among any number of them: type to find, choose from the first few."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

import streamlit as st

from app import access, formatting
from app.admin.api.grants import Grantable
from app.admin.api.roles import catalogue, permissions_of_roles, roles
from app.admin.widgets import labels
from app.core.contract.base import ListPage
from app.core.contract.roles import MAX_COMPARED_ROLES, RoleItem
from app.core.permissions import ADMINISTRATOR, CATALOGUE
from app.core.policy import decide

SHOWN: Final = 8
Kind = Literal["role", "permission"]


class _Offer(NamedTuple):
    """What can be chosen (name → what it is), how many are held back, and how many more there are, in words."""

    choices: dict[str, str]
    held_back: int
    left: str


def choose(key: str, kind: Kind, *, givable: bool = True) -> Grantable | None:
    """Let the person choose; None while nothing is chosen. Raises as the calls do.

    ``givable``: offer only what the signed-in administrator holds. For showing: the API decides.
    """
    text = st.text_input(
        f"Find a {kind}", key=f"{key}-find-{kind}", type="search", live="250ms",
        placeholder="Part of its name", autocomplete="off",
    )  # fmt: skip
    offer = (_roles if kind == "role" else _known)(text or "", givable=givable)
    if not offer.choices:
        st.info(_none(kind, text or "", held_back=offer.held_back), icon=":material/search_off:")
        return None
    chosen = st.radio(
        kind.capitalize(),
        list(offer.choices),
        index=0 if len(offer.choices) == 1 else None,
        format_func=lambda name: formatting.plain(name, cap=80),
        captions=[formatting.plain(said, cap=140) for said in offer.choices.values()],
        key=f"{key}-chosen-{kind}",
    )
    notes = []
    if offer.left:
        notes.append(f"{offer.left} more: type part of the name to find them.")
    if offer.held_back:
        notes.append(f"{labels.many(offer.held_back, kind)} not offered: you can give only what you hold yourself.")
    if notes:
        labels.note(" ".join(notes))
    return Grantable(kind, chosen) if chosen is not None else None


def _roles(text: str, *, givable: bool) -> _Offer:
    page = roles(text, limit=MAX_COMPARED_ROLES)
    may = _may_give_roles(page.rows) if givable else lambda _: True
    return _offer(page, {role.name: role.description for role in page.rows if may(role)})


def _known(text: str, *, givable: bool) -> _Offer:
    page = catalogue(text, limit=MAX_COMPARED_ROLES)
    caller = access.caller()
    fitting = {
        known.name: _sentence(known.name, known.sentence)
        for known in page.rows
        if not givable or decide(caller.principal, known.name, caller.grants).allowed_after_step_up
    }
    return _offer(page, fitting)


def _offer(page: ListPage[Any], fitting: dict[str, str]) -> _Offer:
    unseen = max(0, page.total - len(page.rows)) if page.next is not None else 0
    beyond = max(0, len(fitting) - SHOWN) + unseen
    left = labels.counted(beyond, capped=page.total_capped) if beyond else ""
    return _Offer(dict(list(fitting.items())[:SHOWN]), len(page.rows) - len(fitting), left)


def _may_give_roles(rows: tuple[RoleItem, ...]) -> Callable[[RoleItem], bool]:
    """Whether the signed-in person holds all that a role gives."""
    caller = access.caller()
    contents = permissions_of_roles([role.id for role in rows]) if rows else {}

    def may(role: RoleItem) -> bool:
        if role.name == ADMINISTRATOR:
            return ADMINISTRATOR in caller.grants.roles
        names = contents.get(role.id, frozenset())
        return all(decide(caller.principal, name, caller.grants).allowed_after_step_up for name in names)

    return may


def _sentence(name: str, said: str) -> str:
    known = CATALOGUE.get(name)
    return known.sentence if known is not None else said


def _none(kind: Kind, text: str, *, held_back: int) -> str:
    if held_back:
        return f"No {kind} here that you could give: you can give only what you hold yourself."
    return f"No {kind} has that in its name. Try a shorter part of it." if text else f"There is no {kind} yet."
