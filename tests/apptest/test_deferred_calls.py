"""A bound function in shared code acts only for its own session, also in what Streamlit calls outside of a run."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
import streamlit as st
from streamlit.dataframe.lazy_df_source import AccessMode, SortSpec
from streamlit.runtime.caching.cache_background_refresh import get_background_refresh_manager
from streamlit.runtime.dataframe_source_manager import DataframeSourceManager
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.media_file_storage import MediaFileStorageError
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx
from streamlit.testing.v1 import AppTest

from app import access, testing
from app.core.errors import IdentityShared
from app.core.permissions import Permission
from app.runtime.deferred_calls import bind_background_refreshes, bind_deferred_downloads, bind_lazy_dataframes

REFUSED = "This function is bound to another session by access.bind_session."
ANN, BOB = ("viewer",), ("administrator",)


class Shared:
    """State that an app shares between its users, and the managers of its process."""

    def __init__(self) -> None:
        self.storage = MemoryMediaFileStorage("/media")
        self.downloads = MediaFileManager(self.storage)
        self.dataframes = DataframeSourceManager()
        bind_deferred_downloads(self.downloads)
        bind_lazy_dataframes(self.dataframes)
        self.report: Callable[[], bytes] = lambda: b""
        self.context: Any = None

    def bind_report(self) -> None:
        """Bind the report to the session of this run, and store it."""
        self.context = get_script_run_ctx()
        self.report = access.bind_session(report)

    def download(self, file_id: str) -> bytes:
        """The file of a deferred download, as Streamlit creates it in a thread of its own."""
        address = self.downloads.execute_deferred(file_id)
        file = self.storage.get_file(address.removeprefix("/media/"))
        assert isinstance(file.content, bytes)
        return file.content


@access.requires(Permission.READ_REPORTS)
def report() -> bytes:
    subject = access.principal().subject
    assert subject is not None
    return subject.subject.encode()


class Late(io.RawIOBase):
    """A file object that creates its content when it is read."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return offset

    def read(self, size: int = -1, /) -> bytes:
        return SHARED.report()


class Source:
    """A lazy dataframe that calls the report for its rows."""

    sortable = True
    access_mode = AccessMode.RANDOM_ACCESS
    schema = pa.schema([("subject", pa.binary())])
    row_count = 1

    def load_rows(self, offset: int, limit: int, *, sort: SortSpec | None = None) -> pa.Table:
        return pa.table({"subject": [SHARED.report()]})


class Counted(Source):
    """A lazy dataframe that calls the report for the number of its rows."""

    @property
    def row_count(self) -> int:  # type: ignore[override] # a property here
        return len(SHARED.report())


def call_report() -> bytes:
    return SHARED.report()


SHARED = Shared()
DOWNLOADS: dict[str, Callable[[], Any]] = {
    "as the callable": call_report,
    "by a file object that is read later": Late,
}
SOURCES: dict[str, Callable[[], Source]] = {"by its rows": Source, "by the number of its rows": Counted}


@pytest.fixture(autouse=True)
def gatehouse() -> Iterator[None]:
    global SHARED  # noqa: PLW0603 - as a module of an app keeps something
    SHARED = Shared()
    with testing.gatehouse():
        yield
    st.cache_data.clear()


def run(code: str, *roles: str) -> AppTest:
    """Run this code as a new user with these roles, or as an anonymous one."""
    at = AppTest.from_string(
        f"import tests.apptest.test_deferred_calls as shared\n{textwrap.dedent(code)}", default_timeout=60
    )
    testing.make_anonymous(at)
    if roles:
        testing.sign_in_as(at, roles=roles)
    at.run()
    assert not at.exception, at.exception
    return at


def register(call: str, *roles: str) -> str:
    """Run a registration as a new user; returns the registered id."""
    return str(run(f"import streamlit as st\nst.session_state['id'] = {call}", *roles).session_state["id"])


def add_download(name: str) -> str:
    return f"shared.SHARED.downloads.add_deferred(shared.DOWNLOADS[{name!r}], None, '0', file_name='a.csv')"


def add_source(name: str) -> str:
    return f"shared.SHARED.dataframes.register_source(shared.SOURCES[{name!r}](), '0').source_id"


@pytest.mark.parametrize("way", DOWNLOADS)
@pytest.mark.parametrize("roles", [BOB, ()], ids=["another user", "an anonymous one"])
def test_a_bound_function_is_refused_in_the_download_of_another_user(way: str, roles: tuple[str, ...]) -> None:
    run("shared.SHARED.bind_report()", *ANN)
    file_id = register(add_download(way), *roles)
    with pytest.raises((MediaFileStorageError, IdentityShared), match=REFUSED):
        SHARED.download(file_id)


@pytest.mark.parametrize("way", DOWNLOADS)
def test_a_bound_function_runs_in_a_download_of_its_own_session(way: str) -> None:
    at = run(f"shared.SHARED.bind_report()\nshared.SHARED.file = {add_download(way)}", *ANN)
    subject = str(at.user["iss_sub"])
    assert SHARED.download(SHARED.file).decode() in subject  # type: ignore[attr-defined] # set by the script


def test_a_function_bound_for_an_anonymous_user_is_refused_in_the_download_of_a_user() -> None:
    run("from app import access\nshared.SHARED.report = access.bind_session(lambda: b'anonymous')")
    anonymous, user = register(add_download("as the callable")), register(add_download("as the callable"), *BOB)
    assert SHARED.download(anonymous) == b"anonymous"
    with pytest.raises(MediaFileStorageError, match=REFUSED):
        SHARED.download(user)


def test_a_context_left_on_a_thread_does_not_count_for_a_download() -> None:
    """An app that attaches a run's context to one of Streamlit's threads leaves it there, for the next download."""
    run("shared.SHARED.bind_report()", *ANN)
    file_id = register(add_download("as the callable"), *BOB)

    def download() -> bytes:
        add_script_run_ctx(ctx=SHARED.context)
        return SHARED.download(file_id)

    with pytest.raises(MediaFileStorageError, match=REFUSED):
        in_thread(download)


def in_thread(work: Callable[[], bytes]) -> bytes:
    """Return the result of ``work`` in a thread that ends with it."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(60)


@pytest.mark.parametrize("way", SOURCES)
def test_a_bound_function_is_refused_in_the_lazy_dataframe_of_another_user(way: str) -> None:
    run("shared.SHARED.bind_report()", *ANN)
    source_id = register(add_source(way), *BOB)
    (entry,) = SHARED.dataframes._sources.values()
    with pytest.raises(IdentityShared, match=REFUSED):
        SHARED.dataframes.load_chunk(entry.session_id, source_id, 0, 10, None)


def test_a_bound_function_runs_in_a_lazy_dataframe_of_its_own_session() -> None:
    at = run(f"shared.SHARED.bind_report()\nshared.SHARED.rows = {add_source('by its rows')}", *ANN)
    (entry,) = SHARED.dataframes._sources.values()
    rows, offset = SHARED.dataframes.load_chunk(entry.session_id, entry.source_id, 0, 10, None)
    (subject,) = pa.ipc.open_stream(rows).read_all().to_pydict()["subject"]
    assert (offset, subject.decode() in str(at.user["iss_sub"])) == (0, True)


def test_a_background_refresh_of_a_cache_reads_no_identity() -> None:
    bind_background_refreshes()
    bind_background_refreshes()  # once a process, for any number of apps
    run("shared.SHARED.bind_report()", *ANN)
    results: list[object] = []

    def refresh() -> None:
        for call in (SHARED.report, access.principal):
            try:
                results.append(call())
            except IdentityShared as error:
                results.append(str(error).partition(" inside ")[0])

    manager = get_background_refresh_manager()
    assert manager.submit(refresh)
    manager.shutdown()  # waits for the refresh
    assert results == ["This code reads the user's identity"] * 2
    assert access.principal().anonymous  # outside of a cache
