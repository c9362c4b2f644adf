"""Notes which file a run registers for which Streamlit session, so that the guard gives it out to its user."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx


def observe_media(manager: MediaFileManager, register: Callable[[str, str], None]) -> None:
    """Have ``register`` called with session and address of each file that a run gives to ``manager``.

    Before the run knows the address, so before any message with it is sent. Streamlit (1.67) has its own table of the
    files of a session, but empties it when a run begins, while the browser still loads those of the run before.
    """
    add = manager.add

    @wraps(add)
    def add_and_register(*args: Any, **kwargs: Any) -> str:
        address = add(*args, **kwargs)
        context = get_script_run_ctx(suppress_warning=True)
        if context is not None:
            register(context.session_id, address)
        return address

    manager.add = add_and_register  # type: ignore[method-assign]
