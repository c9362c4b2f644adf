"""The uploads of all Streamlit sessions of one process, including those without a socket, which keep their files.

A browser that reconnects is reattached to its Streamlit session, so Streamlit keeps the files of a session that has
lost its socket. They count, and the oldest of these sessions are shut down when a user with a socket needs the room.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from component.socket.upload_limits import MAX_TOTAL_UPLOAD_BYTES, Uploads


class StoredSessions(Protocol):
    """The Streamlit sessions of this process. Called on the event loop."""

    def is_stored(self, session_id: str) -> bool:
        """Whether a session has a socket, or is kept for a reconnection."""

    def without_socket(self) -> Iterable[str]:
        """The ids of the sessions that are kept for a reconnection, the oldest first."""

    def shut_down(self, session_id: str) -> None:
        """Shut down a session without a socket, and remove its files."""

    def remove_files(self, session_id: str) -> None:
        """Remove the files of a session that has ended: one may have arrived afterwards."""


class UploadTotals:
    """Streamlit session → its uploads. Lives on the event loop."""

    def __init__(self, sessions: StoredSessions | None = None) -> None:
        """``sessions``: None until the app has started."""
        self.sessions = sessions
        self._uploads: dict[str, Uploads] = {}

    def add(self, session_id: str, uploads: Uploads) -> None:
        """Count the uploads of a session until it has ended."""
        self._uploads[session_id] = uploads

    def size_of(self, session_id: str) -> int:
        """The size of one session's files, in bytes."""
        uploads = self._uploads.get(session_id)
        return uploads.size if uploads is not None else 0

    @property
    def size(self) -> int:
        """The size of all sessions' files, in bytes, including those being received."""
        return sum(uploads.size for uploads in self._uploads.values())

    def make_room(self, size: int) -> bool:
        """Whether ``size`` bytes more fit; shuts down sessions without a socket for them, no more than necessary."""
        self.drop_ended()
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

    def drop_ended(self) -> None:
        """Stop counting sessions that have ended, and remove files that arrived after their end."""
        if self.sessions is None:
            return
        for session_id, uploads in list(self._uploads.items()):
            if not uploads.arriving and not self.sessions.is_stored(session_id):
                del self._uploads[session_id]
                self.sessions.remove_files(session_id)

    def _spare(self, sessions: StoredSessions) -> dict[str, int]:
        """Sessions without a socket → bytes of their files, the oldest first; none that receives a file or has none."""
        sizes = {}
        for session_id in sessions.without_socket():
            uploads = self._uploads.get(session_id)
            if uploads is not None and uploads.size and not uploads.arriving:
                sizes[session_id] = uploads.size
        return sizes
