"""Binds the callables that Streamlit calls outside of a run to the session whose run registered them.

Streamlit (1.67) calls code of an app in threads without a script context in three places: the ``data`` of a deferred
download and whatever reads its result, the source of a lazy dataframe, and a cached function that is refreshed in the
background. Without this module a function bound by ``access.bind_session`` could not compare its session there.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from streamlit.runtime.caching.cache_background_refresh import get_background_refresh_manager
from streamlit.runtime.dataframe_source_manager import DataframeSourceManager
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.scriptrunner_utils.script_run_context import in_cached_function

from app.runtime.session_binding import RegisteringSession, registering_session

if TYPE_CHECKING:
    from streamlit.dataframe.lazy_df_source import DataframeSource


def bind_deferred_downloads(manager: MediaFileManager) -> None:
    """Let ``manager`` create each deferred download for the session whose run registered it, an anonymous one too."""
    add_deferred, execute_deferred = manager.add_deferred, manager.execute_deferred

    @wraps(add_deferred)
    def add_for_session(data_callable: Callable[[], Any], *args: Any, **kwargs: Any) -> str:
        registered_by = registering_session()

        @wraps(data_callable)
        def data_for_session() -> Any:
            # Until the context ends: Streamlit reads the result afterwards, which may be a file object of the app.
            registered_by.enter()
            return data_callable()

        return add_deferred(data_for_session, *args, **kwargs)

    @wraps(execute_deferred)
    def execute_in_context(file_id: str) -> str:
        return copy_context().run(execute_deferred, file_id)

    manager.add_deferred = add_for_session  # type: ignore[method-assign]
    manager.execute_deferred = execute_in_context  # type: ignore[method-assign]


def bind_lazy_dataframes(manager: DataframeSourceManager) -> None:
    """Let ``manager`` load the rows of each lazy dataframe for the session whose run registered it."""
    register_source = manager.register_source

    @wraps(register_source)
    def register_for_session(source: DataframeSource, *args: Any, **kwargs: Any) -> Any:
        return register_source(
            cast("DataframeSource", _SourceOfSession(source, registering_session())), *args, **kwargs
        )

    manager.register_source = register_for_session  # type: ignore[method-assign]


class _SourceOfSession:
    """A source whose attributes are read, and whose methods run, for the session that registered it."""

    def __init__(self, source: DataframeSource, registered_by: RegisteringSession) -> None:
        self._source = source
        self._registered_by = registered_by

    def __getattr__(self, name: str) -> Any:
        value = self._for_session(getattr, self._source, name)
        return (lambda *args, **kwargs: self._for_session(value, *args, **kwargs)) if callable(value) else value

    def _for_session(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        context = copy_context()
        context.run(self._registered_by.enter)
        return context.run(call, *args, **kwargs)


def bind_background_refreshes() -> None:
    """Mark a cached function during its refresh in the background, as Streamlit (1.67) does in runs only.

    The process has one manager, so a second call does nothing.
    """
    manager = get_background_refresh_manager()
    submit = manager.submit
    if hasattr(submit, "__wrapped__"):
        return

    @wraps(submit)
    def submit_as_cached(task: Callable[[], None]) -> bool:
        def refresh() -> None:
            in_cached_function.set(True)
            task()

        return submit(lambda: copy_context().run(refresh))

    manager.submit = submit_as_cached  # type: ignore[method-assign]
