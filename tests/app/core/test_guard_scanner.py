"""What asks for which permission is found by reading, without running anything; and published when there is a place."""

from __future__ import annotations

import ast
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from app import guard_inventory
from app.core import guard_scanner, shared_identity
from app.core.administration_records import GuardKind
from app.core.errors import SchemaMismatch, StorageUnavailable
from app.core.guard_scanner import code_version, functions, in_tree, leaks_in, publish_guards, require_page_line
from app.core.hosted_app_config import HostedAppConfig
from app.core.permissions import Permission
from app.navigation import PAGES
from tests.stack import ROOT

MODULE = """
from app import access
from app.access import requires
from app.core import permissions
from app.core.permissions import Permission

requires(Permission.READ_ROLES)  # decorates nothing
access.require(Permission.READ_GUARDS)
raise SystemExit("reading must not run this")


@access.requires(Permission.READ_REPORTS)
def plain() -> None: ...


@other
@requires("export:reports")
async def named(x: int) -> None:
    access.require(Permission.READ_REPORTS)
    access.require(Permission.READ_REPORTS, target="again")


class Thing:
    @staticmethod
    @requires(permissions.Permission.READ_PEOPLE)
    def method() -> None:
        @requires(Permission.END_SESSIONS)
        def inner() -> None: ...

    def asks(self) -> None:
        if self.allows(Permission.READ_AUDIT):
            self.guard.require(Permission.MANAGE_ROLES)


@requires(chosen)
@requires("no:such")
@requires(Permission.NO_SUCH)
@requires()
@requires
@Permission.READ_AUDIT
def cannot_be_read() -> None:
    access.require(permission)
"""


def test_guards_are_found_in_the_source() -> None:
    guards = [
        (row.name, row.permission, row.line) for row in in_tree(ast.parse(MODULE), module="pages.m", file="pages/m.py")
    ]
    assert guards == [
        ("pages.m:<module>", "read:guards", 8),
        ("pages.m:plain", "read:reports", 13),
        ("pages.m:named", "export:reports", 18),
        ("pages.m:named", "read:reports", 19),
        ("pages.m:Thing.method", "read:people", 26),
        ("pages.m:Thing.method.<locals>.inner", "end:sessions", 28),
        ("pages.m:Thing.asks", "manage:roles", 32),
    ]


def test_names_are_those_the_audit_has() -> None:
    """So that a refusal in the audit leads to its row here."""
    (row,) = [row for row in functions(ROOT / "pages", root=ROOT) if row.permission == "export:reports"]
    assert (row.name, row.file, row.kind) == ("pages.usage_report:export_report", "pages/usage_report.py", "function")
    line = (ROOT / row.file).read_text().splitlines()[row.line - 1]
    assert line.startswith("def export_report(")


def test_a_folder_of_anything(tmp_path: Path) -> None:
    good = '@requires("read:reports")\ndef f(): ...\n'
    for name in ("a.py", "views/b.py", "views/__init__.py", ".venv/c.py", "env/d.py", "tests/e.py", "data/f.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(good)
    (tmp_path / "env" / "pyvenv.cfg").touch()
    (tmp_path / "broken.py").write_text("# requires\ndef (")
    (tmp_path / "binary.py").write_bytes(b"# requires\n\x00\xff")
    (tmp_path / "deep.py").write_text("# requires\n" + "(" * 5000)
    (tmp_path / "huge.py").write_text(good + "#" * guard_scanner.MAX_FILE_BYTES)
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [(row.name, row.file) for row in functions(tmp_path, root=tmp_path)] == [
        ("a:f", "a.py"),
        ("views:f", "views/__init__.py"),
        ("views.b:f", "views/b.py"),
    ]
    assert list(functions(tmp_path / "none", root=tmp_path)) == []


@pytest.mark.parametrize(
    ("source", "guards", "leaks"),
    [
        ('@requires("read:reports")\ndef f(): ...', 1, 0),
        ('def f():\n    access.require("read:reports")', 1, 0),
        # Python reads these letters as the names "requires" and "cache".
        ('@\N{FULLWIDTH LATIN SMALL LETTER R}equires("read:reports")\ndef f(): ...', 1, 0),
        ("@\N{FULLWIDTH LATIN SMALL LETTER C}ache\ndef f(): return st.user", 0, 1),
        ("# coding: latin-1\n# caf\xe9\n@cache\ndef f(): return st.user", 0, 1),
        *((f"@{cache}\ndef f(): return st.user", 0, 1) for cache in sorted(shared_identity.CACHES)),
        ("from functools import lru_cache as kept\n@kept\ndef f(): return st.user", 0, 1),
        ("def f(): return st.user", 0, 0),
    ],
)
def test_a_file_is_parsed_when_it_mentions_a_guard_or_a_cache(
    tmp_path: Path, source: str, guards: int, leaks: int
) -> None:
    encoding = "latin-1" if "latin-1" in source else "utf-8"
    (tmp_path / "m.py").write_bytes(source.encode(encoding))
    assert len(list(functions(tmp_path, root=tmp_path))) == guards
    assert len(list(leaks_in(tmp_path, root=tmp_path))) == leaks


def test_a_file_that_mentions_neither_is_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each start the product's own files are read, and to parse all of them takes a second."""
    (tmp_path / "m.py").write_text("required = cached_value = 1\n")
    monkeypatch.delattr(ast, "parse")
    assert list(functions(tmp_path, root=tmp_path)) == []
    assert list(leaks_in(tmp_path, root=tmp_path)) == []
    assert require_page_line(tmp_path / "m.py") == 1


def test_the_gate_of_a_page(tmp_path: Path) -> None:
    script = tmp_path / "page.py"
    script.write_text('"""A page."""\nfrom app import access\n\naccess.require_page()\n')
    assert require_page_line(script) == 4
    script.write_text("print()\n")
    assert require_page_line(script) == 1
    assert require_page_line(tmp_path / "none.py") == 1


def test_our_own_pages_and_functions_are_published_with_where_they_stand() -> None:
    rows = list(guard_inventory.own_guards())
    pages = {row.name: row for row in rows if row.kind is GuardKind.PAGE}
    assert pages.keys() == {f"/{row.path}" for row in PAGES}
    report = pages["/reports"]
    assert (report.permission, report.file) == ("read:reports", "pages/usage_report.py")
    assert "require_page" in (ROOT / report.file).read_text().splitlines()[report.line - 1]
    assert pages["/"].permission == ""
    assert "pages.csv_explorer:read_table" in {row.name for row in rows}
    assert all((ROOT / row.file).is_file() and row.line >= 1 for row in rows)
    assert len({(row.kind, row.name, row.permission) for row in rows}) == len(rows)


def test_a_hosted_app_is_scanned(tmp_path: Path) -> None:
    script = tmp_path / "shop.py"
    script.write_text('from app.access import requires\n\n@requires("read:reports")\ndef take(): ...\n')
    (tmp_path / "gatehouse.toml").write_text('enter = "read:roles"\n\n[pages]\n"/" = "x"\n\'/orders\' = "y"\n')
    rows = {
        (row.kind.value, row.name, row.permission, row.file, row.line)
        for row in guard_inventory.guards_of(
            script, HostedAppConfig(pages={"": None, "orders": Permission.READ_PEOPLE}, enter=Permission.READ_ROLES)
        )
    }
    assert rows == {
        ("page", "/*", "read:roles", "gatehouse.toml", 1),
        ("page", "/", "", "gatehouse.toml", 4),
        ("page", "/orders", "read:people", "gatehouse.toml", 5),
        ("function", "shop:take", "read:reports", "shop.py", 4),
    }
    (tmp_path / "gatehouse.toml").unlink()
    (only, _) = guard_inventory.guards_of(script, HostedAppConfig())
    assert (only.name, only.permission, only.file, only.line) == ("/*", "", "shop.py", 1)


class Busy:
    """Storage that does not answer."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def unit_of_work(self) -> Any:
        raise self._error


@pytest.mark.parametrize("error", [StorageUnavailable("It is busy."), SchemaMismatch()])
def test_a_busy_database_keeps_nothing_from_starting(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    storage: Any = Busy(error)
    assert publish_guards(storage, "app", []) is False
    assert "could not be published" in "".join(capsys.readouterr())


def test_a_bug_is_not_taken_for_a_busy_database() -> None:
    storage: Any = Busy(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        publish_guards(storage, "app", [])


def test_the_version_is_that_of_the_package() -> None:
    assert code_version()


def test_code_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    assert code_version()
    monkeypatch.setattr(metadata, "version", missing)
    assert code_version() == ""
