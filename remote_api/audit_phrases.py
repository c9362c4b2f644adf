"""The phrases of audit sentences: words for the values of an event.

Values may be missing, because an earlier version stored the event, and may have any type and length. A phrase without
its values is empty. Texts are plain text, never markup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from app.core.assurance import MULTI_FACTOR
from app.core.errors import all_errors
from app.core.failure_reasons import explain
from app.core.policy import Reason, Source
from app.core.records import MAX_REASON_CHARACTERS, EndReason

Value = object
"""What a placeholder gets: a text, a number, True, False, None, or ``MISSING``."""
MISSING: Final = object()
"""In place of a value that the event does not have."""
MAX_VALUE_CHARACTERS: Final = 100
_MAX_LISTED: Final = 5
_MINUS: Final = "\N{MINUS SIGN}"


def one_line(value: Value) -> str:
    """Return a text or a number in one line, without control characters and bounded; empty for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    try:
        text = str(value)
    except ValueError:  # a number with thousands of digits
        return ""
    text = " ".join(text[:MAX_REASON_CHARACTERS].split())
    if not text.isprintable():
        text = " ".join("".join(filter(str.isprintable, text)).split())
    return text if len(text) <= MAX_VALUE_CHARACTERS else f"{text[: MAX_VALUE_CHARACTERS - 1].rstrip()}…"


def after(words: str) -> Callable[[Value], str]:
    """A phrase of these words and the value."""
    return lambda value: f"{words} {text}" if (text := one_line(value)) else ""


def one_of(phrases: Mapping[str, str]) -> Callable[[Value], str]:
    """The phrase of a code."""
    return lambda code: phrases.get(code, "") if isinstance(code, str) else ""


def if_true(phrase: str) -> Callable[[Value], str]:
    """The phrase where the value is True."""
    return lambda value: phrase if value is True else ""


def _number(value: Value) -> int:
    """The number; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**15 else 0


def counted(singular: str, plural: str, rest: str = "") -> Callable[[Value], str]:
    """``1 session``, ``2 sessions``; empty for none."""

    def phrase(value: Value) -> str:
        number = _number(value)
        return f"{number:,} {singular if number == 1 else plural}{rest}" if number else ""

    return phrase


def times(count: Value) -> str:
    """``12 times``; empty for once."""
    return f"{number:,} times" if (number := _number(count)) > 1 else ""


def members_of(value: Value, separator: str) -> list[str]:
    """The members of a list that is stored as a text, without the last one where the text was cut."""
    members = value.split(separator) if isinstance(value, str) else []
    if isinstance(value, str) and len(value) >= MAX_REASON_CHARACTERS:
        del members[-1]
    return [text for member in members if (text := one_line(member))]


def listed(items: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``; ``and more`` for all beyond the first ones."""
    members = [*items[:_MAX_LISTED], "more"] if len(items) > _MAX_LISTED else items
    return " and ".join(filter(None, [", ".join(members[:-1]), *members[-1:]]))


def _changes(added: Iterable[str], removed: Iterable[str]) -> list[str]:
    return [f"+ {name}" for name in added] + [f"{_MINUS} {name}" for name in removed]


def time(value: Value) -> str:
    """``3 March 2027, 14:00 UTC``."""
    try:
        moment = datetime.fromisoformat(str(value)).astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def expiry(until: Value) -> str:
    """``until 3 March 2027, 14:00 UTC`` or ``no expiry``."""
    return "no expiry" if until is None else after("until")(time(until))


def grant(role: Value, permission: Value) -> str:
    """``the role analyst`` or ``the permission read:reports``."""
    return after("the role")(role) or after("the permission")(permission)


def origin(source: Value, withheld: Value) -> str:
    """The source of a revoked grant, and whether it is withheld."""
    return "; ".join(filter(None, [_SOURCES.get(str(source), ""), "withheld from now on" if withheld is True else ""]))


def missing(permissions: Value) -> str:
    """``missing: export:audit``."""
    return after("missing:")(listed(members_of(permissions, " ")))


def permissions(permissions: Value) -> str:
    """``the permissions read:audit and read:reports`` or ``no permissions``."""
    if permissions == "":
        return "no permissions"
    items = members_of(permissions, " ")
    word = "the permission" if len(items) == 1 else "the permissions"
    return f"{word} {listed(items)}" if items else ""


def role_changes(added: Value, removed: Value, renamed_to: Value, description: Value) -> str:
    """``+ export:reports and - read:audit, renamed to night``."""
    changes = _changes(members_of(added, " "), members_of(removed, " "))
    texts = [listed(changes), after("renamed to")(renamed_to)]
    if isinstance(description, str) or (added, removed, renamed_to) == ("", "", MISSING):
        texts.append("a new description")  # which earlier versions did not record
    return ", ".join(filter(None, texts))


def token_changes(roles: Value, no_roles: Value, permissions: Value, no_permissions: Value) -> str:
    """``+ administrator``: roles, then permissions."""
    added = members_of(roles, ", ") + members_of(permissions, " ")
    return listed(_changes(added, members_of(no_roles, ", ") + members_of(no_permissions, " ")))


def rights(roles: Value, no_roles: Value, permissions: Value, no_permissions: Value) -> str:
    """``roles`` or ``permissions``, if only one of both changed."""
    has_roles = bool(members_of(roles, ", ") or members_of(no_roles, ", "))
    has_permissions = bool(members_of(permissions, " ") or members_of(no_permissions, " "))
    return "" if has_roles == has_permissions else "roles" if has_roles else "permissions"


def mapped(roles: Value) -> str:
    """The local roles of a token role, or ``no role``."""
    return "no role" if roles == "" else listed(members_of(roles, ", "))


def mapped_before(roles: Value) -> str:
    """The local roles that a token role had before."""
    return listed(members_of(roles, ", "))


def moved(people: Value, role: Value) -> str:
    """``3 people to the role viewer``."""
    if not (name := one_line(role)):
        return ""
    return f"{counted('person', 'people')(people) or 'its mappings'} to the role {name}"


def session(sessions: Value, is_own: Value, target: Value) -> str:
    """``a session of Eva Novak`` or ``a session of their own``."""
    quantity = "all sessions" if sessions == 0 and sessions is not False else "a session"
    name = "their own" if is_own is True else one_line(target)
    return f"{quantity} of {name}" if name else ""


def end(reason: Value, is_automatic: Value, sessions: Value) -> str:
    """Why a session ended; the reason of an administrator is their own text, which is no part of the sentence."""
    if is_automatic is True:
        return _ENDS.get(str(reason), "")
    return "none was active" if sessions == 0 and sessions is not False else ""


def factor(acr: Value) -> str:
    """How a sign-in was confirmed, if by a second factor."""
    return "with a second factor" if acr == MULTI_FACTOR else ""


def cause(reason: Value) -> str:
    """The sentences of a reason code as a clause; the code itself where this version does not know it."""
    code = one_line(reason)
    text = _CAUSES.get(code) or explain(code) or _TITLES.get(code, "")
    if text:
        return f"{text[:1].lower()}{text[1:]}".rstrip(".")
    return f"the reason is {code}" if code else ""


def denial(reason: Value, permission: Value) -> str:
    """Why a page, function or endpoint was refused."""
    name = one_line(permission)
    if reason == Reason.NOT_GRANTED and name:
        return f"the permission {name} is missing"
    if reason == Reason.SCOPE and name:
        return f"the token was not issued for the permission {name}"
    return _DENIALS.get(str(reason), "")


def endpoint(target: Value) -> str:
    """``GET /api/v1/people of the remote API``."""
    return f"{text} of the remote API" if (text := one_line(target)) else ""


def exported(filters: Value) -> str:
    """Which events a download has."""
    return "all events of the audit" if filters == "" else after("the events of the audit that match")(filters)


def head(head: Value) -> str:
    """What the end of the audit was."""
    return "the end was missing" if head == "missing" else after("it named event")(_number(head) or "")


def healed(first: Value, last: Value) -> str:
    """``from event 3 to event 9``."""
    return f"from event {_number(first):,} to event {_number(last):,}" if _number(first) and _number(last) else ""


_SOURCES: Final[Mapping[str, str]] = {
    Source.TOKEN: "granted by the sign-in provider",
    Source.INSTALLATION: "granted by this installation",
    Source.REQUEST: "granted on request",
    Source.SCOPE: "granted by the token's scope",
}
"""Source of a revoked grant → phrase. Grants of administrators are the ordinary ones and have none."""
_ENDS: Final[Mapping[str, str]] = {
    EndReason.SIGNED_OUT: "they signed out",
    EndReason.ENDED_BY_PERSON: "they ended it from another session",
    EndReason.BLOCKED: "the account was blocked",
    EndReason.BACKCHANNEL_LOGOUT: "the user signed out at the provider",
    EndReason.PROVIDER_REFUSED: "the provider refused to refresh its tokens",
    EndReason.REPLACED: "a new sign-in in the same browser replaced it",
    EndReason.EXPIRED: "its lifetime was over",
}
_DENIALS: Final[Mapping[str, str]] = {
    Reason.ANONYMOUS: "a sign-in is required",
    Reason.BLOCKED: "the account is blocked",
    Reason.NOT_GRANTED: "a permission is missing",
    Reason.SCOPE: "the token was not issued for it",
    Reason.STEP_UP_REQUIRED: "a more recent or stronger sign-in is required",
    "various": "there were various reasons",
}
FORMATS: Final[Mapping[str, str]] = {"csv": "a CSV file", "jsonl": "a JSON Lines file"}
RULES: Final[Mapping[str, str]] = {
    "self-grant": "administrators cannot extend their own rights",
    "not-held": "administrators can grant only what they have themselves",
    "last-administrator": "no administrator would remain",
    "rule-violated": "a rule of administration forbids it",
}
"""Code of the error → the rule."""
VIOLATIONS: Final[Mapping[str, str]] = {
    "unknown-event": "there is no event of that name",
    "not-allowed": "the component takes no events of that name",
    "wrong-shape": "the data does not have the shape of an event",
    "too-large": "the data is larger than an event may be",
    "out-of-order": "the events were not numbered one after the other",
    "too-many": "too many events came at once",
    "various": "there were various reasons",
}
_CAUSES: Final[Mapping[str, str]] = {
    "blocked": "the account is blocked here",
    "various": "there were various reasons",
    "internal": "an unexpected error occurred, which the log names",
    "unauthenticated": "the caller is not signed in",
    "session-expired": "the session has expired",
    "session-ended": "the session was ended",
    "session-replaced": "a new sign-in replaced the session",
    "signed-out": "the user had signed out",
    "sign-in-again": "the sign-in has to be repeated",
    "state-mismatch": "the sign-in is of another browser or too old",
    "permission-denied": "the permission is missing",
    "step-up-required": "a more recent or stronger sign-in is required",
    "login-failed": "the sign-in failed",
    "provider-refused": "the sign-in provider refused it",
}
"""Reason codes whose title is addressed to the user, or that have none."""
_TITLES: Final[Mapping[str, str]] = {error.code: error.title for error in all_errors()}
