"""Cells of tables: plain texts of bounded length, badges, times and people."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from app.ui import cells
from app.ui.cells import Tone

AT = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)


def test_a_text_has_only_the_parts_that_there_are() -> None:
    assert cells.text("Ann") == {"text": "Ann"}
    assert cells.text("Ann", detail="a@x", title="Ann A.", icon="key") == {
        "text": "Ann", "detail": "a@x", "title": "Ann A.", "icon": "key",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("two\nlines\r\tand\x00 more", "two lines  and  more"),
        ("\u202egnirts\u202c \u200b\ufeff", "gnirts"),
        ("\u2028line\u2029", "line"),
        ("<b> **bold** [link](https://x)", "<b> **bold** [link](https://x)"),
        ("e\u0301\u4e2d\u0627", "e\u0301\u4e2d\u0627"),
        ("\ud800x\ue000", "x"),
        ("", ""),
    ],
)
def test_a_text_is_one_line_as_it_is(value: str, text: str) -> None:
    assert cells.text(value)["text"] == text
    json.dumps(cells.text(value), ensure_ascii=False).encode()


def test_a_long_text_is_cut() -> None:
    assert cells.one_line("x" * cells.MAX_CHARACTERS) == "x" * cells.MAX_CHARACTERS
    assert cells.one_line("x" * 301) == "x" * 299 + "…"
    assert cells.one_line("abcdef", cap=3) == "ab…"
    assert len(cells.one_line("\u0301" * 10_000)) == cells.MAX_CHARACTERS


def test_numbers_have_separators_and_say_where_counting_stopped() -> None:
    assert cells.number(1234567) == {"text": "1,234,567"}
    assert cells.number(1000, capped=True) == {"text": "1,000+"}


def test_a_time_is_sent_in_full_and_one_that_never_was_as_text() -> None:
    assert cells.time(AT) == {"time": "2031-05-06T07:08:09+00:00"}
    assert cells.time(AT, detail="on\nHome") == {"time": "2031-05-06T07:08:09+00:00", "detail": "on Home"}
    assert cells.time(None) == {"text": "never"}
    assert cells.time(None, never="no expiry", detail="x") == {"text": "no expiry", "detail": "x"}


def test_a_person_has_initials_and_a_machine_a_symbol() -> None:
    assert cells.person("Ada Okafor", detail="ada@x") == {"text": "Ada Okafor", "detail": "ada@x", "initials": "AO"}
    assert cells.person("nightly-job", machine=True) == {"text": "nightly-job", "chipIcon": "smart_toy"}
    assert cells.person("\u202e")["initials"] == "?"


def test_badges_beyond_the_limit_are_counted_and_named_on_hover() -> None:
    assert cells.badges(["a", "b"], tone=Tone.GOOD) == {
        "badges": [{"text": "a", "tone": "good"}, {"text": "b", "tone": "good"}]
    }
    cell = cells.badges(["a", "b", "c", "d", "e\n"])
    assert [badge["text"] for badge in cell["badges"]] == ["a", "b", "c", "+2"]
    assert cell["title"] == "a, b, c, d, e"
    assert (cells.badges([]), cells.badges([], none="no role")) == ({}, {"text": "no role"})


def test_badges_are_added_after_those_of_a_cell() -> None:
    cell = cells.with_badges(cells.badges(["a"]), [cells.badge("b", tone=Tone.BAD)])
    assert cell == {"badges": [{"text": "a", "tone": ""}, {"text": "b", "tone": "bad"}]}
    text = cells.text("x")
    assert cells.with_badges(text, []) == text
    cells.with_badges(text, [cells.badge("b")])
    assert text == {"text": "x"}, "a new cell is returned"
