"""Cleans and checks texts before they are stored: length, control characters, look-alikes of role names.

The identity of a person (issuer, subject) is never altered, only refused: two subjects must never become one.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from app.core.errors import InvalidInput
from app.core.principal import Subject
from app.core.records import MAX_REASON_CHARACTERS

MAX_AUDIT_CHARACTERS: Final = MAX_REASON_CHARACTERS  # the longest text of an event
MAX_PERSON_NAME_CHARACTERS: Final = 300
MAX_EMAIL_CHARACTERS: Final = 320
MAX_PICTURE_CHARACTERS: Final = 2000
MAX_LABEL_CHARACTERS: Final = 500
_MAX_ISSUER_CHARACTERS: Final = 500
_MAX_SUBJECT_CHARACTERS: Final = 255  # OpenID Connect Core §2, `sub`

# Control characters, line and paragraph separators, marks that change the direction of text, lone surrogates.
_UNFIT: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)

# Plain letter → characters that look like it: the most common of Unicode's confusables (UTS #39), in the form they have
# after compatibility decomposition, removal of marks and case folding.
_LOOK_ALIKES: Final = {
    "a": "\u0430\u03b1@",
    "b": "\u0432\u03b2",
    "c": "\u0441\u03f2",
    "d": "\u0501",
    "e": "\u0435\u03b5",
    "h": "\u04bb\u043d",
    "j": "\u0458\u03f3",
    "k": "\u043a\u03ba",
    "l": "i1|!\u0131\u0456\u04cf\u03b9",
    "m": "\u043c\u03bc",
    "n": "\u03b7",
    "o": "0\u043e\u03bf\u03c3",
    "p": "\u0440\u03c1",
    "q": "\u051b",
    "s": "5$\u0455",
    "t": "\u0442\u03c4",
    "u": "\u03c5",
    "v": "\u03bd\u0475",
    "w": "\u051d\u0461\u03c9",
    "x": "\u0445\u03c7",
    "y": "\u0443\u03b3",
}
_TWINS: Final = str.maketrans({alike: plain for plain, look_alikes in _LOOK_ALIKES.items() for alike in look_alikes})


def clean(text: str, limit: int = MAX_LABEL_CHARACTERS) -> str:
    """``text`` without control characters, at most ``limit`` characters long."""
    start = text[: limit * 2]
    return (start if start.isprintable() else _UNFIT.sub("", start))[:limit]


def is_storable(name: str, limit: int = MAX_LABEL_CHARACTERS) -> bool:
    """Whether ``name`` can be stored unchanged: printable, neither empty nor too long."""
    return 0 < len(name) <= limit and name.isprintable()


def is_storable_subject(subject: Subject) -> bool:
    """Whether a subject can be stored unchanged; otherwise no row can belong to it."""
    return is_storable(subject.subject, _MAX_SUBJECT_CHARACTERS) and is_storable(subject.issuer, _MAX_ISSUER_CHARACTERS)


def require_storable(subject: Subject) -> Subject:
    """The subject, if it can be stored.

    Raises:
        InvalidInput: It is empty, too long or not printable.
    """
    if not is_storable_subject(subject):
        raise InvalidInput({"subject": "The subject or its issuer is empty, too long, or not printable."})
    return subject


def search_key(text: str) -> str:
    """The form of a text that searches compare: normalized, without case."""
    return unicodedata.normalize("NFC", text.casefold())


def role_key(name: str) -> str:
    """The unique key of a role's name: the same for names that differ only in case, spacing or look-alikes."""
    bare = "".join(
        character
        for character in unicodedata.normalize("NFKD", name).casefold()
        if unicodedata.category(character)[0] in "LNS" or character in "@!"
    )
    return bare.translate(_TWINS).replace("rn", "m")
