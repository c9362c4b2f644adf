"""The form of tables whose rows are a stable code and the sentence that people read for it."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class LabelledEnum(StrEnum):
    """A table: each member is its code, which is stored and sent, and has the ``sentence`` for people."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Self:
        """One row."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member
