"""Home: what you may open and do, and which permissions you lack, in their own sentences."""

import streamlit as st

from app import access, formatting
from app.core.permissions import CATALOGUE
from app.core.policy import decide
from app.navigation import PAGES

access.require_page()

caller = access.caller()
first_name = formatting.plain((caller.principal.name or "").split(" ")[0])
st.title(f"Welcome, {first_name}" if first_name else "Welcome")

held = [
    permission
    for permission in CATALOGUE.values()
    if decide(caller.principal, permission, caller.grants).allowed_after_step_up
]
lacking = [permission for permission in CATALOGUE.values() if permission not in held]
open_rows = [row for row in PAGES[1:] if decide(caller.principal, row.permission, caller.grants).allowed_after_step_up]

if not held:
    st.info(
        "**You have no role yet.** You are signed in, but nobody has given you a role, so there is little to open. "
        "Ask an administrator to give you one; it shows here at once, without signing in again.",
        icon=":material/hourglass_empty:",
    )

st.header("What you can open")
columns = st.columns(2)
for number, row in enumerate(open_rows):
    with columns[number % 2].container(border=True, key=f"open-{row.path}"):
        st.page_link(row.script, label=f"**{row.title}**", icon=row.icon)
        st.caption(row.permission.sentence if row.permission is not None else "Your account, roles and devices.")

if held:
    st.header("What you can do")
    for resource, names in formatting.by_resource(held).items():
        st.markdown(
            f"**{resource}**  \n" + "  \n".join(f":material/check: {formatting.sentence(name)}" for name in names)
        )

if lacking and held:
    with st.expander("What you cannot do", icon=":material/lock:"):
        st.caption("If you need one of these for your work, ask an administrator for a role that includes it.")
        for resource, names in formatting.by_resource(lacking).items():
            lines = "\n".join(f"- {formatting.sentence(name)} (`{name}`)" for name in names)
            st.markdown(f"**{resource}**\n{lines}")
