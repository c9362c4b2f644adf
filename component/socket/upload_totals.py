"""What all Streamlit sessions of one process have taken in, also those without a socket, which keep their files.

A browser that reconnects goes on with its Streamlit session, so that Streamlit keeps the files of a session that has
lost its socket. They count, and the oldest of these sessions are shut down where a user with a socket needs the room.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from component.socket.upload_limits import MAX_TOTAL_UPLOAD_BYTES, Uploads


class StoredSessions(Protocol):
    """The Streamlit sessions of this process. On the event loop."""

    def is_stored(self, session_id: str) -> bool:
        """Whether a session has a socket, or is kept for its reconnection."""

    def without_socket(self) -> Iterable[str]:
        """The ids of the sessions that are kept for their reconnection, the oldest first."""

    def shut_down(self, session_id: str) -> None:
        """Shut a session without a socket down; its files are gone then."""

    def remove_files(self, session_id: str) -> None:
        """Remove the files of a session that is gone: one may have arrived after its end."""


class UploadTotals:
    """Streamlit session → its uploads. Lives on the event loop."""

    def __init__(self, sessions: StoredSessions | None = None) -> None:
        """``sessions``: None until the app has started."""
        self.sessions = sessions
        self._uploads: dict[str, Uploads] = {}

    def add(self, session_id: str, uploads: Uploads) -> None:
        """Count what a session takes in, until it is gone."""
        self._uploads[session_id] = uploads

    def size_of(self, session_id: str) -> int:
        """Bytes that one session keeps."""
        uploads = self._uploads.get(session_id)
        return uploads.size if uploads is not None else 0

    @property
    def size(self) -> int:
        """Bytes that all sessions keep, those on their way too."""
        return sum(uploads.size for uploads in self._uploads.values())

    def make_room(self, size: int) -> bool:
        """Whether ``size`` bytes more fit. Sessions without a socket are shut down for them, no more than necessary."""
        self.forget_gone()
        excess = self.size + size - MAX_TOTAL_UPLOAD_BYTES
        if excess <= 0 or self.sessions is None:
            return excess <= 0
        spare = self._spare(self.sessions)
        if sum(spare.values()) < excess:
            return False
        for session_id, freed in spare.items():
            if excess <= 0:
                break
            self.sessions.shut_down(session_id)
            del self._uploads[session_id]
            excess -= freed
        return True

    def forget_gone(self) -> None:
        """Count sessions that Streamlit keeps no longer no more, and remove what arrived after their end."""
        if self.sessions is None:
            return
        for session_id, uploads in list(self._uploads.items()):
            if not uploads.arriving and not self.sessions.is_stored(session_id):
                del self._uploads[session_id]
                self.sessions.remove_files(session_id)

    def _spare(self, sessions: StoredSessions) -> dict[str, int]:
        """Sessions without a socket that keep files, the oldest first → bytes; none that a file is on its way to."""
        sizes = {}
        for session_id in sessions.without_socket():
            uploads = self._uploads.get(session_id)
            if uploads is not None and uploads.size and not uploads.arriving:
                sizes[session_id] = uploads.size
        return sizes
