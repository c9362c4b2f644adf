"""Gallery: every part of the design system in every state, with its code. In development only."""

from datetime import timedelta

import streamlit as st

from app import access
from app.core import errors
from app.core.clock import utc_now
from app.ui import cells, confirmation, dialogs, failures, notices, texts
from app.ui.cells import Tone
from app.ui.layout import header
from app.ui.notices import Undo
from app.ui.pages import LocalPage
from app.ui.phrases import Item
from app.ui.sentences import ButtonText, DialogText, DialogTitle, NoticeText, write
from app.ui.states import empty
from app.ui.table import Table
from app.ui.table_parts import Action, Column, Row

access.require_page()

PAGE_URL = "/gallery"
COLUMNS = (
    Column("name", "Name", sort="name"),
    Column("state", "State", kind="short"),
    Column("roles", "Roles"),
    Column("count", "Sessions", sort="count", newest_first=True, kind="number", hides="late"),
    Column("seen", "Last seen", sort="seen", newest_first=True, kind="short", hides="later"),
)
NAMES = (
    "Ada Okafor",
    "Eva Novak",
    "محمد الفارسي",
    "Ñandú G̈ómez̧",
    "W" * 256,
    "<b>Robert</b>'); DROP TABLE people;--",
    "",
)
ANALYST: Item = ("role", "analyst")
GRANTED = write(NoticeText.GRANTED, item=ANALYST, person="Eva Novak", expiry=None)
BULK = (Action("grant", "Grant…", "add_circle"), Action("block", "Block…", "block", danger=True))


def table(name: str) -> Table:
    """A table of people."""
    return Table(name, columns=COLUMNS, singular="person", plural="people", sizes=(5, 10))


def rows() -> list[Row]:
    """People whose names need care."""
    return [
        Row(
            str(number),
            name or "no name",
            (
                cells.person(name, detail=f"person.{number}@example.test", machine=number == 1),
                {"badges": [cells.badge("Blocked", tone=Tone.BAD) if number == 2 else cells.badge("Active")]},  # noqa: PLR2004 - one of them
                cells.badges(["analyst", "viewer", "developer", "auditor"][: number % 5], none="no role"),
                cells.number(number * 1234),
                cells.time(utc_now() - timedelta(minutes=7**number) if number else None),
            ),
            href="?person=1" if number % 2 == 0 else "",
            actions=("end",) if number % 3 == 0 else (),
        )
        for number, name in enumerate(NAMES)
    ]


def tables() -> None:
    """The table: selection, pages, actions; one row; none."""
    with header("Table", level=2, key="tables"):
        pass
    full = table("gallery-full")
    page = full.load(None, lambda at: LocalPage.of(rows(), at.cursor, at.size))
    pressed = full.show("People", page.rows, page, bulk=BULK, row_actions=[Action("end", "End…", danger=True)])
    texts.small(f"Pressed: {pressed.name} {pressed.row}" if pressed else "Nothing was pressed in this run.")
    table("gallery-one").show("One person", rows()[1:2])
    empty(
        "No match.", "Try a shorter part of the name, or clear the filters.", icon="person_search", key="gallery-empty"
    )


def messages() -> None:
    """Notices and failures."""
    with header("Notices", level=2, key="notices"):
        st.button("Success", on_click=notices.post, args=(GRANTED, PAGE_URL))
        undo = Undo(lambda: write(NoticeText.UNDONE_GRANT, item=ANALYST, person="Eva Novak"))
        st.button("With Undo", on_click=notices.post, args=(GRANTED, PAGE_URL), kwargs={"undo": undo})
        in_part = write(NoticeText.UNCHANGED_MANY, people=NAMES)
        st.button("In part", on_click=notices.post, args=(in_part, PAGE_URL), kwargs={"success": False})
    with header("Failures", level=2, key="failures"):
        pass
    for number, error in enumerate(
        (
            errors.ApiUnavailable("The request timed out."),
            errors.StorageUnavailable(),
            errors.TooManyRequests(7),
            errors.InvalidInput({"name": "A name has at most 256 characters."}),
            errors.LastAdministrator("Appoint another administrator first."),
        )
    ):
        failures.show(error, key=f"failure-{number}", input_kept=True)


def small_parts() -> None:
    """Badges, times and counts in running text."""
    with header("Text", level=2, key="text"):
        pass
    now = utc_now()
    st.markdown(
        f"{texts.ago(now - timedelta(hours=3))} · {texts.timestamp(now)} · {texts.quantity(1200, 'session')} · "
        f"{texts.counted(1000, capped=True)} · {texts.listed(['viewer', 'analyst', 'auditor'])}"
    )
    st.markdown(":green-badge[Active] :gray-badge[Not signed in yet] :red-badge[Blocked] :blue-badge[Machine]")


def dialog_body() -> None:
    """A dialog that asks for a reason."""
    confirmation.show_effects((write(DialogText.LOSES_GRANT, item=ANALYST, person="Eva Novak"),))
    reason = confirmation.reason_input("gallery")
    if confirmation.buttons("gallery", write(ButtonText.REVOKE), icon=":material/do_not_disturb_on:", danger=True) and (
        confirmation.attempt("gallery", reason, lambda: None)
    ):
        dialogs.close_and_rerun()


with header("Gallery", caption="Every part of the design system (`app/ui`), in its states."):
    st.button("Open a dialog", on_click=dialogs.open_dialog, args=("gallery", PAGE_URL), type="primary", key="open")
notices.show(PAGE_URL)
tables()
messages()
small_parts()
if dialogs.current(PAGE_URL) is not None:
    title = write(DialogTitle.REVOKE, item=ANALYST, person="Eva Novak")
    dialogs.show(title, dialog_body, icon=":material/do_not_disturb_on:")
