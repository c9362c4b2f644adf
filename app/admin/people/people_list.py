"""The list of people: search while typing, filters, and the selection for bulk actions."""

from __future__ import annotations

import time
from typing import Final

import streamlit as st

from app import access, formatting
from app.admin.api.people import people
from app.admin.api.roles import roles
from app.admin.people import add_person, bulk_actions
from app.admin.widgets import dialogs, failures, labels, notices, pagination
from app.core.administration_records import PeopleQuery, PeopleSort, PersonState
from app.core.contract.people import PersonItem
from app.core.errors import GatehouseError, InvalidInput
from app.core.permissions import Permission
from app.core.records import MAX_SEARCH_CHARACTERS

PAGE_URL: Final = "/people"
SIZE: Final = 25
NO_ROLE: Final = "No role"
_CHOSEN: Final = "people-chosen"  # id → name of the selected people, over pages and searches
_BOXES: Final = "people-boxes"  # how many times all boxes were set at once; part of their keys
_STATES: Final = {label: state for state, label in labels.STATES.items()}
_KINDS: Final = {"People": False, "Machines": True}
_SORTS: Final = {
    "Name": PeopleSort.NAME,
    "Last seen": PeopleSort.LAST_SEEN,
    "Newest": PeopleSort.FIRST_SEEN,
}
_MAX_ROLES_OFFERED: Final = 200
_ROLES_TTL_SECONDS: Final = 60.0
_ROLE_NAMES: Final = "people-role-names"
_LIST_QUERY: Final = "people-query"  # the query of the list while a card is open


def show() -> None:
    """Draw the page: the title, notices, the list and the open dialog."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title("People", width="content")
        if access.allows(Permission.MANAGE_GRANTS):
            st.button(
                "Add a person", key="add-person", icon=":material/person_add:",
                on_click=dialogs.open_dialog, args=(add_person.NAME, PAGE_URL),
            )  # fmt: skip
    notices.show(PAGE_URL)
    _list()
    dialog = dialogs.current(PAGE_URL)
    if dialog is not None and dialog.name == add_person.NAME:
        add_person.show(dialog)
    elif dialog is not None:
        bulk_actions.show(dialog)


@st.fragment
def _list() -> None:
    """Search, filters and results; reruns without the rest of the page while the administrator types."""
    query = _query()
    cursor = pagination.cursor("people", query)
    try:
        with st.spinner("Loading people…"):
            page = people(query, cursor=cursor, limit=SIZE)
    except InvalidInput as error:
        if cursor and "cursor" in error.problems:  # its row is gone: start again at the first page
            pagination.restart("people")
            page = people(query, limit=SIZE)
        else:
            failures.show(error, key="people-failed", input_kept=True)
            return
    except GatehouseError as error:
        _failed(error)
        return
    choosing = _can_change()
    if choosing and _chosen():
        bulk_actions.bar(PAGE_URL, _chosen(), clear=_clear)
    if not page.rows:
        _empty(query)
    for row in page.rows:
        _row(row, choosing=choosing)
    pagination.control("people", query, page, size=SIZE, singular="person", plural="people")
    if choosing and page.rows:
        st.button("Choose all on this page", key="choose-page", type="tertiary", on_click=_choose, args=(page.rows,))


def _query() -> PeopleQuery:
    """The query from the search box and the filters, which are in the page's address too."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Search", key="q", type="search", live="250ms", placeholder="Name, e-mail or subject", autocomplete="off",
            max_chars=MAX_SEARCH_CHARACTERS, bind="query-params",
        )  # fmt: skip
        with st.popover("Filter", icon=":material/filter_list:", key="filters"):
            state = st.selectbox(
                "State", list(_STATES), index=None, key="state", placeholder="Any state", bind="query-params"
            )
            role = _role_filter()
            kind = st.selectbox(
                "Kind", list(_KINDS), index=None, key="kind", placeholder="People and machines", bind="query-params"
            )
            sort = st.selectbox("Order", list(_SORTS), key="sort", bind="query-params")
    query = PeopleQuery(
        text=(text or "").strip(),
        state=_STATES[state] if state else None,
        role=role if role and role != NO_ROLE else "",
        without_roles=role == NO_ROLE,
        machine=_KINDS[kind] if kind else None,
        sort=_SORTS[sort or "Name"],
    )
    filters = [part for part in (state, formatting.plain(f"role {role}") if query.role else role, kind) if part]
    if filters:
        with st.container(horizontal=True, vertical_alignment="center"):
            labels.small(f"Only: {', '.join(filters)}")
            st.button("Clear filters", key="clear-filters", type="tertiary", on_click=_clear_filters)
    return query


def _role_filter() -> str | None:
    offered = [NO_ROLE, *(_role_names() if access.allows(Permission.READ_ROLES) else ())]
    return st.selectbox(
        "Role", offered, index=None, key="role", placeholder="Any role", bind="query-params", accept_new_options=True
    )


def _role_names() -> tuple[str, ...]:
    """Role names for the filter, cached for a minute per tab; the filter accepts other names too."""
    fetched_at, names = st.session_state.get(_ROLE_NAMES, (0.0, ()))
    if not fetched_at or time.monotonic() - fetched_at > _ROLES_TTL_SECONDS:
        with failures.show_errors("roles-failed"):
            names = tuple(role.name for role in roles(limit=_MAX_ROLES_OFFERED).rows)
            st.session_state[_ROLE_NAMES] = (time.monotonic(), names)
    return tuple(names)


def _row(row: PersonItem, *, choosing: bool) -> None:
    """The row of a person: a checkbox, a button that opens the card, and a summary."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"person-{row.id}"):
        if choosing:
            st.checkbox(
                f"Choose {formatting.plain(row.shown_name, cap=80)}",
                key=_box_key(row.id),
                label_visibility="collapsed",
                value=row.id in _chosen(),
                on_change=_toggle,
                args=(row.id, row.shown_name),
            )
        with st.container(gap=None):
            icon = ":material/smart_toy:" if row.machine else ":material/person:"
            name = f"**{formatting.plain(row.shown_name, cap=80)}**"
            if st.button(name, key=f"open-{row.id}", icon=icon, type="tertiary"):
                open_card(row.id)
            labels.small(_summary(row))


def _summary(row: PersonItem) -> str:
    """State, e-mail, roles and last use, in one line of markdown-safe text."""
    parts = []
    if row.state is not PersonState.ACTIVE:
        color = "red" if row.state is PersonState.BLOCKED else "gray"
        parts.append(f":{color}-badge[{labels.STATES[row.state]}]")
    other = row.email if row.name and row.email else row.subject.subject
    if other != row.shown_name:
        parts.append(formatting.plain(other, cap=80))
    parts.append(labels.listed(row.roles, limit=3) if row.roles else "no role")
    if row.last_seen_at is not None:
        parts.append(f"last seen {labels.ago(row.last_seen_at)}")
    return " · ".join(parts)


def _empty(query: PeopleQuery) -> None:
    """The message of an empty list."""
    if query == PeopleQuery(sort=query.sort):
        st.info("There are no people yet. People appear when they sign in for the first time, or when you add them.")
        return
    st.info(
        "**No match.** Try a shorter part of the name, the e-mail address, or the subject that the sign-in "
        "provider uses; or clear the filters.",
        icon=":material/person_search:",
    )


def _failed(error: GatehouseError) -> None:
    failures.show(error, key="people-failed", input_kept=True)
    st.button("Try again", key="retry", icon=":material/refresh:")


def open_card(person_id: int) -> None:
    """Open the card of a person at its own address; the query of the list is kept for the way back."""
    st.session_state[_LIST_QUERY] = st.query_params.to_dict()
    # Not a link: on its own page Streamlit 1.67 follows one without changing the address.
    st.query_params.from_dict({"person": str(person_id)})
    st.rerun()


def back_to_list() -> None:
    """Go back from a card to the list, with the query it had."""
    st.query_params.from_dict(st.session_state.get(_LIST_QUERY, {}))


def _can_change() -> bool:
    """Whether the administrator may use any bulk action."""
    return any(map(access.allows, (Permission.MANAGE_GRANTS, Permission.BLOCK_PEOPLE, Permission.END_SESSIONS)))


def _chosen() -> dict[int, str]:
    chosen: dict[int, str] = st.session_state.setdefault(_CHOSEN, {})
    return chosen


def _box_key(person_id: int) -> str:
    return f"choose-{st.session_state.get(_BOXES, 0)}-{person_id}"


def _toggle(person_id: int, name: str) -> None:
    if st.session_state.get(_box_key(person_id)):
        _chosen()[person_id] = name
    else:
        _chosen().pop(person_id, None)


def _choose(rows: tuple[PersonItem, ...]) -> None:
    _chosen().update((row.id, row.shown_name) for row in rows)
    _replace_boxes()


def _clear() -> None:
    _chosen().clear()
    _replace_boxes()


def _replace_boxes() -> None:
    """Give the boxes new keys, so that they are drawn as selected or not.

    With the same keys, a press that the browser sends before it has drawn them would carry their old values. Streamlit
    takes those for changes by the user, and the selection would be undone.
    """
    st.session_state[_BOXES] = st.session_state.get(_BOXES, 0) + 1


def _clear_filters() -> None:
    for key in ("state", "role", "kind"):
        st.session_state[key] = None
