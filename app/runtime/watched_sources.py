"""Keeps Streamlit from examining every loaded module at the first run of each session.

Streamlit (1.67) asks the file system about every loaded module to find the files that it watches for edits, also where
``server.fileWatcherType`` is ``none`` and it watches nothing. That takes a tenth of a second or more of the event loop
for each tab that is opened, while everybody else's tab waits.
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
    """Have the sessions of this process examine each module once in all, and none where no file is watched.

    Args:
        script: The script that is served; what is edited beside or below it runs at the next rerun, as before.
    """
    watches = get_default_path_watcher_class() is not NoOpPathWatcher
    examine: Callable[[ModuleType], set[str]] = _WatchedPaths(script.parent) if watches else _no_paths
    local_sources_watcher.get_module_paths = examine  # type: ignore[assignment] # no public way


def _no_paths(_: ModuleType) -> set[str]:
    return set()


class _WatchedPaths:
    """In place of ``get_module_paths``: a module's files, as far as Streamlit watches them."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.path.realpath(folder)
        self._ignored = FolderBlackList(config.get_option("server.folderWatchBlacklist"))
        self._known: dict[tuple[str, str], set[str]] = {}

    def __call__(self, module: object) -> set[str]:
        # Read past ``__getattr__``, which is code of the module's own; not everything in ``sys.modules`` is a module.
        names = vars(module) if isinstance(module, ModuleType) else {}
        key = str(names.get("__name__")), str(names.get("__file__"))
        if not names or key not in self._known:
            self._known[key] = {
                path for path in _get_module_paths(cast("ModuleType", module)) if self._is_watched(path)
            }
        return self._known[key]

    def _is_watched(self, path: str) -> bool:
        """As ``LocalSourcesWatcher`` decides."""
        inside = file_is_in_folder_glob(path, self._folder) or file_in_pythonpath(path)
        return inside and not self._ignored.is_blacklisted(path)
