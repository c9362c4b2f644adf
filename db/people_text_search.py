"""Conditions that find people by a part of their name, e-mail or subject, on each engine."""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import ARRAY, ColumnElement, Text, and_, bindparam, func, literal_column, or_

from db.models import people

TRIGRAM: Final = 3
"""Characters of an entry of the search index; shorter texts are only searched as the prefix of names."""
_BETWEEN_WORDS: Final = re.compile(r"[\W_]+")
_EMPTY: Final = literal_column("''", Text)
_SEARCHED_TEXT: Final = literal_column("(name_key || chr(10) || email_key || chr(10) || lower(subject))", Text)
"""The expression that both search indexes of PostgreSQL index."""


def contains_search_text(*, has_space: bool) -> ColumnElement[bool]:
    """Whether a person's name, e-mail or subject contains the parameter ``search_text``, on SQLite.

    Args:
        has_space: Whether the text contains a space. It is then compared with the name first, else with the e-mail,
            which usually contains the name; the other columns are compared only when the first does not match.
    """
    search_text = bindparam("search_text", type_=Text)
    name, email = func.instr(people.c.name_key, search_text) > 0, func.instr(people.c.email_key, search_text) > 0
    subject = func.instr(func.lower(people.c.subject), search_text) > 0
    return or_(name, email, subject) if has_space else or_(email, name, subject)


def matches_pattern(*, by_trigrams: bool, skip_word_index: bool) -> ColumnElement[bool]:
    """Whether a person matches the ``LIKE`` pattern ``search_text``, on PostgreSQL.

    Args:
        by_trigrams: Whether the index of ``people_pieces`` finds candidates by the parameter ``trigrams``.
        skip_word_index: Whether the planner must not use the ``pg_trgm`` index.
    """
    search_text = bindparam("search_text", type_=Text)
    matches = (_SEARCHED_TEXT + _EMPTY if skip_word_index else _SEARCHED_TEXT).like(search_text)
    if not by_trigrams:
        return matches
    return and_(func.people_pieces(_SEARCHED_TEXT).op("@>")(bindparam("trigrams", type_=ARRAY(Text()))), matches)


def has_short_word(search_text: str) -> bool:
    """Whether the ``pg_trgm`` index would return too many candidates, because a word is shorter than a trigram."""
    return any(0 < len(word) < TRIGRAM for word in _BETWEEN_WORDS.split(search_text))


def trigrams_of(search_text: str) -> list[str]:
    """Every trigram of a text, as the SQL function ``people_pieces`` returns them."""
    return sorted({search_text[start : start + TRIGRAM] for start in range(len(search_text) - TRIGRAM + 1)})


def phrase(search_text: str) -> str:
    """``search_text`` as one quoted phrase of FTS5."""
    return '"' + search_text.replace('"', '""') + '"'


def like_pattern(search_text: str) -> str:
    """The ``LIKE`` pattern of texts that contain ``search_text``."""
    return "%" + search_text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
