"""What the import contracts cannot say: docstring-only packages, and which part of Streamlit the component may name."""

from __future__ import annotations

import ast

import pytest

from tests.stack import ROOT


@pytest.mark.parametrize("file", ["app/__init__.py", "app/core/__init__.py"])
def test_these_packages_hold_a_docstring_only(file: str) -> None:
    (statement,) = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Constant)


def test_in_the_component_only_the_two_that_draw_know_more_of_streamlit_than_its_messages() -> None:
    for file in (ROOT / "component").glob("*.py"):
        if file.name in {"auth0.py", "table.py"}:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for name in names:
                assert not name.startswith("streamlit") or name.startswith("streamlit.proto."), f"{file.name}: {name}"


def test_one_module_computes_the_network_of_an_address() -> None:
    """All limits count the same as one client: of IPv6 a /64."""
    places = [
        str(file.relative_to(ROOT))
        for folder in ("app", "component", "db", "remote_api")
        for file in (ROOT / folder).rglob("*.py")
        if ".network_address" in file.read_text(encoding="utf-8")
    ]
    assert places == ["app/core/client_addresses.py"]
