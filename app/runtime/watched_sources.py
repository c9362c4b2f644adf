"""Examines each loaded module once per process in place of Streamlit, which does so in the first run of each session.

Streamlit (1.67) looks up every loaded module in the file system to find the files to watch for edits, even if
``server.fileWatcherType`` is ``none`` and it watches no file. That blocks the event loop for a tenth of a second or
more for each new tab, while all other tabs wait.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Final, cast

from streamlit import config
from streamlit.file_util import file_in_pythonpath, file_is_in_folder_glob
from streamlit.watcher import local_sources_watcher
from streamlit.watcher.folder_black_list import FolderBlackList
from streamlit.watcher.path_watcher import NoOpPathWatcher, get_default_path_watcher_class

_get_module_paths: Final = local_sources_watcher.get_module_paths


def examine_modules_once(script: Path) -> None:
    """Examine each module once for all sessions of this process, and none if Streamlit watches no files.

    Args:
        script: The script that Streamlit runs. An edited file beside or below it still runs at the next rerun.
    """
    watches = get_default_path_watcher_class() is not NoOpPathWatcher
    examine: Callable[[ModuleType], set[str]] = _WatchedPaths(script.parent) if watches else _no_paths
    local_sources_watcher.get_module_paths = examine  # type: ignore[assignment] # no public name


def _no_paths(_: ModuleType) -> set[str]:
    return set()


class _WatchedPaths:
    """Replaces ``get_module_paths``: the files of a module that Streamlit watches."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.path.realpath(folder)
        self._ignored = FolderBlackList(config.get_option("server.folderWatchBlacklist"))
        self._known: dict[tuple[str, str], set[str]] = {}

    def __call__(self, module: object) -> set[str]:
        # vars() bypasses the module's own ``__getattr__``; not every object in ``sys.modules`` is a module.
        names = vars(module) if isinstance(module, ModuleType) else {}
        key = str(names.get("__name__")), str(names.get("__file__"))
        if not names or key not in self._known:
            self._known[key] = {
                path for path in _get_module_paths(cast("ModuleType", module)) if self._is_watched(path)
            }
        return self._known[key]

    def _is_watched(self, path: str) -> bool:
        """Whether ``LocalSourcesWatcher`` watches a path."""
        inside = file_is_in_folder_glob(path, self._folder) or file_in_pythonpath(path)
        return inside and not self._ignored.is_blacklisted(path)
