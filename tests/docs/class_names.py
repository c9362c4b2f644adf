"""Class names of product code: one name means one thing, and none is a name of the standard library."""

from __future__ import annotations

import ast
import builtins
import importlib
from collections import Counter
from pathlib import Path
from typing import Final

from tests.docs.project_files import is_within, project_files

PRODUCT: Final = ("app", "component", "db", "pages", "remote_api")
STANDARD_MODULES: Final = (
    "typing",
    "collections",
    "collections.abc",
    "dataclasses",
    "datetime",
    "pathlib",
    "enum",
    "threading",
    "queue",
    "asyncio",
    "logging",
    "contextlib",
    "string",
    "types",
    "decimal",
    "uuid",
    "re",
    "io",
)
"""Modules whose class names every reader knows."""


def _product_classes(root: Path) -> Counter[str]:
    trees = (
        ast.parse((root / path).read_text(encoding="utf-8"))
        for path in project_files(root)
        if path.endswith(".py") and is_within(path, PRODUCT)
    )
    names = (node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return Counter(name for name in names if not name.startswith("_"))


def repeated_classes(root: Path) -> list[str]:
    """Public class names that product code defines more than once."""
    return sorted(name for name, count in _product_classes(root).items() if count > 1)


def shadowing_classes(root: Path) -> list[str]:
    """Public class names of product code that are names of the standard library's."""
    modules = [builtins, *(importlib.import_module(name) for name in STANDARD_MODULES)]
    standard = {name for module in modules for name in getattr(module, "__all__", dir(module))}
    return sorted(set(_product_classes(root)) & standard)
