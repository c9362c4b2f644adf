"""Where the names of a module come from."""

from __future__ import annotations

import ast

import pytest

from app.core.imported_names import ImportedNames, local_names


def origins(source: str, expression: str, **stars: frozenset[str]) -> set[str]:
    names = ImportedNames(ast.parse(source), stars)
    return set(names.origins(ast.parse(expression, mode="eval").body))


@pytest.mark.parametrize(
    ("source", "expression", "expected"),
    [
        ("import app.access", "app.access.principal", {"app.access.principal"}),
        ("import app.access as acc", "acc.principal", {"app.access.principal"}),
        ("from app import access", "access.principal", {"app.access.principal"}),
        ("from app.access import principal as who", "who", {"app.access.principal"}),
        ("from . import access", "access", {"access"}),
        ("from app import access\nwho = access.principal", "who", {"app.access.principal"}),
        ("b = a\nimport app as a\nc = b", "c.x", {"app.x", "b.x"}),
        ("import a\nif a: import b as a", "a", {"a", "b"}),
        ("from app.access import *", "principal", {"app.access.principal"}),
        ("from other import *", "principal", {"principal"}),
        ("x = 5", "x", {"x"}),
        ("", "import_module('.app.access').principal", {"app.access.principal"}),
        ("", "__import__('app').access", {"app.access"}),
        ("", "import_module(name).principal", {"?.principal"}),
        ("", "import_module(5).principal", {"?.principal"}),
        ("", "import_module().principal", {"?.principal"}),
        ("", "other('app').access", {"?.access"}),
        ("", "(1).real", {"?.real"}),
    ],
)
def test_the_origins_of_a_name(source: str, expression: str, expected: set[str]) -> None:
    assert origins(source, expression, access=frozenset({"principal"})) == expected


def test_a_hidden_name_is_of_elsewhere() -> None:
    names = ImportedNames(ast.parse("import app"), {})
    assert names.origins(ast.Name("app"), frozenset({"app"})) == {"?"}


def test_the_names_of_a_function_hide_those_of_the_module() -> None:
    source = """
def function(a, /, b, *c, d, **e):
    global shared
    shared = inner = 1
    for each in a: pass
    def nested():
        deeper = 1
    nonlocal_free
"""
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    assert local_names(function) == {"a", "b", "c", "d", "e", "inner", "each"}
    function_of_one_expression = ast.parse("lambda x: (y := x)", mode="eval").body
    assert isinstance(function_of_one_expression, ast.Lambda)
    assert local_names(function_of_one_expression) == {"x", "y"}
