"""Making somebody known before a first sign-in, so that roles can wait for them."""

from __future__ import annotations

from functools import partial
from typing import Final

import streamlit as st

from app import access
from app.admin.api.people import add_person
from app.admin.widgets import confirmation, dialogs, notices
from app.admin.widgets.dialogs import Dialog
from app.core.permissions import Permission

NAME: Final = "add-person"
_KEY: Final = "add-person"


def show(dialog: Dialog) -> None:
    """The dialog."""
    if access.allows(Permission.MANAGE_GRANTS):
        dialogs.show("Add a person", partial(_body, dialog), icon=":material/person_add:")
    else:
        dialogs.close()


def _body(dialog: Dialog) -> None:
    st.write("People appear by themselves when they first sign in. Add somebody here to give them roles before that.")
    subject = st.text_input(
        "Subject", key=f"{_KEY}-subject", max_chars=255, placeholder="auth0|65f0c2…", autocomplete="off",
        help="How the sign-in provider identifies them (in Auth0: user_id on the user's page). Not the e-mail.",
    )  # fmt: skip
    with st.expander("Another sign-in provider"):
        issuer = st.text_input(
            "Issuer", key=f"{_KEY}-issuer", max_chars=255, placeholder="https://login.example/", autocomplete="off",
            help="Only if they sign in at another provider than the one of this installation.",
        )  # fmt: skip
    why = confirmation.reason_input(_KEY, placeholder="Such as: begins on Monday")
    if not confirmation.buttons(_KEY, "Add", icon=":material/person_add:"):
        return
    name = (subject or "").strip()
    if not name:
        st.warning("Type the subject: it is how they are recognised when they sign in.", icon=":material/edit_note:")
        return
    if confirmation.attempt(_KEY, why, lambda: _add(dialog, name, (issuer or "").strip(), why)):
        dialogs.close()
        st.rerun()


def _add(dialog: Dialog, subject: str, issuer: str, reason: str) -> None:
    person, new = add_person(subject, issuer=issuer, reason=reason)
    st.query_params["person"] = str(person.id)
    said = "is known now: give them what they will need." if new else "was known already; here they are."
    notices.post(f"{confirmation.bold_name(person.shown_name)} {said}", f"{dialog.place}?person={person.id}")
