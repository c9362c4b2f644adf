"""The files that Streamlit's runs have registered for each Streamlit session: images, videos, audio, downloads.

An address that an app merely shows, for example because its user typed it, is no file of that user: what counts is
that a run for this very session registered the file with Streamlit, and that it started after the user last lost a
right. ``app.runtime.media_files`` records that here, from the threads of the runs.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from component.protocol.file_paths import media_id_of

MAX_SESSIONS: Final = 8192
MAX_FILES: Final = 4096
"""How many files are kept for each session, the latest."""
MAX_FILES_IN_ALL: Final = 262_144
"""How many files of all sessions: some 40 MB. The session with the most files drops half of its own."""


@dataclass(slots=True)
class _Tally:
    """How many files all sessions have, and the lock that protects all counts."""

    lock: Lock = field(default_factory=Lock)
    files: int = 0


class SessionFiles:
    """Ids of the files of one Streamlit session. Thread-safe."""

    def __init__(self, tally: _Tally | None = None) -> None:
        self._tally = tally or _Tally()
        self._files: dict[str, None] = {}
        self._losses = 0
        self._is_dropped = False

    def __contains__(self, file: str) -> bool:
        with self._tally.lock:
            return file in self._files

    def __len__(self) -> int:
        return len(self._files)

    def begin_run(self) -> RunFiles:
        """A run of the session starts."""
        return RunFiles(self, self._losses)

    def add(self, file: str, *, began_after_losses: int | None = None) -> None:
        """A run has registered this file.

        Args:
            file: Its id.
            began_after_losses: How many losses there were when the run started; None for a run that starts now.
        """
        with self._tally.lock:
            if self._is_dropped or began_after_losses not in {None, self._losses}:
                return
            known = len(self._files)
            self._files.pop(file, None)
            self._files[file] = None
            if len(self._files) > MAX_FILES:
                del self._files[next(iter(self._files))]
            self._tally.files += len(self._files) - known

    def clear(self) -> None:
        """The session's user has lost a right: only files that later runs register count."""
        with self._tally.lock:
            self._losses += 1
            self._drop(len(self._files))

    def drop(self) -> None:
        """Drop all files of this session, and those that are still to come."""
        with self._tally.lock:
            self._is_dropped = True
            self._drop(len(self._files))

    def halve(self) -> None:
        """Drop the older half of the files."""
        with self._tally.lock:
            self._drop((len(self._files) + 1) // 2)

    def _drop(self, number: int) -> None:
        for file in list(self._files)[:number]:
            del self._files[file]
        self._tally.files -= number


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files that one run registers: they count as long as its user has lost no right since the run started."""

    _files: SessionFiles
    _losses: int

    def add(self, file: str) -> None:
        """The run has registered this file."""
        self._files.add(file, began_after_losses=self._losses)


class MediaFiles:
    """Streamlit session → its files. Thread-safe; each process has its own."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tally = _Tally()
        self._sessions: OrderedDict[str, SessionFiles] = OrderedDict()

    def __len__(self) -> int:
        """How many files all sessions have."""
        return self._tally.files

    def of(self, session_id: str) -> SessionFiles:
        """The files of a session; the least recently used session is dropped when there are too many."""
        with self._lock:
            files = self._sessions.setdefault(session_id, SessionFiles(self._tally))
            self._sessions.move_to_end(session_id)
            if len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)[1].drop()
            return files

    def register(self, run: RunFiles, address: str) -> None:
        """A run has registered the file at this address."""
        file = media_id_of(address)
        if file is None:
            return
        run.add(file)
        if self._tally.files > MAX_FILES_IN_ALL:
            with self._lock:
                max(self._sessions.values(), key=len).halve()
