"""A table of permissions: what each allows, its name, and the way to the people who have it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import streamlit as st

from app import access
from app.admin.widgets.permission_groups import grouped, matching, sentence_of
from app.core.permissions import Permission
from app.core.records import MAX_SEARCH_CHARACTERS
from app.navigation import BY_FILE
from app.ui import cells
from app.ui.pages import LocalPage
from app.ui.table import Table
from app.ui.table_parts import Action, Column, Row

HOLDERS: Final = "holders"
_HOLDERS_ACTION: Final = Action(HOLDERS, "Who has this", icon="group")
_MAX_WITHOUT_SEARCH: Final = 12


@dataclass(frozen=True, slots=True)
class ListedPermissions:
    """A table of permissions, of at most one per page and ``name``. ``empty``: the text in place of an empty one."""

    name: str
    empty: str

    def show(
        self,
        label: str,
        names: Collection[str],
        *,
        sentences: Mapping[str, str] | None = None,
        marks: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        """Draw the table, with a search if it is long, in the order of resources.

        Args:
            label: The name of the table, for screen readers.
            names: The permissions.
            sentences: Name → sentence, for permissions that this process's catalogue lacks.
            marks: Further columns: label → permissions that have a tick there.
        """
        if not names:
            st.markdown(self.empty)
            return
        text = ""
        if len(names) > _MAX_WITHOUT_SEARCH:
            text = st.text_input(
                "Search in these permissions", key=f"{self.name}-search", type="search", live="250ms",
                max_chars=MAX_SEARCH_CHARACTERS, placeholder="Part of a name or sentence", autocomplete="off",
                width=320,
            )  # fmt: skip
        ordered = [name for group in grouped(matching(names, text or "", sentences)) for name in group.names]
        if not ordered:
            st.info(f"**None of these {len(names):,} permissions matches.**", icon=":material/search_off:")
            return
        columns = marks or {}
        table = Table(
            self.name,
            columns=(
                Column("permission", "Permission", kind="prose"),
                *(Column(f"mark-{number}", cells.one_line(title), kind="mark") for number, title in enumerate(columns)),
            ),
            singular="permission",
            plural="permissions",
        )
        page = table.load((text, tuple(ordered)), lambda at: LocalPage.of(ordered, at.cursor, at.size))
        may_list = access.allows(Permission.READ_PEOPLE)
        rows = [
            Row(
                name,
                name,
                (
                    cells.text(sentence_of(name, sentences), detail=name),
                    *(cells.mark(name in ticked) for ticked in columns.values()),
                ),
                actions=(HOLDERS,) if may_list else (),
            )
            for name in page.rows
        ]
        event = table.show(label, rows, page, row_actions=(_HOLDERS_ACTION,) if may_list else ())
        if event is not None and event.name == HOLDERS:
            st.switch_page(BY_FILE["people.py"].script, query_params={"permission": event.row})
