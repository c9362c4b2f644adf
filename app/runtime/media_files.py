"""Records which Streamlit session registers which file, so that the middleware serves the file to its user only."""

from __future__ import annotations

from functools import wraps
from typing import Any, Final

from streamlit.runtime.dataframe_source_manager import DataframeSourceManager
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx

from component.socket.media_files import MediaFiles

_RUN: Final = "_gatehouse_run_files"
"""The attribute of a run's context that holds the run's record in ``MediaFiles``."""


def observe_runs(manager: DataframeSourceManager, files: MediaFiles) -> None:
    """Report the start of each run, a fragment's included, to ``files``.

    At that time Streamlit (1.67) lets ``manager`` drop the sources of the previous run, in the thread of the new run
    and before any code of the app.
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
    """Report each file that a run registers with ``manager`` to ``files``.

    This happens before the run receives the address, so before any message with it is sent. Streamlit's own table of a
    session's files (1.67) is emptied when a run begins, while the browser still loads files of the previous run.
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
