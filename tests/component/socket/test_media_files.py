"""A file counts as shown only if a run of its Streamlit session registered it; the recorded files are bounded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import streamlit
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from component.socket import media_files
from component.socket.media_files import MAX_FILES, MAX_FILES_IN_ALL, MAX_SESSIONS, MediaFiles
from component.socket.rendered import (
    Rendered,
)

PACKAGE = Path(streamlit.__file__).parent


def test_streamlit_registers_files_in_one_place() -> None:
    """If Streamlit registers files elsewhere than in ``add`` and deferred downloads, that must be observed too."""
    source = (PACKAGE / "runtime" / "media_file_manager.py").read_text(encoding="utf-8")
    stored = re.findall(r"def (\w+)\((?:(?!\n    def ).)*?load_and_get_id\(", source, re.DOTALL)
    assert stored == ["add", "execute_deferred"]
    places = [path for path in PACKAGE.rglob("*.py") if "load_and_get_id(" in path.read_text(encoding="utf-8")]
    assert {place.name for place in places} == {
        "media_file_manager.py", "media_file_storage.py", "memory_media_file_storage.py",
    }  # fmt: skip


FILE = "0f" * 16
MEDIA = f"/media/{FILE}.png"


def test_a_path_counts_only_if_a_run_of_the_session_registered_it() -> None:
    files = MediaFiles()
    own, other = Rendered(files=files.of("mine")), Rendered(files=files.of("other"))
    message = ForwardMsg()
    message.delta.new_element.markdown.body = f"text before{MEDIA}text behind"
    data = message.SerializeToString()
    own.record_media(data)
    assert list(own.media) == []
    files.register(files.of("mine").begin_run(), MEDIA)
    files.register(files.of("other").begin_run(), "/media/" + "1a" * 16)
    own.record_media(data)
    other.record_media(data)
    assert (list(own.media), list(other.media)) == ([FILE], [])
    own.revoke()  # a permission is revoked: a file counts again once it is registered again
    own.record_media(data)
    assert list(own.media) == []
    files.register(files.of("mine").begin_run(), MEDIA)
    own.record_media(data)
    assert list(own.media) == [FILE]


def test_files_that_a_run_from_before_a_revocation_registers_do_not_count() -> None:
    """The run may continue until its next call of Streamlit, and register a file before that call stops it."""
    files = MediaFiles()
    rendered = Rendered(files=files.of("mine"))
    before = files.of("mine").begin_run()
    files.register(before, MEDIA)
    rendered.revoke()
    files.register(before, MEDIA)
    rendered.record_media(MEDIA.encode())  # shown by the run after the revocation, as text that its user typed
    assert list(rendered.media) == []
    files.register(files.of("mine").begin_run(), MEDIA)
    files.register(before, MEDIA)
    rendered.record_media(MEDIA.encode())
    assert list(rendered.media) == [FILE]


def test_the_file_of_a_deferred_download_counts_by_its_answer() -> None:
    message, rendered = ForwardMsg(), Rendered()
    message.backend_operation_response.deferred_file.url = MEDIA
    rendered.record(message)
    assert list(rendered.media) == [FILE]


def test_registered_files_are_bounded() -> None:
    files = MediaFiles()
    run = files.of("one").begin_run()
    for number in range(MAX_FILES + 1):
        files.register(run, f"/media/{number:032x}")
    assert f"{0:032x}" not in files.of("one")
    assert f"{MAX_FILES:032x}" in files.of("one")
    assert len(files) == MAX_FILES
    first = files.of("one")
    for number in range(MAX_SESSIONS):
        files.of(str(number))
    assert files.of("one") is not first
    files.register(run, MEDIA)  # a run of a session that was dropped
    assert (FILE in first, len(files)) == (False, 0)


def test_the_files_of_all_sessions_are_bounded_and_the_session_with_the_most_drops_half(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert MAX_FILES_IN_ALL == 262_144
    monkeypatch.setattr(media_files, "MAX_FILES_IN_ALL", 100)
    files = MediaFiles()
    files.register(files.of("small").begin_run(), MEDIA)
    for number in range(1000):
        files.register(files.of(f"large {number % 2}").begin_run(), f"/media/{number:032x}")
        assert len(files) <= 100
    assert FILE in files.of("small")
    assert f"{999:032x}" in files.of("large 1")
    assert len(files) == sum(len(files.of(name)) for name in ("small", "large 0", "large 1"))
    for name in ("small", "large 0", "large 1"):
        files.of(name).clear()
    assert len(files) == 0


@pytest.mark.parametrize(
    "address", ["", "/media/", f"/media/{FILE[1:]}.png", f"https://cdn.example{MEDIA}", f"{MEDIA}/x"]
)
def test_only_addresses_of_streamlits_own_files_are_registered(address: str) -> None:
    files = MediaFiles()
    files.register(files.of("mine").begin_run(), address)
    assert len(files) == 0
