"""Notes which file a run registers for which Streamlit session, so that the guard gives it out to its user."""

from __future__ import annotations

from functools import wraps
from typing import Any, Final

from streamlit.runtime.dataframe_source_manager import DataframeSourceManager
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx

from component.socket.media_files import MediaFiles

_RUN: Final = "_gatehouse_run_files"
"""The name under which the context of a run has what ``MediaFiles`` knows of the run."""


def observe_runs(manager: DataframeSourceManager, files: MediaFiles) -> None:
    """Have ``files`` told when a run begins, of a fragment too.

    Then Streamlit (1.67) has ``manager`` let go of what the run before registered, in the thread of the run, before
    any code of the app.
    """
    clear_session_refs = manager.clear_session_refs

    @wraps(clear_session_refs)
    def clear_and_begin(session_id: str | None = None, **kwargs: Any) -> None:
        context = get_script_run_ctx(suppress_warning=True)
        if session_id is None and context is not None:
            setattr(context, _RUN, files.of(context.session_id).begin_run())
        clear_session_refs(session_id, **kwargs)

    manager.clear_session_refs = clear_and_begin  # type: ignore[method-assign]


def observe_media(manager: MediaFileManager, files: MediaFiles) -> None:
    """Have ``files`` told of each file that a run gives to ``manager``.

    Before the run knows the address, so before any message with it is sent. Streamlit (1.67) has its own table of the
    files of a session, but empties it when a run begins, while the browser still loads those of the run before.
    """
    add = manager.add

    @wraps(add)
    def add_and_register(*args: Any, **kwargs: Any) -> str:
        address = add(*args, **kwargs)
        run = getattr(get_script_run_ctx(suppress_warning=True), _RUN, None)
        if run is not None:
            files.register(run, address)
        return address

    manager.add = add_and_register  # type: ignore[method-assign]
