"""Which role of a token becomes which role here; what arrived in tokens and is mapped nowhere; and changing it."""

from __future__ import annotations

from typing import Final

import streamlit as st

from app import access, formatting
from app.admin.api import mappings as mappings_api
from app.admin.mappings import change_dialog
from app.admin.widgets import dialogs, labels, notices, pagination
from app.admin.widgets.links import MAPPINGS
from app.admin.widgets.permission_list import MAX_SEARCH_LENGTH
from app.core.contract.mappings import MappingBody
from app.core.permissions import Permission

SIZE: Final = 25
EVERY, NOWHERE = "All", "Mapped nowhere"


def show() -> None:
    """The page; raises as the calls do."""
    st.title("Mappings")
    st.caption(
        "The sign-in provider tells with each sign-in which roles somebody has there. Here you say what each of them "
        "becomes. A change holds at once for everybody whose last sign-in brought the role."
    )
    notices.show(MAPPINGS)
    with st.spinner("Looking for token roles…"):
        lost = mappings_api.mappings(unmapped=True, limit=1)
    if lost.total:
        _nowhere(lost.total, capped=lost.total_capped)
    text = st.text_input(
        "Find a token role", key="mappings-search", type="search", icon=":material/search:", live=True,
        max_chars=MAX_SEARCH_LENGTH, placeholder="Part of its name",
    )  # fmt: skip
    which = st.segmented_control(
        "Show", [EVERY, NOWHERE], default=NOWHERE if "unmapped" in st.query_params else EVERY, required=True,
        key="mappings-which", label_visibility="collapsed",
    )  # fmt: skip
    st.query_params.from_dict({"unmapped": "true"} if which == NOWHERE else {})
    asked = (text, which)
    page = mappings_api.mappings(
        text, unmapped=which == NOWHERE, cursor=pagination.cursor("mappings", asked), limit=SIZE
    )
    may = access.allows(Permission.MANAGE_MAPPINGS)
    if not page.rows:
        st.info(_nothing(text, which), icon=":material/search_off:")
    for number, row in enumerate(page.rows):
        _row(number, row, may=may)
    pagination.control("mappings", asked, page, size=SIZE, singular="token role", plural="token roles")
    _dialog()


def _nowhere(total: int, *, capped: bool) -> None:
    many = capped or total > 1
    st.warning(
        f"**{labels.counted(total, capped=capped)} token role{'s' if many else ''} arrived and "
        f"{'are' if many else 'is'} mapped nowhere.** Who has {'one of them' if many else 'it'} gets nothing here by "
        "a mapping. That is right for roles that mean something elsewhere only.",
        icon=":material/link_off:",
    )


def _nothing(text: str, which: str) -> str:
    if text:
        return "No token role has that in its name. Try a shorter part of it."
    if which == NOWHERE:
        return "Every token role that arrived is mapped."
    return (
        "No token has brought a role yet, and none is mapped. Roles arrive with sign-ins when the provider puts them "
        "into its tokens."
    )


def _row(number: int, row: MappingBody, *, may: bool) -> None:
    with st.container(key=f"mapping-{number}", border=True, gap="xsmall"):
        st.markdown(f"**{formatting.plain(row.token_role)}**")
        st.markdown(becomes(row))
        people = labels.quantity(row.people, "person", "people")
        st.caption(f"In the last sign-in of {people}." if row.people else "In nobody's last sign-in now.")
        if may:
            st.button(
                "Change", key=f"mapping-change-{number}", icon=":material/edit:",
                on_click=dialogs.open_dialog, args=("change", MAPPINGS, row),
            )  # fmt: skip


def becomes(row: MappingBody) -> str:
    """What a token role becomes, as markdown-safe text."""
    if row.own_name:
        names = [row.token_role, *(role.name for role in row.roles if role.name != row.token_role)]
        return (
            f":material/arrow_forward: becomes {labels.listed(names, limit=10)}; in development also without a mapping"
        )
    if not row.roles:
        return ":material/link_off: mapped nowhere"
    return f":material/arrow_forward: becomes {labels.listed([role.name for role in row.roles], limit=10)}"


def _dialog() -> None:
    found = dialogs.current(MAPPINGS)
    if found is not None and found.name == "change":
        change_dialog.show(found, found.about[0])
