"""The table of a person's grants: roles and single permissions, what is withheld, and where each comes from."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app.admin.widgets import labels
from app.core.administration_records import PersonState
from app.core.contract.grants import GrantBody, WithheldBody
from app.core.contract.people import PersonBody
from app.core.policy import Source
from app.ui import cells, dialogs, texts
from app.ui.cells import Tone
from app.ui.layout import header
from app.ui.phrases import actor_name, automatic_sources, bold_name
from app.ui.table import Table
from app.ui.table_parts import Action, Column, Row

REVOKE: Final = "revoke"
RELEASE: Final = "release"
_MAX_PROVIDED_NAMED: Final = 10
_MAX_PROVIDED_ROWS: Final = 5
"""Up to this many single permissions from the provider have a row each."""
_ACTIONS: Final = (Action(REVOKE, "Revoke…", danger=True), Action(RELEASE, "Release…"))
_GRANTS: Final = Table(
    "grants-of-person",
    columns=(
        Column("name", "Role or permission"),
        Column("source", "Source"),
        Column("since", "Since", kind="short", hides="late"),
        Column("until", "Until", kind="short"),
    ),
    singular="grant",
    plural="grants",
)


def show(card: PersonBody, *, changing: bool, page_url: str) -> None:
    """Draw the table, with the actions to revoke and release if the administrator is ``changing`` the person."""
    with header("Roles and permissions", level=2, key="grants"):
        pass
    if not card.grants:
        st.write(f"None. {_without_grants(card)}")
    provided = [grant for grant in card.grants if grant.role is None and grant.source is Source.TOKEN]
    if len(provided) <= _MAX_PROVIDED_ROWS:
        provided = []
    listed = [grant for grant in card.grants if grant not in provided]
    listed.sort(key=lambda grant: (grant.role is None, grant.name))
    rows = [_grant_row(grant, card, changing=changing) for grant in listed]
    rows += [_withheld_row(withheld, changing=changing) for withheld in card.withheld]
    if rows:
        event = _GRANTS.show("Roles and permissions", rows, row_actions=_ACTIONS if changing else ())
        if event is not None:
            kind, _, number = event.row.partition("-")
            items = card.grants if kind == "grant" else card.withheld
            item = next((item for item in items if str(item.id) == number), None)
            if item is not None:
                dialogs.open_dialog(event.name, page_url, item)
    if provided:  # a provider may send many single permissions
        names = texts.listed(sorted(grant.name for grant in provided), limit=_MAX_PROVIDED_NAMED)
        texts.small(
            f"**{texts.quantity(len(provided), 'permission')} granted directly** by the sign-in provider: {names}. To "
            "revoke one, which withholds it, select the person in the table of people."
        )
    unmapped = [role.name for role in card.token_roles if not role.roles]
    if unmapped:
        texts.small(f"Also from the sign-in provider, but not mapped to a role: {texts.listed(unmapped)}.")


def _without_grants(card: PersonBody) -> str:
    """What a person without grants can open."""
    name = bold_name(card.shown_name)
    if card.state is PersonState.BLOCKED:
        return f"{name} can open nothing while blocked; once unblocked, Home and Profile."
    if card.machine:
        return f"{name} can call only what its tokens allow."
    return f"{name} can open Home and Profile, and nothing else."


def _grant_row(grant: GrantBody, card: PersonBody, *, changing: bool) -> Row:
    name = cells.text(
        grant.name, detail="" if grant.role else "granted directly", icon="badge" if grant.role else "key"
    )
    source = labels.source(grant)
    token_roles = [role.name for role in card.token_roles if grant.role in role.roles]
    if grant.source is Source.TOKEN and token_roles and token_roles != [grant.role]:
        source = f"{source}, as {', '.join(token_roles[:3])}"
    reason = f"Reason: {grant.reason}" if grant.reason and not grant.automatic else ""
    return Row(
        f"grant-{grant.id}",
        grant.name,
        (
            name,
            cells.text(source, detail=reason),
            cells.time(grant.since),
            cells.time(grant.until, never="no expiry"),
        ),
        actions=(REVOKE,) if changing else (),
    )


def _withheld_row(withheld: WithheldBody, *, changing: bool) -> Row:
    """A withheld role or permission: by whom and why, and which sources would grant it."""
    sources = automatic_sources(withheld.from_token, withheld.from_default_role)
    would = f"{sources} would grant it" if sources else "no automatic source would grant it now"
    detail = f"Reason: {withheld.reason}; {would}" if withheld.reason else would[:1].upper() + would[1:]
    icon = "badge" if withheld.role else "key"
    return Row(
        f"withheld-{withheld.id}",
        withheld.name,
        (
            cells.with_badges(cells.text(withheld.name, icon=icon), [cells.badge("Withheld", tone=Tone.WARNING)]),
            cells.text(f"Withheld by {withheld.by_name or actor_name(withheld.by)}", detail=detail),
            cells.time(withheld.since),
            cells.text("released"),
        ),
        actions=(RELEASE,) if changing else (),
    )
