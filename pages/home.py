"""Home: the user's roles, recently used pages, what needs an administrator, and how to get more access."""

import streamlit as st

from app import access, formatting
from app.admin import overview
from app.core.permissions import CATALOGUE, Permission
from app.core.policy import decide
from app.navigation import BY_PATH, PAGES
from app.page_registry import navigation_state
from app.ui.layout import header

access.require_page()

MAX_RECENT = 4
caller = access.caller()
first_name = formatting.plain((caller.principal.name or "").split(" ")[0])
with header(f"Welcome, {first_name}" if first_name else "Welcome"):
    pass

granted = [
    permission
    for permission in CATALOGUE.values()
    if decide(caller.principal, permission, caller.grants).allowed_after_step_up
]
lacking = [permission for permission in CATALOGUE.values() if permission not in granted]
open_rows = [
    row
    for row in PAGES[1:]
    if not row.development_only and decide(caller.principal, row.permission, caller.grants).allowed_after_step_up
]

if granted:
    roles = " ".join(f":gray-badge[:material/badge: {formatting.plain(role)}]" for role in sorted(caller.grants.roles))
    st.markdown(f"Your roles: {roles}" if roles else "You have permissions of your own, and no role.")
else:
    st.info(
        "**You have no role yet.** You are signed in, but you can open only a few pages. Ask an administrator "
        "for a role. It applies at once, without a new sign-in.",
        icon=":material/hourglass_empty:",
    )

recent = [BY_PATH[path] for path in reversed(navigation_state().recent) if BY_PATH[path] in open_rows][:MAX_RECENT]
with header("Recently used" if recent else "Start here", level=2, key="recent"):
    pass
for start in range(0, MAX_RECENT, 2):
    for row, column in zip((recent or open_rows[:MAX_RECENT])[start : start + 2], st.columns(2), strict=False):
        with column.container(border=True, key=f"open-{row.path}", gap="xsmall"):
            st.page_link(row.script, label=f"**{row.title}**", icon=row.icon)
            st.markdown(f":small[{row.permission.sentence if row.permission else 'Your account, roles and devices.'}]")


if access.allows(Permission.READ_STATISTICS):
    overview.show_attention()

if granted:
    with st.expander(f"What you can do ({len(granted)})", icon=":material/check:"):
        for resource, names in formatting.by_resource(granted).items():
            lines = "\n".join(f"- {formatting.sentence(name)}" for name in names)
            st.markdown(f"**{resource}**\n{lines}")
if lacking and granted:
    with st.expander(f"What you cannot do ({len(lacking)})", icon=":material/lock:"):
        st.write("If you need one of these for your work, ask an administrator for a role that includes it.")
        for resource, names in formatting.by_resource(lacking).items():
            lines = "\n".join(f"- {formatting.sentence(name)} :small[{formatting.plain(name)}]" for name in names)
            st.markdown(f"**{resource}**\n{lines}")
