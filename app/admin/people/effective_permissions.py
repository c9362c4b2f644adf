"""The effective permissions of a person, by resource, each with the grants it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import streamlit as st

from app.admin.widgets.permission_groups import sentence_of
from app.core.administration_records import PersonState
from app.core.contract.grants import GrantBody
from app.core.contract.people import EffectivePermission, PersonBody
from app.core.permissions import ADMINISTRATOR, resource_title
from app.ui import cells
from app.ui.layout import header
from app.ui.pages import LocalPage
from app.ui.table import Table
from app.ui.table_parts import Column, Row

_TABLE: Final = Table(
    "permissions-of-person",
    columns=(
        Column("resource", "Resource", kind="short"),
        Column("allows", "Allows"),
        Column("from", "From"),
    ),
    singular="permission",
    plural="permissions",
    sizes=(10, 50),
)


def show_permissions(card: PersonBody) -> None:
    """Draw the section; a person who is blocked can use none of them."""
    with header("Effective permissions", level=2, key="permissions"):
        pass
    blocked = card.state is PersonState.BLOCKED
    if not card.permissions:
        st.write("Nothing while blocked." if blocked else "Nothing beyond Home and Profile.")
        return
    is_administrator = any(grant.role == ADMINISTRATOR for grant in card.grants)
    if blocked:
        st.write("Nothing while blocked. Once unblocked:")
    elif is_administrator:
        st.write("All permissions, from the role **administrator**.")
    by_id = {grant.id: grant for grant in card.grants}
    listed = sorted(card.permissions, key=lambda row: (resource_title(row.name), row.name))
    page = _TABLE.load(card.id, lambda at: LocalPage.of(listed, at.cursor, at.size))
    _TABLE.show("Effective permissions", [_row(permission, by_id) for permission in page.rows], page)


def _row(permission: EffectivePermission, grants: Mapping[int, GrantBody]) -> Row:
    sources = list(dict.fromkeys(_source(grants[number]) for number in permission.grants if number in grants))
    sentence = sentence_of(permission.name, {permission.name: permission.sentence})
    return Row(
        permission.name,
        permission.name,
        (
            cells.text(resource_title(permission.name)),
            cells.text(sentence, detail=permission.name),
            cells.badges(sources or ["sign-in provider"]),
        ),
    )


def _source(grant: GrantBody) -> str:
    return grant.role or "granted directly"
