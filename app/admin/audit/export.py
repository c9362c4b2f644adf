"""The download of the audit, in the header of its page: at once, or prepared with a progress bar if it is large.

The response of the API to a large one is streamed to a temporary file, and compressed, because Streamlit keeps
downloads in memory.
"""

from __future__ import annotations

import gzip
import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from tempfile import TemporaryFile
from typing import IO, BinaryIO, Final, Literal, cast

import streamlit as st

from app import access, panels
from app.admin.api import audit as audit_api
from app.admin.api.audit import EXPORT_KINDS
from app.admin.audit import presentation
from app.core.audit_rows import AuditQuery
from app.core.clock import utc_now
from app.core.contract.audit import Chain
from app.core.errors import GatehouseError, StepUpRequired
from app.core.permissions import Permission
from app.ui import failures
from app.ui.pages import Page

MAX_DIRECT_EVENTS: Final = 50_000
"""Above this number of events a file is prepared before it is offered for download."""
MAX_PLAIN_BYTES: Final = 32 * 1024 * 1024
"""Larger files are compressed."""
FILE_FORMATS: Final[dict[str, Literal["csv", "jsonl"]]] = {"CSV": "csv", "JSON Lines": "jsonl"}
_PREPARED: Final = "audit_prepared"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that is ready for download."""

    query: AuditQuery
    file_format: str
    name: str
    kind: str
    content: bytes
    size_bytes: int
    """Size before compression."""


def is_small(page: Page, head: Chain | None) -> bool:
    """Whether the events that match are few enough to be downloaded without a preparation.

    Args:
        page: A page of the events that match.
        head: The end of the chain; None if it is not known.
    """
    return not page.total_capped or (head is not None and head.seq - head.boundary_seq <= MAX_DIRECT_EVENTS)


def show(query: AuditQuery, *, small: bool) -> None:
    """Draw the button for the download, or nothing without the permission.

    It reruns by itself when the sign-in becomes too old for the download.

    Args:
        query: The events to download.
        small: Whether a press on a format downloads the file; otherwise the file is prepared first, with its progress.
    """

    @st.fragment(run_every=access.fresh_for(Permission.EXPORT_AUDIT))
    def section() -> None:
        missing = access.missing(Permission.EXPORT_AUDIT)
        if missing is not None and not isinstance(missing, StepUpRequired):
            return
        with st.popover("Download", icon=":material/download:", key="audit-export", width="content"):
            if isinstance(missing, StepUpRequired):
                panels.step_up(missing, within_page=True)
                return
            st.markdown("Includes every event that matches the filters. The download is recorded.")
            if small:
                _direct(query)
            else:
                _prepared(query)

    section()


def _direct(query: AuditQuery) -> None:
    for file_format, extension in FILE_FORMATS.items():
        st.download_button(
            f"Download as {file_format}", data=access.bind_session(partial(file_of, query, file_format)),
            file_name=_file_name(extension), mime=EXPORT_KINDS[extension], icon=":material/download:",
            key=f"audit-download-{extension}", on_click="ignore", width="stretch",
        )  # fmt: skip


def file_of(query: AuditQuery, file_format: str) -> bytes:
    """The file with all events that match; fetched when the user presses the button.

    ``audit_api.export`` checks the permission.

    Raises:
        GatehouseError: The file cannot be fetched.
    """
    content = io.BytesIO()
    audit_api.export(query, content, file_format=FILE_FORMATS[file_format])
    return content.getvalue()


def _prepared(query: AuditQuery) -> None:
    file_format = st.segmented_control("Format", list(FILE_FORMATS), default="CSV", required=True, key="audit-form")
    ready: Prepared | None = st.session_state.get(_PREPARED)
    if ready is not None and (ready.query != query or ready.file_format != file_format):
        st.session_state.pop(_PREPARED)
        ready = None
    if ready is None:
        if not st.button("Prepare the file", key="audit-prepare", icon=":material/deployed_code_update:"):
            return
        try:
            ready = _prepare_with_bar(query, file_format)
        except GatehouseError as error:
            failures.show(error, key="audit-export-failed")
            return
        st.session_state[_PREPARED] = ready
    _show_download(ready)


def _show_download(ready: Prepared) -> None:
    size = presentation.size_label(ready.size_bytes)
    compressed = f", compressed to {presentation.size_label(len(ready.content))}" if ready.name.endswith(".gz") else ""
    st.success(f"The file is ready: {size}{compressed}.", icon=":material/task_alt:")
    st.download_button(
        "Download the file", data=access.bind_session(lambda: content_of(ready)), file_name=ready.name,
        mime=ready.kind, icon=":material/download:", key="audit-download", on_click="ignore", width="stretch",
    )  # fmt: skip
    if st.button("Prepare it again", key="audit-prepare-again", type="tertiary", icon=":material/refresh:"):
        st.session_state.pop(_PREPARED, None)
        st.rerun(scope="fragment")


@access.requires(Permission.EXPORT_AUDIT)
def content_of(ready: Prepared) -> bytes:
    """The content of the file. The permission is checked when this is called: when the user presses the button."""
    return ready.content


def _prepare_with_bar(query: AuditQuery, file_format: str) -> Prepared:
    bar = st.progress(0.0, text="Requesting the first events…")
    try:
        head = audit_api.chain_head()

        def show_progress(progress: presentation.Progress) -> None:
            text = f"{presentation.size_label(progress.size_bytes)}, up to event {progress.seq:,} of {head.seq:,}"
            bar.progress(progress.share, text=text)

        return prepare(query, file_format, last_seq=head.seq, report=show_progress)
    finally:
        bar.empty()


def prepare(
    query: AuditQuery, file_format: str, *, last_seq: int, report: Callable[[presentation.Progress], None]
) -> Prepared:
    """Fetch the file.

    Args:
        query: The events to export.
        file_format: A key of ``FILE_FORMATS``.
        last_seq: Number of the newest event.
        report: Called with the progress as the file arrives.

    Raises:
        GatehouseError: The file cannot be fetched.
    """
    progress = presentation.Progress(last_seq=last_seq)
    kind = EXPORT_KINDS[FILE_FORMATS[file_format]]
    name = _file_name(FILE_FORMATS[file_format])
    with TemporaryFile() as file:
        destination = cast("BinaryIO", _CountingFile(file, progress))
        size = audit_api.export(
            query, destination, file_format=FILE_FORMATS[file_format], progress=lambda _: report(progress)
        )
        file.seek(0)
        if size <= MAX_PLAIN_BYTES:
            return Prepared(query, file_format, name, kind, file.read(), size)
        compressed = io.BytesIO()
        with gzip.GzipFile(name, "wb", compresslevel=1, fileobj=compressed) as gzip_file:
            shutil.copyfileobj(file, gzip_file)
        return Prepared(query, file_format, f"{name}.gz", "application/gzip", compressed.getvalue(), size)


def _file_name(extension: str) -> str:
    return f"audit-{utc_now():%Y-%m-%d}.{extension}"


class _CountingFile:
    """A file that adds each chunk that is written to ``progress``."""

    def __init__(self, file: IO[bytes], progress: presentation.Progress) -> None:
        self._file = file
        self._progress = progress

    def write(self, chunk: bytes) -> int:
        """Write a chunk."""
        self._progress.add(chunk)
        return self._file.write(chunk)
