"""Each template of notices and dialogs names its object, person, duration and source, whatever the values are."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ui.phrases import PHRASES, Values
from app.ui.sentences import ButtonText, DialogText, DialogTitle, NoticeText, Template, joined, write
from tests.app.ui.sentence_rules import (
    button_problems,
    names,
    notice_problems,
    text_problems,
    title_problems,
    unconditional,
)
from tests.app.ui.sentence_values import hostile_values, values

TEMPLATES: list[Template] = [*NoticeText, *DialogTitle, *DialogText, *ButtonText]
HOSTILE = (
    "W" * 256, "**b** _i_ [x](https://e.example) ![i](u) `c` <b>x</b> ~~s~~", "محمد الفارسي", "שלום 7",
    "\u202egpj.exe", "", "   ", "\u200b\u2066", "{person}[{item}]", "a\n\n# b", ":red[x] :material/block: $x$ $$y$$",
    "www.evil.example auth0|x@evil.example https://evil.example", "name.", "G\u0308o\u0327", "\\", "*", "&lt;b&gt;",
)  # fmt: skip
"""Names of 256 characters, with markdown, from right to left, empty, and with combining characters."""


@pytest.mark.parametrize("template", NoticeText)
def test_a_notice_names_what_happened_to_which_object(template: NoticeText) -> None:
    assert notice_problems(template.value) == []


@pytest.mark.parametrize("template", DialogText)
def test_a_text_of_a_dialog_names_its_object(template: DialogText) -> None:
    assert text_problems(template.value) == []


@pytest.mark.parametrize("template", DialogTitle)
def test_a_title_names_an_act_and_its_object(template: DialogTitle) -> None:
    assert title_problems(template.value) == []


@pytest.mark.parametrize("template", ButtonText)
def test_a_button_names_an_act(template: ButtonText) -> None:
    assert button_problems(template.value) == []


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("It was revoked already.", "its first sentence names no object"),
        ("They can no longer administer anything.", "it uses a pronoun in place of a name"),
        ("Granted {person} {item}.", "it names none of ['expiry']"),
        ("Granted {item}, {expiry}.", "it names none of ['people', 'person']"),
        ("Granted {person}[ {item}], {expiry}.", "it names none of ['item']"),
        ("Revoked {item} from {person}.", "it does not name ['origin']"),
        ("Released {item} for {person}.", "it names none of ['regrant']"),
        ("Mapped {token_role} to {roles}.", "it does not name ['before_roles']"),
        ("Changed {role}.", "it names none of ['changes']"),
        ("Ended {sessions}.", "it names none of ['browser', 'other_sessions', 'people', 'person']"),
        ("Undone.", "it does not begin with an act in the past tense"),
        ("Undone: {person} is blocked again.", "it does not begin with an act in the past tense"),
        ("Undone: granted {person} {item} again.", "it names none of ['expiry']"),
        ("{person} has {item} now, {expiry}.", "it does not begin with an act in the past tense"),
        ("Grants {person} {item}, {expiry}.", "it does not begin with an act in the past tense"),
        ("Nothing changed: {person} already has {item}.", "it names a grant without its duration"),
        ("Blocked {people}", "it does not end with a full stop"),
        ("Deleted the role {role}.", "it names the kind twice: the phrase has it"),
        ("Deleted **{role}**.", "it has markup, or too much space"),
    ],
)
def test_a_notice_without_what_it_must_name_has_a_problem(template: str, problem: str) -> None:
    assert problem in notice_problems(template)


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("End this session?", "it names no object"),
        ("{person} is blocked", "it does not begin with the act"),
        ("Revoke {item}?", "it names a role or permission, but not whose"),
    ],
)
def test_a_title_without_what_it_must_name_has_a_problem(template: str, problem: str) -> None:
    assert problem in title_problems(template)


def test_no_two_templates_are_equal_and_every_placeholder_is_used() -> None:
    assert len({(type(template), template.value) for template in TEMPLATES}) == len(TEMPLATES)
    assert {name for template in TEMPLATES for name in names(template.value)} == PHRASES.keys()
    assert Values.__annotations__.keys() == PHRASES.keys()


def test_brackets_enclose_at_least_one_placeholder_and_are_not_nested() -> None:
    for template in TEMPLATES:
        parts = re.findall(r"\[([^\[\]]*)\]", template.value)
        assert all(names(part) for part in parts), template
        assert not re.search(r"[\[\]]", unconditional(template.value)), template


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_change_no_sentence(name: str) -> None:
    for template in TEMPLATES:
        check(template, hostile_values(name))


@given(name=st.text(max_size=300), template=st.sampled_from(TEMPLATES))
def test_no_name_changes_a_sentence(name: str, template: Template) -> None:
    check(template, hostile_values(name))


def check(template: Template, hostile: Values) -> None:
    """Check that a sentence is one line of text, whose only markup is the bold of its names."""
    text = str(write(template, **hostile))
    unescaped = re.sub(r"\\.", "x", text)
    assert "****" not in text, "an empty name"
    assert not re.search(r"[\[\]<>`_#|~$\\{}]|://|@[^\u2060]", unescaped)
    assert re.sub(r"\*\*", "", unescaped).count("*") == 0
    assert unescaped.count("**") % 2 == 0
    assert text.count("\u2068") == text.count("\u2069")
    controls = {c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"}}
    assert controls <= {"\u2060", "\u2068", "\u2069"}
    assert len(text) < 3000
    if isinstance(template, DialogTitle | ButtonText):
        assert "*" not in unescaped
    if isinstance(template, NoticeText | DialogText):
        assert text.endswith(".")
        assert not text[0].islower()


def test_empty_values_in_brackets_are_omitted() -> None:
    ended: dict[str, Any] = {"people": ["Eva"], "sessions": 0}
    assert write(NoticeText.BLOCKED, **ended) == "Blocked **Eva** until unblocked by an administrator."
    with pytest.raises(KeyError):
        write(NoticeText.BLOCKED, people=["Eva"])


def test_sentences_are_joined_with_a_space() -> None:
    sentence = write(NoticeText.UNDONE_BLOCK, **values())
    assert joined([sentence, sentence]) == f"{sentence} {sentence}"
