"""Profile: the user's identity, roles and their sources, permissions, and devices."""

from datetime import UTC, datetime

import streamlit as st

from app import access, api_client, formatting, panels
from app.core.errors import GatehouseError, NotFound
from app.core.permissions import CATALOGUE
from app.core.policy import decide
from app.navigation import BY_PATH

access.require_page()

caller = access.caller()
principal, grants = caller.principal, caller.grants

st.title("Profile")


def end_device(ref: str) -> None:
    """End one of the user's sessions; the next run shows the result."""
    try:
        api_client.end_my_session(ref)
    except NotFound:
        st.session_state["profile_notice"] = "That session had ended already."
    except GatehouseError as error:
        st.session_state["profile_notice"] = formatting.plain(error.detail or error.title)
    else:
        st.session_state["profile_notice"] = "The session was ended. That device is signed out."


def end_others() -> None:
    """End all of the user's sessions except this one."""
    try:
        count = api_client.end_my_other_sessions()
    except GatehouseError as error:
        st.session_state["profile_notice"] = formatting.plain(error.detail or error.title)
    else:
        st.session_state["profile_notice"] = (
            "There was no other session." if count == 0 else f"Ended {count} other session{'s' if count > 1 else ''}."
        )


with st.container(border=True, key="identity"):
    st.markdown(f"**{formatting.plain(principal.name or 'No name')}**")
    if principal.email:
        st.text(principal.email)
    if principal.subject is not None:
        st.markdown(f":small[User ID {formatting.plain(principal.subject.subject)}]")

st.header("Your roles")
if not grants.roles:
    st.write("You have no role yet. Ask an administrator for one.")
for role, paths in sorted(grants.roles.items()):
    with st.container(border=True):
        st.markdown(f"**{formatting.plain(role)}**")
        for path in paths:
            st.caption(formatting.granted_by(path))

st.header("Your permissions")
granted = [
    permission for permission in CATALOGUE.values() if decide(principal, permission, grants).allowed_after_step_up
]
if not granted:
    st.write("None. You can open Home and Profile.")
for resource, names in formatting.by_resource(granted).items():
    lines = []
    for name in names:
        sources = ", ".join(dict.fromkeys(formatting.granted_through(path) for path in grants.grant_paths(name)))
        origin = f":small[{formatting.plain(name)}, through {sources or 'the scope of your token'}]"
        lines.append(f":material/check: {formatting.sentence(name)}  \n{origin}")
    st.markdown(f"**{resource}**  \n" + "  \n".join(lines))

st.header("Your devices")
if notice := st.session_state.pop("profile_notice", None):
    st.info(notice, icon=":material/info:")
try:
    with st.spinner("Loading your devices…"):
        devices = api_client.my_sessions()
except GatehouseError as error:
    panels.problem(error)
else:
    now = datetime.now(UTC)
    for device in devices:
        with st.container(border=True, key=f"device-{device.ref[:8]}"):
            details, action = st.columns([4, 1], vertical_alignment="center")
            current = " — **this one**" if device.current else ""
            details.markdown(f"{formatting.plain(formatting.browser(device.browser))}{current}")
            since = formatting.ago(device.since, now)
            last = formatting.ago(device.last_seen_at, now)
            address = formatting.plain(device.address or "unknown address")
            # The title of a page that the user may not open is not shown.
            row = BY_PATH.get(device.page.strip("/")) if device.page else None
            page = f", on {row.title}" if row is not None and access.allows_row(row) else ""
            details.caption(f"Signed in {since} from {address}, last used {last}{page}")
            if not device.current:
                action.button(
                    "End", key=f"end-{device.ref[:8]}", on_click=end_device, args=(device.ref,), width="stretch"
                )
    if len(devices) > 1:
        st.button("End all other sessions", key="end-others", on_click=end_others, icon=":material/devices_off:")
