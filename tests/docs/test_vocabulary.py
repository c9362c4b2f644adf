"""The banned words of the vocabulary are found where they stand, and none is added."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import vocabulary
from tests.docs.banned_words import ALLOWANCES, RULES
from tests.docs.class_names import repeated_classes, shadowing_classes
from tests.docs.project_files import ROOT

pytestmark = pytest.mark.xdist_group("vocabulary")  # the tree is read once


def found_in(folder: Path, path: str, text: str) -> list[str]:
    """``line text`` of each banned word of a file, the only one of a tree."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    vocabulary.all_places.cache_clear()
    return [f"{place.line} {place.text}" for place in vocabulary.banned_places(folder)]


def test_there_is_no_banned_word() -> None:
    places = [f"{place}" for place in vocabulary.banned_places(ROOT)]
    assert not places, "\n".join([*places, "see tests/docs/banned_words.py"])


def test_no_two_product_classes_share_a_name_and_none_has_that_of_a_standard_class() -> None:
    assert repeated_classes(ROOT) == []
    assert shadowing_classes(ROOT) == []


def test_each_allowance_has_a_reason_and_a_match() -> None:
    matched = {vocabulary.allowance_for(place) for place in vocabulary.all_places(ROOT)}
    for allowance in ALLOWANCES:
        assert allowance.reason
        assert allowance in matched, f"{allowance.text} is not in the tree: remove its allowance"


def test_each_rule_says_what_to_write_and_has_a_pattern() -> None:
    for rule in RULES:
        assert rule.use
        assert rule.words or rule.exact or rule.prose


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("told = 1", ["1 told"]),
        ("def last_told(): ...", ["1 last_told"]),
        ("class LastTold: ...", ["1 LastTold"]),
        ("_TOLD_AT = 1", ["1 _TOLD_AT"]),
        ("def f(found): return found", ["1 found"]),
        ("found_at = retold = 1", []),
        ("x = {'told_at': 1}", ["1 told_at"]),
        ("log.info('session.revived')", ["1 revived"]),
        ("x = 'found'", []),
        ("from hypothesis import given\n@given(1)\ndef f(): ...", []),
        ("from app.core.rights import Held", ["1 Held"]),
        ("x.told()", []),
        ("class C:\n    def told(self): ...\nC().told()", ["2 told", "3 told"]),
        ("f(told=1)", []),
        ("def f(told): ...\nf(told=1)", ["1 told", "2 told"]),
        ("class C:\n    done: int\ntask.done()", ["2 done"]),
        ("MOST_BYTES = MAX_BYTES = FILES_MAX = MAX_AGE = 1", ["1 MOST_BYTES", "1 FILES_MAX"]),
        ("match x:\n    case {'a': found}: ...", ["2 found"]),
        ("try: ...\nexcept ValueError as told: ...", ["2 told"]),
    ],
)
def test_names_in_python(tmp_path: Path, line: str, expected: list[str]) -> None:
    assert found_in(tmp_path, "app/example.py", line) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the user is told", ["1 told"]),
        ("Nobody uploads", ["1 Nobody"]),
        ("`nobody_at` is a name, told_at too", ["1 nobody_at"]),
        ("what was granted is taken\naway", ["1 taken away"]),
        ("line one\nanew", ["2 anew"]),
        ("line endings, the endings of sessions", ["1 endings"]),
        ("covered by the newest boundary; a covered tab", ["1 covered"]),
        ("the wire format on the wire; wire names", ["1 wire"]),
        ("signs in, printable signs", ["1 printable signs"]),
        ("a role is given to them; the given name", []),
        ("gives a role, given back", ["1 gives a role", "1 given back"]),
        ("let them in again", ["1 let them in again"]),
        ("the first one's text, one's own", ["1 one's"]),
        ("lasts for ever; the idle limit", ["1 for ever", "1 idle limit"]),
        ("an app that is not ours", ["1 not ours"]),
        ("see https://example.org/told for more", []),
    ],
)
@pytest.mark.parametrize("form", ["markdown", "docstring", "comment", "javascript"])
def test_prose_of_every_form(tmp_path: Path, text: str, expected: list[str], form: str) -> None:
    match form:
        case "markdown":
            found = found_in(tmp_path, "docs/example.md", text)
        case "docstring":
            found = found_in(tmp_path, "app/example.py", f'"""{text}"""\n')
        case "comment":
            found = found_in(tmp_path, "app/example.py", "# " + text.replace("\n", "\n# ") + "\n")
        case _:
            found = found_in(tmp_path, "component/frontend/example.js", "// " + text.replace("\n", "\n// ") + "\n")
    assert sorted(found) == sorted(expected if form != "javascript" else [row for row in expected if "_" not in row])


def test_strings_are_sentences_codes_or_source(tmp_path: Path) -> None:
    text = """\
x = Error("The session is revived")
x = f"Somebody {x} signed in"
x = '''
from app import access
told = 1
'''
x = "SELECT told FROM t"
"""
    found = found_in(tmp_path, "app/example.py", text)
    assert found == ["1 revived", "2 Somebody", "5 told", "7 told"]


def test_the_name_of_a_test_is_a_sentence(tmp_path: Path) -> None:
    text = "def test_it_says_why_and_nobody_is_asked(): ...\n"
    assert found_in(tmp_path, "tests/unit/test_revivals.py", text) == ["1 revivals", "1 nobody"]


def test_comments_and_sentences_of_configuration(tmp_path: Path) -> None:
    text = 'told = 1\n# told\ndescription = "rights that were taken away"\n'
    assert found_in(tmp_path, "pyproject.toml", text) == ["2 told", "3 taken away"]


def test_comments_of_style_sheets_and_text_of_pages(tmp_path: Path) -> None:
    assert found_in(tmp_path, "component/a.css", ".told { }\n/* told */\n") == ["2 told"]
    (tmp_path / "component/a.css").unlink()
    assert found_in(tmp_path, "component/a.html", '<p class="told">\nNobody</p>\n') == ["2 Nobody"]


def test_fenced_blocks_are_code_or_prose_by_their_language(tmp_path: Path) -> None:
    text = "```python\nfound = told\n```\n\n```mermaid\nA->>B: covered tab\n```\n"
    assert found_in(tmp_path, "docs/a.md", text) == ["2 told", "6 covered"]


def test_rules_for_a_path_apply_there_only(tmp_path: Path) -> None:
    assert found_in(tmp_path, "component/socket/a.py", "class Workers: ...") == ["1 Workers"]
    (tmp_path / "component/socket/a.py").unlink()
    assert found_in(tmp_path, "deploy/a.py", "class Workers: ...") == []


@pytest.mark.parametrize(
    ("path", "area"),
    [
        ("component/session/refresh.py", "component"),
        ("component/dev_tenant/store.py", "component/dev_tenant"),
        ("app/admin/roles/editor.py", "app/admin"),
        ("app/administration.py", "app"),
        ("README.md", "texts"),
        (".ci/run", "texts"),
    ],
)
def test_a_module_that_moves_to_a_subfolder_stays_in_its_area(path: str, area: str) -> None:
    assert vocabulary.area_of(path) == area


def test_class_names_that_mean_two_things_or_hide_a_standard_one(tmp_path: Path) -> None:
    for path, text in (
        ("app/a.py", "class Page: ...\nclass _Row: ...\nclass Mapping: ..."),
        ("db/a.py", "class Page: ...\nclass _Row: ..."),
        ("tests/a.py", "class Path: ...\nclass Mapping: ..."),
    ):
        found_in(tmp_path, path, text)
    assert repeated_classes(tmp_path) == ["Page"]
    assert shadowing_classes(tmp_path) == ["Mapping"]
