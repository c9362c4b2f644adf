"""One person's card: who they are, what they may do and why, where they are signed in, what happened lately."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from app import access, formatting, panels
from app.admin.api.audit import events
from app.admin.api.people import person
from app.admin.api.sessions import sessions_of
from app.admin.people import change_dialogs, people_list, session_list
from app.admin.widgets import dialogs, failures, labels, notices
from app.core.audit_rows import AuditQuery
from app.core.contract.grants import GrantBody, WithheldBody
from app.core.contract.people import PersonBody
from app.core.directory import PersonState
from app.core.errors import GatehouseError, NotFound
from app.core.permissions import ADMINISTRATOR, CATALOGUE, Permission
from app.core.policy import Source
from app.core.principal import Subject
from app.navigation import BY_PATH

_RECENT: Final = 8
_PERMISSIONS_SHOWN: Final = 100
_PROVIDED_NAMED: Final = 10
_PROVIDED_APART: Final = 5
"""Up to how many single permissions of the provider have a row each."""


def asked() -> int | None:
    """Whose card the address asks for; 0 for an address that names nobody, None for the list."""
    text = st.query_params.get("person")
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0  # noqa: PLR2004 - fits the storage's number


def place_of(person_id: int) -> str:
    """Where notices and dialogs about somebody stand."""
    return f"/people?person={person_id}"


def show(person_id: int) -> None:
    """The whole card."""
    place = place_of(person_id)
    st.button(
        "All people", key="all-people", icon=":material/arrow_back:", type="tertiary", on_click=people_list.closed
    )
    try:
        with st.spinner("Looking them up…"):
            card = person(person_id)
    except NotFound:
        st.title("Nobody here")
        notices.show(place)
        st.write("There is no such person. The address may be old, or cut off.")
        return
    except GatehouseError as error:
        st.title("Person")
        panels.problem(error)
        return
    own = access.principal().subject == Subject(card.subject.issuer, card.subject.subject)
    st.title(formatting.plain(card.shown_name, cap=80))
    notices.show(place)
    _identity(card, own=own, place=place)
    _grants(card, own=own, place=place)
    _permissions(card)
    if access.allows(Permission.READ_SESSIONS):
        _sessions(card, place)
    if access.allows(Permission.READ_AUDIT):
        _audit(card)
    dialog = dialogs.current(place)
    if dialog is not None and dialog.name == session_list.END:
        session_list.show_dialog(dialog)
    elif dialog is not None:
        change_dialogs.show(dialog, card)


def _identity(card: PersonBody, *, own: bool, place: str) -> None:
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
        labels.small(f"Known here as {subject}, at {issuer}")
        if card.first_seen_at is None:
            labels.small("Has not signed in yet. What is given now counts from the first sign-in on.")
        else:
            labels.small(
                f"First seen {labels.timestamp(card.first_seen_at)}. Last seen {labels.ago(card.last_seen_at)} "
                f"({labels.timestamp(card.last_seen_at)})."
            )
        if own:
            labels.small("These are your own rights. Nobody changes their own: ask another administrator.")
        _state_buttons(card, own=own, place=place)


def _badge(card: PersonBody) -> str:
    color, icon = {
        PersonState.ACTIVE: ("green", "check_circle"),
        PersonState.PENDING: ("gray", "hourglass_empty"),
        PersonState.BLOCKED: ("red", "block"),
        PersonState.ERASED: ("gray", "delete"),
    }[card.state]
    return f":{color}-badge[:material/{icon}: {labels.STATES[card.state]}]"


def _state_buttons(card: PersonBody, *, own: bool, place: str) -> None:
    """What may be done to the person as a whole; nothing is offered that would be refused."""
    offered = [
        (name, label, icon)
        for name, label, icon, permission, fits in (
            ("block", "Block…", ":material/block:", Permission.BLOCK_PEOPLE, card.state is not PersonState.BLOCKED),
            (
                "let-in",
                "Let in again…",
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
            st.button(label, key=name, icon=icon, on_click=dialogs.open_dialog, args=(name, place))


def _grants(card: PersonBody, *, own: bool, place: str) -> None:
    """Roles and single permissions, each with where it came from and the way to take it away."""
    changing = not own and access.allows(Permission.MANAGE_GRANTS)
    st.header("Roles and permissions")
    if not card.grants:
        st.write(f"None. {_without_grants(card)}")
    provided = [grant for grant in card.grants if grant.role is None and grant.source is Source.TOKEN]
    if len(provided) <= _PROVIDED_APART:
        provided = []
    for grant in sorted(card.grants, key=lambda grant: (grant.role is None, grant.name)):
        if grant in provided:
            continue
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"grant-{grant.id}"):
            with st.container(gap=None):
                kind = "" if grant.role else " (a single permission)"
                st.markdown(f"**{formatting.plain(grant.name, cap=120)}**{kind}")
                labels.small(_origin(grant, card))
            if changing:
                st.button(
                    "Take away…", key=f"take-{grant.id}",
                    on_click=dialogs.open_dialog, args=("take", place, grant),
                )  # fmt: skip
    if provided:  # a provider says each of them alone, and there may be as many as there are
        with st.container(border=True, gap=None, key="provided"):
            st.markdown(f"**{labels.quantity(len(provided), 'single permission')}**")
            named = labels.listed(sorted(grant.name for grant in provided), limit=_PROVIDED_NAMED)
            labels.small(
                f"From the sign-in provider: {named}. The list of people revokes any of them, and withholds it."
            )
    for withheld in card.withheld:
        _withheld(withheld, changing=changing, place=place)
    if changing:
        st.button(
            "Give a role or permission", key="give", icon=":material/add_circle:",
            on_click=dialogs.open_dialog, args=("give", place),
        )  # fmt: skip
    unmapped = [role.name for role in card.token_roles if not role.roles]
    if unmapped:
        labels.small(f"The sign-in provider also says {labels.listed(unmapped)}, which is mapped to no role here.")


def _without_grants(card: PersonBody) -> str:
    """What somebody can open who holds nothing."""
    if card.state is PersonState.BLOCKED:
        return "While they are blocked they can open nothing; once they are let in again, Home and Profile."
    if card.machine:
        return "It can call nothing but what its tokens say."
    return "They can open Home and Profile, and nothing else."


def _withheld(withheld: WithheldBody, *, changing: bool, place: str) -> None:
    """Something that is withheld, by whom and why, what would give it, and the way to release it."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"withheld-{withheld.id}"):
        with st.container(gap=None):
            kind = "" if withheld.role else " (a single permission)"
            st.markdown(f":gray-badge[Withheld] **{formatting.plain(withheld.name, cap=120)}**{kind}")
            why = f": “{formatting.plain(withheld.reason, cap=500)}”" if withheld.reason else "."
            labels.small(f"Withheld by {labels.actor(withheld.by)}, since {labels.timestamp(withheld.since)}{why}")
            sources = labels.automatic_sources(withheld.from_token, withheld.from_default_role)
            labels.small(
                f"Without that, {sources} would give it." if sources else "No automatic source would give it now."
            )
        if changing:
            st.button(
                "Release…", key=f"release-{withheld.id}",
                on_click=dialogs.open_dialog, args=("release", place, withheld),
            )  # fmt: skip


def _origin(grant: GrantBody, card: PersonBody) -> str:
    text = labels.origin(grant)
    text = text[:1].upper() + text[1:]
    if grant.source is Source.TOKEN:
        by = [role.name for role in card.token_roles if grant.role in role.roles]
        return f"{text}, as {labels.listed(by)}." if by else f"{text}."
    if grant.automatic:
        return f"{text}."
    return f"{text}: “{formatting.plain(grant.reason, cap=500)}”" if grant.reason else f"{text}."


def _permissions(card: PersonBody) -> None:
    """What they may do, by what it is about, each with the role it comes from."""
    st.header("What that lets them do")
    blocked = card.state is PersonState.BLOCKED
    if blocked and card.permissions:
        st.write("Nothing while they are blocked. Once they are let in again:")
    if not card.permissions:
        st.write("Nothing while they are blocked." if blocked else "Nothing beyond Home and Profile.")
        return
    by_id = {grant.id: grant for grant in card.grants}
    everything = next((grant for grant in card.grants if grant.role == ADMINISTRATOR), None)
    if everything is not None:
        st.write("Everything there is, because of the role **administrator**.")
    with st.expander(
        labels.quantity(len(card.permissions), "permission"), expanded=everything is None, key="permissions"
    ):
        shown = card.permissions[:_PERMISSIONS_SHOWN]
        ways = {one.name: (one.sentence, [by_id[way] for way in one.grants if way in by_id]) for one in shown}
        for resource, names in formatting.by_resource(ways).items():
            lines = "\n".join(_line(name, *ways[name]) for name in names)
            st.markdown(f"**{resource}**\n{lines}")
        if len(card.permissions) > len(shown):
            labels.small(f"And {len(card.permissions) - len(shown):,} more.")


def _line(name: str, said: str, ways: Sequence[GrantBody]) -> str:
    because = " and ".join(dict.fromkeys(_way(way) for way in ways)) or "what the sign-in provider says"
    text = formatting.sentence(name) if name in CATALOGUE else formatting.plain(said or name, cap=300)
    return f"- {text} :gray[Because of {because}.]"


def _way(grant: GrantBody) -> str:
    return f"role {formatting.plain(grant.role, cap=80)}" if grant.role else "a permission of their own"


def _sessions(card: PersonBody, place: str) -> None:
    st.header("Signed in now")
    with failures.show_errors("sessions-failed"):
        found = sessions_of(card.id)
        if not found:
            st.write("Nowhere.")
        session_list.show(found, place, with_person=False)
        if len(found) > 1 and access.allows(Permission.END_SESSIONS):
            st.button(
                "End all sessions…", key="end-all", icon=":material/logout:",
                on_click=dialogs.open_dialog, args=("end-all", place, len(found)),
            )  # fmt: skip


def _audit(card: PersonBody) -> None:
    st.header("Lately")
    with failures.show_errors("audit-failed"):
        page = events(AuditQuery(name=card.audit_name), limit=_RECENT)
        if not page.rows:
            st.write("Nothing yet.")
        for event in page.rows:
            with st.container(gap=None):
                st.markdown(formatting.plain(event.sentence, cap=300))
                why = f" · {formatting.plain(event.reason, cap=200)}" if event.reason else ""
                labels.small(f"{labels.ago(event.at)}, {labels.timestamp(event.at)}{why}")
        row = BY_PATH.get("audit")
        if page.rows and row is not None and access.allows_row(row):
            st.page_link(
                row.script, label="All of it in the audit", icon=":material/history:",
                query_params={"name": card.audit_name},
            )  # fmt: skip
