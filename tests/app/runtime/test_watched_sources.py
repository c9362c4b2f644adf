"""Which files Streamlit watches for edits: the same as without us, and each module is examined once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from streamlit import config
from streamlit.runtime.pages_manager import PagesManager
from streamlit.watcher import local_sources_watcher
from streamlit.watcher.local_sources_watcher import LocalSourcesWatcher

from app.runtime.watched_sources import examine_modules_once

FILES = ("beside.py", "below/deep.py", ".venv/library.py", "elsewhere.py")


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ModuleType]]:
    """Modules of files beside, below and elsewhere than ``app/script.py``, and one whose attributes are code."""
    made = []
    for name in FILES:
        file = tmp_path / "elsewhere.py" if name == "elsewhere.py" else tmp_path / "app" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        made.append(ModuleType(file.stem))
        made[-1].__file__ = str(file)
    monkeypatch.setattr(local_sources_watcher, "get_module_paths", local_sources_watcher.get_module_paths)
    was = config.get_option("server.fileWatcherType")
    yield made
    config.set_option("server.fileWatcherType", was)


def test_the_files_that_are_watched_are_those_of_streamlit(tmp_path: Path, modules: list[ModuleType]) -> None:
    config.set_option("server.fileWatcherType", "poll")
    script = tmp_path / "app" / "script.py"
    watcher = LocalSourcesWatcher(PagesManager(str(script)))
    loaded = [*modules, *sys.modules.values()]
    streamlits = [
        {path for path in watcher._exclude_blacklisted_paths(paths) if watcher._file_should_be_watched(path)}
        for paths in map(local_sources_watcher.get_module_paths, loaded)
    ]
    examine_modules_once(script)
    assert list(map(local_sources_watcher.get_module_paths, loaded)) == streamlits
    assert [{Path(path).name for path in paths} for paths in streamlits[: len(FILES)]] == [
        {"beside.py"},
        {"deep.py"},
        set(),
        set(),
    ]


@pytest.mark.parametrize(("kind", "examined"), [("poll", 1), ("none", 0)])
def test_a_module_is_examined_once(
    tmp_path: Path, modules: list[ModuleType], monkeypatch: pytest.MonkeyPatch, kind: str, examined: int
) -> None:
    config.set_option("server.fileWatcherType", kind)
    seen: list[str | None] = []

    def is_valid(path: str | None) -> bool:
        seen.append(path)
        return path is not None

    monkeypatch.setattr(local_sources_watcher, "_is_valid_path", is_valid)
    examine_modules_once(tmp_path / "app" / "script.py")
    for _ in range(3):
        local_sources_watcher.get_module_paths(modules[0])
    assert len(seen) == examined
