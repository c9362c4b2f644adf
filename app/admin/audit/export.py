"""The audit as a file: prepared event by event with a bar that tells how far it is, then handed out.

Asked of the API as it arrives and kept on disk meanwhile; a large file is compressed before it is handed out, since
Streamlit keeps what it hands out in memory.
"""

from __future__ import annotations

import gzip
import io
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, BinaryIO, Final, Literal, cast

import streamlit as st

from app import access, formatting, panels
from app.admin.api import audit as audit_api
from app.admin.api.audit import EXPORT_KINDS
from app.admin.audit import presentation
from app.admin.widgets import failures
from app.core.audit_rows import AuditQuery
from app.core.clock import utc_now
from app.core.errors import GatehouseError, StepUpRequired
from app.core.permissions import Permission

PLAIN_MAX_BYTES: Final = 32 * 1024 * 1024
"""A larger file is compressed."""
FORMS: Final[dict[str, Literal["csv", "jsonl"]]] = {"CSV": "csv", "JSON Lines": "jsonl"}
_PREPARED: Final = "audit_prepared"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that is ready."""

    asked: AuditQuery
    form: str
    name: str
    kind: str
    content: bytes
    size_bytes: int
    """Before it was compressed."""


def show(asked: AuditQuery) -> None:
    """The export, or what it lacks; looks again by itself when the sign-in has become too old for it."""

    @st.fragment(run_every=access.fresh_for(Permission.EXPORT_AUDIT))
    def section() -> None:
        refused = access.missing(Permission.EXPORT_AUDIT)
        if isinstance(refused, StepUpRequired):
            panels.step_up(refused, within_page=True)
        elif refused is not None:
            needed = formatting.clause(Permission.EXPORT_AUDIT.sentence)
            st.caption(f"You may read the audit here. You lack the permission to {needed}.")
        else:
            _offer(asked)

    section()


def _offer(asked: AuditQuery) -> None:
    st.markdown("**Download what you see, all pages of it**")
    form = st.segmented_control("Format", list(FORMS), default="CSV", required=True, key="audit-form")
    ready: Prepared | None = st.session_state.get(_PREPARED)
    if ready is not None and (ready.asked != asked or ready.form != form):
        st.session_state.pop(_PREPARED)
        ready = None
    if ready is None:
        st.caption("It asks for every event that the filters leave, and stands in the audit itself.")
        if not st.button("Prepare the file", key="audit-prepare", icon=":material/deployed_code_update:"):
            return
        try:
            ready = _prepare_with_bar(asked, form)
        except GatehouseError as error:
            failures.show(error, key="audit-export-failed")
            return
        st.session_state[_PREPARED] = ready
    _hand_out(ready)


def _hand_out(ready: Prepared) -> None:
    size = presentation.size_in_words(ready.size_bytes)
    packed = f", compressed to {presentation.size_in_words(len(ready.content))}" if ready.name.endswith(".gz") else ""
    st.success(f"The file is ready: {size}{packed}.", icon=":material/task_alt:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Download the file", data=access.bind_session(lambda: content_of(ready)), file_name=ready.name,
            mime=ready.kind, icon=":material/download:", key="audit-download", on_click="ignore",
        )  # fmt: skip
        if st.button("Prepare it again", key="audit-anew", type="tertiary", icon=":material/refresh:"):
            st.session_state.pop(_PREPARED, None)
            st.rerun(scope="fragment")


@access.requires(Permission.EXPORT_AUDIT)
def content_of(ready: Prepared) -> bytes:
    """What is handed out. Checked when it is called, which is when the button is pressed."""
    return ready.content


def _prepare_with_bar(asked: AuditQuery, form: str) -> Prepared:
    """Prepare the file; raises as the calls do."""
    bar = st.progress(0.0, text="Asking for the first events…")
    try:
        head = audit_api.chain_head()

        def show_progress(progress: presentation.Progress) -> None:
            text = f"{presentation.size_in_words(progress.size_bytes)}, up to event {progress.seq:,} of {head.seq:,}"
            bar.progress(progress.share, text=text)

        return prepare(asked, form, last_seq=head.seq, report=show_progress)
    finally:
        bar.empty()


def prepare(
    asked: AuditQuery, form: str, *, last_seq: int, report: Callable[[presentation.Progress], None]
) -> Prepared:
    """Fetch the file. ``last_seq``: number of the newest event; ``report`` is called as it arrives."""
    progress = presentation.Progress(last_seq=last_seq)
    kind = EXPORT_KINDS[FORMS[form]]
    name = f"audit-{utc_now():%Y-%m-%d}.{FORMS[form]}"
    with TemporaryFile() as file:
        into = cast("BinaryIO", _Watched(file, progress))
        size = audit_api.export(asked, into, form=FORMS[form], progress=lambda _: report(progress))
        file.seek(0)
        if size <= PLAIN_MAX_BYTES:
            return Prepared(asked, form, name, kind, file.read(), size)
        packed = io.BytesIO()
        with gzip.GzipFile(f"{name}", "wb", compresslevel=1, fileobj=packed) as into_packed:
            shutil.copyfileobj(file, into_packed)
        return Prepared(asked, form, f"{name}.gz", "application/gzip", packed.getvalue(), size)


class _Watched:
    """A file that tells ``progress`` what is written to it."""

    def __init__(self, file: IO[bytes], progress: presentation.Progress) -> None:
        self._file = file
        self._progress = progress

    def write(self, chunk: bytes) -> int:
        """Write, and take note."""
        self._progress.add(chunk)
        return self._file.write(chunk)
