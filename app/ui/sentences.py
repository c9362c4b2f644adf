"""The texts of notices and dialogs: one table, whose rows are templates with named placeholders.

A notice reports what happened, in the past tense: the act, its object with its kind, the person, the duration and the
source of a grant. ``app.ui.phrases`` fills the placeholders. A part in brackets is omitted if a value in it is empty.
Only ``write`` makes a ``Sentence``, which is what notices and dialogs accept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum, unique
from typing import Final, NewType, Unpack

from app.ui.phrases import DIALOG_PHRASES, PHRASES, Values, bold_name, plain_name

Sentence = NewType("Sentence", str)
"""A filled template, markdown-safe."""
_PARTS: Final = re.compile(r"\[([^\[\]]*)\]|\{(\w+)\}")
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


@unique
class NoticeText(StrEnum):
    """What happened, or why nothing did. An undo names what it did: ``Undone: revoked the role …``."""

    # Grants
    GRANTED = "Granted {person} {item}, {expiry}. It applies at once, in open tabs too."
    HAD_GRANT = "Nothing changed: {person} already has {item}, {expiry}."
    REVOKED = "Revoked {item} from {person} ({origin}). It applies at once, in open tabs too."
    REVOKED_IN_PART = "Revoked {item} from {person} ({origin}). {person} keeps it, {other_origin}."
    REVOKED_AND_WITHHELD = (
        "Revoked {item} from {person} ({origin}). It is withheld: signing in again does not restore it."
    )
    RELEASED = "Released {item} for {person}, {regrant}."
    UNDONE_GRANT = "Undone: revoked {item} from {person} again."
    UNDONE_REVOCATION = "Undone: granted {person} {item} again, {expiry}."
    UNDONE_WITHHOLDING = "Undone: released {item} for {person}, {regrant}."
    GRANT_GONE = "Nothing to undo: {item} of {person} was revoked meanwhile."
    REVOCATION_GONE = "Nothing to undo: {person} was granted {item} again meanwhile, {expiry}."
    WITHHOLDING_GONE = "Nothing to undo: {item} was released for {person} meanwhile."
    # Accounts and sessions
    BLOCKED = "Blocked {people} until unblocked by an administrator[, and ended {sessions}]."
    UNBLOCKED = "Unblocked {people}, who can sign in again."
    UNDONE_BLOCK = "Undone: unblocked {people}."
    UNDONE_UNBLOCK = "Undone: blocked {people} again."
    BLOCK_GONE = "Nothing to undo: {person} was unblocked meanwhile."
    UNBLOCK_GONE = "Nothing to undo: {person} was blocked meanwhile."
    SESSION_ENDED = "Ended the session of {person} ({browser})."
    SESSION_GONE = "Nothing changed: the session of {person} ({browser}) had ended already."
    SESSIONS_ENDED = "Ended {sessions} of {person}."
    NO_SESSION = "Nothing changed: {person} had no active session."
    PERSON_ADDED = "Added {person} (provider {issuer}) before a first sign-in. Grant the roles that are needed."
    PERSON_KNOWN = "Nothing changed: {person} was added before."
    ERASED = (
        "Erased the personal data of the user {user_id}, and ended every grant and session. The audit keeps the user "
        "ID and your reason."
    )
    # Several people
    GRANTED_MANY = "Granted {people} {item}, {expiry}."
    REVOKED_MANY = "Revoked {item} from {people}. What a sign-in grants is withheld."
    ENDED_MANY = "Ended all sessions of {people}."
    HAD_GRANT_MANY = "No change for {people}: {item} was granted already."
    HAD_NO_GRANT_MANY = "No change for {people}: {item} was not granted."
    WAS_BLOCKED_MANY = "No change for {people}: blocked already."
    WAS_UNBLOCKED_MANY = "No change for {people}: not blocked."
    NO_SESSION_MANY = "No change for {people}: no active session."
    UNCHANGED_MANY = "Left {people} unchanged, for the reasons in the list."
    UNKNOWN_MANY = "No answer about {people}: check what was changed before you try again."
    UNDONE_GRANT_MANY = "Undone: revoked {item} from {people} again."
    NOT_UNDONE_MANY = "Not undone for {people}: {cause}."
    # Roles and mappings
    ROLE_CREATED = "Created {role} with {permissions}. No one has it yet."
    ROLE_CHANGED = "Changed {role}: {changes}.[ It applies at once to {holders}.]"
    ROLE_DELETED = "Deleted {role}[, and moved {moved} to {target_role}][, and ended its mapping from {unmapped}]."
    ROLE_EQUAL = "Nothing to save: another administrator made the same changes to {role}."
    UNDONE_CREATION = "Undone: deleted {role}, which no one had."
    UNDONE_CHANGE = "Undone: changed {role} back: {changes}."
    UNDONE_DELETION = "Undone: created {role} again, with {permissions}."
    MAPPED = "Mapped {token_role} to {roles} (before: {before_roles}). It changed the permissions of {affected}."
    UNDONE_MAPPING = "Undone: mapped {token_role} to {roles} again."
    # The user's own sessions
    OWN_SESSION_ENDED = "Ended your session ({browser}): that device is signed out."
    OWN_SESSION_GONE = "Nothing changed: your session ({browser}) had ended already."
    OWN_SESSION_KEPT = "Could not end your session ({browser}): {cause}."
    OWN_SESSIONS_ENDED = "Ended your {other_sessions}."
    NO_OWN_SESSION = "Nothing changed: you had no other session."
    OWN_SESSIONS_KEPT = "Could not end your other sessions: {cause}."


@unique
class DialogTitle(StrEnum):
    """What a dialog is about: an act and its object."""

    GRANT = "Grant {people} a role or permission"
    REVOKE = "Revoke {item} from {person}?"
    REVOKE_MANY = "Revoke a role or permission from {people}"
    RELEASE = "Release {item} for {person}?"
    BLOCK = "Block {people}?"
    UNBLOCK = "Unblock {people}?"
    END_SESSION = "End the session of {person} ({browser})?"
    END_SESSIONS = "End all sessions of {people}?"
    ERASE = "Erase the personal data of {person}?"
    ADD_PERSON = "Add a person"
    DELETE_ROLE = "Delete {role}?"
    MAP = "Map {token_role}"


@unique
class DialogText(StrEnum):
    """What the act of a dialog will do, or why it cannot."""

    # Grants
    GRANTS = "{item} is granted to {people} at once, {expiry}."
    HAS_GRANT = "{person} has {item}, {origin} on {since}, {expiry}.[ Reason: {reason}.]"
    LOSES_GRANT = "{person} loses {item} at once, in open tabs too."
    KEEPS_GRANT = "{person} keeps {item}, {other_origin}: only this grant ends."
    WITHHOLDS = (
        "{item} comes from {automatic} at each sign-in. From now on it is withheld from {person}, until an "
        "administrator releases it."
    )
    LOSES_NOTHING = "{person} loses no permission: each one comes with {items} too."
    EMPTY_GRANT = "{person} loses no permission: {item} adds none now."
    LOSES_ADMINISTRATION = "{person} can administer nothing any more, and is left with {roles}."
    LOSES = "{person} loses: {lost}."
    REVOKES_MANY = "{item} is revoked from {people} at once, in open tabs too."
    WITHHOLDS_MANY = (
        "What a sign-in grants automatically is withheld from {people}: signing in again does not restore it."
    )
    NO_UNDO = "Revoking from {people} cannot be undone, because the expiry of each grant is lost."
    IS_WITHHELD = "{item} is withheld from {person} by {withheld_by} since {since}.[ Reason: {reason}.]"
    RELEASES = "{person} has {item} again at once, from {automatic}."
    RELEASES_LATER = "{person} gets {item} again at the next sign-in that grants it."
    # Accounts and sessions
    BLOCKS = "{people} can open nothing here until unblocked by an administrator."
    UNBLOCKS = "{people} can sign in again[, with {roles}]."
    KEEPS_ROLES = "The roles of {people} stay unchanged."
    ENDS_SESSIONS = "All sessions of {people} end at once. Unsaved input is lost."
    ENDS_SESSION = (
        "{person} is signed out of {browser} at once, and reads that an administrator ended the session. Unsaved input "
        "is lost."
    )
    CAN_RETURN = "{people} can sign in again, unless blocked."
    ADDS_PERSON = "Add a person here to grant roles before a first sign-in. Everyone else appears at the first sign-in."
    ERASES = "The name, e-mail and picture of {person} are deleted permanently."
    ERASES_GRANTS = "{person} loses {grants} and all sessions at once."
    ERASES_EVENTS = "The audit keeps the acts of {person}, with the user ID {user_id} only."
    ERASES_NO_SIGN_IN = (
        "A later sign-in of {person} starts with what a sign-in grants. What is withheld stays withheld."
    )
    PERSON_CHANGED = (
        "{person} was changed meanwhile, by another administrator or in another tab. Your change is not saved yet, and "
        "your input is kept. Review the differences, then confirm again or cancel."
    )
    # Roles and mappings
    MOVES_PEOPLE = (
        "Choose another role for {holders} with {role}. It is granted in the same transaction; other people are not "
        "affected."
    )
    MOVES_NO_ONE = "No one has {role}, so no one loses permissions."
    MOVES_MAPPING = "The mapping of {token_roles} moves from {role} to the other role."
    ENDS_MAPPING = "The mapping of {token_roles} to {role} ends."
    DELETES_ROLE = "{role} is deleted permanently. The audit keeps its name and your reason."
    ROLE_NOT_DELETED = "{role} was changed just now and is not deleted. Review its state, then delete it again."
    ROLE_NEWER = "{role} was changed meanwhile. You see its current state."
    ROLE_GONE = "{role} was deleted meanwhile. Your changes are not saved, and your input is kept."
    ROLE_CONFLICT = (
        "Another administrator changed {role} while you were editing it. Your changes are not saved yet, and those of "
        "the other administrator are kept. Choose how to continue."
    )
    STAYS_MAPPED = "{token_role} stays mapped to {roles}."
    MAPS = "Saving grants {roles} at once to {affected} whose last sign-in contained {token_role}."
    MAPS_LATER = "Later sign-ins with {token_role} get {roles}."
    UNMAPS = (
        "Saving revokes {roles} at once from {affected} whose last sign-in contained {token_role}, unless another "
        "grant includes the same."
    )
    UNMAPS_LATER = "Later sign-ins with {token_role} no longer get {roles}."
    MAPS_NOTHING = "{token_role} is then mapped to no role."
    MAPS_TOO_MUCH = (
        "You can map {token_role} only to roles whose permissions you hold yourself. You do not hold {permissions}."
    )
    MAPPING_CHANGED = (
        "The mapping of {token_role} was changed meanwhile, by another administrator or in another tab. Your change is "
        "not saved yet, and your input is kept. Review the differences, then confirm again or cancel."
    )


@unique
class ButtonText(StrEnum):
    """The act of a dialog, on the button that starts it; the title of the dialog names the object."""

    GRANT = "Grant"
    GRANT_MANY = "Grant to {count}"
    REVOKE = "Revoke"
    REVOKE_MANY = "Revoke from {count}"
    RELEASE = "Release"
    BLOCK = "Block"
    BLOCK_MANY = "Block {count}"
    UNBLOCK = "Unblock"
    UNBLOCK_MANY = "Unblock {count}"
    END_SESSION = "End session"
    END_SESSIONS = "End all sessions"
    END_MANY = "End all sessions of {count}"
    ERASE = "Erase permanently"
    ADD_PERSON = "Add person"
    DELETE_ROLE = "Delete role"
    SAVE_MAPPING = "Save mapping"


Template = NoticeText | DialogTitle | DialogText | ButtonText


def write(template: Template, **values: Unpack[Values]) -> Sentence:
    """Fill a template. In titles and on buttons names are not bold; values without a placeholder are ignored.

    Raises:
        KeyError: A placeholder has no value.
    """
    by_name: Mapping[str, object] = values
    phrases = DIALOG_PHRASES if isinstance(template, DialogText) else PHRASES
    style = plain_name if isinstance(template, DialogTitle | ButtonText) else bold_name

    def phrase(match: re.Match[str]) -> str:
        return phrases[match[1]](by_name[match[1]], style)

    def part(match: re.Match[str]) -> str:
        if match[2] is not None:
            return phrases[match[2]](by_name[match[2]], style)
        is_empty = any(not phrase(placeholder) for placeholder in _PLACEHOLDER.finditer(match[1]))
        return "" if is_empty else _PLACEHOLDER.sub(phrase, match[1])

    text = _PARTS.sub(part, template.value)
    return Sentence(f"{text[:1].upper()}{text[1:]}")


def joined(sentences: Iterable[Sentence]) -> Sentence:
    """Several sentences as one text."""
    return Sentence(" ".join(sentences))
