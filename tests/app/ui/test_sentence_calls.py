"""Notices and dialogs get their texts from the table only: no module writes a sentence of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from app.ui.sentences import ButtonText, DialogText, DialogTitle, NoticeText
from tests.app.ui.sentence_rules import names

ROOT: Final = Path(__file__).parents[3]
SOURCES: Final = sorted([*(ROOT / "app").rglob("*.py"), *(ROOT / "pages").glob("*.py")])
TABLES: Final = {table.__name__: table for table in (NoticeText, DialogTitle, DialogText, ButtonText)}
TEXTS: Final = {
    "notices.post": (0, "text"), "dialogs.show": (0, "title"), "confirmation.buttons": (1, "action"),
    "confirmation.confirm": (1, "effects"), "confirmation.show_effects": (0, "effects"), "Undo": (0, "action"),
    "notices.Undo": (0, "action"),
}  # fmt: skip
"""Call → position and keyword of its text."""
MAKERS: Final = frozenset({"Sentence", "cast"})
"""What turns any text into a sentence."""


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Each call with the dotted name of what it calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield ast.unparse(node.func), node


def own_texts(tree: ast.AST) -> list[str]:
    """Literal texts and f-strings in the place of a sentence, and sentences made outside the table."""
    problems = []
    for function, call in calls(tree):
        if function in MAKERS and "Sentence" in ast.unparse(call):
            problems.append(ast.unparse(call))
        if function not in TEXTS:
            continue
        position, keyword = TEXTS[function]
        by_keyword = [pair.value for pair in call.keywords if pair.arg == keyword]
        for argument in [*call.args[position : position + 1], *by_keyword]:
            filled = [node for name, inner in calls(argument) if name == "write" for node in ast.walk(inner)]
            problems += [
                ast.unparse(node)
                for node in ast.walk(argument)
                if isinstance(node, ast.JoinedStr | ast.Constant | ast.BinOp) and node not in filled
            ]
    return problems


def wrong_values(tree: ast.AST) -> list[str]:
    """Calls of ``write`` with a literal template that do not name exactly its placeholders."""
    problems = []
    for name, call in calls(tree):
        if name not in {"write", "sentences.write"} or not isinstance(call.args[0], ast.Attribute):
            continue
        table, _, member = ast.unparse(call.args[0]).rpartition(".")
        if table not in TABLES:
            continue  # a row of another table, such as `action.title`, which mypy checks
        if {pair.arg for pair in call.keywords} != names(TABLES[table][member].value):
            problems.append(ast.unparse(call))
    return problems


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_writes_a_notice_or_dialog_of_its_own(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if path.name != "sentences.py":
        assert own_texts(tree) == []
    assert wrong_values(tree) == []


@pytest.mark.parametrize(
    "source",
    [
        'notices.post(f"Blocked {name}.", PAGE)',
        'notices.post("Blocked.", PAGE, undo=None)',
        'notices.post(text="Blocked.", page_url=PAGE)',
        'notices.post("Blocked " + name, PAGE)',
        'notices.post(Sentence("Blocked."), PAGE)',
        'text = cast("Sentence", f"Blocked {name}.")',
        'dialogs.show(f"Block {name}?", body)',
        'confirmation.buttons(key, "Block", icon=icon)',
        'confirmation.confirm(key, ("It ends.",), action=label, on_confirm=end)',
        'Undo(lambda: "Undone.")',
    ],
)
def test_a_text_of_its_own_is_reported(source: str) -> None:
    assert own_texts(ast.parse(source)) != []


@pytest.mark.parametrize(
    "source",
    [
        "notices.post(write(NoticeText.BLOCK_GONE, person=name), PAGE, undo=undo)",
        "notices.post(joined(sentences), dialog.page_url, undo=undo, success=not failed)",
        'confirmation.buttons("delete", write(ButtonText.DELETE_ROLE), icon=":material/delete:")',
        "Undo(lambda: write(NoticeText.UNDONE_BLOCK, people=[name]))",
    ],
)
def test_a_text_of_the_table_is_not_reported(source: str) -> None:
    assert own_texts(ast.parse(source)) == wrong_values(ast.parse(source)) == []


def test_a_value_that_is_missing_or_too_much_is_reported() -> None:
    assert wrong_values(ast.parse("write(NoticeText.BLOCK_GONE)")) != []
    assert wrong_values(ast.parse("write(NoticeText.BLOCK_GONE, person=name, item=item)")) != []


def test_every_template_is_used() -> None:
    texts = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES if path.name != "sentences.py")
    unused = [
        f"{name}.{template.name}"
        for name, table in TABLES.items()
        for template in table
        if f"{name}.{template.name}" not in texts
    ]
    assert unused == []
