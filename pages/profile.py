"""Profile: who you are here, which roles you have and where each came from, what they let you do, your devices."""

from datetime import UTC, datetime

import streamlit as st

from app import access, api_client, formatting, panels
from app.core.errors import GatehouseError, NotFound
from app.core.permissions import CATALOGUE
from app.core.policy import decide
from app.navigation import BY_PATH

access.require_page()

caller = access.caller()
who, grants = caller.principal, caller.grants

st.title("Profile")


def end_device(ref: str) -> None:
    """End one of this person's sessions; what came of it is said on the next run."""
    try:
        api_client.end_my_session(ref)
    except NotFound:
        st.session_state["profile_notice"] = "That session had ended already."
    except GatehouseError as error:
        st.session_state["profile_notice"] = formatting.plain(error.detail or error.title)
    else:
        st.session_state["profile_notice"] = "The session was ended. That device is signed out."


def end_others() -> None:
    """End every session of this person but this one."""
    try:
        count = api_client.end_my_other_sessions()
    except GatehouseError as error:
        st.session_state["profile_notice"] = formatting.plain(error.detail or error.title)
    else:
        st.session_state["profile_notice"] = (
            "There was no other session." if count == 0 else f"Ended {count} other session{'s' if count > 1 else ''}."
        )


with st.container(border=True, key="identity"):
    st.markdown(f"**{formatting.plain(who.name or 'No name given')}**")
    if who.email:
        st.text(who.email)
    if who.subject is not None:
        st.markdown(f":small[Known here as {formatting.plain(who.subject.subject)}]")

st.header("Your roles")
if not grants.roles:
    st.write("You have no role yet. Ask an administrator to give you one.")
for role, ways in sorted(grants.roles.items()):
    with st.container(border=True):
        st.markdown(f"**{formatting.plain(role)}**")
        for held in ways:
            st.caption(formatting.granted_by(held))

st.header("What that lets you do")
mine = [permission for permission in CATALOGUE.values() if decide(who, permission, grants).allowed_after_step_up]
if not mine:
    st.write("Nothing beyond this page and Home.")
for resource, names in formatting.by_resource(mine).items():
    lines = []
    for name in names:
        because = ", ".join(dict.fromkeys(formatting.granted_through(way) for way in grants.grant_paths(name)))
        why = f":small[{formatting.plain(name)}, because of {because or 'the scope of your token'}]"
        lines.append(f":material/check: {formatting.sentence(name)}  \n{why}")
    st.markdown(f"**{resource}**  \n" + "  \n".join(lines))

st.header("Your devices")
if notice := st.session_state.pop("profile_notice", None):
    st.info(notice, icon=":material/info:")
try:
    with st.spinner("Asking the remote API for your devices…"):
        devices = api_client.my_sessions()
except GatehouseError as error:
    panels.problem(error)
else:
    now = datetime.now(UTC)
    for device in devices:
        with st.container(border=True, key=f"device-{device.ref[:8]}"):
            about, action = st.columns([4, 1], vertical_alignment="center")
            here = " — **this one**" if device.current else ""
            about.markdown(f"{formatting.plain(formatting.browser(device.browser))}{here}")
            since = formatting.ago(device.since, now)
            last = formatting.ago(device.last_seen_at, now)
            address = formatting.plain(device.address or "unknown address")
            # The title of a page that this person may not open is nobody's business here either.
            row = BY_PATH.get(device.page.strip("/")) if device.page else None
            where = f", on {row.title}" if row is not None and access.allows_row(row) else ""
            about.caption(f"Signed in {since} from {address}, last used {last}{where}")
            if not device.current:
                action.button(
                    "End", key=f"end-{device.ref[:8]}", on_click=end_device, args=(device.ref,), width="stretch"
                )
    if len(devices) > 1:
        st.button("End all other sessions", key="end-others", on_click=end_others, icon=":material/devices_off:")
