"""Profile: the user's identity, roles and their sources, permissions, and devices."""

import streamlit as st

from app import access, api_client, formatting, panels
from app.core.contract.sessions import SessionBody
from app.core.errors import GatehouseError, NotFound
from app.core.permissions import CATALOGUE, Permission, resource_title
from app.core.policy import decide
from app.navigation import BY_PATH
from app.ui import cells, failures, notices
from app.ui.cells import Tone
from app.ui.layout import header
from app.ui.pages import LocalPage
from app.ui.sentences import NoticeText, write
from app.ui.table import Table
from app.ui.table_parts import Action, Column, Row

access.require_page()

PAGE_URL = "/profile"
ROLES = Table(
    "own-roles",
    columns=(Column("role", "Role"), Column("source", "Source"), Column("until", "Until", kind="short")),
    singular="role",
    plural="roles",
)
PERMISSIONS = Table(
    "own-permissions",
    columns=(Column("resource", "Resource", kind="short"), Column("allows", "Allows"), Column("through", "Through")),
    singular="permission",
    plural="permissions",
    sizes=(10, 50),
)
DEVICES = Table(
    "own-devices",
    columns=(
        Column("browser", "Browser"),
        Column("address", "Address", kind="short", hides="late"),
        Column("since", "Signed in", kind="short", hides="late"),
        Column("used", "Last used", kind="short"),
    ),
    singular="device",
    plural="devices",
)


def end_device(ref: str, browser: str) -> None:
    """End one of the user's sessions; the next run shows the result."""
    try:
        with st.spinner("Ending the session…"):
            api_client.end_my_session(ref)
    except NotFound:
        notices.post(write(NoticeText.OWN_SESSION_GONE, browser=browser), PAGE_URL)
    except GatehouseError as error:
        text = write(NoticeText.OWN_SESSION_KEPT, browser=browser, cause=failures.message(error))
        notices.post(text, PAGE_URL, success=False)
    else:
        notices.post(write(NoticeText.OWN_SESSION_ENDED, browser=browser), PAGE_URL)
    st.rerun()


def end_others() -> None:
    """End all of the user's sessions except this one."""
    try:
        with st.spinner("Ending the other sessions…"):
            count = api_client.end_my_other_sessions()
    except GatehouseError as error:
        text = write(NoticeText.OWN_SESSIONS_KEPT, cause=failures.message(error))
        notices.post(text, PAGE_URL, success=False)
    else:
        ended = NoticeText.OWN_SESSIONS_ENDED if count else NoticeText.NO_OWN_SESSION
        notices.post(write(ended, other_sessions=count), PAGE_URL)
    st.rerun()


def permission_row(permission: Permission) -> Row:
    """One of the user's permissions, with the roles and grants that it comes from."""
    sources = list(dict.fromkeys(formatting.granted_through(path) for path in grants.grant_paths(permission)))
    return Row(
        permission,
        permission,
        (
            cells.text(resource_title(permission)),
            cells.text(permission.sentence, detail=permission),
            cells.badges(sources or ["scope of your token"]),
        ),
    )


def device_row(device: SessionBody) -> Row:
    """One of the user's sessions."""
    name = formatting.browser(device.browser)
    browser = cells.text(name)
    if device.current:
        browser = cells.with_badges(browser, [cells.badge("this browser", tone=Tone.INFORMATION)])
    # The title of a page that the user may not open is not shown.
    row = BY_PATH.get(device.page.strip("/")) if device.page else None
    page = f"on {row.title}" if row is not None and access.allows_row(row) else ""
    return Row(
        device.ref,
        name,
        (
            browser,
            cells.text(device.address or "unknown"),
            cells.time(device.since),
            cells.time(device.last_seen_at, detail=page),
        ),
        actions=() if device.current else ("end",),
    )


caller = access.caller()
principal, grants = caller.principal, caller.grants
with header("Profile"):
    pass
notices.show(PAGE_URL)
name = f"**{formatting.plain(principal.name or 'No name')}**"
st.markdown(f"{name} · {formatting.plain(principal.email)}" if principal.email else name)
if principal.subject is not None:
    with st.expander("User ID", icon=":material/fingerprint:"):
        st.code(principal.subject.subject, language=None, wrap_lines=True)

with header("Your roles", level=2, key="roles"):
    pass
if grants.roles:
    rows = [
        Row(
            f"{role}-{number}",
            role,
            (
                cells.text(role, icon="badge"),
                cells.text(formatting.source(path)),
                cells.time(path.expires_at, never="no expiry"),
            ),
        )
        for role, paths in sorted(grants.roles.items())
        for number, path in enumerate(paths)
    ]
    ROLES.show("Your roles", rows)
else:
    st.write("You have no role yet. Ask an administrator for one.")

with header("Your permissions", level=2, key="permissions"):
    pass
granted = [
    permission for permission in CATALOGUE.values() if decide(principal, permission, grants).allowed_after_step_up
]
if not granted:
    st.write("None. You can open Home and Profile.")
else:
    ordered = sorted(granted, key=lambda permission: (resource_title(permission), permission))
    page = PERMISSIONS.load(len(granted), lambda at: LocalPage.of(ordered, at.cursor, at.size))
    PERMISSIONS.show("Your permissions", [permission_row(permission) for permission in page.rows], page)

try:
    with st.spinner("Loading your devices…"):
        devices = api_client.my_sessions()
except GatehouseError as error:
    with header("Your devices", level=2, key="devices"):
        pass
    panels.problem(error)
else:
    with header("Your devices", level=2, key="devices"):
        others = len(devices) > 1 and st.button(
            "End all other sessions", key="end-others", icon=":material/devices_off:"
        )
    event = DEVICES.show(
        "Your devices", [device_row(device) for device in devices], row_actions=[Action("end", "End", danger=True)]
    )
    if others:
        end_others()
    ended = next((device for device in devices if event is not None and device.ref == event.row), None)
    if ended is not None:
        end_device(ended.ref, formatting.browser(ended.browser))
