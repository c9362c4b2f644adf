# Over 300 lines: the table of sentences is one file.
"""The sentences of notices and dialogs: template and values → sentence, literally."""

from __future__ import annotations

import pytest

from app.core.policy import Source
from app.ui.phrases import Values
from app.ui.sentences import ButtonText, DialogText, DialogTitle, NoticeText, Template, write
from tests.app.ui.sentence_values import UNTIL, Changes, grant, values, withheld

EXPECTED: dict[Template, str] = {
    NoticeText.GRANTED: "Granted **Eva Novak** the role **analyst**, no expiry. It applies at once, in open tabs too.",
    NoticeText.HAD_GRANT: "Nothing changed: **Eva Novak** already has the role **analyst**, no expiry.",
    NoticeText.REVOKED: (
        "Revoked the role **analyst** from **Eva Novak** (granted by **Ada Okafor**). It applies at once, in "
        "open tabs too."
    ),
    NoticeText.REVOKED_IN_PART: (
        "Revoked the role **analyst** from **Eva Novak** (granted by **Ada Okafor**). **Eva Novak** keeps "
        "it, granted by the sign-in provider."
    ),
    NoticeText.REVOKED_AND_WITHHELD: (
        "Revoked the role **analyst** from **Eva Novak** (granted by **Ada Okafor**). It is withheld: "
        "signing in again does not restore it."
    ),
    NoticeText.RELEASED: (
        "Released the role **analyst** for **Eva Novak**, granted again at once by the sign-in provider."
    ),
    NoticeText.UNDONE_GRANT: "Undone: revoked the role **analyst** from **Eva Novak** again.",
    NoticeText.UNDONE_REVOCATION: "Undone: granted **Eva Novak** the role **analyst** again, no expiry.",
    NoticeText.UNDONE_WITHHOLDING: (
        "Undone: released the role **analyst** for **Eva Novak**, granted again at once by the sign-in provider."
    ),
    NoticeText.GRANT_GONE: "Nothing to undo: the role **analyst** of **Eva Novak** was revoked meanwhile.",
    NoticeText.REVOCATION_GONE: (
        "Nothing to undo: **Eva Novak** was granted the role **analyst** again meanwhile, no expiry."
    ),
    NoticeText.WITHHOLDING_GONE: "Nothing to undo: the role **analyst** was released for **Eva Novak** meanwhile.",
    NoticeText.BLOCKED: "Blocked **Eva Novak** until unblocked by an administrator, and ended 2 sessions.",
    NoticeText.UNBLOCKED: "Unblocked **Eva Novak**, who can sign in again.",
    NoticeText.UNDONE_BLOCK: "Undone: unblocked **Eva Novak**.",
    NoticeText.UNDONE_UNBLOCK: "Undone: blocked **Eva Novak** again.",
    NoticeText.BLOCK_GONE: "Nothing to undo: **Eva Novak** was unblocked meanwhile.",
    NoticeText.UNBLOCK_GONE: "Nothing to undo: **Eva Novak** was blocked meanwhile.",
    NoticeText.SESSION_ENDED: "Ended the session of **Eva Novak** (Firefox on Windows).",
    NoticeText.SESSION_GONE: "Nothing changed: the session of **Eva Novak** (Firefox on Windows) had ended already.",
    NoticeText.SESSIONS_ENDED: "Ended 2 sessions of **Eva Novak**.",
    NoticeText.NO_SESSION: "Nothing changed: **Eva Novak** had no active session.",
    NoticeText.PERSON_ADDED: (
        "Added **Eva Novak** (provider https://login.example/) before a first sign-in. Grant the roles that are needed."
    ),
    NoticeText.PERSON_KNOWN: "Nothing changed: **Eva Novak** was added before.",
    NoticeText.ERASED: (
        "Erased the personal data of the user **auth0|eva**, and ended every grant and session. The audit "
        "keeps the user ID and your reason."
    ),
    NoticeText.GRANTED_MANY: "Granted **Eva Novak** the role **analyst**, no expiry.",
    NoticeText.REVOKED_MANY: "Revoked the role **analyst** from **Eva Novak**. What a sign-in grants is withheld.",
    NoticeText.ENDED_MANY: "Ended all sessions of **Eva Novak**.",
    NoticeText.HAD_GRANT_MANY: "No change for **Eva Novak**: the role **analyst** was granted already.",
    NoticeText.HAD_NO_GRANT_MANY: "No change for **Eva Novak**: the role **analyst** was not granted.",
    NoticeText.WAS_BLOCKED_MANY: "No change for **Eva Novak**: blocked already.",
    NoticeText.WAS_UNBLOCKED_MANY: "No change for **Eva Novak**: not blocked.",
    NoticeText.NO_SESSION_MANY: "No change for **Eva Novak**: no active session.",
    NoticeText.UNCHANGED_MANY: "Left **Eva Novak** unchanged, for the reasons in the list.",
    NoticeText.UNKNOWN_MANY: "No answer about **Eva Novak**: check what was changed before you try again.",
    NoticeText.UNDONE_GRANT_MANY: "Undone: revoked the role **analyst** from **Eva Novak** again.",
    NoticeText.NOT_UNDONE_MANY: "Not undone for **Eva Novak**: **The server does not answer.** Try again.",
    NoticeText.ROLE_CREATED: (
        "Created the role **ops** with the permissions **read:reports** and **read:audit**. No one has it yet."
    ),
    NoticeText.ROLE_CHANGED: (
        "Changed the role **ops**: + **export:reports** and \N{MINUS SIGN} **read:audit**, renamed to **night**, a new "
        "description. It applies at once to 12 people."
    ),
    NoticeText.ROLE_DELETED: (
        "Deleted the role **ops**, and moved 3 people and the token role **Staff** to the role **viewer**, "
        "and ended its mapping from the token role **Staff**."
    ),
    NoticeText.ROLE_EQUAL: "Nothing to save: another administrator made the same changes to the role **ops**.",
    NoticeText.UNDONE_CREATION: "Undone: deleted the role **ops**, which no one had.",
    NoticeText.UNDONE_CHANGE: (
        "Undone: changed the role **ops** back: + **export:reports** and \N{MINUS SIGN} **read:audit**, renamed to "
        "**night**, a new description."
    ),
    NoticeText.UNDONE_DELETION: (
        "Undone: created the role **ops** again, with the permissions **read:reports** and **read:audit**."
    ),
    NoticeText.MAPPED: (
        "Mapped the token role **Staff** to the roles **analyst** and **viewer** (before: no role). It "
        "changed the permissions of 3 people."
    ),
    NoticeText.UNDONE_MAPPING: "Undone: mapped the token role **Staff** to the roles **analyst** and **viewer** again.",
    NoticeText.OWN_SESSION_ENDED: "Ended your session (Firefox on Windows): that device is signed out.",
    NoticeText.OWN_SESSION_GONE: "Nothing changed: your session (Firefox on Windows) had ended already.",
    NoticeText.OWN_SESSION_KEPT: (
        "Could not end your session (Firefox on Windows): **The server does not answer.** Try again."
    ),
    NoticeText.OWN_SESSIONS_ENDED: "Ended your 2 other sessions.",
    NoticeText.NO_OWN_SESSION: "Nothing changed: you had no other session.",
    NoticeText.OWN_SESSIONS_KEPT: "Could not end your other sessions: **The server does not answer.** Try again.",
    DialogTitle.GRANT: "Grant Eva Novak a role or permission",
    DialogTitle.REVOKE: "Revoke the role analyst from Eva Novak?",
    DialogTitle.REVOKE_MANY: "Revoke a role or permission from Eva Novak",
    DialogTitle.RELEASE: "Release the role analyst for Eva Novak?",
    DialogTitle.BLOCK: "Block Eva Novak?",
    DialogTitle.UNBLOCK: "Unblock Eva Novak?",
    DialogTitle.END_SESSION: "End the session of Eva Novak (Firefox on Windows)?",
    DialogTitle.END_SESSIONS: "End all sessions of Eva Novak?",
    DialogTitle.ERASE: "Erase the personal data of Eva Novak?",
    DialogTitle.ADD_PERSON: "Add a person",
    DialogTitle.DELETE_ROLE: "Delete the role ops?",
    DialogTitle.MAP: "Map the token role Staff",
    DialogText.GRANTS: "The role **analyst** is granted to **Eva Novak** at once, no expiry.",
    DialogText.HAS_GRANT: (
        "**Eva Novak** has the role **analyst**, granted by **Ada Okafor** on 1 March 2026, 09:30 UTC, no "
        "expiry. Reason: joined the team."
    ),
    DialogText.LOSES_GRANT: "**Eva Novak** loses the role **analyst** at once, in open tabs too.",
    DialogText.KEEPS_GRANT: (
        "**Eva Novak** keeps the role **analyst**, granted by the sign-in provider: only this grant ends."
    ),
    DialogText.WITHHOLDS: (
        "The role **analyst** comes from the sign-in provider and the default role at each sign-in. From now "
        "on it is withheld from **Eva Novak**, until an administrator releases it."
    ),
    DialogText.LOSES_NOTHING: (
        "**Eva Novak** loses no permission: each one comes with the role **viewer** and the permission "
        "**read:audit** too."
    ),
    DialogText.EMPTY_GRANT: "**Eva Novak** loses no permission: the role **analyst** adds none now.",
    DialogText.LOSES_ADMINISTRATION: (
        "**Eva Novak** can administer nothing any more, and is left with the roles **analyst** and **viewer**."
    ),
    DialogText.LOSES: "**Eva Novak** loses: Files (explore) and Reports (export, read).",
    DialogText.REVOKES_MANY: "The role **analyst** is revoked from **Eva Novak** at once, in open tabs too.",
    DialogText.WITHHOLDS_MANY: (
        "What a sign-in grants automatically is withheld from **Eva Novak**: signing in again does not restore it."
    ),
    DialogText.NO_UNDO: "Revoking from **Eva Novak** cannot be undone, because the expiry of each grant is lost.",
    DialogText.IS_WITHHELD: (
        "The role **analyst** is withheld from **Eva Novak** by **Ada Okafor** since 1 March 2026, 09:30 "
        "UTC. Reason: joined the team."
    ),
    DialogText.RELEASES: (
        "**Eva Novak** has the role **analyst** again at once, from the sign-in provider and the default role."
    ),
    DialogText.RELEASES_LATER: "**Eva Novak** gets the role **analyst** again at the next sign-in that grants it.",
    DialogText.BLOCKS: "**Eva Novak** can open nothing here until unblocked by an administrator.",
    DialogText.UNBLOCKS: "**Eva Novak** can sign in again, with the roles **analyst** and **viewer**.",
    DialogText.KEEPS_ROLES: "The roles of **Eva Novak** stay unchanged.",
    DialogText.ENDS_SESSIONS: "All sessions of **Eva Novak** end at once. Unsaved input is lost.",
    DialogText.ENDS_SESSION: (
        "**Eva Novak** is signed out of Firefox on Windows at once, and reads that an administrator ended "
        "the session. Unsaved input is lost."
    ),
    DialogText.CAN_RETURN: "**Eva Novak** can sign in again, unless blocked.",
    DialogText.ADDS_PERSON: (
        "Add a person here to grant roles before a first sign-in. Everyone else appears at the first sign-in."
    ),
    DialogText.ERASES: "The name, e-mail and picture of **Eva Novak** are deleted permanently.",
    DialogText.ERASES_GRANTS: "**Eva Novak** loses 3 grants and all sessions at once.",
    DialogText.ERASES_EVENTS: "The audit keeps the acts of **Eva Novak**, with the user ID **auth0|eva** only.",
    DialogText.ERASES_NO_SIGN_IN: (
        "A later sign-in of **Eva Novak** starts with what a sign-in grants. What is withheld stays withheld."
    ),
    DialogText.PERSON_CHANGED: (
        "**Eva Novak** was changed meanwhile, by another administrator or in another tab. Your change is not "
        "saved yet, and your input is kept. Review the differences, then confirm again or cancel."
    ),
    DialogText.MOVES_PEOPLE: (
        "Choose another role for 12 people with the role **ops**. It is granted in the same transaction; "
        "other people are not affected."
    ),
    DialogText.MOVES_NO_ONE: "No one has the role **ops**, so no one loses permissions.",
    DialogText.MOVES_MAPPING: (
        "The mapping of the token roles **Staff** and **Ops** moves from the role **ops** to the other role."
    ),
    DialogText.ENDS_MAPPING: "The mapping of the token roles **Staff** and **Ops** to the role **ops** ends.",
    DialogText.DELETES_ROLE: "The role **ops** is deleted permanently. The audit keeps its name and your reason.",
    DialogText.ROLE_NOT_DELETED: (
        "The role **ops** was changed just now and is not deleted. Review its state, then delete it again."
    ),
    DialogText.ROLE_NEWER: "The role **ops** was changed meanwhile. You see its current state.",
    DialogText.ROLE_GONE: "The role **ops** was deleted meanwhile. Your changes are not saved, and your input is kept.",
    DialogText.ROLE_CONFLICT: (
        "Another administrator changed the role **ops** while you were editing it. Your changes are not "
        "saved yet, and those of the other administrator are kept. Choose how to continue."
    ),
    DialogText.STAYS_MAPPED: "The token role **Staff** stays mapped to the roles **analyst** and **viewer**.",
    DialogText.MAPS: (
        "Saving grants the roles **analyst** and **viewer** at once to 3 people whose last sign-in contained "
        "the token role **Staff**."
    ),
    DialogText.MAPS_LATER: "Later sign-ins with the token role **Staff** get the roles **analyst** and **viewer**.",
    DialogText.UNMAPS: (
        "Saving revokes the roles **analyst** and **viewer** at once from 3 people whose last sign-in "
        "contained the token role **Staff**, unless another grant includes the same."
    ),
    DialogText.UNMAPS_LATER: (
        "Later sign-ins with the token role **Staff** no longer get the roles **analyst** and **viewer**."
    ),
    DialogText.MAPS_NOTHING: "The token role **Staff** is then mapped to no role.",
    DialogText.MAPS_TOO_MUCH: (
        "You can map the token role **Staff** only to roles whose permissions you hold yourself. You do not "
        "hold the permissions **read:reports** and **read:audit**."
    ),
    DialogText.MAPPING_CHANGED: (
        "The mapping of the token role **Staff** was changed meanwhile, by another administrator or in "
        "another tab. Your change is not saved yet, and your input is kept. Review the differences, then "
        "confirm again or cancel."
    ),
    ButtonText.GRANT: "Grant",
    ButtonText.GRANT_MANY: "Grant to 3 people",
    ButtonText.REVOKE: "Revoke",
    ButtonText.REVOKE_MANY: "Revoke from 3 people",
    ButtonText.RELEASE: "Release",
    ButtonText.BLOCK: "Block",
    ButtonText.BLOCK_MANY: "Block 3 people",
    ButtonText.UNBLOCK: "Unblock",
    ButtonText.UNBLOCK_MANY: "Unblock 3 people",
    ButtonText.END_SESSION: "End session",
    ButtonText.END_SESSIONS: "End all sessions",
    ButtonText.END_MANY: "End all sessions of 3 people",
    ButtonText.ERASE: "Erase permanently",
    ButtonText.ADD_PERSON: "Add person",
    ButtonText.DELETE_ROLE: "Delete role",
    ButtonText.SAVE_MAPPING: "Save mapping",
}
"""Template → its sentence with the usual values."""


def shown(template: Template, usual: Values) -> str:
    """The sentence as it is read: without escapes."""
    return write(template, **usual).replace("\\", "").replace("\u2060", "")


@pytest.mark.parametrize("template", [*NoticeText, *DialogTitle, *DialogText, *ButtonText])
def test_each_template_makes_this_sentence(template: Template) -> None:
    assert shown(template, values()) == EXPECTED[template]


@pytest.mark.parametrize(
    ("template", "other", "expected"),
    [
        # Duration
        (
            NoticeText.UNDONE_REVOCATION,
            {"expiry": UNTIL},
            "Undone: granted **Eva Novak** the role **analyst** again, until 3 March 2027, 14:00 UTC.",
        ),
        # One person is named, more are counted
        (NoticeText.UNDONE_BLOCK, {"people": ["Eva Novak", "Ada Okafor", "Dev Patel"]}, "Undone: unblocked 3 people."),
        (NoticeText.ENDED_MANY, {"people": ["Eva"] * 1200}, "Ended all sessions of 1,200 people."),
        (NoticeText.ENDED_MANY, {"people": []}, "Ended all sessions of no one."),
        (ButtonText.GRANT_MANY, {"count": 1}, "Grant to 1 person"),
        (DialogTitle.BLOCK, {"people": ["Eva Novak", "Ada Okafor"]}, "Block 2 people?"),
        # Counts
        (NoticeText.SESSIONS_ENDED, {"sessions": 1}, "Ended 1 session of **Eva Novak**."),
        (NoticeText.OWN_SESSIONS_ENDED, {"other_sessions": 1}, "Ended your 1 other session."),
        (DialogText.ERASES_GRANTS, {"grants": 1}, "**Eva Novak** loses 1 grant and all sessions at once."),
        (DialogText.ERASES_GRANTS, {"grants": 0}, "**Eva Novak** loses no grant and all sessions at once."),
        (
            NoticeText.ROLE_CHANGED,
            {"holders": (1, False), "changes": Changes(description=("a", "b"))},
            "Changed the role **ops**: a new description. It applies at once to 1 person.",
        ),
        (
            NoticeText.ROLE_CHANGED,
            {"holders": (1000, True), "changes": Changes(added=tuple("abcdefg"))},
            (
                "Changed the role **ops**: + **a**, + **b**, + **c**, + **d**, + **e** and 2 more. It applies at once "
                "to 1,000+ people."
            ),
        ),
        (
            NoticeText.ROLE_CHANGED,
            {"holders": (0, False), "changes": Changes(removed=("read:audit",))},
            "Changed the role **ops**: \N{MINUS SIGN} **read:audit**.",
        ),
        (
            NoticeText.MAPPED,
            {"roles": [], "before_roles": ["analyst"], "affected": 0},
            (
                "Mapped the token role **Staff** to no role (before: the role **analyst**). It changed the permissions "
                "of no one."
            ),
        ),
        (
            NoticeText.UNDONE_DELETION,
            {"permissions": []},
            "Undone: created the role **ops** again, with no permissions.",
        ),
        (
            NoticeText.ROLE_DELETED,
            {"moved": (1, []), "unmapped": []},
            "Deleted the role **ops**, and moved 1 person to the role **viewer**.",
        ),
        (
            NoticeText.ROLE_DELETED,
            {"moved": (0, []), "unmapped": ["Staff", "Ops"]},
            "Deleted the role **ops**, and ended its mapping from the token roles **Staff** and **Ops**.",
        ),
        (NoticeText.ROLE_DELETED, {"moved": (0, []), "unmapped": []}, "Deleted the role **ops**."),
        # Kinds and sources
        (
            NoticeText.REVOKED,
            {"item": ("permission", "read:audit"), "origin": grant(Source.TOKEN)},
            (
                "Revoked the permission **read:audit** from **Eva Novak** (granted by the sign-in provider). It "
                "applies at once, in open tabs too."
            ),
        ),
        (
            NoticeText.REVOKED_AND_WITHHELD,
            {"origin": grant(Source.INSTALLATION)},
            (
                "Revoked the role **analyst** from **Eva Novak** (granted by the default role). It is withheld: "
                "signing in again does not restore it."
            ),
        ),
        (
            NoticeText.REVOKED_IN_PART,
            {"origin": grant(by="operator:joe", by_name=""), "other_origin": grant(Source.REQUEST)},
            (
                "Revoked the role **analyst** from **Eva Novak** (granted by **joe, at the command line**). **Eva "
                "Novak** keeps it, granted on request."
            ),
        ),
        (
            DialogText.IS_WITHHELD,
            {"withheld_by": withheld(by_name=""), "reason": ""},
            "The role **analyst** is withheld from **Eva Novak** by **auth0|ada** since 1 March 2026, 09:30 UTC.",
        ),
        (
            NoticeText.RELEASED,
            {"regrant": (False, False)},
            "Released the role **analyst** for **Eva Novak**, which the next sign-in that includes it grants again.",
        ),
        (DialogText.UNBLOCKS, {"roles": []}, "**Eva Novak** can sign in again, with no role."),
        (DialogText.UNBLOCKS, {"roles": None}, "**Eva Novak** can sign in again."),
        (DialogText.KEEPS_ROLES, {"people": ["A"] * 2_000}, "The roles of these 2,000 people stay unchanged."),
        (NoticeText.UNDONE_BLOCK, {"people": ["A"] * 2_000}, "Undone: unblocked 2,000 people."),
        # Names
        (NoticeText.UNDONE_BLOCK, {"people": [""]}, "Undone: unblocked a person without a name."),
        (NoticeText.UNDONE_CREATION, {"role": "\u200b"}, "Undone: deleted the role without a name, which no one had."),
        (NoticeText.UNDONE_BLOCK, {"people": ["W" * 256]}, f"Undone: unblocked **{'W' * 79}…**."),
        (
            NoticeText.UNDONE_BLOCK,
            {"people": ["محمد 7"]},
            "Undone: unblocked **\N{FIRST STRONG ISOLATE}محمد 7\N{POP DIRECTIONAL ISOLATE}**.",
        ),
        (NoticeText.UNDONE_BLOCK, {"people": ["*a* {person}[x]"]}, "Undone: unblocked ***a* {person}[x]**."),
    ],
)
def test_a_sentence_fits_its_values(template: Template, other: Values, expected: str) -> None:
    assert shown(template, {**values(), **other}) == expected
