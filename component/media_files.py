"""The files that Streamlit's runs have registered for each Streamlit session: images, films, sound, downloads.

An address that an app only shows, such as one that its user typed, is no file of that user: what counts is that a run
for this very session gave the file to Streamlit. ``app.media`` notes that here, from the threads of the runs.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

from component import wire

MAX_SESSIONS: Final = 8192
MAX_FILES: Final = 4096
"""How many are remembered of each session, the latest."""


class SessionFiles:
    """Ids of the files of one Streamlit session. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._files: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, file: str) -> bool:
        with self._lock:
            return file in self._files

    def add(self, file: str) -> None:
        """A run has registered this file."""
        with self._lock:
            self._files[file] = None
            self._files.move_to_end(file)
            if len(self._files) > MAX_FILES:
                self._files.popitem(last=False)

    def clear(self) -> None:
        """The session's user has lost a right: only what is registered from now on counts."""
        with self._lock:
            self._files.clear()


class MediaFiles:
    """Streamlit session → its files. Safe from any thread; each process has its own."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sessions: OrderedDict[str, SessionFiles] = OrderedDict()

    def of(self, session_id: str) -> SessionFiles:
        """The files of a session; the session that was asked for longest ago is forgotten when there are too many."""
        with self._lock:
            files = self._sessions.setdefault(session_id, SessionFiles())
            self._sessions.move_to_end(session_id)
            if len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)
            return files

    def register(self, session_id: str, address: str) -> None:
        """A run of the session has registered the file at this address."""
        file = wire.media_asked(address)
        if file is not None:
            self.of(session_id).add(file)
