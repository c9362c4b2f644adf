"""The dialog that adds a person before their first sign-in, so that they can be granted roles."""

from __future__ import annotations

from functools import partial
from typing import Final

import streamlit as st

from app import access
from app.admin.api.people import add_person
from app.core.permissions import Permission
from app.ui import confirmation, dialogs, notices
from app.ui.dialogs import Dialog
from app.ui.sentences import ButtonText, DialogText, DialogTitle, NoticeText, write

NAME: Final = "add-person"
_KEY: Final = "add-person"


def show(dialog: Dialog) -> None:
    """Draw the dialog; close it if the administrator may no longer use it."""
    if access.allows(Permission.MANAGE_GRANTS):
        dialogs.show(write(DialogTitle.ADD_PERSON), partial(_body, dialog), icon=":material/person_add:")
    else:
        dialogs.close()


def _body(dialog: Dialog) -> None:
    confirmation.show_effects((write(DialogText.ADDS_PERSON),))
    subject = st.text_input(
        "Subject", key=f"{_KEY}-subject", max_chars=255, placeholder="auth0|65f0c2…", autocomplete="off",
        help="How the sign-in provider identifies the person (in Auth0: user_id on the user's page). Not the e-mail.",
    )  # fmt: skip
    with st.expander("Another sign-in provider"):
        issuer = st.text_input(
            "Issuer", key=f"{_KEY}-issuer", max_chars=255, placeholder="https://login.example/", autocomplete="off",
            help="Only if the person signs in at another provider than the one of this installation.",
        )  # fmt: skip
    reason = confirmation.reason_input(_KEY, placeholder="Such as: starts on Monday")
    if not confirmation.buttons(_KEY, write(ButtonText.ADD_PERSON), icon=":material/person_add:"):
        return
    name = (subject or "").strip()
    if not name:
        st.warning("Type the subject: it identifies the person at each sign-in.", icon=":material/edit_note:")
        return
    if confirmation.attempt(_KEY, reason, lambda: _add(dialog, name, (issuer or "").strip(), reason)):
        dialogs.close()
        st.rerun()


def _add(dialog: Dialog, subject: str, issuer: str, reason: str) -> None:
    person, new = add_person(subject, issuer=issuer, reason=reason)
    st.query_params["person"] = str(person.id)
    text = NoticeText.PERSON_ADDED if new else NoticeText.PERSON_KNOWN
    sentence = write(text, person=person.shown_name, issuer=person.subject.issuer)
    notices.post(sentence, f"{dialog.page_url}?person={person.id}")
