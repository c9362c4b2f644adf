"""The uploads of all Streamlit sessions of a process are bounded, with a socket or without."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from component.socket import upload_totals
from component.socket.upload_limits import Uploads
from component.socket.upload_totals import UploadTotals


@dataclass
class Sessions:
    """The sessions of a runtime, with Streamlit's own manager of uploaded files."""

    files: MemoryUploadedFileManager = field(default_factory=lambda: MemoryUploadedFileManager("/_stcore/upload_file"))
    active: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def is_stored(self, session_id: str) -> bool:
        return session_id in self.active or session_id in self.kept

    def without_socket(self) -> list[str]:
        return list(self.kept)

    def shut_down(self, session_id: str) -> None:
        self.kept.remove(session_id)
        self.files.remove_session_files(session_id)

    def remove_files(self, session_id: str) -> None:
        self.files.remove_session_files(session_id)

    def upload(self, totals: UploadTotals, session_id: str, size: int) -> bool:
        """Upload a file of ``size`` bytes to a session with a socket; → whether it is accepted."""
        if session_id not in self.active:
            self.active.append(session_id)
        if not totals.make_room(size):
            return False
        totals.add(session_id, Uploads({f"/_stcore/upload_file/{session_id}/f": size}))
        self.arrive(session_id, size)
        return True

    def arrive(self, session_id: str, size: int) -> None:
        self.files.add_file(session_id, UploadedFileRec("f", "f.csv", "text/csv", b"x" * size))

    def disconnect(self, session_id: str) -> None:
        self.active.remove(session_id)
        self.kept.append(session_id)

    @property
    def stored_bytes(self) -> int:
        return sum(len(file.data) for files in self.files.file_storage.values() for file in files.values())


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Sessions:
    monkeypatch.setattr(upload_totals, "MAX_TOTAL_UPLOAD_BYTES", 1000)
    return Sessions()


def test_sessions_without_a_socket_count_and_the_oldest_are_shut_down_for_room(sessions: Sessions) -> None:
    totals = UploadTotals(sessions)
    for number in range(50):
        assert sessions.upload(totals, f"tab {number}", 400)
        sessions.disconnect(f"tab {number}")
        assert sessions.stored_bytes == totals.size <= 1000, number
    assert sessions.kept == ["tab 48", "tab 49"]


def test_no_more_sessions_are_shut_down_than_necessary(sessions: Sessions) -> None:
    totals = UploadTotals(sessions)
    for name, size in (("empty", 0), ("first", 300), ("second", 300), ("open", 350)):
        assert sessions.upload(totals, name, size)
    for name in ("empty", "first", "second"):
        sessions.disconnect(name)
    assert not sessions.upload(totals, "open 2", 651)
    assert sessions.kept == ["empty", "first", "second"]
    assert sessions.upload(totals, "open 2", 51)
    assert (sessions.kept, sessions.stored_bytes, totals.size) == (["empty", "second"], 701, 701)


def test_all_sessions_without_a_socket_are_shut_down_if_all_are_needed(sessions: Sessions) -> None:
    totals = UploadTotals(sessions)
    for name in ("first", "second"):
        assert sessions.upload(totals, name, 500)
        sessions.disconnect(name)
    assert sessions.upload(totals, "open", 1000)
    assert (sessions.kept, sessions.stored_bytes, totals.size) == ([], 1000, 1000)


def test_sessions_with_a_socket_are_not_shut_down(sessions: Sessions) -> None:
    totals = UploadTotals(sessions)
    assert sessions.upload(totals, "ann", 600)
    assert not sessions.upload(totals, "bob", 401)
    assert sessions.upload(totals, "bob", 400)


def test_a_file_that_arrives_after_the_end_of_its_session_counts_while_it_does_and_is_removed_then(
    sessions: Sessions,
) -> None:
    totals = UploadTotals(sessions)
    uploads = Uploads({"/_stcore/upload_file/ann/f": 600}, arriving=1)
    sessions.active.append("ann")
    totals.add("ann", uploads)
    sessions.disconnect("ann")
    assert not sessions.upload(totals, "bob", 401)  # an upload under way cannot be released
    sessions.shut_down("ann")
    assert not totals.make_room(401)
    sessions.arrive("ann", 600)
    uploads.arriving = 0
    assert totals.make_room(1000)
    assert (sessions.stored_bytes, totals.size) == (0, 0)


def test_a_session_counts_while_it_is_stored(sessions: Sessions) -> None:
    totals = UploadTotals(sessions)
    assert sessions.upload(totals, "ann", 600)
    totals.drop_ended()
    assert (totals.size, totals.size_of("ann"), totals.size_of("bob")) == (600, 600, 0)
    sessions.active.remove("ann")
    totals.drop_ended()
    assert (totals.size, sessions.stored_bytes) == (0, 0)
