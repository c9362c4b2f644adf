"""How people are found by part of a name, an e-mail or a subject, on each engine."""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import ARRAY, ColumnElement, Text, and_, bindparam, func, literal_column, or_

from db.models import people

PIECE: Final = 3
"""Characters in a piece of the search index: shorter texts are looked for at the beginning of names only."""
_BETWEEN_WORDS: Final = re.compile(r"[\W_]+")
_NOTHING: Final = literal_column("''", Text)
_SAID: Final = literal_column("(name_key || chr(10) || email_key || chr(10) || lower(subject))", Text)
"""As both indexes of PostgreSQL have it."""


def has_words_somewhere(*, spaced: bool) -> ColumnElement[bool]:
    """That a person has the value ``words`` somewhere, on SQLite.

    ``spaced``: whether a space is in them. Then they are likely to be of a name, else of an e-mail, which mostly has
    the name in it: what they are of is looked at first, and the rest only of those who do not have them there.
    """
    words = bindparam("words", type_=Text)
    name, email = func.instr(people.c.name_key, words) > 0, func.instr(people.c.email_key, words) > 0
    subject = func.instr(func.lower(people.c.subject), words) > 0
    return or_(name, email, subject) if spaced else or_(email, name, subject)


def is_like_words(*, by_pieces: bool, joined: bool) -> ColumnElement[bool]:
    """That what is said of a person is like the value ``words``, on PostgreSQL.

    ``by_pieces``: found by the value ``pieces``. ``joined``: to nothing, so that the index of words is not asked.
    """
    words = bindparam("words", type_=Text)
    told = (_SAID + _NOTHING if joined else _SAID).like(words)
    if not by_pieces:
        return told
    return and_(func.people_pieces(_SAID).op("@>")(bindparam("pieces", type_=ARRAY(Text()))), told)


def has_short_word(words: str) -> bool:
    """Whether PostgreSQL's index of words (``pg_trgm``) would find very many who then have to be looked at."""
    return any(0 < len(word) < PIECE for word in _BETWEEN_WORDS.split(words))


def pieces_of(words: str) -> list[str]:
    """Every piece of a text, as the function ``people_pieces`` makes them."""
    return sorted({words[start : start + PIECE] for start in range(len(words) - PIECE + 1)})


def phrase(words: str) -> str:
    """``words`` as one phrase of FTS5, whatever signs are in it."""
    return '"' + words.replace('"', '""') + '"'


def containing(words: str) -> str:
    """The pattern of texts that have ``words`` in them."""
    return "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
