"""For all tests: short ids, groups that pytest-xdist keeps, no thread left running, and the number of browser tests."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
import structlog
from werkzeug.routing import Rule

from tests import compiled_statements
from tests.issuer import Issuer
from tests.left_running import LeftRunning
from tests.scratch import keep_files_in_memory
from tests.spreading import spread

MAX_ID_CHARACTERS = 200


def pytest_configure(config: pytest.Config) -> None:
    # pytest-xdist 3.8 may give a restarted worker complete groups only, and then waits for its results without an end.
    if getattr(config.option, "maxworkerrestart", "0") is None:
        config.option.maxworkerrestart = "0"
    keep_files_in_memory()
    config.pluginmanager.register(LeftRunning(str(config.rootpath)))


@pytest.fixture(scope="session", autouse=True)
def packages_are_scanned_once() -> Iterator[None]:
    """Let Streamlit look for the components of the installed packages, and their files, once for all test runtimes."""
    with pytest.MonkeyPatch.context() as patch:
        if "streamlit" in sys.modules:
            from streamlit.components.v2 import manifest_scanner

            patch.setattr(
                manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests)
            )
            component = manifest_scanner.ComponentConfig
            resolve = component.resolve_asset_root

            @cache
            def resolved(name: str, asset_dir: str | None, root: Path) -> Path | None:
                return resolve(component(name, asset_dir), root)

            patch.setattr(component, "resolve_asset_root", lambda self, root: resolved(self.name, self.asset_dir, root))
        yield


@pytest.fixture(scope="session", autouse=True)
def scripts_are_parsed_once() -> Iterator[None]:
    """Let Streamlit parse each page once: ``AppTest`` has a new cache of scripts in each run."""
    with pytest.MonkeyPatch.context() as patch:
        if "streamlit" in sys.modules:
            from streamlit.runtime.scriptrunner import magic

            patch.setattr(magic, "add_magic", lru_cache(maxsize=200)(magic.add_magic))
        yield


@pytest.fixture(scope="session", autouse=True)
def url_builders_are_compiled_once() -> Iterator[None]:
    """Let each rule of Flask be compiled once for all apps: a compiled builder takes the rule as an argument."""
    builders: dict[tuple[object, ...], Any] = {}
    compile_builder = Rule._compile_builder

    def compiled(rule: Rule, append_unknown: bool = True) -> Any:
        if rule.defaults:
            return compile_builder(rule, append_unknown)
        key = (rule.rule, *rule._trace, append_unknown)
        if key not in builders:
            builders[key] = compile_builder(rule, append_unknown)
        return builders[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compiled)
        yield


@pytest.fixture(scope="session", autouse=True)
def statements_are_compiled_once() -> Iterator[None]:
    """Let all engines share compiled SQL."""
    with pytest.MonkeyPatch.context() as patch:
        compiled_statements.share(patch)
        yield


@pytest.fixture(autouse=True)
def logging_is_restored() -> Iterator[None]:
    """Undo what a test configures for structlog: commands send their events to standard error."""
    before = dict(structlog.get_config())
    yield
    structlog.configure(**before)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a long text by its length, as reports print the ids. None leaves the id to pytest."""
    if isinstance(val, (str, bytes)) and len(val) > MAX_ID_CHARACTERS:
        return f"{argname} of {len(val)}"
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse to run when pytest-xdist does not know the groups: tests that share a server would be separated."""
    if getattr(config.option, "loadgroup", False):
        for item in items:
            if item.get_closest_marker("xdist_group") is not None and "@" not in item.nodeid.rpartition("]")[2]:
                raise pytest.UsageError(f"pytest-xdist did not take the group of {item.nodeid}")
    items[:] = spread(items, waits=lambda item: item.get_closest_marker("waits") is not None, file=attrgetter("path"))


def pytest_collection_finish() -> None:
    """Let the garbage collector ignore all modules and tests, which it would search again and again.

    A young collection comes after 5,000 allocations instead of 700, an older one after 20 younger ones instead of 10:
    both were a tenth of the CPU. What only a collection reports may be reported one test later.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    outcomes = {
        outcome: sum("browser" in report.keywords for report in terminalreporter.stats.get(outcome, ()))
        for outcome in ("passed", "failed", "skipped")
    }
    if any(outcomes.values()):
        summary = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items() if count)
        terminalreporter.write_line(f"browser tests: {summary}")


@pytest.fixture(scope="session")
def shared_issuer() -> Iterator[Issuer]:
    """An issuer on loopback for all tests that do not change it."""
    with Issuer() as issuer:
        yield issuer
