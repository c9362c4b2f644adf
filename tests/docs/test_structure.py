"""The figures of the code's structure, on small trees whose figures are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import structure
from tests.docs.project_files import ROOT
from tests.docs.structure import Figures, measure


def write(root: Path, **files: str) -> None:
    """Write files; ``__`` in a name stands for a folder."""
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_levels_are_the_longest_path_and_a_cycle_is_one_level() -> None:
    assert measure({}) == Figures(0, 0, 0, 0)
    assert measure({"a": set()}) == Figures(1, 0, 1, 0)
    assert measure({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == Figures(3, 3, 3, 0)
    assert measure({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}) == Figures(4, 4, 3, 1)
    assert measure({"a": {"b"}, "b": {"a"}, "c": {"d"}, "d": {"c"}}) == Figures(4, 4, 1, 2)


def test_folders_are_measured_by_their_modules_and_by_their_children(tmp_path: Path) -> None:
    write(
        tmp_path,
        orchard__tree="from orchard.fruit import apple, pear\nimport orchard.ladder\n",
        orchard__ladder="",
        orchard__fruit__apple="from orchard.fruit.pear import Pear\n",
        orchard__fruit__pear="import orchard.ladder\nclass Pear: ...\n",
    )
    for package in ("orchard", "orchard/fruit"):
        (tmp_path / package / "__init__.py").write_text('"""A package."""\n', encoding="utf-8")
    imports = structure.import_graph(tmp_path, ["orchard"])
    rows = {row.folder: row for row in structure.folder_figures(tmp_path, imports)}
    assert rows.keys() == {"orchard", "orchard/fruit"}
    assert rows["orchard"].modules == Figures(nodes=2, edges=1, levels=2, cycles=0)
    assert rows["orchard"].children == Figures(nodes=3, edges=3, levels=3, cycles=0)
    assert rows["orchard/fruit"].modules == Figures(nodes=2, edges=1, levels=2, cycles=0)


def test_files_over_the_limit_are_listed_longest_first(tmp_path: Path) -> None:
    write(tmp_path, app__a="x = 1\n" * 300, app__b="x = 1\n" * 301, tests__c="x = 1\n" * 400)
    (tmp_path / "app" / "d.md").write_text("text\n" * 500, encoding="utf-8")
    assert structure.long_files(tmp_path) == [("tests/c.py", 400), ("app/b.py", 301)]


def test_a_long_file_of_the_project_begins_with_the_reason() -> None:
    long = [path for path, _ in structure.long_files(ROOT)]
    begins = {path: (ROOT / path).read_text(encoding="utf-8").partition("\n")[0] for path in long}
    assert [path for path, line in begins.items() if not line.startswith("# Over 300 lines: ")] == []


def test_no_module_of_the_project_imports_itself_by_way_of_others() -> None:
    rows = structure.folder_figures(ROOT, structure.import_graph(ROOT, structure.product_packages(ROOT)))
    assert [row.folder for row in rows if row.modules.cycles] == []


def test_every_public_function_of_the_project_that_raises_documents_it() -> None:
    assert structure.undocumented_raises(ROOT) == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f():\n    raise ValueError", ["f"]),
        ("async def f():\n    if x:\n        raise ValueError('x') from None", ["f"]),
        ('def f():\n    """F.\n\n    Raises:\n        ValueError: always.\n    """\n    raise ValueError', []),
        ('def f():\n    """F. Raises ``ValueError``."""\n    raise ValueError', ["f"]),
        ("def _f():\n    raise ValueError", []),
        ("def f():\n    try: ...\n    except OSError:\n        raise", []),
        ("def f():\n    try: ...\n    except OSError as error:\n        raise error", []),
        ("def f():\n    try: ...\n    except OSError as error:\n        raise ValueError from error", ["f"]),
        ("def f():\n    def inner():\n        raise ValueError\n    return inner", []),
        ("class C:\n    def f(self):\n        raise ValueError", ["C.f"]),
        ("class C:\n    def __init__(self):\n        raise ValueError", []),
        ("class _C:\n    def f(self):\n        raise ValueError", []),
    ],
)
def test_public_functions_that_raise_without_saying_what(tmp_path: Path, source: str, names: list[str]) -> None:
    write(tmp_path, db__a=source, tests__a=source)
    assert [name for _, _, name in structure.undocumented_raises(tmp_path)] == names


def test_the_report_of_a_small_tree(tmp_path: Path) -> None:
    write(tmp_path, meadow__a="import meadow.b\n", meadow__b="told = 1\n")
    (tmp_path / "meadow" / "__init__.py").write_text("", encoding="utf-8")
    lines = list(structure.report(tmp_path))
    assert [line.split() for line in lines if line.startswith("meadow")] == [["meadow", *"2120", *"2120"]]
    assert "Files over 300 lines: product 0, tests 0" in lines
    assert [line.split() for line in lines if line.startswith("texts")] == [["texts", "1"]]
    assert next(structure.places(tmp_path, "words")).startswith("meadow/b.py:1: told -> ")
