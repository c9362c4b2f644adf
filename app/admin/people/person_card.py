"""The card of a person: identity, grants, effective permissions, sessions and recent audit events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import streamlit as st

from app import access, formatting, panels
from app.admin.api.audit import events
from app.admin.api.people import person
from app.admin.api.sessions import sessions_of
from app.admin.people import change_dialogs, people_list, session_list
from app.admin.widgets import labels
from app.core.administration_records import PersonState
from app.core.audit_rows import AuditQuery
from app.core.contract.grants import GrantBody, WithheldBody
from app.core.contract.people import EffectivePermission, PersonBody
from app.core.errors import GatehouseError, NotFound
from app.core.permissions import ADMINISTRATOR, CATALOGUE, Permission
from app.core.policy import Source
from app.core.principal import Subject
from app.navigation import BY_PATH
from app.ui import dialogs, failures, notices, texts

_RECENT_EVENTS: Final = 8
_MAX_PERMISSIONS: Final = 100
_MAX_PROVIDED_NAMED: Final = 10
_MAX_PROVIDED_ROWS: Final = 5
"""Up to this many single permissions from the provider have a row each."""


def requested_person() -> int | None:
    """The id of the person in the page's address; 0 if it is not an id, None for the list of people."""
    text = st.query_params.get("person")
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0  # noqa: PLR2004 - fits the storage's number


def page_url_of(person_id: int) -> str:
    """The path and query of the page of a person, which shows its notices and dialogs."""
    return f"/people?person={person_id}"


def show(person_id: int) -> None:
    """Draw the card."""
    page_url = page_url_of(person_id)
    st.button(
        "All people", key="all-people", icon=":material/arrow_back:", type="tertiary", on_click=people_list.back_to_list
    )
    try:
        with st.spinner("Loading the person…"):
            card = person(person_id)
    except NotFound:
        st.title("Person not found")
        notices.show(page_url)
        st.write("There is no person with this id. The address may be old or incomplete.")
        return
    except GatehouseError as error:
        st.title("Person")
        panels.problem(error)
        return
    own = access.principal().subject == Subject(card.subject.issuer, card.subject.subject)
    st.title(formatting.plain(card.shown_name, cap=80))
    notices.show(page_url)
    _identity(card, own=own, page_url=page_url)
    _grants(card, own=own, page_url=page_url)
    _permissions(card)
    if access.allows(Permission.READ_SESSIONS):
        _sessions(card, page_url)
    if access.allows(Permission.READ_AUDIT):
        _audit(card)
    dialog = dialogs.current(page_url)
    if dialog is not None and dialog.name == session_list.END:
        session_list.show_dialog(dialog)
    elif dialog is not None:
        change_dialogs.show(dialog, card)


def _identity(card: PersonBody, *, own: bool, page_url: str) -> None:
    with st.container(border=True, key="identity"):
        badges = [_badge(card)]
        if card.machine:
            badges.append(":blue-badge[:material/smart_toy: Machine]")
        if card.counts_as_administrator:
            badges.append(":violet-badge[:material/shield_person: Counts as administrator]")
        if own:
            badges.append(":green-badge[You]")
        st.markdown(" ".join(badges))
        if card.email:
            verified = "" if card.email_verified else " (not verified by the provider)"
            st.text(f"{card.email}{verified}")
        subject, issuer = (formatting.plain(text, cap=255) for text in (card.subject.subject, card.subject.issuer))
        texts.small(f"User ID {subject} (provider {issuer})")
        if card.first_seen_at is None:
            texts.small("Has not signed in yet. Grants take effect at the first sign-in.")
        else:
            texts.small(
                f"First seen {texts.timestamp(card.first_seen_at)}. Last seen {texts.ago(card.last_seen_at)} "
                f"({texts.timestamp(card.last_seen_at)})."
            )
        if own:
            texts.small("This is you. You cannot change your own permissions: ask another administrator.")
        _state_buttons(card, own=own, page_url=page_url)


def _badge(card: PersonBody) -> str:
    color, icon = {
        PersonState.ACTIVE: ("green", "check_circle"),
        PersonState.PENDING: ("gray", "hourglass_empty"),
        PersonState.BLOCKED: ("red", "block"),
        PersonState.ERASED: ("gray", "delete"),
    }[card.state]
    return f":{color}-badge[:material/{icon}: {labels.STATES[card.state]}]"


def _state_buttons(card: PersonBody, *, own: bool, page_url: str) -> None:
    """Buttons to block, unblock and erase the person; an action that would be refused has none."""
    offered = [
        (name, label, icon)
        for name, label, icon, permission, fits in (
            ("block", "Block…", ":material/block:", Permission.BLOCK_PEOPLE, card.state is not PersonState.BLOCKED),
            (
                "unblock",
                "Unblock…",
                ":material/lock_open:",
                Permission.BLOCK_PEOPLE,
                card.state is PersonState.BLOCKED,
            ),
            (
                "erase",
                "Erase…",
                ":material/delete_forever:",
                Permission.ERASE_PEOPLE,
                card.state is not PersonState.ERASED,
            ),
        )
        if fits and not own and access.decide(permission).allowed_after_step_up
    ]
    if not offered:
        return
    with st.container(horizontal=True):
        for name, label, icon in offered:
            st.button(label, key=name, icon=icon, on_click=dialogs.open_dialog, args=(name, page_url))


def _grants(card: PersonBody, *, own: bool, page_url: str) -> None:
    """Roles and single permissions, each with its source and a button to revoke it."""
    changing = not own and access.allows(Permission.MANAGE_GRANTS)
    st.header("Roles and permissions")
    if not card.grants:
        st.write(f"None. {_without_grants(card)}")
    provided = [grant for grant in card.grants if grant.role is None and grant.source is Source.TOKEN]
    if len(provided) <= _MAX_PROVIDED_ROWS:
        provided = []
    for grant in sorted(card.grants, key=lambda grant: (grant.role is None, grant.name)):
        if grant in provided:
            continue
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"grant-{grant.id}"):
            with st.container(gap=None):
                kind = "" if grant.role else " (a single permission)"
                st.markdown(f"**{formatting.plain(grant.name, cap=120)}**{kind}")
                texts.small(_origin(grant, card))
            if changing:
                st.button(
                    "Revoke…", key=f"revoke-{grant.id}",
                    on_click=dialogs.open_dialog, args=("revoke", page_url, grant),
                )  # fmt: skip
    if provided:  # a provider may send many single permissions
        with st.container(border=True, gap=None, key="provided"):
            st.markdown(f"**{texts.quantity(len(provided), 'single permission')}**")
            named = texts.listed(sorted(grant.name for grant in provided), limit=_MAX_PROVIDED_NAMED)
            texts.small(
                f"From the sign-in provider: {named}. To revoke one, which withholds it, use the list of people."
            )
    for withheld in card.withheld:
        _withheld(withheld, changing=changing, page_url=page_url)
    if changing:
        st.button(
            "Grant a role or permission", key="add-grant", icon=":material/add_circle:",
            on_click=dialogs.open_dialog, args=("add-grant", page_url),
        )  # fmt: skip
    unmapped = [role.name for role in card.token_roles if not role.roles]
    if unmapped:
        texts.small(f"Also from the sign-in provider, but not mapped to a role: {texts.listed(unmapped)}.")


def _without_grants(card: PersonBody) -> str:
    """What a person without grants can open."""
    if card.state is PersonState.BLOCKED:
        return "While they are blocked they can open nothing; once unblocked, Home and Profile."
    if card.machine:
        return "It can call only what its tokens allow."
    return "They can open Home and Profile, and nothing else."


def _withheld(withheld: WithheldBody, *, changing: bool, page_url: str) -> None:
    """A withheld role or permission: by whom and why, which sources would grant it, and a button to release it."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"withheld-{withheld.id}"):
        with st.container(gap=None):
            kind = "" if withheld.role else " (a single permission)"
            st.markdown(f":gray-badge[Withheld] **{formatting.plain(withheld.name, cap=120)}**{kind}")
            reason = f": “{formatting.plain(withheld.reason, cap=500)}”" if withheld.reason else "."
            texts.small(f"Withheld by {labels.actor(withheld.by)}, since {texts.timestamp(withheld.since)}{reason}")
            sources = labels.automatic_sources(withheld.from_token, withheld.from_default_role)
            texts.small(
                f"Otherwise {sources} would grant it." if sources else "No automatic source would grant it now."
            )
        if changing:
            st.button(
                "Release…", key=f"release-{withheld.id}",
                on_click=dialogs.open_dialog, args=("release", page_url, withheld),
            )  # fmt: skip


def _origin(grant: GrantBody, card: PersonBody) -> str:
    text = labels.origin(grant)
    text = text[:1].upper() + text[1:]
    if grant.source is Source.TOKEN:
        token_roles = [role.name for role in card.token_roles if grant.role in role.roles]
        return f"{text}, as {texts.listed(token_roles)}." if token_roles else f"{text}."
    if grant.automatic:
        return f"{text}."
    return f"{text}: “{formatting.plain(grant.reason, cap=500)}”" if grant.reason else f"{text}."


def _permissions(card: PersonBody) -> None:
    """The effective permissions, grouped by resource, each with the grants it comes from."""
    st.header("Effective permissions")
    blocked = card.state is PersonState.BLOCKED
    if blocked and card.permissions:
        st.write("Nothing while they are blocked. Once unblocked:")
    if not card.permissions:
        st.write("Nothing while they are blocked." if blocked else "Nothing beyond Home and Profile.")
        return
    by_id = {grant.id: grant for grant in card.grants}
    is_administrator = any(grant.role == ADMINISTRATOR for grant in card.grants)
    if is_administrator:
        st.write("All permissions, from the role **administrator**.")
    with st.expander(
        texts.quantity(len(card.permissions), "permission"), expanded=not is_administrator, key="permissions"
    ):
        listed = {permission.name: permission for permission in card.permissions[:_MAX_PERMISSIONS]}
        for resource, names in formatting.by_resource(listed).items():
            lines = "\n".join(_permission_line(listed[name], by_id) for name in names)
            st.markdown(f"**{resource}**\n{lines}")
        if len(card.permissions) > len(listed):
            texts.small(f"And {len(card.permissions) - len(listed):,} more.")


def _permission_line(permission: EffectivePermission, grants: Mapping[int, GrantBody]) -> str:
    """One list item: the sentence of a permission, and the grants it comes from."""
    sources = dict.fromkeys(_source(grants[number]) for number in permission.grants if number in grants)
    name = permission.name
    text = formatting.sentence(name) if name in CATALOGUE else formatting.plain(permission.sentence or name, cap=300)
    return f"- {text} :gray[From {' and '.join(sources) or 'the sign-in provider'}.]"


def _source(grant: GrantBody) -> str:
    return f"role {formatting.plain(grant.role, cap=80)}" if grant.role else "a single permission"


def _sessions(card: PersonBody, page_url: str) -> None:
    st.header("Signed in now")
    with failures.show_errors("sessions-failed"):
        sessions = sessions_of(card.id)
        if not sessions:
            st.write("No active sessions.")
            return
        session_list.show_of_person(sessions, page_url)
        if len(sessions) > 1 and access.allows(Permission.END_SESSIONS):
            st.button(
                "End all sessions…", key="end-all", icon=":material/logout:",
                on_click=dialogs.open_dialog, args=("end-all", page_url, len(sessions)),
            )  # fmt: skip


def _audit(card: PersonBody) -> None:
    st.header("Recent activity")
    with failures.show_errors("audit-failed"):
        page = events(AuditQuery(name=card.audit_name), limit=_RECENT_EVENTS)
        if not page.rows:
            st.write("Nothing yet.")
        for event in page.rows:
            with st.container(gap=None):
                st.markdown(formatting.plain(event.sentence, cap=300))
                reason = f" · {formatting.plain(event.reason, cap=200)}" if event.reason else ""
                texts.small(f"{texts.ago(event.at)}, {texts.timestamp(event.at)}{reason}")
        row = BY_PATH.get("audit")
        if page.rows and row is not None and access.allows_row(row):
            st.page_link(
                row.script, label="All events in the audit", icon=":material/history:",
                query_params={"name": card.audit_name},
            )  # fmt: skip
