"""Home: the pages that the user may open, and the permissions that the user has and lacks."""

import streamlit as st

from app import access, formatting
from app.core.permissions import CATALOGUE
from app.core.policy import decide
from app.navigation import PAGES

access.require_page()

caller = access.caller()
first_name = formatting.plain((caller.principal.name or "").split(" ")[0])
st.title(f"Welcome, {first_name}" if first_name else "Welcome")

granted = [
    permission
    for permission in CATALOGUE.values()
    if decide(caller.principal, permission, caller.grants).allowed_after_step_up
]
lacking = [permission for permission in CATALOGUE.values() if permission not in granted]
open_rows = [row for row in PAGES[1:] if decide(caller.principal, row.permission, caller.grants).allowed_after_step_up]

if not granted:
    st.info(
        "**You have no role yet.** You are signed in, but you can open only a few pages. Ask an administrator "
        "for a role. It applies at once, without a new sign-in.",
        icon=":material/hourglass_empty:",
    )

st.header("What you can open")
columns = st.columns(2)
for number, row in enumerate(open_rows):
    with columns[number % 2].container(border=True, key=f"open-{row.path}"):
        st.page_link(row.script, label=f"**{row.title}**", icon=row.icon)
        st.caption(row.permission.sentence if row.permission is not None else "Your account, roles and devices.")

if granted:
    st.header("What you can do")
    for resource, names in formatting.by_resource(granted).items():
        st.markdown(
            f"**{resource}**  \n" + "  \n".join(f":material/check: {formatting.sentence(name)}" for name in names)
        )

if lacking and granted:
    with st.expander("What you cannot do", icon=":material/lock:"):
        st.caption("If you need one of these for your work, ask an administrator for a role that includes it.")
        for resource, names in formatting.by_resource(lacking).items():
            lines = "\n".join(f"- {formatting.sentence(name)} (`{name}`)" for name in names)
            st.markdown(f"**{resource}**\n{lines}")
