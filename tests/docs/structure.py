"""The structure of the code in numbers: ``python -m tests.docs.structure``.

Modules and imports of each folder, long files, banned words, and public functions that raise without ``Raises:``.
``--root`` measures another checkout; ``--list words|raises|files`` prints the places.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grimp

from tests.docs import vocabulary
from tests.docs.class_names import repeated_classes, shadowing_classes
from tests.docs.project_files import OWN_FILES, ROOT, project_files

MAX_LINES: Final = 300
RAISING_PACKAGES: Final = ("app", "component", "remote_api", "db")
MIGRATIONS: Final = "db/migrations/"
"""Their functions are Alembic's to call, and a migration that databases have had is never changed."""
SOURCE_SUFFIXES: Final = (".py", ".js")
Edges = Mapping[str, set[str]]
"""Node → the nodes it imports."""


@dataclass(frozen=True)
class Figures:
    """A graph in numbers.

    Args:
        nodes: Modules or children of a folder.
        edges: Imports between them, each pair and direction once.
        levels: Nodes on the longest path; a cycle is one level.
        cycles: Groups of nodes that import each other.
    """

    nodes: int
    edges: int
    levels: int
    cycles: int


@dataclass(frozen=True)
class FolderFigures:
    """A folder in numbers: the modules directly in it, and its children, which are subfolders and these modules."""

    folder: str
    modules: Figures
    children: Figures


def measure(edges: Edges) -> Figures:
    """The figures of a graph; each node is a key of ``edges``."""
    groups = _strongly_connected(edges)
    group_of = {node: number for number, group in enumerate(groups) for node in group}
    depth: dict[int, int] = {}
    for number, group in enumerate(groups):  # a group comes after the groups it imports
        below = {group_of[target] for node in group for target in edges[node]} - {number}
        depth[number] = 1 + max((depth[other] for other in below), default=0)
    return Figures(
        nodes=len(edges),
        edges=sum(len(targets - {node}) for node, targets in edges.items()),
        levels=max(depth.values(), default=0),
        cycles=sum(len(group) > 1 for group in groups),
    )


def _strongly_connected(edges: Edges) -> list[list[str]]:
    """Groups of nodes that reach each other, imported ones first (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(edges[node]):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            position = stack.index(node)
            groups.append(stack[position:])
            del stack[position:]

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return groups


def grouped(imports: Edges, group_by_module: Mapping[str, str]) -> dict[str, set[str]]:
    """The graph of groups: the imports between modules of different groups; other modules are ignored."""
    edges: dict[str, set[str]] = {group: set() for group in group_by_module.values()}
    for module, targets in imports.items():
        group = group_by_module.get(module)
        if group is not None:
            edges[group] |= {group_by_module[target] for target in targets if target in group_by_module} - {group}
    return edges


def import_graph(root: Path, packages: Iterable[str]) -> dict[str, set[str]]:
    """Module → modules of these packages it imports, read by grimp from the files below ``root``."""
    sys.path.insert(0, str(root))
    try:
        importlib.invalidate_caches()
        first, *others = packages
        graph = grimp.build_graph(first, *others, cache_dir=None)
    finally:
        sys.path.remove(str(root))
    return {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}


def product_packages(root: Path) -> list[str]:
    """The top-level folders with Python modules, without the tests and the documentation."""
    folders = {path.partition("/")[0] for path in project_files(root) if path.endswith(".py") and "/" in path}
    return sorted(folders - {"tests", "docs", "deploy"})


def is_empty_package(root: Path, module: str) -> bool:
    """Whether a module is the ``__init__.py`` of a package and holds a docstring at most."""
    path = root.joinpath(*module.split("."))
    if not path.is_dir():
        return False
    file = path / "__init__.py"
    return not file.is_file() or all(isinstance(node, ast.Expr) for node in ast.parse(file.read_text("utf-8")).body)


def folder_figures(root: Path, imports: Edges) -> Iterator[FolderFigures]:
    """The figures of each folder with modules, from the import graph of all."""
    modules = {module for module in imports if not is_empty_package(root, module)}
    folders = {module for module in imports if root.joinpath(*module.split(".")).is_dir()}
    for folder in sorted(folders):
        children = {
            module: _child(module, folder) for module in modules if module == folder or module.startswith(f"{folder}.")
        }
        direct = {
            module: module for module, child in children.items() if child == module and module not in folders - {folder}
        }
        yield FolderFigures(
            folder=folder.replace(".", "/"),
            modules=measure(grouped(imports, direct)),
            children=measure(grouped(imports, children)),
        )


def _child(module: str, folder: str) -> str:
    """The child of a folder that a module is in: a subfolder or the module itself."""
    if module == folder:
        return folder
    return f"{folder}.{module.removeprefix(f'{folder}.').partition('.')[0]}"


def long_files(root: Path) -> list[tuple[str, int]]:
    """Python and JavaScript files of more than ``MAX_LINES`` lines, with their lengths, the longest first."""
    lengths = (
        (path, len((root / path).read_text(encoding="utf-8").splitlines()))
        for path in [*project_files(root), *sorted(OWN_FILES)]
        if path.endswith(SOURCE_SUFFIXES) and (root / path).is_file()
    )
    return sorted(((path, lines) for path, lines in lengths if lines > MAX_LINES), key=lambda row: (-row[1], row[0]))


def undocumented_raises(root: Path) -> list[tuple[str, int, str]]:
    """Path, line and name of each public function that raises and has no ``Raises:`` section in its docstring."""
    return [
        (path, line, name)
        for path in project_files(root)
        if path.endswith(".py")
        and path.startswith(tuple(f"{package}/" for package in RAISING_PACKAGES))
        and not path.startswith(MIGRATIONS)
        for line, name in _undocumented(ast.parse((root / path).read_text(encoding="utf-8")).body, "")
    ]


def _undocumented(body: Iterable[ast.stmt], owner: str) -> Iterator[tuple[int, str]]:
    for node in body:
        match node:
            case ast.ClassDef(name=name) if not name.startswith("_"):
                yield from _undocumented(node.body, f"{owner}{name}.")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if not name.startswith("_"):
                sections = [line.strip() for line in (ast.get_docstring(node) or "").splitlines()]
                if "Raises:" not in sections and any(_raises(statement, set()) for statement in node.body):
                    yield node.lineno, f"{owner}{name}"
            case _:
                pass


def _raises(node: ast.AST, caught: set[str]) -> bool:
    """Whether code raises a new exception itself: not again what it caught, not in a function inside it."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
            return False
        case ast.Raise(exc=None):
            return False
        case ast.Raise(exc=ast.Name(id=name)) if name in caught:
            return False
        case ast.Raise():
            return True
        case ast.ExceptHandler(name=str(name)):
            caught = caught | {name}
        case _:
            pass
    return any(_raises(child, caught) for child in ast.iter_child_nodes(node))


def report(root: Path) -> Iterator[str]:
    """The lines of the report."""
    imports = import_graph(root, product_packages(root))
    yield "Modules and children (children of a folder: its subfolders and the modules beside them)"
    figures = f"{'edges':>8}{'levels':>8}{'cycles':>8}"
    yield f"{'':28}{'modules':>8}{figures}   {'children':>8}{figures}"
    for row in folder_figures(root, imports):
        yield f"{row.folder:28}{_cells(row.modules)}   {_cells(row.children)}"
    all_modules = {module: module for module in imports if not is_empty_package(root, module)}
    packages = {module: module.partition(".")[0] for module in all_modules}
    modules, tops = measure(grouped(imports, all_modules)), measure(grouped(imports, packages))
    yield f"{'all, and packages':28}{_cells(modules)}   {_cells(tops)}"
    yield ""
    files = long_files(root)
    tests = sum(path.startswith("tests/") for path, _ in files)
    yield f"Files over {MAX_LINES} lines: product {len(files) - tests}, tests {tests}"
    yield ""
    yield "Public functions that raise, without a Raises: section"
    places = [path.partition("/")[0] for path, _, _ in undocumented_raises(root)]
    yield from (f"{package:28}{places.count(package):8}" for package in RAISING_PACKAGES)
    yield f"{'all':28}{len(places):8}"
    yield ""
    yield "Banned words"
    counts = vocabulary.counts(root)
    yield from (f"{area:28}{count:8}" for area, count in counts.items())
    yield f"{'all':28}{sum(counts.values()):8}"
    yield ""
    yield f"Class names used more than once: {len(repeated_classes(root))}"
    yield f"Class names of the standard library: {', '.join(shadowing_classes(root)) or 'none'}"


def _cells(figures: Figures) -> str:
    return f"{figures.nodes:8}{figures.edges:8}{figures.levels:8}{figures.cycles:8}"


def places(root: Path, kind: str) -> Iterator[str]:
    """The places behind a count: ``words``, ``raises`` or ``files``."""
    match kind:
        case "words":
            yield from map(str, vocabulary.banned_places(root))
        case "raises":
            yield from (f"{path}:{line}: {name}" for path, line, name in undocumented_raises(root))
        case _:
            yield from (f"{path}:1: {lines} lines" for path, lines in long_files(root))


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs.structure", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="another checkout")
    parser.add_argument("--list", choices=("words", "raises", "files"), help="print the places behind a count")
    options = parser.parse_args()
    root = options.root.resolve()
    for line in places(root, options.list) if options.list else report(root):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
